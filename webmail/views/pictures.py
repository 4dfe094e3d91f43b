"""Remote pictures: what is barred and what the person wants of it, and the proxy that loads them."""

import base64
import logging
from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.pictures import choose_always, domain_key, sender_key
from webmail.errors import MailError
from webmail.mime.headers import display_text
from webmail.models import FetchedPicture, Message
from webmail.outside import pictures as outside
from webmail.outside.address import Refused
from webmail.outside.gate import Gate
from webmail.sync import consent, picture_cache, pictured, rendering
from webmail.sync.rendering import Rendered

from . import frame
from .access import message_of, user_of
from .policy import DOWNLOAD_POLICY

logger = logging.getLogger(__name__)

# A browser asks for six at a time; more than a third of the threads is never held by them (asgi.THREADS).
_gate = Gate(most=8, each=6)
SECONDS = 10.0
ONCE_SECONDS = 12 * 3600
PIECE = 256 * 1024
_once = signing.TimestampSigner(salt="webmail.pictures.once")
_signer = signing.Signer(salt="webmail.picture")


def content(request: HttpRequest, message: Message) -> tuple[Rendered, str]:
    """What stands in the frame, and why its pictures are shown: ``once``, ``sender``, ``domain``, or "" where they are not."""
    body = rendering.rendered(message)
    if not body.remote or not settings.IMAGE_PROXY:
        return body, ""
    user = user_of(request)
    shown_by = "once" if _consents(user.pk, message.pk, request.GET.get("pictures", "")) else ""
    if not shown_by and (choice := consent.chosen(user.pk, message)) is not None:
        shown_by = "domain" if choice.sender.startswith("@") else "sender"
    return (pictured.with_pictures(message, partial(address, user.pk)) if shown_by else body), shown_by


def address(user_id: int, url: str) -> str:
    """Our own address for a remote picture: for this person, today and tomorrow. The same all day, so browsers keep it."""
    value = f"{user_id}:{_today()}:{url}"
    token = base64.urlsafe_b64encode(value.encode()).rstrip(b"=").decode()
    return reverse("picture", args=[_signer.sign(token)])


def read_token(user_id: int, token: str) -> str:
    """The remote address; 404 unless the token was made here, for this person, today or yesterday."""
    try:
        value = _signer.unsign(token)
        owner, day, url = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode().split(":", 2)
    except (signing.BadSignature, ValueError):
        raise Http404 from None
    if owner != str(user_id) or not 0 <= _today() - int(day) <= 1:
        raise Http404
    return url


def _today() -> int:
    return timezone.now().toordinal()


def _consents(user_id: int, message_id: int, token: str) -> bool:
    try:
        return bool(token) and _once.unsign(token, max_age=ONCE_SECONDS) == f"{user_id}:{message_id}"
    except signing.BadSignature:
        return False


@login_required
@require_safe
def picture(request: HttpRequest, token: str) -> HttpResponseBase:
    """A remote picture, loaded by us; 404 for whatever is not one, 503 while too many are being loaded."""
    user = user_of(request)
    url = read_token(user.pk, token)
    if not settings.IMAGE_PROXY:
        raise Http404
    kept = picture_cache.recall(user.pk, url)
    if kept is not None:
        return _kept(kept)
    with _gate.entered(user.pk) as room:
        if not room:
            return HttpResponse(status=503, headers={"Retry-After": "1"})
        try:
            found = outside.fetch(url, limit=settings.MAX_PICTURE_BYTES, seconds=SECONDS)
        except Refused as error:
            logger.info("a remote picture was not loaded: %s", error)
            picture_cache.keep(user.pk, url, None)
            raise Http404 from None
    try:
        picture_cache.keep(user.pk, url, found)
    except OSError:
        logger.exception("a remote picture could not be kept")
    return _fenced(HttpResponse(found.content, content_type=found.type))


def _kept(kept: FetchedPicture) -> HttpResponseBase:
    if not kept.type:
        raise Http404
    try:
        stream = default_storage.open(kept.path, "rb")
    except OSError:
        kept.delete()
        raise Http404 from None
    return _fenced(StreamingHttpResponse(iter(partial(stream.read, PIECE), b""), content_type=kept.type))


def _fenced(response: HttpResponseBase) -> HttpResponseBase:
    """Only ever painted, only by our own pages, and kept by this browser alone."""
    response.headers["Content-Security-Policy"] = DOWNLOAD_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def message_pictures(request: HttpRequest, message_id: int) -> HttpResponse:
    """What is barred in a message, as a page; POST says what is wanted and shows it, for a script as the frame's address."""
    message = message_of(request, message_id)
    if request.method == "POST":
        return _choose(request, message)
    title = display_text(message.subject).strip() or "(no subject)"
    try:
        body, shown_by = content(request, message)
    except MailError as error:
        context = {"message": message, "title": title, "sentence": error.sentence}
        return render(request, "mailbox/pictures.html", context, status=503)
    context = {
        "message": message,
        "title": title,
        "count": said(body.remote, shown_by),
        "tracked": stopped(body.trackers),
        "offered": settings.IMAGE_PROXY and (body.remote or shown_by),
        "stop": shown_by in {"sender", "domain"},
        "address": display_text(message.from_address),
        "domain": domain_key(message.from_address)[1:],
        "frame": _frame(message, request.GET.get("pictures", "")),
    }
    return render(request, "mailbox/pictures.html", context)


def _choose(request: HttpRequest, message: Message) -> HttpResponse:
    user, choice = user_of(request), request.POST.get("choice", "")
    keys = {"sender": sender_key(message.from_address), "domain": domain_key(message.from_address)}
    htmx = request.headers.get("HX-Request") == "true"
    token = _once.sign(f"{user.pk}:{message.pk}") if settings.IMAGE_PROXY else ""
    if choice == "stop":
        user.picture_choices.filter(sender__in=[key for key in keys.values() if key]).delete()
        token = ""
    elif key := keys.get(choice):
        choose_always(user, key)
        if not htmx:
            toasts.success(request, "Images of this sender are loaded from now on. Settings, Security lists them.")
    elif choice != "once":
        return HttpResponse("There is no such choice.", status=422)
    if htmx:
        return JsonResponse({"frame": _frame(message, token)})
    query = f"?{urlencode({'pictures': token})}" if token else ""
    return redirect(reverse("message-pictures", args=[message.pk]) + query)


def _frame(message: Message, token: str) -> str:
    return reverse("message-body", args=[message.pk]) + (f"?{urlencode({'pictures': token})}" if token else "")


def said(remote: int, shown_by: str) -> str:
    if shown_by:
        return "The images of this message are loaded through this server."
    if not remote:
        return "Nothing in this message would be loaded from elsewhere."
    what = "1 remote image is" if remote == 1 else f"{remote} remote images are"
    return f"{what} not loaded, so the sender does not learn that you read this."


def stopped(trackers: tuple[str, ...]) -> str:
    if not trackers:
        return ""
    return f"{len(trackers)} tracker{'' if len(trackers) == 1 else 's'} stopped: {frame.owners(trackers)}."
