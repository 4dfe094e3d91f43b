"""As whom a draft is written: the identities offered, and what changes with another one."""

from dataclasses import replace

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from accounts.models import Identity
from webmail.mime.html import clean_own
from webmail.models import OutgoingMessage
from webmail.outbox import drafts, letter, signature
from webmail.outbox.place import identities_of, may_report, size_limit
from webmail.outbox.smtp_message import megabytes

from .access import outgoing_of, user_of
from .compose import content_url


def with_signature(outgoing: OutgoingMessage, given: drafts.Fields) -> drafts.Fields:
    """What a plain form sent, signed as whom it now is from; a script has done that itself."""
    if given.identity_id is None or given.identity_id == outgoing.identity_id:
        return given
    new = identities_of(outgoing.user).filter(pk=given.identity_id).first()
    if new is None:
        return given
    text = given.text.replace("\r\n", "\n")
    return replace(given, text=signature.swap_text(text, outgoing.identity, new))


@login_required
@require_POST
@cache_control(private=True, no_store=True)
def draft_identity(request: HttpRequest, outgoing_id: int) -> JsonResponse:
    """For the script: the signatures of ``old`` and ``new``, the ``text`` signed anew, and what else is different."""
    outgoing = outgoing_of(request, outgoing_id)
    if outgoing.state not in letter.EDITABLE:
        raise Http404
    old, new = _named(request, "old"), _named(request, "new")
    if new is None:
        raise Http404
    signature.carry_pictures(outgoing, signature.bare_html(new))
    addresses = {row.content_id: content_url(row) for row in outgoing.attachments.exclude(content_id="")}
    outgoing.identity, outgoing.account = new, new.account
    limit = size_limit(new.account, new)
    return JsonResponse(
        {
            "old": clean_own(signature.bare_html(old), cid_url=addresses.get),
            "new": clean_own(signature.bare_html(new), cid_url=addresses.get),
            "place": new.signature_place,
            "text": signature.swap_text(request.POST.get("text", "").replace("\r\n", "\n"), old, new),
            "limit": limit,
            "limit_text": megabytes(limit),
            "reports": may_report(outgoing),
        }
    )


def _named(request: HttpRequest, field: str) -> Identity | None:
    asked = request.POST.get(field, "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 18):
        return None
    return identities_of(user_of(request)).filter(pk=int(asked)).first()
