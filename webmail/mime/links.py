"""Where a link in a mail really goes, and what speaks against following it without a look. Nothing here raises."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from django.utils.html import escape

from webmail.mime.domains import ascii_form, is_known_suffix, is_odd, looks_like, organisation, shown, unicode_form
from webmail.mime.headers import display_text

# Given the target and the name its text shows: our page that asks first, or None where there can be none.
Guard = Callable[[str, str], str | None]

_ANCHOR = re.compile(r'<(a|area)((?:\s[^\s"=<>/]+(?:="[^"]*")?)*)\s*/?>')
_HREF = re.compile(r'\shref="(https?:[^"]*)"', re.IGNORECASE)
_TITLE = re.compile(r'\stitle="[^"]*"')
_TAG = re.compile(r"<[^<>]*>")
_TEXT_READ = 4_000
_TEXT_LIMIT = 500
_TITLE_LIMIT = 140
# Of one text. Judging a host takes a tenth of a millisecond, and a page that asks first has a long address.
MOST_JUDGED, MOST_ASKED = 5_000, 500
# As browsers split it (WHATWG URL): a backslash is a slash, and any number of them begins the authority.
_AUTHORITY = re.compile(r"(https?):[/\\]*([^/\\?#]*)(.*)\Z", re.IGNORECASE | re.DOTALL)
_PORT = re.compile(r":\d*\Z")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}\.?\Z", re.IGNORECASE)
_SHOWN = re.compile(
    r"(?:(https?):[/\\]{2})?(?:[^\s@/\\]{1,64}@)?((?:[\w-]{1,63}\.){1,10}[\w-]{2,63})\.?(?::\d{1,5})?(?:[/\\?#]\S*)?\Z",
    re.IGNORECASE,
)
_AROUND = "<>()[]{}\"'“”„‚‘’«»‹›.,:;!?…→▶► \t\r\n\xa0"
_MAIL = re.compile(r"[^\s@/\\:]+@[^\s@/\\]+\Z")
# Endings of files that are suffixes of domains as well: "notes.md" names no host.
_FILES = frozenset({"app", "cc", "md", "mov", "pl", "ps", "py", "rs", "sh", "so", "zip"})
# Names that are imitated most; looking like one of them without being it is enough to ask.
_IMITATED = (
    "adobe.com amazon.com amazon.de americanexpress.com apple.com bankofamerica.com binance.com chase.com "
    "coinbase.com dhl.com docusign.com dropbox.com ebay.com facebook.com fedex.com github.com gmail.com "
    "google.com hsbc.com icloud.com instagram.com linkedin.com live.com mastercard.com microsoft.com "
    "microsoftonline.com netflix.com office.com outlook.com paypal.com sparkasse.de spotify.com "
    "steampowered.com telekom.de twitter.com ups.com usps.com visa.com wellsfargo.com whatsapp.com yahoo.com"
)
_FAMOUS = _IMITATED.split()
_LOOKS = {looks_like(domain): domain for domain in _FAMOUS}
_INSIDE = re.compile(r"(?:^|\.)(" + "|".join(map(re.escape, _FAMOUS)) + r")\.")
# What no style sheet of the mail can take away. Of no colour of its own: a mail with any is shown on white.
_MARK = (
    ' <span role="img" aria-label="{0}" title="{0}" style="display:inline!important;visibility:visible!important;'
    "opacity:1!important;position:static!important;font:12px sans-serif!important;border:1px solid!important;"
    'padding:0 4px!important;border-radius:6px!important;cursor:help">&#9888;&#65038;</span>'
)


@dataclass(frozen=True, slots=True)
class Target:
    """``host`` as A-labels or a number, "" where it cannot be read; ``domain`` is whose it is; ``rest`` begins with a slash."""

    scheme: str
    user: str
    host: str
    domain: str
    rest: str

    @property
    def readable(self) -> str:
        """The whole address for people: without the user, the host as it may be shown."""
        return display_text(f"{self.scheme}://{shown(self.host) or self.host}{self.rest}")


def target(url: str) -> Target:
    """The pieces of an http or https address, as a browser takes them."""
    found = _AUTHORITY.match(url)
    if found is None:
        return Target("", "", "", "", url)
    user, _, place = found[2].rpartition("@")
    host = _PORT.sub("", place)
    return Target(found[1].lower(), unquote(user), *_host(host), found[3])


@lru_cache(maxsize=4096)
def _host(written: str) -> tuple[str, str]:
    host = unquote(written)
    if host.startswith("["):
        return host.lower(), ""
    name = ascii_form(host)
    return name or ("" if not _NUMBER.match(host) else host), organisation(name)


def shown_host(text: str) -> str:
    """The host that the text of a link names, as A-labels; "" where it names none."""
    words = text.strip(_AROUND).split()
    if len(words) > 1:
        words = [word for word in words if word.lower().lstrip(_AROUND).startswith(("http://", "https://", "www."))]
    word = words[0].strip(_AROUND) if words else ""
    if len(word) > _TEXT_LIMIT or _MAIL.match(word) or (found := _SHOWN.match(word)) is None:
        return ""
    host = ascii_form(found[2])
    sure = found[1] or host.startswith("www.")
    if not sure and (host.rpartition(".")[2] in _FILES or not is_known_suffix(host)):
        return ""
    return host if organisation(host) else ""


def dangers(goes: Target, named: str = "") -> list[str]:
    """Sentences that speak against following a link unseen; ``named`` is the host its text shows."""
    found = list(_of_host(goes.host))
    place = shown(goes.domain) or goes.host
    if goes.user:
        found.insert(
            0, f"The address begins with “{display_text(goes.user)[:60]}@”, which says nothing: it goes to {place}."
        )
    if named and organisation(named) != goes.domain:
        found.insert(0, f"The text shows {shown(named)}, but the link goes to {place or 'somewhere else'}.")
    return found


@lru_cache(maxsize=4096)
def _of_host(host: str) -> tuple[str, ...]:
    if not host:
        return ("Where this link goes cannot be read for certain.",)
    if host.startswith("[") or _NUMBER.match(host):
        return (f"The link goes to the number {host} instead of a name.",)
    domain = organisation(host)
    famous = _LOOKS.get(looks_like(host), "")
    if famous and domain != famous:
        return (f"{shown(domain)} looks like {famous}, but is another place.",)
    if is_odd(host):
        return (f"{shown(host)} is written with letters that look like others: {display_text(unicode_form(host))}.",)
    before = host[: -len(domain)] if domain else ""
    if before and (found := _INSIDE.search(before)) and found[1] != domain:
        return (f"{host} belongs to {shown(domain)}, not to {found[1]}.",)
    return ()


def mark(html: str, guard: Guard) -> str:
    """Sanitised ``html`` with the true target as title of every web link; where something speaks against it, a mark and
    the page of ``guard`` in its place. A title the sender gave to a link is dropped. Takes linear time.

    Of more than ``MOST_JUDGED`` links, or ``MOST_ASKED`` that deceive, the others are links no longer.
    """
    if "<a" not in html:
        return html
    out: list[str] = []
    end = after = judged = asked = 0
    waiting = ""
    for found in _ANCHOR.finditer(html):
        if waiting and after <= found.start():
            out += [html[end:after], waiting]
            end, waiting = after, ""
        name, attributes = found[1], _TITLE.sub("", found[2])
        out.append(html[end : found.start()])
        end = found.end()
        if (href := _HREF.search(attributes)) is not None and (judged >= MOST_JUDGED or asked >= MOST_ASKED):
            attributes = _HREF.sub("", attributes)
        elif href is not None:
            judged += 1
            closing = html.find("</a>", end, end + _TEXT_READ) if name == "a" else -1
            text = _text(html[end : closing if closing >= 0 else end + _TEXT_LIMIT]) if name == "a" else ""
            attributes, said = _changed(attributes, href, text, guard)
            asked += bool(said)
            if said and closing >= 0:
                waiting, after = _MARK.format(escape(said)), closing + len("</a>")
        out.append(f"<{name}{attributes}>")
    if waiting:
        out += [html[end:after], waiting]
        end = after
    out.append(html[end:])
    return "".join(out)


def _changed(attributes: str, href: re.Match[str], text: str, guard: Guard) -> tuple[str, str]:
    """The attributes of a link with its title and, where something speaks against it, another target; and that sentence."""
    url = unescape(href[1])
    named = shown_host(text) if "." in text else ""
    goes = target(url)
    said = next(iter(dangers(goes, named)), "")
    if said:
        instead = guard(url, named)
        attributes = _HREF.sub(f' href="{escape(instead)}"' if instead else "", attributes)
    elif text == url:
        return attributes, ""
    return f'{attributes} title="{escape(_short(f"{said} {goes.readable}".strip()))}"', said


def _text(inside: str) -> str:
    return display_text(unescape(_TAG.sub("", inside) if "<" in inside else inside)).strip()[:_TEXT_LIMIT]


def _short(text: str) -> str:
    return text if len(text) <= _TITLE_LIMIT else f"{text[: _TITLE_LIMIT - 1]}…"
