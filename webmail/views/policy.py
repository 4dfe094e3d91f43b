"""Headers of every answer: what a page may load, and that mail is not kept by caches."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

APP_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Widths and heights set on elements; a stylesheet or <style> from elsewhere stays barred.
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    ]
)
# The document of a message: no script, no network but our own pictures, even if the sanitiser were wrong.
MESSAGE_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; font-src 'none'; form-action 'none'; "
    "base-uri 'none'; sandbox allow-popups allow-popups-to-escape-sandbox allow-same-origin; frame-ancestors 'self'"
)
# The same for paper. Without a script in it nothing in the document asks; the page that opened it may have it printed.
PRINT_POLICY = MESSAGE_POLICY.replace("sandbox ", "sandbox allow-modals ")
DOWNLOAD_POLICY = "default-src 'none'; sandbox; frame-ancestors 'self'"
# Browsers show no PDF in a sandbox; their viewer keeps the document away from this origin by itself.
PDF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
# A page of ours with its own few styles; not sandboxed, or its link could not start a download.
NOTE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


class ContentPolicyMiddleware:
    """Add the app's Content-Security-Policy and ``no-store`` unless the view chose its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", APP_POLICY)
        response.headers.setdefault("Cache-Control", "no-store, private")
        return response
