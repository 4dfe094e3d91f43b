"""Bytes to meaning and back: pure functions over hostile input that never raise and never block."""
