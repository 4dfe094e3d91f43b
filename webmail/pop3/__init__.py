"""Speaks POP3 (RFC 1939, 2449, 2595, 3206, 5034): a maildrop read, its messages streamed out, deletions confirmed."""
