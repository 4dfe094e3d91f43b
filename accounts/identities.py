"""Keeping identities: a server of its own is tried before it is saved, a last one stays, drafts keep somebody to be from."""

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from webmail.errors import Reason
from webmail.imap.types import Endpoint
from webmail.mime.params import safe_filename
from webmail.models import OutgoingMessage
from webmail.outbox import queue
from webmail.outbox.attachments import picture_type

from .check import check_outgoing
from .identity_forms import IdentityForm
from .models import Identity, MailAccount, ProviderPreset, SignaturePicture
from .sealed import CredentialsUnreadable
from .servers import EVERYBODY, domain_of
from .signin import OUTGOING_FIELDS, Refused, refuse_to_show

State = OutgoingMessage.State
UNREADABLE = "The stored password cannot be opened. Enter it again."
NOT_ALLOWED = "The administrator of this site decides about servers; this one is not among them."
LARGEST_PICTURE = 512 * 1024
MOST_PICTURES = 60
_UNUSED = timedelta(days=1)
_CID = re.compile(r'"cid:([^"]{1,200})"')


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail of the identity is handed in, as typed; an empty password means: unchanged."""

    endpoint: Endpoint
    username: str
    password: str

    def __repr__(self) -> str:
        return f"<{self.endpoint.host}>"


def server_allowed() -> bool:
    """Whether people name servers here at all; else only those of presets count."""
    return settings.ALLOW_ANY_SERVER and not ProviderPreset.objects.filter(domain=EVERYBODY).exists()


def save(identity: Identity, form: IdentityForm) -> tuple[str, ...]:
    """Keep what a valid form says; return what the person should know. Raise Refused with nothing saved."""
    data = form.cleaned_data
    before = identity.own_server, identity.smtp_username or identity.address
    identity.name, identity.address, identity.reply_to = data["name"], data["address"], data["reply_to"]
    endpoint = form.endpoint_of("smtp")
    said: tuple[str, ...] = ()
    if endpoint is not None:
        server = Server(endpoint, data["smtp_username"], data["smtp_password"])
        said = _verify(identity, server, before, anyhow=bool(data["without_sending"]))
        identity.smtp_host, identity.smtp_port, identity.smtp_security = endpoint.host, endpoint.port, endpoint.security
        identity.smtp_username = server.username
        if server.password:
            identity.smtp_password = server.password
    else:
        identity.smtp_host = identity.smtp_username = ""
        identity.smtp_password = ""
    identity.signature_html = form.cleaned_signature()
    identity.signature_place = data["signature_place"] or Identity.SignaturePlace.ABOVE
    identity.sent_rule, identity.sent_folder_id = form.rule()
    with transaction.atomic():
        _store(identity, is_default=bool(data["is_default"]))
    queue.unblock(identity.account_id)
    _forget_pictures(identity.account)
    return said + _doubts(identity)


def _verify(
    identity: Identity, server: Server, before: tuple[Endpoint | None, str], *, anyhow: bool
) -> tuple[str, ...]:
    username = server.username or identity.address
    moved = (server.endpoint, username) != before
    if moved and not _allowed(server.endpoint):
        raise Refused([("smtp_host", NOT_ALLOWED)])
    known = (before[0].host,) if before[0] is not None and identity.smtp_password else ()
    refuse_to_show("smtp_password", server.endpoint.host, known, entered=bool(server.password))
    password = server.password
    if not password:
        try:
            password = identity.smtp_password.reveal()
        except CredentialsUnreadable as error:
            raise Refused([("smtp_password", UNREADABLE)]) from error
    if not moved and not server.password:
        return ()
    checked = check_outgoing(server.endpoint, username, password)
    if checked.ok:
        return ()
    if anyhow:
        return (f"Saved, but sending does not work: {checked.sentence}",)
    reason = checked.error.reason if checked.error is not None else Reason.HOST
    raise Refused([(OUTGOING_FIELDS.get(reason, "smtp_host"), checked.sentence)], sending_failed=True)


def _allowed(endpoint: Endpoint) -> bool:
    if server_allowed():
        return True
    return ProviderPreset.objects.filter(
        smtp_host__iexact=endpoint.host, smtp_port=endpoint.port, smtp_security=endpoint.security
    ).exists()


def _store(identity: Identity, *, is_default: bool) -> None:
    others = Identity.objects.filter(account=identity.account).exclude(pk=identity.pk)
    identity.is_default = is_default or not others.filter(is_default=True).exists()
    if identity.is_default:
        others.update(is_default=False)
    if identity.pk is None:
        last = others.aggregate(last=Max("position"))["last"]
        identity.position = 0 if last is None else last + 1
    identity.save()


def _doubts(identity: Identity) -> tuple[str, ...]:
    """What may go wrong with this address, although everything works."""
    account = identity.account
    if identity.own_server is not None or domain_of(identity.address) == domain_of(account.address):
        return ()
    through = account.smtp_host or "the account’s server"
    sentence = (
        f"Mail from {identity.address} goes out through {through}, which may refuse to send for another domain, or"
        " recipients may take it for junk. If so, give this identity its own server."
    )
    return (sentence,)


def remove(identity: Identity) -> None:
    """Drafts go over to another one of the account. Raise Refused where it cannot go (yet)."""
    with transaction.atomic():
        others = Identity.objects.filter(account=identity.account).exclude(pk=identity.pk)
        heir = others.order_by("-is_default", "position", "id").first()
        if heir is None:
            raise Refused([(None, f"This is the only identity of {identity.account}, so it stays.")])
        rows = OutgoingMessage.objects.filter(identity=identity, discarded=False)
        waiting = rows.filter(state__in=[State.QUEUED, State.SENDING, State.UNCLEAR]).count()
        if waiting:
            what = "A message is" if waiting == 1 else f"{waiting} messages are"
            sentence = f"{what} still on the way from {identity.address}. Look at the outbox first."
            raise Refused([(None, sentence)])
        # Their copies on the server name the old one, so they are made anew.
        OutgoingMessage.objects.filter(identity=identity, state__in=[State.DRAFT, State.REJECTED]).update(
            identity=heir, saved_revision=0
        )
        if identity.is_default:
            others.filter(pk=heir.pk).update(is_default=True)
        identity.delete()
    _forget_pictures(identity.account)


def move_up(identity: Identity) -> None:
    """One place towards the beginning of the account's list."""
    with transaction.atomic():
        rows = list(Identity.objects.select_for_update().filter(account=identity.account))
        at = next((number for number, row in enumerate(rows) if row.pk == identity.pk), 0)
        if at:
            rows[at - 1], rows[at] = rows[at], rows[at - 1]
        for position, row in enumerate(rows):
            if row.position != position:
                Identity.objects.filter(pk=row.pk).update(position=position)


def keep_picture(account: MailAccount, stream: BinaryIO, filename: str) -> SignaturePicture:
    """Raise Refused for what is no picture, too large or one too many."""
    file = File(stream)
    kind = picture_type(stream.read(64))
    stream.seek(0)
    if not kind:
        raise Refused([(None, "Only pictures of type PNG, JPEG, GIF or WebP can stand in a signature.")])
    if file.size > LARGEST_PICTURE:
        raise Refused([(None, f"A picture in a signature can have {LARGEST_PICTURE // 1024} kB at most.")])
    _forget_pictures(account)
    if account.signature_pictures.count() >= MOST_PICTURES:
        raise Refused([(None, "There are too many pictures in the signatures of this account.")])
    name = uuid.uuid4().hex
    row = SignaturePicture(
        account=account,
        content_id=f"{name}@webmail",
        filename=(safe_filename(filename) or "picture")[:255],
        content_type=kind,
        size=file.size,
    )
    row.file.save(name, file, save=False)
    row.save()
    return row


def _forget_pictures(account: MailAccount) -> None:
    """Those that no signature shows and nobody has put there just now."""
    signatures = Identity.objects.filter(account__user_id=account.user_id).values_list("signature_html", flat=True)
    shown = {name for html in signatures for name in _CID.findall(html)}
    old = SignaturePicture.objects.filter(account=account, created_at__lt=timezone.now() - _UNUSED)
    for row in old.exclude(content_id__in=shown):
        storage, file = row.file.storage, str(row.file.name)
        row.delete()
        storage.delete(file)
