"""What crosses the border of this package: plain values, decoded, free of any client library's types."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens, and how the connection is made private."""

    host: str
    port: int
    security: str  # "tls", "starttls" or "plain"
    ca_file: str = ""
