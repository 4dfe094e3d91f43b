"""HTML of the editor as it is sent: small, styled inline, without what only our own pages understand.

Mail programs drop style elements and classes, Outlook knows no padding of lists and no width but an attribute's; so every
element carries the little it needs.
"""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from webmail.mime.plain import within_limits


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FONT = "font-family:Arial,Helvetica,sans-serif;font-size:14px"
# How other programs know a signature, to leave it out of their quotes.
SIGNATURE = "moz-signature"
_MONO = "font-family:Consolas,Menlo,monospace"
_STYLES = {
    "blockquote": "margin:0 0 0 8px;padding:0 0 0 12px;border-left:2px solid #cccccc",
    "code": _MONO,
    "h1": "margin:0 0 12px;font-size:24px",
    "h2": "margin:0 0 12px;font-size:20px",
    "h3": "margin:0 0 12px;font-size:16px",
    "img": "max-width:100%;height:auto",
    "ol": "margin:0 0 0 24px;padding:0",
    "p": "margin:0 0 14px",
    "pre": f"margin:0;white-space:pre-wrap;{_MONO}",
    "table": "border-collapse:collapse",
    "ul": "margin:0 0 0 24px;padding:0",
}
_KEPT = _words(
    "abbr align alt bgcolor border cellpadding cellspacing cite color colspan coords datetime dir face headers height "
    "href hspace lang nowrap open reversed rowspan rules scope shape size span src start style summary title type "
    "usemap valign value vspace width"
)
_ON_LIGHT = "color:#202124"
# Without an attribute these say nothing.
_WRAPPERS = frozenset({"font", "span"})
# Without content these show nothing.
_INLINE = _words(
    "a abbr b bdi big cite code del em font i ins kbd mark q s samp small span strike strong sub sup tt u var"
)
_INVISIBLE = re.compile("[\u200b\ufeff]")
_WIDTH = re.compile(r"(?:^|;)\s*width\s*:\s*(\d{1,4})(?:\.\d+)?px", re.IGNORECASE)
_PRE_BEGINS = re.compile(r'(<pre(?:\s[^\s=>]+(?:="[^"]*")?)*>)\n')
_TINY = re.compile(r"[01](?:px)?")


def outgoing_html(html: str) -> str:
    """Sanitised ``html`` of the editor as one element for a mail; doing it again changes nothing.

    What a quote of type cite holds keeps its own look and loses attributes and counting pixels only. Markup over the
    parser's ceilings comes back as it is, in the same element.
    """
    if not within_limits(html):
        return f'<div style="{FONT}">{html}</div>'
    body = LexborHTMLParser(f"<body>{_INVISIBLE.sub('', html)}</body>").body
    if body is None:
        return f'<div style="{FONT}"></div>'
    for node in reversed(body.css("ol > ol, ol > ul, ul > ol, ul > ul")):
        _into_item(node)
    for node in _elements(body):
        _tidy(node)
    # Innermost first: what is empty can make what is around it empty.
    for node in reversed(_elements(body)):
        _reduce(node)
    _trim_end(body)
    # A parser takes the first line end of a pre for one of the source (HTML, section 13.2.6.4.7): what is meant stands twice.
    inner = _PRE_BEGINS.sub(r"\1\n\n", body.inner_html or "")
    only = body.child
    if only is not None and only.next is None and only.attributes == {"style": FONT}:
        return inner
    return f'<div style="{FONT}">{inner}</div>'


def _elements(body: LexborNode) -> list[LexborNode]:
    return [
        node for node in body.traverse(include_text=False) if node.tag and node.tag[0] not in "-_!" and node != body
    ]


def _quoted(node: LexborNode) -> bool:
    above = node.parent
    while above is not None:
        if above.tag == "blockquote" and (above.attributes.get("type") or "").lower() == "cite":
            return True
        above = above.parent
    return False


def _tidy(node: LexborNode) -> None:
    tag, attributes = node.tag or "", dict(node.attributes)
    signature = tag == "div" and {"signature", SIGNATURE} & set((attributes.get("class") or "").split())
    for name, value in attributes.items():
        if name not in _KEPT or (name == "style" and not (value or "").strip()):
            del node.attrs[name]
    if signature:
        node.attrs["class"] = SIGNATURE
    if tag == "img":
        _picture(node, attributes)
    elif (style := _STYLES.get(tag)) and not attributes.get("style") and (tag == "blockquote" or not _quoted(node)):
        node.attrs["style"] = style
    elif tag == "span" and _marked(attributes.get("style") or "") and not _quoted(node):
        node.attrs["style"] = f"{attributes['style']};{_ON_LIGHT}"


def _into_item(node: LexborNode) -> None:
    """The editor puts a list inside a list beside the item that it belongs to."""
    item = node.prev
    while item is not None and item.tag == "-text" and not item.text().strip():
        item = item.prev
    if item is not None and item.tag == "li":
        item.insert_child(node)
        node.decompose()


def _marked(style: str) -> bool:
    """Whether only the background has a colour: on a dark page the letters would be light on light."""
    names = {declaration.partition(":")[0].strip().lower() for declaration in style.split(";")}
    return "background-color" in names and "color" not in names


def _picture(node: LexborNode, attributes: dict[str, str | None]) -> None:
    tiny = [attributes.get(side) or "" for side in ("width", "height")]
    if not attributes.get("src") or all(_TINY.fullmatch(each) for each in tiny):
        node.decompose()
        return
    if _quoted(node):
        return
    style = (attributes.get("style") or "").strip().rstrip(";")
    if found := _WIDTH.search(style):
        node.attrs["width"] = found[1]
    if "max-width" not in style:
        node.attrs["style"] = f"{style};{_STYLES['img']}" if style else _STYLES["img"]
    if attributes.get("alt") is None:
        node.attrs["alt"] = ""


def _reduce(node: LexborNode) -> None:
    tag = node.tag or ""
    if tag in _INLINE and node.child is None:
        node.decompose()
    elif (tag in _WRAPPERS and not node.attributes and _holds_inline(node)) or (
        tag == "div" and _wraps_one_block(node)
    ):
        node.unwrap()


def _holds_inline(node: LexborNode) -> bool:
    """Without it, blocks in it could meet blocks that cannot stand in one another."""
    return all(each.tag in _INLINE | {"br", "img"} for each in _elements(node))


def _wraps_one_block(node: LexborNode) -> bool:
    child = node.child
    return not node.attributes and child is not None and child.next is None and child.tag == "div"


def _trim_end(body: LexborNode) -> None:
    while (last := body.last_child) is not None and last.prev is not None:
        blank = not last.text().strip()
        empty_line = last.tag == "div" and not (last.attributes and "class" in last.attributes) and blank
        if not (blank and last.tag == "-text") and not (empty_line and not last.css("img, hr, li, table, iframe")):
            return
        last.decompose()
