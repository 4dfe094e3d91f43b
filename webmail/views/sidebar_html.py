"""The lines of a folder tree as HTML: formatted directly, because there may be hundreds in a page of every click.

Names of folders come from a server and go through ``escape``.
"""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString, mark_safe

from webmail.models import SpecialUse

if TYPE_CHECKING:
    from .sidebar import Entry

LINK = (
    '<li><a class="tree-link{unread}" href="{url}" data-folder="{pk}" data-use="{use}" data-title="{title}"{current}{style}>'
    '{icon}<span class="tree-title">{title}</span>{badge}</a></li>\n'
)
BARE = '<li><span class="tree-link"{style}>{icon}<span class="tree-title">{title}</span>{badge}</span></li>\n'
BADGE = '<span class="badge">{}<span class="sr-only"> {}</span></span>'
STYLE = ' style="padding-left:{}px"'
CURRENT = ' aria-current="page"'


def tree_html(entries: "Iterable[Entry]") -> SafeString:
    return mark_safe("".join(_line(entry) for entry in entries))  # noqa: S308 - escaped below, piece by piece


def _line(entry: "Entry") -> str:
    folder = entry.folder
    word = "drafts" if folder.special_use == SpecialUse.DRAFTS else "unread"
    return (LINK if entry.takes_mail else BARE).format(
        unread=" has-unread" if entry.badge else "",
        url=entry.url,
        pk=folder.pk,
        use=folder.special_use,
        title=escape(entry.title),
        current=CURRENT if entry.current else "",
        style=STYLE.format(entry.indent + 12) if entry.depth else "",
        icon=entry.icon,
        badge=BADGE.format(entry.badge, word) if entry.badge else "",
    )
