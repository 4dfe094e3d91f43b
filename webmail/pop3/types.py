"""What crosses the border of the POP3 client: plain frozen values, bound to no connection."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of the maildrop. ``number`` holds for this session only; ``size`` is the server's claim in octets.

    ``uidl`` is the unique id (RFC 1939 section 7) without the number before it, "" where the server gave none that can
    be stored: blank, longer than 70 octets, holding control characters, or two for one number. ``duplicate`` is True
    for every message whose id another message of the maildrop has too: such an id identifies nothing.
    """

    number: int
    uidl: str
    size: int
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What went into the sink: ``size`` in octets and the SHA-256 in hexadecimal, both of the message as received."""

    size: int
    sha256: str
