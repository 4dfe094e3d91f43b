"""What crosses the border of ``imap/``: plain frozen values, already decoded, bound to no connection."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from webmail.mime.headers import Address
from webmail.mime.parts import Part

SpecialUse = Literal["", "inbox", "sent", "drafts", "trash", "junk", "archive", "all", "flagged", "important"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is. ``ca_file`` names a PEM file of further authorities to trust; the system's are always trusted."""

    host: str
    port: int
    security: str  # "tls", "starttls" or "plain"
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """The counters of STATUS (RFC 3501 section 6.3.10); None where the server gave no number."""

    messages: int | None = None
    unseen: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    highestmodseq: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """One line of LIST. ``name`` is what every method takes; it maps back to ``raw_name`` without loss."""

    name: str
    raw_name: bytes
    delimiter: str | None
    flags: frozenset[str]
    special_use: SpecialUse = ""
    selectable: bool = True
    subscribed: bool = True
    status: FolderStatus | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """The answer to SELECT. ``uidvalidity`` is 0 when the server named none: such a folder is read-only for us."""

    name: str
    uidvalidity: int
    uidnext: int
    exists: int
    highestmodseq: int | None
    permanent_flags: frozenset[str]
    read_only: bool
    can_create_keywords: bool


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    """Everything a list row needs. ``listed_id`` is the List-Id field; times are aware UTC; ``size`` is in octets."""

    uid: int
    flags: frozenset[str]
    modseq: int | None
    internaldate: datetime
    size: int
    subject: str
    from_: list[Address]
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    sender: list[Address]
    message_id: str
    in_reply_to: list[str]
    references: list[str]
    date: datetime | None
    structure: Part
    listed_id: str = ""
    # False: the answer could not be read; the row is listed with what is known and its source stays reachable.
    complete: bool = True


@dataclass(frozen=True, slots=True)
class FlagUpdate:
    uid: int
    flags: frozenset[str]
    modseq: int | None


@dataclass(frozen=True, slots=True)
class MoveResult:
    """COPYUID (RFC 4315 section 3): source UID -> target UID. ``mapping`` is None when the server did not say."""

    mapping: dict[int, int] | None = None
    target_uidvalidity: int | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """APPENDUID (RFC 4315 section 3); None where the server did not say."""

    uid: int | None = None
    uidvalidity: int | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """Something changed on the server; the state has to be read again. ``name`` is set for kind "folder" only."""

    kind: Literal["exists", "expunge", "flags", "folder"]
    name: str = ""
