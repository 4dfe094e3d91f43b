"""A private mail server with a believable mailbox, and the supervisor behind ``manage.py start``."""
