"""What of a mail is worth quoting in an answer: its text without the signature of whoever wrote it."""

import re

from selectolax.lexbor import LexborHTMLParser

from webmail.mime.plain import within_limits
from webmail.mime.quote import ATTRIBUTION, ORIGINAL

# Signatures as the usual programs mark them, and what hangs on them.
_SIGNATURES = ", ".join(
    [
        ".gmail_signature",
        ".gmail_signature_prefix",
        ".moz-signature",
        ".signature",
        "#Signature",
        "#signature",
        "#ms-outlook-mobile-signature",
        "#AppleMailSignature",
        ".protonmail_signature_block",
        ".tutanota_signature",
        ".zm_signature",
        "[data-smartmail=gmail_signature]",
        "[data-signature-widget]",
    ]
)
# Some programs put the mail they answer inside the signature's element: that is not thrown away.
_HOLDS_A_QUOTE = "blockquote, .gmail_quote, #divRplyFwdMsg, #appendonsend, .moz-cite-prefix"
_LONGEST = 3_000
_MOST_LINES = 40


def without_signature_html(html: str) -> str:
    """``html`` without marked signatures; as it is when there are none. Before any sanitising, which drops the marks."""
    if "ignature" not in html or not within_limits(html):
        return html
    tree = LexborHTMLParser(html)
    found = False
    for node in tree.css(_SIGNATURES):
        if node.css_first(_HOLDS_A_QUOTE) is None and len(node.text(deep=True)) <= _LONGEST:
            node.decompose()
            found = True
    return tree.html or "" if found else html


def without_signature_text(text: str) -> str:
    """``text`` without what follows the line "-- ", up to a quote or the head of one (RFC 3676 section 4.3)."""
    lines = text.split("\n")
    start = next((at for at, line in enumerate(lines) if line.rstrip("\r") == "-- "), None)
    if start is None:
        return text
    end = start
    while end < len(lines) and not _begins_quote(lines[end]):
        end += 1
    if end - start > _MOST_LINES:
        return text
    return "\n".join([*lines[:start], *lines[end:]]).rstrip() + "\n"


def _begins_quote(line: str) -> bool:
    line = line[:400]
    return line.startswith(">") or bool(
        re.match(r"_{20,}\s*$", line) or ATTRIBUTION.search(line) or ORIGINAL.match(line)
    )
