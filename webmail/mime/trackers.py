"""Pictures that are there to report that a mail was opened: told by their size, by whose they are, by their address."""

import re
from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser, LexborNode


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Services that count openings, and nothing else, under these names; a name stands for those below it, too.
_HOSTS = _words(
    "adnxs.com agkn.com awstrack.me bat.bing.com bluekai.com cmail19.com/t cmail20.com/t doubleclick.net emltrk.com "
    "getnotify.com google-analytics.com googleadservices.com hubapi.com hubspotemail.net krxd.net liadm.com "
    "mailfoogae.appspot.com mailtrack.io mktoresp.com mxpnl.com omtrdc.net pixel.app.returnpath.net pixel.watch "
    "powerinbox.com px.ads.linkedin.com r.superhuman.com readnotify.com rs6.net sc-analytics.appspot.com "
    "scorecardresearch.com t.sidekickopen01.com t.yesware.com trk.klclick.com mailstat.us pixel.monitor1.returnpath.net "
    "bananatag.com cirrusinsight.com contactmonkey.com didtheyreadit.com docsend.com/track mixmax.com/api/track "
    "mailbutler.io/tracking newtonmail.com/track polymail.io/v2 streak.com/api/track toutapp.com vtrack.com"
)
_OPENED = re.compile(
    r"/(?:wf|track(?:ing)?|trk|trck|tr|email|e|mail|ls|imp|event|mt|t|q|v1|pub)/"
    r"(?:open|opened|op|o|pixel|viewed|imp|beacon)(?:[./].*)?$"
    r"|/(?:open|opened|opentrack|trackopen|track_open|email_open|emailopen|lt|on|beacon|pixel|pixeltrack|trackingpixel|"
    r"tracking_pixel|mail_track|readreceipt)\.(?:php|aspx?|ashx|jsp|cgi|gif|png)$"
    r"|^/(?:tr|collect|__utm\.gif|b/ss/.*|I0/.*)$",
)
_PARTS = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#:]+)[^/?#]*([^?#]*)", re.IGNORECASE)
_LENGTH = re.compile(r"\s*(\d{1,6})(?:\.\d*)?\s*(px|%)?")
_STYLE_SIDE = {
    side: re.compile(rf"(?:^|[;\s])(?:max-)?{side}\s*:([^;]*)", re.IGNORECASE) for side in ("width", "height")
}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)", re.IGNORECASE)
_ANCESTORS = 3


def is_known(address: str) -> bool:
    """Whether an absolute address is one of a service that counts openings, or has the shape of such a one."""
    found = _PARTS.match(address)
    if found is None:
        return False
    host, path = found[1].lower().rstrip("."), found[2]
    labels = host.split(".")
    names = [".".join(labels[at:]) for at in range(max(0, len(labels) - 5), len(labels) - 1)]
    starts = ("", "/".join(path.split("/")[:2]), "/".join(path.split("/")[:3]))
    if any(name + start in _HOSTS for name in names for start in starts):
        return True
    # The second is Mailgun's, under a name of its customer.
    return bool(_OPENED.search(path)) or (labels[0] == "email" and path.startswith("/o/"))


def invisible(html: str, normalised: Callable[[str], str]) -> frozenset[str]:
    """The addresses of pictures that nobody can see wherever they stand in ``html``, as ``normalised`` gives them."""
    if "<img" not in html and "<IMG" not in html:
        return frozenset()
    unseen: set[str] = set()
    seen: set[str] = set()
    for image in LexborHTMLParser(html).css("img"):
        if source := image.attributes.get("src"):
            (unseen if _is_invisible(image) else seen).add(normalised(source))
    return frozenset(unseen - seen)


def _is_invisible(image: LexborNode) -> bool:
    style = image.attributes.get("style") or ""
    width = _length(image.attributes.get("width"), style, "width")
    height = _length(image.attributes.get("height"), style, "height")
    sides = [side for side in (width, height) if side is not None]
    if 0 in sides or (sides and max(sides) <= 1):
        return True
    node: LexborNode | None = image
    for _ in range(_ANCESTORS):
        if node is None:
            break
        attributes = node.attributes
        # What is named may be shown again by a rule for narrow screens.
        named = "class" in attributes or "id" in attributes
        if not named and ("hidden" in attributes or _HIDDEN.search(attributes.get("style") or "")):
            return True
        node = node.parent
    return False


def _length(attribute: str | None, style: str, side: str) -> int | None:
    """In pixels, as the style says or else the attribute; a share of something counts as large; None if nothing is said."""
    found = _STYLE_SIDE[side].search(style) if style else None
    length = _LENGTH.match(found[1] if found else attribute or "")
    if length is None:
        return None
    return 10_000 if length[2] == "%" and length[1] != "0" else int(length[1])
