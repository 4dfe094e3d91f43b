"""How a file can be looked at before it is saved: told by the type it claims, or by its name where it claims nothing.

Nothing of this is trusted: each way of showing is harmless for whatever the octets turn out to be.
"""

import csv
import io
from typing import NamedTuple

from webmail.mime.headers import display_text
from webmail.mime.structure import Part

TEXT_LIMIT = 256 * 1024
_ROWS, _COLUMNS, _CELL = 500, 40, 500


class Preview(NamedTuple):
    """``kind``: picture, pdf, text, table, audio, video, mail, or "" for none; ``type`` is what a browser may be told."""

    kind: str
    type: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NONE = Preview("")
_BY_TYPE = {
    **{f"image/{name}": Preview("picture", f"image/{name}") for name in ("png", "jpeg", "gif", "webp", "bmp", "avif")},
    "image/jpg": Preview("picture", "image/jpeg"),
    "image/pjpeg": Preview("picture", "image/jpeg"),
    "image/x-png": Preview("picture", "image/png"),
    "application/pdf": Preview("pdf", "application/pdf"),
    "application/x-pdf": Preview("pdf", "application/pdf"),
    **{
        f"audio/{name}": Preview("audio", f"audio/{name}")
        for name in ("mpeg", "mp4", "ogg", "wav", "webm", "aac", "flac")
    },
    "audio/mp3": Preview("audio", "audio/mpeg"),
    "audio/x-mpeg": Preview("audio", "audio/mpeg"),
    "audio/x-wav": Preview("audio", "audio/wav"),
    "audio/x-m4a": Preview("audio", "audio/mp4"),
    "audio/m4a": Preview("audio", "audio/mp4"),
    "audio/opus": Preview("audio", "audio/ogg"),
    **{f"video/{name}": Preview("video", f"video/{name}") for name in ("mp4", "webm", "ogg")},
    "video/x-m4v": Preview("video", "video/mp4"),
    "video/quicktime": Preview("video", "video/mp4"),
    "text/csv": Preview("table"),
    "text/tab-separated-values": Preview("table"),
    "message/rfc822": Preview("mail"),
    "message/global": Preview("mail"),
    **{
        f"application/{name}": Preview("text")
        for name in (
            *(
                "json",
                "ld+json",
                "xml",
                "javascript",
                "x-javascript",
                "x-sh",
                "x-yaml",
                "yaml",
                "toml",
                "sql",
                "x-python",
            ),
            *("x-php", "x-perl", "x-ruby", "x-tex", "ics", "x-log", "pgp-signature", "pgp-keys", "x-pem-file"),
        )
    },
}
_BY_NAME = {
    **dict.fromkeys(("png",), _BY_TYPE["image/png"]),
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), _BY_TYPE["image/jpeg"]),
    **{name: _BY_TYPE[f"image/{name}"] for name in ("gif", "webp", "bmp", "avif")},
    "pdf": _BY_TYPE["application/pdf"],
    "mp3": _BY_TYPE["audio/mpeg"],
    **dict.fromkeys(("m4a",), _BY_TYPE["audio/mp4"]),
    **dict.fromkeys(("ogg", "oga", "opus"), _BY_TYPE["audio/ogg"]),
    **{name: _BY_TYPE[f"audio/{name}"] for name in ("wav", "aac", "flac")},
    **dict.fromkeys(("mp4", "m4v", "mov"), _BY_TYPE["video/mp4"]),
    "webm": _BY_TYPE["video/webm"],
    "ogv": _BY_TYPE["video/ogg"],
    **dict.fromkeys(("csv", "tsv"), _BY_TYPE["text/csv"]),
    **dict.fromkeys(
        _words(
            "txt text log md rst ics vcf json xml html htm css js ts py rb pl php java c h cpp hpp cs go rs sh bat ps1 sql "
            "yaml yml toml ini cfg conf tex diff patch srt asc pem crt svg"
        ),
        Preview("text"),
    ),
}
# Types that say no more than "a file".
_VAGUE = _words(
    "application/octet-stream application/x-download application/force-download application/download application/binary "
    "application/unknown application/x-unknown binary/octet-stream"
)


def preview_of(part: Part) -> Preview:
    """Of a part, by what it says of itself."""
    kind = part.type.lower()
    if kind in _BY_TYPE:
        found = _BY_TYPE[kind]
    elif kind in _VAGUE or kind == "text/plain":
        ending = part.filename.rpartition(".")[2].lower() if "." in part.filename else ""
        found = _BY_NAME.get(ending, Preview("text") if kind == "text/plain" else NONE)
        if kind == "text/plain" and found.kind not in {"text", "table"}:
            found = Preview("text")
    elif kind.startswith("text/") or kind == "image/svg+xml" or kind.endswith(("+json", "+xml")):
        # Markup is shown as it is written, not as what it would do.
        found = Preview("text")
    else:
        found = NONE
    return found


def label_of(part: Part) -> str:
    """What kind of file it is, in a word: the ending of its name, else its type."""
    ending = part.filename.rpartition(".")[2] if "." in part.filename else ""
    if ending.isascii() and ending.isalnum() and len(ending) <= 5:
        return ending.upper()
    return display_text(part.type.rpartition("/")[2].removeprefix("x-"))[:20].upper()


def table_of(text: str) -> tuple[list[list[str]], bool]:
    """The rows of comma- or tab-separated ``text``, and whether there are more than are given. Never raises."""
    first = text[: text.find("\n") if "\n" in text else len(text)][:5_000]
    delimiter = max(",;\t|", key=first.count)
    rows: list[list[str]] = []
    more = False
    try:
        for row in csv.reader(io.StringIO(text.replace("\0", "")), delimiter=delimiter):
            if len(rows) >= _ROWS:
                more = True
                break
            more = more or len(row) > _COLUMNS
            rows.append([cell[:_CELL] for cell in row[:_COLUMNS]])
    except csv.Error:
        more = True
    return rows, more
