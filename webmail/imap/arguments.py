"""Command arguments that cannot be mistaken for commands, and folder names in modified UTF-7 without loss."""

import re

from imapclient import imap_utf7

from webmail.errors import GiveUp, Reason

FORBIDDEN = re.compile(rb"[\r\n\0]")
CONTROLS = re.compile(rb"[\x00-\x1f\x7f]")
_PLAIN = re.compile(rb"[\x20-\x7e]*\Z")

# Marks names that do not survive decoding and encoding; an invisible character that no folder name begins with.
RAW = "\u2060"
_RAW_OCTETS = RAW + RAW


class Literal(bytes):
    """A command argument that goes out as a literal."""


class Literal8(Literal):
    """A literal that may hold NUL (RFC 3516)."""


def astring(value: str | bytes) -> bytes:
    """An argument that cannot be read as anything else: quoted, or a literal. Refuses NUL, CR and LF."""
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    if FORBIDDEN.search(octets):
        raise GiveUp(
            Reason.REFUSED, "This text holds line breaks or control characters a mail server must not be sent."
        )
    if len(octets) <= 1000 and _PLAIN.match(octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return Literal(octets)


def encode_folder(name: str) -> bytes:
    """A folder's name as the server wrote it (modified UTF-7, RFC 3501 section 5.1.3); see decode_folder.

    Refuses controls: modified UTF-7 could carry a line break safely to the server, which may not answer as safely.
    """
    if CONTROLS.search(name.encode("utf-8", "replace")):
        raise GiveUp(Reason.REFUSED, "The name of a folder must not hold line breaks or control characters.")
    if name.startswith(_RAW_OCTETS):
        return name[len(_RAW_OCTETS) :].encode("latin-1", "replace")
    if name.startswith(RAW):
        return name[len(RAW) :].encode("utf-8", "replace")
    return imap_utf7.encode(name.encode("utf-8", "replace").decode())


def decode_folder(raw: bytes) -> str:
    """A name for people that encode_folder turns back into exactly ``raw``."""
    try:
        name: str = imap_utf7.decode(raw)
        name.encode("utf-8")
        if encode_folder(name) == raw:
            return name
    except (UnicodeError, ValueError, GiveUp):
        pass
    try:
        return RAW + raw.decode("utf-8") if not raw.startswith(b"\xe2\x81\xa0") else _octets(raw)
    except UnicodeDecodeError:
        return _octets(raw)


def _octets(raw: bytes) -> str:
    return _RAW_OCTETS + raw.decode("latin-1")


def folder_name(raw: bytes) -> str:
    """The name of a folder as this package uses it; INBOX in any case is INBOX (RFC 3501 section 5.1)."""
    return "INBOX" if raw.upper() == b"INBOX" else decode_folder(raw)


def readable(octets: bytes) -> str:
    """The server's words for a log: one line, no controls, bounded."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", octets[:1000].decode("utf-8", "replace")).strip()
