"""Mail in and out in bulk: export as mbox or zip, import of the same, and copying from one account to another."""
