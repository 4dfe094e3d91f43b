"""Content transfer encodings (RFC 2045 section 6, and uuencode), decoded however damaged."""

import binascii
import re
from collections.abc import Iterable, Iterator

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
_PADDED = re.compile(rb"=+")
_UU_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} [^\r\n]*\r?\n", re.MULTILINE)


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """The octets behind ``data``; unknown encodings and 7bit, 8bit, binary pass through. Never raises."""
    match encoding.strip().lower():
        case "base64" | "b":
            return _base64(data)
        case "quoted-printable" | "quoted_printable" | "q":
            return _quoted_printable(data)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _uuencoded(data)
        case _:
            return data


def decoded_stream(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Base64 is decoded group by group; the other encodings keep lines together (RFC 2045 section 6)."""
    if encoding.lower() not in {"base64", "quoted-printable"}:
        yield from pieces
        return
    base64 = encoding.lower() == "base64"
    rest = b""
    for piece in pieces:
        rest += piece.translate(None, b"\r\n \t") if base64 else piece
        cut = len(rest) - len(rest) % 4 if base64 else rest.rfind(b"\n") + 1
        if cut:
            yield decode_transfer(rest[:cut], encoding)
            rest = rest[cut:]
    if rest:
        yield decode_transfer(rest, encoding)


def _base64(data: bytes) -> bytes:
    data = _NOT_BASE64.sub(b"", data.replace(b"-", b"+").replace(b"_", b"/"))
    core = data.rstrip(b"=")
    # Several padded runs after each other are the mark of senders that encode in pieces.
    runs = _PADDED.split(core) if b"=" in core else [core]
    return b"".join(map(_base64_run, runs))


def _base64_run(run: bytes) -> bytes:
    if len(run) % 4 == 1:
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))


def _quoted_printable(data: bytes) -> bytes:
    return binascii.a2b_qp(data)


def _uuencoded(data: bytes) -> bytes:
    begin = _UU_BEGIN.search(data)
    if begin is not None:
        data = data[begin.end() :]
    out: list[bytes] = []
    for line in data.splitlines():
        if line.strip() in {b"end", b"`", b""}:
            if line.strip() == b"end":
                break
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders count wrongly or leave rubbish behind the line: take what its own count promises.
            promised = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[:promised]))
            except binascii.Error:
                continue
    return b"".join(out)
