"""Rich Text Format as mail carries it: decompressed (MS-OXRTFCP), and the HTML or text that was wrapped into it."""

import re
import struct

from webmail.mime.charset import decode_charset, storable

LARGEST = 8_000_000
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans "
    b"SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
# Groups that hold no text of the document.
_ASIDE = {
    *(b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"listtable", b"listoverridetable"),
    *(b"generator", b"themedata", b"datastore", b"xmlnstbl", b"mmathPr", b"latentstyles", b"rsidtbl"),
}
_BREAKS = {b"par": "\n", b"line": "\n", b"tab": "\t", b"row": "\n", b"cell": "\t", b"sect": "\n", b"page": "\n"}
_SIGNS = {
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
}


def decompress(data: bytes) -> bytes:
    """The RTF behind a PidTagRtfCompressed property, as far as it can be read. Never raises."""
    if len(data) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == 0x414C454D:
        return data[16 : 16 + min(size, LARGEST)]
    if kind != 0x75465A4C:
        return b""
    return _expand(data, min(size, LARGEST))


def _expand(data: bytes, size: int) -> bytes:
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b" "))
    at_window = len(_DICTIONARY)
    out = bytearray()
    at = 16
    while at < len(data) and len(out) < size:
        control = data[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                if at >= len(data):
                    break
                run = data[at : at + 1]
                at += 1
            else:
                if at + 2 > len(data):
                    at = len(data)
                    break
                reference = data[at] << 8 | data[at + 1]
                at += 2
                start, length = reference >> 4, (reference & 15) + 2
                if start == at_window:
                    return bytes(out[:size])
                run = b""
                for step in range(length):
                    octet = window[(start + step) % _WINDOW]
                    window[(at_window + step) % _WINDOW] = octet
                    out.append(octet)
                at_window = (at_window + length) % _WINDOW
                continue
            window[at_window] = run[0]
            at_window = (at_window + 1) % _WINDOW
            out += run
    return bytes(out[:size])


def content(rtf: bytes) -> tuple[str, bool]:
    """The text of an RTF document and whether it is HTML (MS-OXRTFEX): "" when there is none. Never raises."""
    rtf = rtf[:LARGEST]
    if not rtf.lstrip().startswith(b"{\\rtf"):
        return "", False
    is_html = b"\\fromhtml1" in rtf[:2_000]
    # \\u gives UTF-16, so what is beyond it comes in two.
    text = "".join(_Reader(is_html, rtf).read()).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return storable(text), is_html


class _Reader:
    """One pass; a stack of groups, each of which may hide its text."""

    def __init__(self, is_html: bool, rtf: bytes) -> None:
        self.rtf = rtf
        self.is_html = is_html
        self.out: list[str] = []
        self.octets = bytearray()
        page = re.search(rb"\\ansicpg(\d{1,5})", rtf[:2_000])
        self.charset = f"cp{page[1].decode()}" if page else "cp1252"
        # Of every open group: whether it is left out, how many characters stand in for a \u one, HTML tag or its RTF.
        self.hidden, self.skip, self.tag, self.rtf_only = False, 1, False, False
        self.skipping = 0

    def read(self) -> list[str]:
        stack: list[tuple[bool, int, bool, bool]] = []
        star = False
        for found in _TOKEN.finditer(self.rtf):
            word, number, code, symbol, brace, text = found.groups()
            if brace == b"{":
                stack.append((self.hidden, self.skip, self.tag, self.rtf_only))
            elif brace == b"}":
                if stack:
                    self.hidden, self.skip, self.tag, self.rtf_only = stack.pop()
            elif word is not None:
                self._word(word, int(number) if number else None, star)
            elif code is not None:
                self._octet(int(code, 16))
            elif symbol is not None:
                if symbol in b"\\{}":
                    self._octet(symbol[0])
                elif symbol == b"~":
                    self._write("\u00a0")
            elif text is not None:
                taken = min(self.skipping, len(text))
                self.skipping -= taken
                self._text(text[taken:])
            star = symbol == b"*"
        self._flush()
        return self.out

    @property
    def _silent(self) -> bool:
        return self.hidden or (self.is_html and self.rtf_only and not self.tag)

    def _word(self, word: bytes, number: int | None, star: bool) -> None:
        if word == b"htmltag" and self.is_html:
            self.tag, self.hidden = True, False
        elif word in _ASIDE or (star and word != b"htmltag"):
            self.hidden = True
        elif word == b"htmlrtf":
            self.rtf_only = number != 0
        elif word == b"uc" and number is not None:
            self.skip = min(max(number, 0), 8)
        elif word == b"u" and number is not None:
            self._write(chr(number % 0x10000))
            self.skipping = self.skip
        elif word in _BREAKS:
            self._write(_BREAKS[word])
        elif word in _SIGNS:
            self._write(_SIGNS[word])

    def _octet(self, octet: int) -> None:
        if self.skipping:
            self.skipping -= 1
        elif not self._silent:
            self.octets.append(octet)

    def _text(self, text: bytes) -> None:
        if not self._silent:
            self.octets += text

    def _write(self, text: str) -> None:
        if not self._silent:
            self._flush()
            self.out.append(text)

    def _flush(self) -> None:
        if self.octets:
            self.out.append(decode_charset(bytes(self.octets), self.charset))
            self.octets = bytearray()
