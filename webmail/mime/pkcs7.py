"""Opaque S/MIME (RFC 8551): what stands inside an application/pkcs7-mime part. Nothing is verified, nothing decrypted."""

from typing import NamedTuple

LARGEST = 64_000_000
_SIGNED = bytes.fromhex("2a864886f70d010702")
_KINDS = {
    bytes.fromhex("2a864886f70d010701"): "data",
    _SIGNED: "signed",
    bytes.fromhex("2a864886f70d010703"): "encrypted",
    bytes.fromhex("2a864886f70d01091001" + "17"): "encrypted",  # AuthEnvelopedData
    bytes.fromhex("2a864886f70d010706"): "encrypted",
    bytes.fromhex("2a864886f70d01091001" + "09"): "compressed",
}
_SEQUENCE, _OID, _OCTETS, _OCTETS_OF_PIECES, _CONTEXT = 0x30, 0x06, 0x04, 0x24, 0xA0
_DEPTH = 40
_ELEMENTS = 200_000


class Element(NamedTuple):
    """One element of BER (X.690): its tag, where its content begins and ends, and where the next element begins."""

    tag: int
    start: int
    end: int
    after: int


class Enveloped(NamedTuple):
    """``kind`` is signed, encrypted, compressed, data or ""; ``content`` the MIME entity inside, where it can be read."""

    kind: str
    content: bytes = b""


def unwrap(data: bytes) -> Enveloped:
    """The kind and the content of a CMS structure (RFC 5652). Never raises: what cannot be read is of kind "".

    Signatures are passed over. That the content is shown says nothing about who signed it.
    """
    if len(data) > LARGEST:
        return Enveloped("")
    try:
        return _unwrap(data, _Reader(data))
    except (ValueError, IndexError):
        return Enveloped("")


def _unwrap(data: bytes, reader: "_Reader") -> Enveloped:
    outer = reader.element(0, len(data))
    oid = reader.element(outer.start, outer.end)
    if outer.tag != _SEQUENCE or oid.tag != _OID:
        return Enveloped("")
    kind = _KINDS.get(data[oid.start : oid.end], "")
    if kind != "signed":
        return Enveloped(kind)
    explicit = reader.element(oid.after, outer.end)
    signed = reader.element(explicit.start, explicit.end)
    version = reader.element(signed.start, signed.end)
    digests = reader.element(version.after, signed.end)
    inside = reader.element(digests.after, signed.end)
    what = reader.element(inside.start, inside.end)
    if what.tag != _OID or what.after >= inside.end:
        # A signature alone, whose content stands elsewhere.
        return Enveloped(kind)
    wrapped = reader.element(what.after, inside.end)
    if wrapped.tag != _CONTEXT:
        return Enveloped(kind)
    return Enveloped(kind, b"".join(reader.octets(reader.element(wrapped.start, wrapped.end))))


class _Reader:
    """BER with a count of the elements looked at, so that nesting without lengths cannot take quadratic time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.seen = 0

    def element(self, at: int, end: int, depth: int = 0) -> Element:
        """Raises ValueError or IndexError for what is no element."""
        self.seen += 1
        if depth > _DEPTH or self.seen > _ELEMENTS or at + 2 > end:
            raise ValueError("no element")
        tag = self.data[at]
        if tag & 0x1F == 0x1F:
            raise ValueError("a tag of many octets")
        length = self.data[at + 1]
        start = at + 2
        if length == 0x80:
            return self._until_mark(tag, start, end, depth)
        if length > 0x80:
            octets = length & 0x7F
            if octets > 8:
                raise ValueError("a length of many octets")
            length = int.from_bytes(self.data[start : start + octets], "big")
            start += octets
        # Cut off at the end: what is there can still be read.
        stop = min(start + length, end)
        return Element(tag, start, stop, stop)

    def _until_mark(self, tag: int, start: int, end: int, depth: int) -> Element:
        """An element of indefinite length (X.690 section 8.1.3.6) ends with two zero octets, or with what is there."""
        at = start
        while at + 2 <= end and self.data[at : at + 2] != b"\0\0":
            at = self.element(at, end, depth + 1).after
        return Element(tag, start, min(at, end), min(at + 2, end))

    def octets(self, element: Element, depth: int = 0) -> list[bytes]:
        """The pieces of an OCTET STRING, which may be put together of several."""
        if element.tag == _OCTETS:
            return [self.data[element.start : element.end]]
        if element.tag != _OCTETS_OF_PIECES or depth > 4:
            raise ValueError("no octets")
        pieces: list[bytes] = []
        at = element.start
        while at + 2 <= element.end:
            piece = self.element(at, element.end)
            pieces += self.octets(piece, depth + 1)
            at = piece.after
        return pieces
