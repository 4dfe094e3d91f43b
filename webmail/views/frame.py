"""Documents shown inside the sandboxed frame; they bring their own few styles because they may load none."""

from dataclasses import dataclass, replace

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from webmail.mime import colours
from webmail.mime.colours import Manner
from webmail.mime.headers import display_text
from webmail.mime.plain import html_to_text

LONGEST_LOOKED_AT = 20_000

STYLE = mark_safe(
    """
:root{color-scheme:%s!important}
html,body{margin:0;padding:0}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
color:%s;background:%s;overflow-wrap:anywhere;overflow-y:hidden;display:flow-root}
body>:first-child{margin-top:0}
body.paper{padding:12px}
img{max-width:100%%;height:auto}
img:not([src]){display:inline-block;overflow:hidden;box-sizing:border-box;position:relative;
background:light-dark(#0000000d,#ffffff14);font-size:13px}
img:not([src])::after{content:attr(alt);position:absolute;inset:0;overflow:hidden;box-sizing:border-box;
background:light-dark(#f2f2f2,#2e2f33);color:light-dark(#5f6368,#b4b7bd)}
img[width][height]:not([src]):is([alt=""],:not([alt])){content:url("data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>")}
img:not([src])[width][height]::after{padding:4px 6px;font:13px/1.4 system-ui,sans-serif}
table{max-width:100%%}
.fluid :is(table,tbody,tr,td,th,div,center){max-width:100%%!important;min-width:0!important}
.fluid :is(table[width],table[style*=width]){width:100%%!important}
.fluid :is(td,th):not([width$="%%"]){width:auto!important}
.fluid img{max-width:100%%!important;height:auto!important}
.inverted,.inverted img{filter:invert(1) hue-rotate(180deg)}
html:has(.inverted){background:#1c1d21}
body.inverted{background:#e3e3e3}
pre{white-space:pre-wrap;font:13px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
a{color:%s}
a[title]:focus-visible::after{content:attr(title);position:absolute;z-index:9;max-width:90%%;margin:1.6em 0 0 -3em;
padding:2px 8px;border-radius:6px;font:13px/1.5 system-ui,sans-serif;background:light-dark(#1d1e20,#e9e9ea);
color:light-dark(#fff,#1d1e20);overflow-wrap:anywhere}
blockquote{margin:8px 0 8px 0;padding:0 0 0 12px;border-left:2px solid light-dark(#cfcfca,#44474e)}
body.by-line,.by-line :is(p,div,li,td,th,h1,h2,h3,h4,pre,blockquote){unicode-bidi:plaintext}
.plain blockquote{color:light-dark(#494b50,#bfc1c6)}
details.quote{margin:12px 0}
details.quote>summary{display:inline-block;list-style:none;cursor:pointer;padding:0 8px;border-radius:6px;
background:light-dark(#ecece8,#2e3036);color:light-dark(#494b50,#bfc1c6);line-height:16px;letter-spacing:1px}
details.quote>summary::-webkit-details-marker{display:none}
.note{color:light-dark(#686b72,#989ba3);font-size:13px}
.button{display:inline-block;padding:6px 12px;border:1px solid light-dark(#cfcfca,#44474e);border-radius:6px;
text-decoration:none}
"""
)
# What a word processor or a webmail wrote as black on white takes the colours of the page where that is dark.
ADAPT = """.adapt :not(summary){color:inherit!important;background:transparent!important}
.adapt a,.adapt a *{color:#8db2ff!important}"""
MOST_OWNERS = 5
SCHEMES = {"light": "light", "dark": "dark"}
PAGE = (
    '<!doctype html><html lang=""{} data-ground="{}"><head><meta charset="utf-8"><meta name="viewport" '
    'content="width=device-width,initial-scale=1"><title>{}</title><base target="_blank"><style>{}</style></head>'
    '<body class="{}">{}</body></html>'
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a mail is shown on; ``css`` is added, ``look`` are classes of the body."""

    scheme: str
    look: str = "plain"
    css: str = ""

    @property
    def name(self) -> str:
        """ "white", "dark", or "system" where that decides."""
        if "inverted" in self.look:
            return "dark"
        return {"light": "white", "dark": "dark"}.get(self.scheme, "system")


WHITE = Ground("light", "paper")


def ground_of(html: str, theme: str, on: str = "") -> Ground:
    """``on``: "white" or "dark" for what the person asked for with this mail."""
    scheme = {"white": "light", "dark": "dark"}.get(on) or _scheme(theme)
    manner = colours.manner(html)
    if on == "white" or (manner == Manner.DESIGNED and on != "dark"):
        return WHITE
    if manner == Manner.DESIGNED:
        return Ground("light", "paper inverted")
    if manner == Manner.FOLLOWS:
        return WHITE if scheme == "light" else Ground(scheme, "paper")
    if manner == Manner.SIMPLE and scheme != "light":
        css = ADAPT if scheme == "dark" else f"@media (prefers-color-scheme:dark){{{ADAPT}}}"
        return Ground(scheme, "plain adapt", css)
    return Ground(scheme)


def document(
    written: str,
    quoted: str,
    *,
    remote: int,
    too_complex: bool,
    theme: str,
    on: str = "",
    shown_by: str = "",
    trackers: tuple[str, ...] = (),
) -> SafeString:
    """``written`` and ``quoted`` are sanitised HTML; the quoted tail is folded away.

    For the note beside the frame: how many pictures are barred, why the others are not, whose trackers were stopped.
    """
    ground = ground_of(written + quoted, theme, on)
    if ground.name != "system":
        written = colours.with_dark_rules(written, on=ground.scheme == "dark")
        quoted = colours.with_dark_rules(quoted, on=ground.scheme == "dark")
    parts = []
    if too_complex:
        parts.append('<p class="note">This message is too complex to be shown as designed. This is its text.</p>')
    parts.append(written)
    if quoted:
        summary = '<summary title="Show quoted text" aria-label="Show quoted text">•••</summary>'
        parts.append(f'<details class="quote">{summary}{quoted}</details>' if says_something(written) else quoted)
    if ground.look.startswith("plain") and "dir=" not in written and "dir=" not in quoted:
        # Nobody said which way it is written: each paragraph goes by its own letters, as in other readers.
        ground = replace(ground, look=f"{ground.look} by-line")
    body = mark_safe("\n".join(parts))  # noqa: S308 - came out of the sanitiser
    data = format_html(
        ' data-remote="{}" data-shown-by="{}" data-trackers="{}" data-tracked="{}"',
        *(remote, shown_by, len(trackers), owners(trackers)),
    )
    return _page("", body, data=data, ground=ground)


def says_something(written: str) -> bool:
    """Whether a person wrote anything above the quote; a mail that was only passed on is not folded away."""
    return "<img" in written or html_to_text(written[:LONGEST_LOOKED_AT]).strip() != ""


def owners(trackers: tuple[str, ...]) -> str:
    """Whose trackers they are, each once, a few by name."""
    names = list(dict.fromkeys(display_text(name) for name in trackers))
    more = len(names) - MOST_OWNERS
    return ", ".join(names[:MOST_OWNERS]) + (f" and {more} more" if more > 0 else "")


def problem(sentence: str, again: str, *, theme: str) -> SafeString:
    """``again`` is our own path, loaded in the same frame."""
    retry = format_html('<p><a class="button" target="_self" href="{}">Try again</a></p>', again) if again else ""
    return _page("", format_html("<p>{}</p>{}", sentence, retry), ground=Ground(_scheme(theme)))


def plain(title: str, text: str, *, theme: str) -> SafeString:
    return _page(title, format_html("<pre>{}</pre>", text), ground=Ground(_scheme(theme), "paper"))


def _page(title: str, body: SafeString, *, data: SafeString | str = "", ground: Ground) -> SafeString:
    white = ground.scheme == "light" and ground.look.startswith("paper")
    used = ("#1d1e20", "#fff", "#2b5fc7") if white else ("light-dark(#1d1e20,#e9e9ea)", "transparent", LINK)
    style = mark_safe(str(STYLE) % (ground.scheme, *used) + ground.css)  # noqa: S308 - constants only
    return format_html(PAGE, data, ground.name, escape(title), style, ground.look, body)


def _scheme(theme: str) -> str:
    return SCHEMES.get(theme, "light dark")


LINK = "light-dark(#2b5fc7,#8db2ff)"
