"""What a POP3 server's lines mean: status, capabilities, scan and unique-id listings. Pure; every line is hostile."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from webmail.pop3.types import Listed

UIDL_LIMIT = 70  # RFC 1939 section 7
_NUMBER_LIMIT = 2**31 - 1
_TEXT_LIMIT = 500
_CAPABILITY_LIMIT = 500
_STATUS = re.compile(rb"(\+OK|-ERR)(?![A-Za-z0-9])[ \t]*(.*)\Z", re.IGNORECASE | re.DOTALL)
# Extended response codes (RFC 2449 section 8) are understood whether or not they were announced.
_CODE = re.compile(rb"\[([A-Z][A-Z0-9/-]{0,30})\][ \t]*(.*)\Z", re.IGNORECASE | re.DOTALL)
_SCAN = re.compile(rb"[ \t]*([0-9]{1,10})[ \t]+([0-9]{1,18})(?![0-9])")
_UNIQUE = re.compile(rb"[ \t]*([0-9]{1,10})(?:[ \t]+(.*?))?[ \t]*\Z", re.DOTALL)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """One status line. ``code`` is the response code in upper case ("IN-USE"), ``text`` the server's untrusted words."""

    ok: bool
    code: str = ""
    text: str = ""

    @property
    def detail(self) -> str:
        return f"[{self.code}] {self.text}" if self.code else self.text


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The answer to CAPA (RFC 2449). ``known`` is False when the server has no such command: then anything may be there.

    ``names`` holds the names in upper case and "AUTH=PLAIN" for each mechanism. Delays are seconds, expiry is days.
    """

    known: bool = False
    names: frozenset[str] = field(default_factory=frozenset)
    expire_days: int | None = None
    login_delay: int | None = None


def readable(raw: bytes) -> str:
    return _CONTROLS.sub(" ", raw.decode("utf-8", "replace")).strip()[:_TEXT_LIMIT]


def status(line: bytes) -> Reply | None:
    """The status a line states; None when it states none."""
    if (found := _STATUS.match(line)) is None:
        return None
    rest, code = found[2], ""
    if (coded := _CODE.match(rest)) is not None:
        code, rest = coded[1].decode("ascii").upper(), coded[2]
    return Reply(found[1] == b"+OK" or found[1].upper() == b"+OK", code, readable(rest))


def capabilities(lines: Iterable[bytes]) -> Capabilities:
    names: set[str] = set()
    numbers: dict[str, int] = {}
    for line in lines:
        words = readable(line).upper().split()
        if not words or len(names) >= _CAPABILITY_LIMIT:
            continue
        names.add(words[0])
        if words[0] == "SASL":
            names.update("AUTH=" + word for word in words[1:])
        elif words[0] in {"EXPIRE", "LOGIN-DELAY"} and len(words) > 1 and re.fullmatch("[0-9]{1,7}", words[1]):
            numbers[words[0]] = int(words[1])
    return Capabilities(True, frozenset(names), numbers.get("EXPIRE"), numbers.get("LOGIN-DELAY"))


def totals(text: str) -> tuple[int, int] | None:
    """Messages and octets in the answer to STAT."""
    found = re.match(r"([0-9]{1,10})\s+([0-9]{1,18})(?![0-9])", text)
    return (int(found[1]), int(found[2])) if found else None


def scan_listing(lines: Iterable[bytes]) -> dict[int, int]:
    """Number → octets. What is no listing, numbers no maildrop has and repeated ones are left out."""
    sizes: dict[int, int] = {}
    for line in lines:
        if (found := _SCAN.match(line)) is not None and 1 <= (number := int(found[1])) <= _NUMBER_LIMIT:
            sizes.setdefault(number, int(found[2]))
    return sizes


def unique_ids(lines: Iterable[bytes]) -> dict[int, str]:
    """Number → unique id; "" for an id that cannot be used."""
    found: dict[int, str] = {}
    for line in lines:
        if (parts := _UNIQUE.match(line)) is None:
            continue
        number, uid = int(parts[1]), _usable(parts[2] or b"")
        found[number] = uid if found.get(number, uid) == uid else ""
    return found


def _usable(raw: bytes) -> str:
    # Latin-1 keeps whatever octets the server chose apart from each other.
    uid = raw.decode("latin-1")
    return "" if len(uid) > UIDL_LIMIT or _CONTROLS.search(uid) else uid


def joined(sizes: dict[int, int], uids: dict[int, str]) -> list[Listed]:
    """By number. LIST decides what is in the maildrop: what only UIDL names arrived in between, and comes next time."""
    shared = Counter(uids.get(number, "") for number in sizes)
    return [
        Listed(number, uid := uids.get(number, ""), sizes[number], duplicate=bool(uid) and shared[uid] > 1)
        for number in sorted(sizes)
    ]
