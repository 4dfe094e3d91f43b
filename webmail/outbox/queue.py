"""From draft to queue: checked, frozen once, and taken back as long as no worker has it."""

import tempfile
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from webmail.errors import GiveUp, Reason
from webmail.mime.address import addresses
from webmail.mime.build import new_message_id, write
from webmail.mime.compose import address_spec
from webmail.models import Notice, OutgoingMessage
from webmail.models.mirror import announce

from . import letter, versions
from .attachments import copy_attachments
from .drafts import Fields, new_draft, same, save_draft, tidy
from .letter import EDITABLE
from .place import endpoint_of, offers_of, size_limit
from .smtp_message import beyond_ascii, check_size, megabytes, not_utf8
from .wake import ask_worker

State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy
DUE_AT_ONCE = 32
SPOOL = 1024 * 1024  # octets of a message that are held in memory while it is built


class NotSaved(GiveUp):
    """The draft is not what the page shows: the text stands in ``copy``, and nothing was sent."""

    def __init__(self, copy: OutgoingMessage, sentence: str) -> None:
        super().__init__(Reason.REFUSED, sentence)
        self.copy = copy


def send(
    outgoing: OutgoingMessage,
    given: Fields,
    revision: int,
    *,
    token: uuid.UUID,
    send_at: datetime | None = None,
    shown: frozenset[int] | None = None,
) -> OutgoingMessage:
    """Save what the page holds and queue it, for ``send_at`` if the person chose a time. The second press of one Send gets
    the first's result (fault F39). ``shown`` are the files that the page lists, if it says so.

    Raise NotSaved if the draft was changed elsewhere meanwhile or has other files, GiveUp with the field's name in
    ``detail`` if something is missing.
    """
    outgoing.refresh_from_db()
    if outgoing.state not in EDITABLE:
        if same(outgoing, tidy(given)):
            return outgoing
        sentence = "This message had already been sent from elsewhere. What you wrote here is kept as a new draft."
        raise NotSaved(save_draft(outgoing, given, revision).outgoing, sentence)
    saved = save_draft(outgoing, given, revision)
    if saved.conflict:
        sentence = "The draft was changed elsewhere. What you wrote here is kept as a new draft; nothing was sent."
        raise NotSaved(saved.outgoing, sentence)
    if shown is not None and shown != {
        row.pk for row in letter.listed(saved.outgoing, saved.outgoing.attachments.all())
    }:
        sentence = (
            "The files of this message are not those that were shown. Look at them, then send it; nothing was sent."
        )
        raise NotSaved(saved.outgoing, sentence)
    return enqueue(saved.outgoing, token=token, send_at=send_at)


def undo_seconds(user: User) -> int:
    """How long what this person sends can be taken back."""
    return settings.SEND_UNDO_SECONDS if user.undo_seconds is None else user.undo_seconds


def enqueue(outgoing: OutgoingMessage, *, token: uuid.UUID, send_at: datetime | None = None) -> OutgoingMessage:
    """Check and queue a draft. Idempotent per token, which every return to the drafts renews.

    The bytes are frozen here if every file is local; otherwise the worker fetches the files and freezes them, once. Those
    of a message for later are made when its time has come, so that Date is the time of sending; its files are fetched now.
    """
    if outgoing.state not in EDITABLE:
        return outgoing
    if outgoing.token != token:
        raise GiveUp(Reason.REFUSED, "This page is out of date. Look at the message again before you send it.")
    touched_at = OutgoingMessage.objects.values_list("updated_at", flat=True).get(pk=outgoing.pk)
    people = letter.recipients(outgoing)
    _check_addresses(outgoing)
    _check_files(outgoing)
    now = timezone.now()
    files = list(outgoing.attachments.all())
    values = {
        "state": State.QUEUED,
        "discarded": False,
        "message_id": new_message_id(letter.sender(outgoing).address.rpartition("@")[2]),
        "envelope_from": "" if letter.is_report(files) else letter.sender(outgoing).address,
        "recipients": results_of(people),
        "send_at": send_at,
        "send_after": send_at or now + timedelta(seconds=undo_seconds(outgoing.user)),
        "held": OutgoingMessage.Held.NO,
        "updated_at": now,
        "lease_until": None,
        "data_begun": False,
        "attempts": 0,
        "sentence": "",
        "sent_at": None,
        "sent_copy": SentCopy.NONE,
        "sent_copy_attempts": 0,
        "sent_copy_begun_at": None,
        "sent_copy_uid": None,
        "sent_copy_uidvalidity": None,
        "raw": "",
    }
    if send_at is None and letter.is_local(files):
        values["raw"] = freeze(outgoing, str(values["message_id"]), letter.open_local)
    standing = OutgoingMessage.objects.filter(
        pk=outgoing.pk,
        state__in=EDITABLE,
        token=token,
        revision=outgoing.revision,
        # A file that came or went while the bytes were made has touched the draft.
        updated_at=touched_at,
    )
    # Those of a try that was refused, or those made just now for nothing.
    needless = outgoing.raw.name if standing.update(**values) else values["raw"]
    if needless:
        outgoing.raw.storage.delete(str(needless))
    outgoing.refresh_from_db()
    if outgoing.state in EDITABLE:
        raise GiveUp(Reason.REFUSED, "The draft was changed elsewhere just now. Look at it again before you send it.")
    versions.keep(outgoing, versions.Reason.SEND)
    ask_worker(outgoing.account_id, timedelta(0))
    announce(outgoing.user_id)
    return outgoing


def results_of(people: Iterable[str]) -> list[dict[str, object]]:
    return [{"address": address, "code": 0, "text": ""} for address in people]


def freeze(outgoing: OutgoingMessage, message_id: str, open_file: letter.Opener) -> str:
    """Build the bytes and store them; return their name in the storage.

    Raise MailError if a file is missing or the outgoing server is known to take nothing so large.
    """
    message = letter.as_mime(outgoing, message_id=message_id, date=timezone.now(), open_file=open_file)
    storage, field = outgoing.raw.storage, outgoing.raw.field
    with tempfile.SpooledTemporaryFile(max_size=SPOOL) as spool:
        try:
            write(cast(BinaryIO, spool), message)
        except ValueError as error:
            raise GiveUp(Reason.ADDRESS, "An address of this message cannot be used.", detail=str(error)) from error
        check_size(spool.tell(), offers_of(endpoint_of(outgoing.account, outgoing.identity)) or {})
        spool.seek(0)
        return storage.save(field.generate_filename(outgoing, f"{uuid.uuid4().hex}.eml"), File(spool))


def freeze_due() -> int:
    """Make the bytes of what was to be sent later and is due, each once, whoever else tries; return of how many."""
    frozen = 0
    waiting = OutgoingMessage.objects.filter(state=State.QUEUED, raw="", held=OutgoingMessage.Held.NO)
    due = waiting.filter(send_after__lte=timezone.now(), user__is_active=True).order_by("send_after", "id")
    for row in due.select_related("account", "identity").prefetch_related("attachments")[:DUE_AT_ONCE]:
        # Without its files a message waits for the account's pass, which fetches them.
        if letter.is_local(row.attachments.all()):
            frozen += freeze_waiting(row, letter.open_local)
    return frozen


def freeze_waiting(row: OutgoingMessage, open_file: letter.Opener) -> bool:
    """Make the bytes of a queued row. False if it was taken back or frozen meanwhile, or cannot be sent as it is."""
    try:
        name = freeze(row, row.message_id, open_file)
    except GiveUp as problem:
        reject(row, f"It could not be sent: {problem.sentence}")
        return False
    waiting = OutgoingMessage.objects.filter(pk=row.pk, state=State.QUEUED, raw="", message_id=row.message_id)
    if not waiting.update(raw=name):
        row.raw.storage.delete(name)
        return False
    announce(row.user_id)
    return True


def _check_addresses(outgoing: OutgoingMessage) -> None:
    """The sender's is one, and the server can handle all of them, as far as is known what it offers (RFC 6531)."""
    sender = letter.sender(outgoing)
    try:
        address_spec(sender.address)
    except ValueError:
        raise GiveUp(Reason.ADDRESS, "The address you write from is not one. Choose another.", detail="from") from None
    endpoint = endpoint_of(outgoing.account, outgoing.identity)
    people = {"from": [sender, *letter.reply_to(outgoing)]} | {
        name: addresses(getattr(outgoing, name)) for name in letter.FIELDS
    }
    beyond = {
        name: address for name, found in people.items() if (address := beyond_ascii(each.address for each in found))
    }
    offers = offers_of(endpoint) if beyond else None
    if offers is not None and "smtputf8" not in offers:
        name, address = next(iter(beyond.items()))
        raise GiveUp(Reason.ADDRESS, not_utf8(endpoint.host, address).sentence, detail=name)


def _check_files(outgoing: OutgoingMessage) -> None:
    """Every local file is here, every other is still named by a message; all of them fit."""
    for row in outgoing.attachments.all():
        if row.file:
            letter.open_local(row).close()
        elif row.message_id is None:
            sentence = f"The file “{row.filename}” is no longer here. Remove it or attach it again."
            raise GiveUp(Reason.GONE, sentence, detail="attachments")
    size = outgoing.attachments.aggregate(octets=Sum("size"))["octets"] or 0
    limit = size_limit(outgoing.account, outgoing.identity)
    if size > limit:
        sentence = f"The files come to {megabytes(size)}; a message can carry {megabytes(limit)}."
        raise GiveUp(Reason.TOO_LARGE, sentence, detail="attachments")


def reject(outgoing: OutgoingMessage, sentence: str) -> None:
    """A queued message cannot be sent as it is: it is the person's again, to be edited."""
    waiting = OutgoingMessage.objects.filter(pk=outgoing.pk, state=State.QUEUED, message_id=outgoing.message_id)
    if waiting.update(state=State.REJECTED, token=uuid.uuid4(), sentence=sentence[:1000]):
        Notice.objects.create(user_id=outgoing.user_id, text=f"“{outgoing}” was not sent. {sentence}"[:1000])
        announce(outgoing.user_id)


def undo(outgoing: OutgoingMessage) -> bool:
    """Back to the drafts, where the time chosen stays proposed. False: too late, a worker has it (fault F40). The number of
    updated rows decides.
    """
    waiting = OutgoingMessage.objects.filter(pk=outgoing.pk, state=State.QUEUED, sent_at__isnull=True)
    with transaction.atomic():
        raw = waiting.select_for_update().values_list("raw", flat=True).first()
        back = waiting.update(
            state=State.DRAFT,
            token=uuid.uuid4(),
            raw="",
            message_id="",
            send_after=None,
            held=OutgoingMessage.Held.NO,
            attempts=0,
            sentence="",
        )
    if back and raw:
        outgoing.raw.storage.delete(str(raw))
    outgoing.refresh_from_db()
    announce(outgoing.user_id)
    return bool(back)


def send_again(outgoing: OutgoingMessage) -> OutgoingMessage:
    """What "try again" means depends on the state.

    Waiting, for whatever: at once. Unclear: the same bytes with the same Message-ID once more, because the person said so.
    Sent, but not to all: a new draft to those who were refused. Sent, but not filed: the copy is filed again. Raise GiveUp
    where there is nothing to repeat.
    """
    now = timezone.now()
    unfiled = OutgoingMessage.objects.filter(pk=outgoing.pk, state=State.SENT, sent_copy=SentCopy.KEPT)
    if unfiled.update(sent_copy=SentCopy.DUE):
        ask_worker(outgoing.account_id)
        announce(outgoing.user_id)
        outgoing.refresh_from_db()
        return outgoing
    if outgoing.state == State.SENT and refused(outgoing):
        return _draft_to_refused(outgoing)
    rows = OutgoingMessage.objects.filter(pk=outgoing.pk, state__in=[State.QUEUED, State.UNCLEAR])
    if not rows.exclude(raw="", state=State.UNCLEAR).update(
        state=State.QUEUED,
        send_at=None,
        send_after=now,
        held=OutgoingMessage.Held.NO,
        data_begun=False,
        sentence="",
        updated_at=now,
        lease_until=None,
    ):
        raise GiveUp(Reason.REFUSED, "There is nothing to send again.")
    outgoing.refresh_from_db()
    ask_worker(outgoing.account_id)
    announce(outgoing.user_id)
    return outgoing


def try_refused(outgoing: OutgoingMessage) -> OutgoingMessage:
    """The same bytes once more, to those alone who were refused. Raise GiveUp where there is nobody, or nothing to send."""
    recipients = [
        each | {"code": 0, "text": ""} if int(each.get("code") or 0) >= 400 else each for each in outgoing.recipients
    ]
    now = timezone.now()
    rows = OutgoingMessage.objects.filter(pk=outgoing.pk, state=State.SENT).exclude(raw="")
    if recipients == outgoing.recipients or not rows.update(
        state=State.QUEUED,
        recipients=recipients,
        send_after=now,
        data_begun=False,
        sentence="",
        updated_at=now,
        lease_until=None,
    ):
        raise GiveUp(Reason.REFUSED, "There is nothing to send again.")
    outgoing.refresh_from_db()
    ask_worker(outgoing.account_id)
    announce(outgoing.user_id)
    return outgoing


def refused(outgoing: OutgoingMessage) -> list[str]:
    return [each["address"] for each in outgoing.recipients if int(each.get("code") or 0) >= 400]


def _draft_to_refused(outgoing: OutgoingMessage) -> OutgoingMessage:
    given = Fields(
        to=", ".join(refused(outgoing)),
        subject=outgoing.subject,
        text=outgoing.text,
        html=outgoing.html,
        plain=outgoing.plain,
        priority=outgoing.priority,
        ask_read=outgoing.ask_read,
        ask_delivered=outgoing.ask_delivered,
        identity_id=outgoing.identity_id,
    )
    with transaction.atomic():
        draft = new_draft(
            outgoing.user,
            outgoing.account,
            given,
            in_reply_to=outgoing.in_reply_to,
            references=outgoing.references,
            answers=outgoing.answers,
            forwards=outgoing.forwards,
        )
        copy_attachments(outgoing, draft)
        OutgoingMessage.objects.filter(pk=outgoing.pk).update(sentence="")
    return draft


def dismiss(outgoing: OutgoingMessage) -> None:
    """The person has read what became of it."""
    rows = OutgoingMessage.objects.filter(pk=outgoing.pk, state=State.SENT)
    rows.update(sentence="")
    rows.filter(sent_copy=SentCopy.KEPT).update(sent_copy=SentCopy.NONE)


def unblock(account_id: int) -> None:
    """The account was edited: what waits for that is due now."""
    waiting = OutgoingMessage.objects.filter(account_id=account_id, state=State.QUEUED, attempts__gt=0)
    waiting.update(send_after=timezone.now())
