"""Documents shown inside the sandboxed frame; they bring their own few styles because they may load none."""

import re

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

STYLE = mark_safe(
    """
:root{color-scheme:%s}
html,body{margin:0;padding:0}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
color:%s;background:%s;overflow-wrap:anywhere;overflow-y:hidden;display:flow-root}
body>:first-child{margin-top:0}
body.paper{padding:12px}
img{max-width:100%%;height:auto}
table{max-width:100%%}
pre{white-space:pre-wrap;font:13px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
a{color:%s}
blockquote{margin:8px 0 8px 0;padding:0 0 0 12px;border-left:2px solid light-dark(#cfcfca,#44474e)}
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
# A mail that sets any colour of its own was designed on white and is shown on white.
COLOURED = re.compile(r"bgcolor|background|color\s*[:=]", re.IGNORECASE)
SCHEMES = {"light": "light", "dark": "dark"}
PAGE = (
    '<!doctype html><html lang="" data-remote="{}"><head><meta charset="utf-8"><meta name="viewport" '
    'content="width=device-width,initial-scale=1"><title>{}</title><base target="_blank"><style>{}</style></head>'
    '<body class="{}">{}</body></html>'
)


def document(written: str, quoted: str, *, remote: int, too_complex: bool, theme: str) -> SafeString:
    """``written`` and ``quoted`` are sanitised HTML; the quoted tail is folded away."""
    paper = bool(COLOURED.search(written)) or bool(COLOURED.search(quoted))
    parts = []
    if too_complex:
        parts.append('<p class="note">This message is too complex to be shown as designed. This is its text.</p>')
    parts.append(written)
    if quoted:
        summary = '<summary title="Show quoted text" aria-label="Show quoted text">•••</summary>'
        parts.append(f'<details class="quote">{summary}{quoted}</details>' if written.strip() else quoted)
    body = mark_safe("\n".join(parts))  # noqa: S308 - came out of the sanitiser
    return _page("", body, remote=remote, scheme="light" if paper else _scheme(theme), paper=paper)


def problem(sentence: str, again: str, *, theme: str) -> SafeString:
    """``again`` is our own path, loaded in the same frame."""
    retry = format_html('<p><a class="button" target="_self" href="{}">Try again</a></p>', again) if again else ""
    return _page("", format_html("<p>{}</p>{}", sentence, retry), scheme=_scheme(theme))


def plain(title: str, text: str, *, theme: str) -> SafeString:
    return _page(title, format_html("<pre>{}</pre>", text), scheme=_scheme(theme), paper=True)


def _page(title: str, body: SafeString, *, remote: int = 0, scheme: str, paper: bool = False) -> SafeString:
    white = paper and scheme == "light"
    colours = ("#1d1e20", "#fff", "#2b5fc7") if white else ("light-dark(#1d1e20,#e9e9ea)", "transparent", LINK)
    style = mark_safe(str(STYLE) % (scheme, *colours))  # noqa: S308 - constants only
    return format_html(PAGE, remote, escape(title), style, "paper" if paper else "plain", body)


def _scheme(theme: str) -> str:
    return SCHEMES.get(theme, "light dark")


LINK = "light-dark(#2b5fc7,#8db2ff)"
