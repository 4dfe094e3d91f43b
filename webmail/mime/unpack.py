"""Parts that hold a message or files of their own: opaque S/MIME, winmail.dat, encoded messages, files in text.

What is inside is given as a tree like that of a message. A section "2!1.2" names section 1.2 of what part 2 holds.
"""

from dataclasses import dataclass, field

from webmail.mime import embedded, pkcs7, rtf, tnef
from webmail.mime.charset import markup_charset
from webmail.mime.headers import first, parse_header_block
from webmail.mime.params import media_type, parse_value
from webmail.mime.parts import Part, from_bytes, part_bytes

LARGEST = 32_000_000
INSIDE = "!"
DEPTH = 4
_TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}


@dataclass(slots=True)
class Unpacked:
    """``root`` is what was found, its sections counted from 1; ``kind`` of what it was found in."""

    kind: str
    root: Part
    raw: bytes = b""
    contents: dict[str, bytes] = field(default_factory=dict)

    def content(self, section: str) -> bytes | None:
        """The decoded octets of one section, or None."""
        if section in self.contents:
            return self.contents[section]
        return part_bytes(self.raw, section) if self.raw else None


def kind_of(part: Part) -> str:
    """smime, tnef or message for a part that can be unpacked, whatever it then holds; else ""."""
    name = part.filename.lower()
    if part.type in _SMIME or (part.type == "application/octet-stream" and name.endswith((".p7m", ".p7z"))):
        return "smime"
    if part.type in _TNEF or (name == "winmail.dat" and part.type == "application/octet-stream"):
        return "tnef"
    if part.type in {"message/rfc822", "message/global"} and part.encoding in {"base64", "quoted-printable"}:
        return "message"
    return ""


def unpack(part: Part, data: bytes) -> Unpacked | None:
    """What is inside ``part``, whose decoded content ``data`` is; None when there is nothing. Never raises."""
    if len(data) > LARGEST:
        return None
    match kind_of(part):
        case "smime":
            inside = pkcs7.unwrap(data)
            return Unpacked("smime", from_bytes(inside.content), inside.content) if inside.content else None
        case "message":
            return Unpacked("message", from_bytes(data), data)
        case "tnef":
            packed = tnef.unpack(data)
            return None if packed is None else _packed(packed)
    if part.type == "text/plain":
        return of_text(embedded.split(data))
    return None


def _packed(packed: tnef.Packed) -> Unpacked | None:
    found = Unpacked("tnef", Part(section="", type="multipart/mixed"))
    text, html = packed.text, packed.html
    if not html and packed.rtf:
        unwrapped, is_html = rtf.content(packed.rtf)
        if is_html:
            html = unwrapped.encode("utf-8", "replace")
        else:
            text = text or unwrapped
    if html:
        _add(found, Part(section="", type="text/html", charset=markup_charset(html) or "utf-8"), html)
    elif text.strip():
        _add(found, Part(section="", type="text/plain", charset="utf-8"), text.encode("utf-8", "replace"))
    for file in packed.files:
        kind = Part(
            section="", type=file.type, filename=file.name, content_id=file.content_id, disposition="attachment"
        )
        if file.content_id:
            kind.disposition = "inline"
        _add(found, kind, file.content)
    return found if found.root.children else None


def of_text(text: embedded.Text) -> Unpacked | None:
    """The files that stood in a text, or None."""
    if not text.files:
        return None
    found = Unpacked("text", Part(section="", type="multipart/mixed"))
    for file in text.files:
        _add(
            found,
            Part(section="", type="application/octet-stream", filename=file.name, disposition="attachment"),
            file.content,
        )
    return found


def _add(found: Unpacked, part: Part, content: bytes) -> None:
    part.section = str(len(found.root.children) + 1)
    part.size = len(content)
    found.root.children.append(part)
    found.contents[part.section] = content


def graft(outer: Part, found: Unpacked) -> Part:
    """A copy of the tree of ``found`` with sections as seen from outside, to stand in the place of ``outer``."""
    root = Part.from_json(found.root.to_json())
    for part in root.walk():
        part.section = f"{outer.section}{INSIDE}{part.section}"
    return root


def enclosed_root(header: bytes, part: Part) -> Part:
    """The root of the message inside a message/rfc822 part, which IMAP gives no section of its own (RFC 3501 6.4.5)."""
    value, params = parse_value(first(parse_header_block(header), "content-type"))
    kind = media_type(value)
    if kind.startswith("multipart/"):
        return Part(section=part.section, type=kind, params=params, children=part.children)
    if len(part.children) == 1:
        return part.children[0]
    return Part(section=part.section, type="multipart/mixed", children=part.children)
