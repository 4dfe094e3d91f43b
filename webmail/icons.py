"""The one way an icon gets into a page."""

from functools import cache

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString


@cache
def icon(name: str, extra: str = "") -> SafeString:
    """A symbol of the sprite; always beside a text or inside something with an accessible name."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#i-{}"></use></svg>',
        f" {extra}" if extra else "",
        static("dist/icons.svg"),
        name,
    )
