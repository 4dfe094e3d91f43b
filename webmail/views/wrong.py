"""What is said where there is nothing, where somebody may not go, and where the product failed: a page, or a sentence."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

NOTHING = "This is not here, or not any more."
NOT_ALLOWED = "You may not see this."
STALE = "This page is older than your sign-in. Load it again, then repeat what you did."
MALFORMED = "This request could not be understood."
FAILED = "Something went wrong here. It has been noted for the administrator of this site."


def _said(request: HttpRequest, status: int, title: str, sentence: str, *, bare: bool = False) -> HttpResponse:
    """A page for who opens one; the sentence alone for a script, a frame or a picture.

    ``bare`` asks neither session nor database: either may be what failed.
    """
    wanted = request.headers.get("Sec-Fetch-Dest", "document")
    if wanted != "document" or request.headers.get("HX-Request"):
        return HttpResponse(sentence, content_type="text/plain; charset=utf-8", status=status)
    context = {"title": title, "sentence": sentence}
    return HttpResponse(render_to_string("wrong.html", context, None if bare else request), status=status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _said(request, 404, "Nothing here", f"{NOTHING} A message may have been moved or deleted meanwhile.")


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _said(request, 403, "Not for you", NOT_ALLOWED)


def malformed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _said(request, 400, "Not understood", MALFORMED)


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The proof against forgery is missing or of another session: mostly a page from before the last sign-in."""
    return _said(request, 403, "This page is out of date", STALE)


def failed(request: HttpRequest) -> HttpResponse:
    return _said(request, 500, "That did not work", FAILED, bare=True)
