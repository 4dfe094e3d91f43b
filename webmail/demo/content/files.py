"""Attachments made on the spot: pictures (PNG, RFC 2083), documents (PDF 1.4), tables (CSV), invitations (RFC 5545)."""

import math
import struct
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

Colour = tuple[int, int, int]

PALETTES: dict[str, tuple[Colour, Colour, Colour]] = {
    "dawn": ((250, 214, 165), (226, 125, 96), (64, 72, 104)),
    "fjord": ((196, 222, 240), (110, 150, 180), (28, 58, 82)),
    "forest": ((222, 232, 206), (124, 156, 112), (34, 62, 46)),
    "evening": ((86, 88, 140), (196, 120, 140), (24, 26, 54)),
    "linen": ((244, 238, 226), (214, 198, 170), (120, 98, 74)),
}


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, rows: Sequence[bytes]) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 6)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    mixed = [round(a + (b - a) * share) for a, b in zip(first, second, strict=True)]
    return (mixed[0], mixed[1], mixed[2])


@lru_cache(maxsize=64)
def landscape(palette: str, width: int = 480, height: int = 270) -> bytes:
    """A PNG of hills under a sky with a sun."""
    sky, glow, ground = PALETTES[palette]
    shift = sum(palette.encode())
    hills = [
        [
            height * (0.5 + 0.13 * layer)
            - height * 0.1 * math.sin(x / width * (3.1 + layer) + shift + layer * 2)
            - height * 0.03 * math.sin(x / width * 17 + layer * 5)
            for x in range(width)
        ]
        for layer in range(3)
    ]
    shades = [bytes(_mix(glow, ground, 0.35 + 0.3 * layer)) for layer in range(3)]
    sun_x, sun_y, radius = width * 0.68, height * 0.3, height * 0.09
    sun = bytes(_mix(sky, (255, 250, 235), 0.8))
    rows = []
    for y in range(height):
        air = bytes(_mix(sky, glow, min(1.0, y / height * 1.6)))
        row = bytearray(air * width)
        for x in range(width):
            for layer in (2, 1, 0):
                if y >= hills[layer][x]:
                    row[x * 3 : x * 3 + 3] = shades[layer]
                    break
            else:
                if abs(y - sun_y) < radius and (x - sun_x) ** 2 + (y - sun_y) ** 2 < radius**2:
                    row[x * 3 : x * 3 + 3] = sun
        rows.append(bytes(row))
    return _png(width, height, rows)


@lru_cache(maxsize=64)
def banner(palette: str, width: int = 560, height: int = 120) -> bytes:
    """A PNG with a soft gradient, as newsletters have on top."""
    sky, glow, _ = PALETTES[palette]
    rows = [bytes(_mix(sky, glow, y / height)) * width for y in range(height)]
    return _png(width, height, rows)


def _pdf_text(text: str) -> bytes:
    return text.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def document(title: str, lines: Sequence[str]) -> bytes:
    """A one-page A4 PDF with a title, a rule and lines of text; a tab moves on to the right-hand column."""
    drawing = [b"BT /F2 20 Tf 56 770 Td (" + _pdf_text(title) + b") Tj ET", b"0.6 w 56 754 m 539 754 l S"]
    for number, line in enumerate(lines):
        for x, part in zip((56, 430), line.split("\t"), strict=False):
            place = b"%d %d" % (x, 726 - number * 18)
            drawing.append(b"BT /F1 11 Tf " + place + b" Td (" + _pdf_text(part) + b") Tj ET")
    stream = b"\n".join(drawing)
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        font % b"Helvetica",
        font % b"Helvetica-Bold",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def table(rows: Sequence[Sequence[str]]) -> bytes:
    return "".join(",".join(row) + "\r\n" for row in rows).encode()


def invitation(subject: str, organiser: str, attendee: str, start: datetime, minutes: int = 60) -> bytes:
    form = "%Y%m%dT%H%M%SZ"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Fjordworks//Calendar//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{start:%Y%m%d%H%M}-{abs(zlib.crc32(subject.encode()))}@fjordworks.example",
        f"DTSTAMP:{start - timedelta(days=3):{form}}",
        f"DTSTART:{start:{form}}",
        f"DTEND:{start + timedelta(minutes=minutes):{form}}",
        f"SUMMARY:{subject}",
        f"ORGANIZER:mailto:{organiser}",
        f"ATTENDEE;RSVP=TRUE:mailto:{attendee}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
