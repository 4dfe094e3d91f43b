"""What the sample mailbox says: people, conversations, newsletters, attachments. Everything is invented."""
