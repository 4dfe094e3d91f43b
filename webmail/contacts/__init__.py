"""Contacts a person keeps, addresses collected from their mail, and what is suggested of both."""
