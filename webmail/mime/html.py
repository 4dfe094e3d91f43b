"""HTML of foreign mail made harmless: no script, no form, nothing remote unless asked for.

One of two walls; the other is the sandboxed frame with its own Content-Security-Policy. Neither relies on the other.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import nh3
from django.utils.html import escape

from webmail.mime import clock, style, trackers
from webmail.mime.charset import storable
from webmail.mime.domains import organisation
from webmail.mime.plain import html_to_text, within_limits
from webmail.mime.quote import split_quote

__all__ = ["POLICY_VERSION", "Sanitised", "clean_own", "sanitise", "split_quote"]

# Raised with every change of what the sanitiser lets through or how links are marked: what is stored is made again.
POLICY_VERSION = 8

_PASSES = 4
_DEPTH_LIMIT = 512
_DEEP = 120  # from here on elements have the boxes they have by themselves
_DATA_LIMIT = 400_000


def _words(text: str) -> set[str]:
    return set(text.split())


_TAGS = _words(
    "a abbr acronym address area article aside b bdi bdo big blockquote br caption center cite code col colgroup dd "
    "del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li "
    "main map mark nav ol p pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td "
    "tfoot th thead time tr tt u ul var wbr"
)
_DROPPED_WITH_CONTENT = _words(
    "script style title template svg math noscript iframe object embed applet audio video canvas noembed noframes "
    "frameset select textarea datalist xmp plaintext"
)
_ANYWHERE = {"align", "bgcolor", "class", "dir", "height", "id", "lang", "style", "title", "valign", "width"}
_TABLE = {"background", "border", "bordercolor", "cellpadding", "cellspacing", "nowrap", "role", "rules", "summary"}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": _ANYWHERE,
    "a": {"href", "name"},
    "area": {"alt", "coords", "href", "shape"},
    "blockquote": {"type"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
    "div": {"background"},
    "font": {"color", "face", "size"},
    "hr": {"color", "noshade", "size"},
    "img": {"alt", "border", "hspace", "src", "usemap", "vspace"},
    "li": {"type", "value"},
    "map": {"name"},
    "ol": {"reversed", "start", "type"},
    "table": _TABLE,
    "tbody": _TABLE,
    "td": _TABLE | {"abbr", "colspan", "headers", "rowspan", "scope"},
    "tfoot": _TABLE,
    "th": _TABLE | {"abbr", "colspan", "headers", "rowspan", "scope"},
    "thead": _TABLE,
    "time": {"datetime"},
    "tr": _TABLE,
    "ul": {"type"},
}
_NEW_TAB = {"target": "_blank"}
_REL = "noopener noreferrer"


def _cleaner(
    attribute_filter: Callable[[str, str, str], str | None] | None = None, *, marks_links: bool = False
) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=attribute_filter,
        set_tag_attribute_values={"a": _NEW_TAB, "area": _NEW_TAB | {"rel": _REL}} if marks_links else None,
        # cid and data are let through to the filter, which decides by attribute.
        url_schemes={"cid", "data", "http", "https", "mailto", "tel"},
        link_rel=_REL if marks_links else None,
    )


# Links are marked in a pass of its own: the filter reorders attributes, and the result must not depend on that.
_STRUCTURE = _cleaner(marks_links=True)

_SPACE_IN_URL = re.compile("[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_REMOTE = re.compile(r"(?:https?:)?[/\\]{2}[^/\\]", re.IGNORECASE)
_LINK = re.compile(r"https?://[^/\\]|mailto:|tel:\+?[\d()./-]+$", re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|bmp|avif);base64,[A-Za-z0-9+/=]*", re.IGNORECASE)
_BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
_NAMES = re.compile(r"[\w\s:./@+-]{1,500}")
_PATTERNS = {
    "class": _NAMES,
    # A table of thousands of cells that are each a thousand wide takes seconds.
    "colspan": re.compile(r"\d{1,2}|100"),
    "id": _NAMES,
    "name": _NAMES,
    "role": re.compile("presentation|none"),
    "rowspan": re.compile(r"\d{1,3}"),
    "span": re.compile(r"\d{1,2}|100"),
    "usemap": re.compile(f"#{_NAMES.pattern}"),
}
_QUOTE_TYPE = re.compile("cite", re.IGNORECASE)
_HEAD = re.compile(r"<(?:!--|style\b|body\b)", re.IGNORECASE)
_COLOUR = re.compile(r"""[\s"'](bgcolor|text)\s*=\s*["']?(#?\w{1,30})""")
_BODY_COLOURS = {"bgcolor": "background-color", "text": "color"}
_OPEN_OR_CLOSE = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_VOID = {"area", "br", "col", "hr", "img", "wbr"}
_META_SCHEME = re.compile(r"""<meta\b(?=[^>]{0,300}\bcolor-schemes?["'\s])(?=[^>]{0,300}\bdark\b)""", re.IGNORECASE)
_STYLE_END = re.compile(r"</style\b[^>]*>", re.IGNORECASE)

CidUrl = Callable[[str], str | None]
RemoteUrl = Callable[[str], str]


@dataclass
class Sanitised:
    """``remote`` counts what was not loaded for want of consent; ``too_complex`` means: show the text instead.

    ``trackers`` has one entry for each picture that only reports the opening of the mail: whose it is. No consent loads it.
    """

    html: str
    remote: int = 0
    too_complex: bool = False
    trackers: tuple[str, ...] = ()


class _Filter:
    """Decides over every attribute that survived the allow-list."""

    def __init__(
        self, cid_url: CidUrl, remote_url: RemoteUrl | None, invisible: frozenset[str] | None = frozenset()
    ) -> None:
        """``invisible`` are the addresses of pictures that nobody sees; None where nothing is a tracker: our own text."""
        self.cid_url = cid_url
        self.remote_url = remote_url
        self.invisible = invisible
        self.flat = False
        self.remote = 0
        self.tracked: set[str] = set()

    def __call__(self, tag: str, attribute: str, value: str) -> str | None:
        if tag not in _TAGS:
            # nh3 asks about elements too that it goes on to drop.
            return None
        if attribute == "style":
            return style.declarations(value, self.paint, flat=self.flat) or None
        if attribute == "href":
            return link(value)
        if attribute == "background":
            return self.paint(value)
        if attribute == "src":
            return self.load(value)
        pattern = _QUOTE_TYPE if attribute == "type" and tag == "blockquote" else _PATTERNS.get(attribute)
        return value if pattern is None or pattern.fullmatch(value) else None

    def paint(self, url: str) -> str | None:
        """As :meth:`load`, for what lies behind text; nothing to be seen where it is barred.

        That there is a background says how the text is to be read, with its picture and without.
        """
        before = self.remote
        return self.load(url) or (_BLANK if self.remote > before else None)

    def load(self, url: str) -> str | None:
        """The address from which a picture may be loaded, or None."""
        url = _SPACE_IN_URL.sub("", storable(url))
        if url[:4].lower() == "cid:":
            return self.cid_url(unquote(url[4:]).strip("<>")) or None
        if _DATA_IMAGE.fullmatch(url):
            return url if len(url) <= _DATA_LIMIT else None
        if not _REMOTE.match(url):
            return None
        address = _absolute(url)
        if self.invisible is not None and (address in self.invisible or trackers.is_known(address)):
            self.tracked.add(address)
            return None
        loaded = self.remote_url(address) if self.remote_url is not None else None
        if not loaded:
            self.remote += 1
        return loaded or None


def link(url: str) -> str | None:
    """``url`` as the target of a link: http, https, mailto or tel, absolute; else None."""
    url = _SPACE_IN_URL.sub("", storable(url))
    if url.startswith("//"):
        url = f"https:{url}"
    return url if _LINK.match(url) and len(url) <= 8_000 else None


def _address(url: str) -> str:
    """As ``_Filter.load`` has it."""
    return _absolute(_SPACE_IN_URL.sub("", storable(url)))


def _absolute(url: str) -> str:
    scheme, colon, rest = url.partition(":") if url[:4].lower() == "http" else ("https", ":", url)
    path, mark, query = rest.partition("?")
    return f"{scheme.lower()}{colon}//{path.replace(chr(92), '/').lstrip('/')}{mark}{query}"


def sanitise(html: str, *, cid_url: CidUrl, remote_url: RemoteUrl | None = None) -> Sanitised:
    """``html`` fit for the message frame.

    ``cid_url`` gives the address of the part with a Content-ID, ``remote_url`` that of the proxy for a remote picture;
    without it, and where it gives "", nothing remote is loaded and ``remote`` counts what was held back. Markup over the
    ceilings, time among them (:mod:`.clock`), comes back empty with ``too_complex`` set. Sanitising the result again
    changes nothing. Never raises.
    """
    html = storable(html)
    if not within_limits(html):
        return Sanitised("", too_complex=True)
    try:
        clean, remote, too_complex, tracked = clock.call("sanitise", len(html), [html], [cid_url, remote_url])
    except clock.TooSlowError:
        return Sanitised("", too_complex=True)
    return Sanitised(clean, remote, too_complex, tuple(tracked))


def _sanitise(html: str, cid_url: CidUrl, remote_url: RemoteUrl | None) -> tuple[str, int, bool, list[str]]:
    attributes = _Filter(cid_url, remote_url, trackers.invisible(html, _address))
    markup, css = _take_styles(html)
    if css and "dark" in css and (_META_SCHEME.search(html) or style.for_both(css)):
        css = f"{style.FOR_BOTH}\n{css}" if style.FOR_BOTH not in css else css
    body = _clean(markup, attributes)
    if body is None:
        return "", 0, True, []
    sheet = style.sheet(css, attributes.paint, flat=attributes.flat) if css else ""
    head = f"<style>{sheet}</style>" if sheet else ""
    owners = sorted(_owner(address) for address in attributes.tracked)
    return head + body, attributes.remote, False, owners


def _owner(address: str) -> str:
    """Who is told by a tracker: the registered domain, or the host where there is none."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return "an unknown host"
    return (organisation(host) or host)[:100] or "an unknown host"


def _clean(markup: str, attributes: _Filter) -> str | None:
    """``markup`` reduced to the allow-list, so that parsing it again yields the same tree; None when it never does.

    A tree that changes when it is parsed again is how markup slips past a sanitiser (mutation XSS).
    """
    for _ in range(_PASSES + 1):
        attributes.remote = 0
        attributes.tracked.clear()
        filtered = _cleaner(attributes).clean(markup)
        depth = _depth(filtered)
        if depth > _DEPTH_LIMIT:
            return None
        if depth > _DEEP and not attributes.flat:
            attributes.flat = True
            continue
        cleaned = _STRUCTURE.clean(filtered)
        if _STRUCTURE.clean(cleaned) == cleaned:
            return cleaned
        # Addresses must stay the sender's own until the last pass, so the tree is settled without the filter.
        markup = _STRUCTURE.clean(_STRUCTURE.clean(markup))
    return None


def _depth(cleaned: str) -> int:
    """How deep well-formed markup nests. Beyond what browsers keep apart parsing it again would take quadratic time."""
    if cleaned.count("</") <= _DEEP:
        return 0
    depth = deepest = 0
    for found in _OPEN_OR_CLOSE.finditer(cleaned):
        if found[1]:
            depth -= 1
        elif found[2] not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
            if depth > _DEPTH_LIMIT:
                break
    return deepest


def _take_styles(html: str) -> tuple[str, str]:
    """``html`` with its body element made a div, so that its colours survive; and the text of its style elements.

    Style elements inside comments are for Outlook only. A wrong guess here changes the look, never the safety: the
    sanitiser runs over all of both results.
    """
    markup: list[str] = []
    styles: list[str] = []
    at = 0
    while (found := _HEAD.search(html, at)) is not None:
        markup.append(html[at : found.start()])
        what = found[0].lower()
        if what == "<!--":
            end = html.find("-->", found.start() + 2)
            at = end + 3 if end >= 0 else found.end()
            if end < 0:
                break
        elif what == "<body":
            markup += [_body_colours(html, found.end()), "<div"]
            at = found.end()
        else:
            opened = html.find(">", found.end())
            closed = _STYLE_END.search(html, opened + 1) if opened >= 0 else None
            if closed is None:
                markup.append("<style")
                at = found.end()
                break
            styles.append(html[opened + 1 : closed.start()])
            at = closed.end()
    markup.append(html[at:])
    return "".join(markup), "\n".join(styles).replace("<!--", "").replace("-->", "")


def _body_colours(html: str, at: int) -> str:
    """An element with the colours that a body has by its attributes, which mean nothing on any other element."""
    attributes = dict(_COLOUR.findall(html[at : html.find(">", at, at + 2_000)].lower()))
    styles = [f"{_BODY_COLOURS[name]}:{value}" for name, value in attributes.items()]
    return f'<div style="{";".join(styles)}">' if styles else ""


def clean_own(html: str, *, cid_url: CidUrl | None = None) -> str:
    """HTML from our own composer (signature, draft, quoted mail), by the same rules but for style elements.

    Pictures keep their cid: or remote address, unless ``cid_url`` puts another in place of the former. What is over the
    ceilings becomes text: nothing that was written is lost.
    """
    html = storable(html)
    cleaned = None
    if within_limits(html):
        with suppress(clock.TooSlowError):
            cleaned = clock.call("own", len(html), [html], [cid_url])
    return str(escape(html_to_text(html))).replace("\n", "<br>") if cleaned is None else cleaned


def _own(html: str, cid_url: CidUrl | None) -> str | None:
    keep = _Filter(cid_url or (lambda cid: f"cid:{cid}"), lambda url: url, None)
    return _clean(_take_styles(html)[0], keep)
