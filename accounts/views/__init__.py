"""Pages about the person: signing in, accounts, identities, appearance, security."""
