"""The page before a link that is not what it seems: where it goes, what speaks against it, and the way there or back."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webmail.mime import links
from webmail.mime.domains import shown
from webmail.mime.headers import display_text
from webmail.mime.html import link
from webmail.sync.rendering import asked


@login_required
@require_safe
def link_page(request: HttpRequest, token: str) -> HttpResponse:
    """Nothing is fetched and nobody is sent anywhere: the person decides."""
    found = asked(token)
    url = link(found[0]) if found is not None else None
    if found is None or url is None:
        raise Http404
    goes = links.target(url)
    domain = shown(goes.domain)
    # Each piece in the letters it may be shown in: their lengths say nothing about the whole.
    names = goes.host[: len(goes.host) - len(goes.domain)].rstrip(".") if domain else ""
    before = f"{shown(names) or names}." if names else ""
    context = {
        "url": url,
        "sentences": links.dangers(goes, found[1]),
        "before": f"{goes.scheme}://{before}",
        "domain": domain or shown(goes.host) or goes.host,
        "after": display_text(goes.rest),
    }
    response = render(request, "mailbox/link.html", context)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
