"""What is being written: created, saved without ever losing a text, thrown away and taken back."""

from dataclasses import dataclass, fields
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Identity, MailAccount, User
from webmail.errors import GiveUp, Reason
from webmail.mime.charset import storable
from webmail.mime.html import clean_own
from webmail.models import Message, OutgoingMessage, SpecialUse
from webmail.models.mirror import announce, change, hold

from . import versions
from .attachments import copy_attachments
from .letter import EDITABLE, default_identity
from .signature import carry_pictures
from .wake import DISCARD_KEPT, QUIET, ask_worker

State = OutgoingMessage.State
LONGEST_FIELD = 100_000
LONGEST_TEXT = 2_000_000
LONGEST_WAIT = 366
TAKEN_WITHIN = timedelta(minutes=2)  # by the server, after the last keystroke


class TooLong(GiveUp):
    """A field holds more than is kept; ``detail`` names it."""

    def __init__(self, field: str, what: str, limit: int) -> None:
        sentence = f"{what} too long: {limit:,} characters are the most a message can hold."
        super().__init__(Reason.TOO_LARGE, sentence, detail=field)


@dataclass(frozen=True)
class Fields:
    """What the composer's form holds."""

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    plain: bool = False
    priority: str = ""
    ask_read: bool = False
    ask_delivered: bool = False
    identity_id: int | None = None
    remind_after: int = 0


@dataclass(frozen=True)
class Saved:
    """``outgoing`` holds the text now; ``conflict``: it is a new draft, because the other was changed meanwhile."""

    outgoing: OutgoingMessage
    conflict: bool = False


def check_length(given: Fields) -> None:
    """Raise TooLong: what a person has written is never cut."""
    for field in ("to", "cc", "bcc"):
        if len(getattr(given, field)) > LONGEST_FIELD:
            raise TooLong(field, "This list of addresses is", LONGEST_FIELD)
    if max(len(given.text), len(given.html)) > LONGEST_TEXT:
        raise TooLong("text", "The text is", LONGEST_TEXT)


def tidy(given: Fields) -> Fields:
    """Storable, bounded, one line where there is one line, and HTML by the rules of our own."""

    def line(text: str, limit: int = LONGEST_FIELD) -> str:
        return " ".join(storable(text).split())[:limit]

    return Fields(
        to=line(given.to),
        cc=line(given.cc),
        bcc=line(given.bcc),
        subject=line(given.subject, 2000),
        text=storable(given.text).replace("\r\n", "\n")[:LONGEST_TEXT],
        html="" if given.plain else clean_own(given.html[:LONGEST_TEXT]),
        plain=given.plain,
        priority=given.priority if given.priority in OutgoingMessage.Priority.values else "",
        ask_read=given.ask_read,
        ask_delivered=given.ask_delivered,
        identity_id=given.identity_id,
        remind_after=max(0, min(given.remind_after, LONGEST_WAIT)),
    )


def new_draft(
    user: User,
    account: MailAccount,
    given: Fields,
    *,
    in_reply_to: str = "",
    references: str = "",
    answers: Message | None = None,
    forwards: Message | None = None,
) -> OutgoingMessage:
    given = tidy(given)
    identity = _identity(user.pk, given)
    identity = identity or default_identity(account)
    draft = OutgoingMessage.objects.create(
        user=user,
        account=identity.account if identity else account,
        identity=identity,
        **_columns(given),
        in_reply_to=in_reply_to[:998],
        references=references,
        answers=answers,
        forwards=forwards,
        # Nothing was written yet: there is nothing to save on the server.
        revision=1,
        saved_revision=1,
    )
    carry_pictures(draft, given.html)
    return draft


def save_draft(outgoing: OutgoingMessage, given: Fields, revision: int, *, writer: str = "") -> Saved:
    """Keep what was written on top of ``revision``, the one the page knows; ``writer`` is the open page, if it has a name.

    If the draft was changed from elsewhere meanwhile, or is already on its way, the text becomes a draft of its own:
    nothing is overwritten, nothing is lost (fault F43). Saving the same again changes nothing, so a save whose answer was
    lost can be repeated.
    """
    given = tidy(given)
    identity = _identity(outgoing.user_id, given)
    columns = _columns(given)
    if identity is not None:
        columns |= {"identity": identity, "account_id": identity.account_id}
    if writer:
        columns["writer"] = writer
    with transaction.atomic():
        if same(outgoing, given):
            return Saved(outgoing)
        hold(outgoing.user_id)
        standing = OutgoingMessage.objects.filter(pk=outgoing.pk, revision=revision, state__in=EDITABLE)
        if outgoing.revision == revision:
            versions.keep_before(outgoing, text=given.text, html=given.html, writer=writer)
        before = outgoing.account_id
        saved = standing.update(**columns, revision=F("revision") + 1, updated_at=timezone.now(), discarded=False)
        if saved:
            outgoing.refresh_from_db()
            if outgoing.account_id != before:
                _leave_account(outgoing, before)
            ask_worker(outgoing.account_id, QUIET)
            announce(outgoing.user_id)
            return Saved(outgoing)
        if same(outgoing, given):
            return Saved(outgoing)  # the other one was this text, too
    return Saved(_copy(outgoing, given), conflict=True)


def same(outgoing: OutgoingMessage, given: Fields) -> bool:
    """Whether the row as it stands now says what ``given``, which is tidy, says; ``outgoing`` is read again."""
    outgoing.refresh_from_db()
    mine = _columns(given)
    return all(getattr(outgoing, name) == value for name, value in mine.items()) and given.identity_id in {
        None,
        outgoing.identity_id,
    }


def _columns(given: Fields) -> dict[str, object]:
    return {field.name: getattr(given, field.name) for field in fields(given) if field.name != "identity_id"}


def _identity(user_id: int, given: Fields) -> Identity | None:
    if given.identity_id is None:
        return None
    own = Identity.objects.filter(account__user_id=user_id).select_related("account")
    return own.filter(pk=given.identity_id).first()


def _leave_account(outgoing: OutgoingMessage, account_id: int) -> None:
    """The draft is written as somebody of another account: its copy on the server of the first one has to go."""
    if outgoing.draft_uid is None and not outgoing.copy_message_id:
        return
    OutgoingMessage.objects.create(
        user_id=outgoing.user_id,
        account_id=account_id,
        discarded=True,
        draft_uid=outgoing.draft_uid,
        draft_uidvalidity=outgoing.draft_uidvalidity,
        copy_message_id=outgoing.copy_message_id,
    )
    ask_worker(account_id)
    OutgoingMessage.objects.filter(pk=outgoing.pk).update(
        draft_uid=None,
        draft_uidvalidity=None,
        copy_message_id="",
        copy_confirmed=False,
        saved_revision=0,
        draft_message=None,
    )
    outgoing.refresh_from_db()


def _copy(outgoing: OutgoingMessage, given: Fields) -> OutgoingMessage:
    """A draft of its own; the one that was made before, if only the answer was lost."""
    mine = OutgoingMessage.objects.filter(
        user_id=outgoing.user_id,
        pk__gt=outgoing.pk,
        state=State.DRAFT,
        discarded=False,
        in_reply_to=outgoing.in_reply_to,
        answers=outgoing.answers_id,
        forwards=outgoing.forwards_id,
        **_columns(given),
    )
    with transaction.atomic():
        hold(outgoing.user_id)
        if (made := mine.order_by("pk").last()) is not None:
            return made
        copy = new_draft(
            outgoing.user,
            outgoing.account,
            given,
            in_reply_to=outgoing.in_reply_to,
            references=outgoing.references,
            answers=outgoing.answers,
            forwards=outgoing.forwards,
        )
        OutgoingMessage.objects.filter(pk=copy.pk).update(saved_revision=0)
        copy_attachments(outgoing, copy)
        ask_worker(copy.account_id, QUIET)
        announce(copy.user_id)
    return copy


def discard(outgoing: OutgoingMessage) -> bool:
    """Throw a draft away; for a while it can be restored. False if it is already on its way."""
    with change(outgoing.user_id) as changed:
        standing = OutgoingMessage.objects.filter(pk=outgoing.pk, state__in=[*EDITABLE, State.UNCLEAR])
        if not standing.update(discarded=True, updated_at=timezone.now()):
            return False
        for message in server_copies(outgoing):
            changed.message(message)
            Message.objects.filter(pk=message.pk).update(shown_in=None)
        ask_worker(outgoing.account_id, DISCARD_KEPT)
    return True


def restore(outgoing: OutgoingMessage) -> bool:
    """Take a discarded draft back. False if it is gone for good."""
    with change(outgoing.user_id) as changed:
        standing = OutgoingMessage.objects.filter(pk=outgoing.pk, discarded=True)
        if not standing.update(discarded=False, updated_at=timezone.now(), saved_revision=0):
            return False
        for message in server_copies(outgoing):
            changed.message(message)
            Message.objects.filter(pk=message.pk, missing_since__isnull=True).update(shown_in=F("folder"))
        ask_worker(outgoing.account_id, QUIET)
    return True


def only_here(before: object) -> Q:
    """Drafts that no folder shows, left alone since ``before``: the server has not taken what was written, for whatever."""
    written = Q(state=State.DRAFT, discarded=False, updated_at__lt=before) & ~Q(revision=1, saved_revision=1)
    return written & (Q(draft_uid__isnull=True) | (Q(copy_confirmed=False) & ~Q(copy_message_id="")))


def server_copies(outgoing: OutgoingMessage) -> list[Message]:
    """The rows of the mirror that are this draft's copy on the server."""
    if outgoing.draft_uid is None and not outgoing.copy_message_id:
        return []
    drafts = Message.objects.filter(account_id=outgoing.account_id, folder__special_use="drafts")
    found: list[Message] = []
    if outgoing.draft_uid is not None:
        found += drafts.filter(uidvalidity=outgoing.draft_uidvalidity, uid=outgoing.draft_uid)
    if outgoing.copy_message_id:
        named = drafts.filter(message_id=outgoing.copy_message_id)
        if outgoing.copy_confirmed:
            # Under its Message-ID another program may have left a text of its own.
            named = named.exclude(uid__isnull=False, uidvalidity=outgoing.draft_uidvalidity)
        found += [row for row in named if row not in found]
    return found


def in_drafts(message: Message) -> bool:
    """Only there its number is one of a draft's copy: other folders may have the same UIDVALIDITY."""
    return message.folder.special_use == SpecialUse.DRAFTS


def draft_of(message: Message) -> OutgoingMessage | None:
    """The row whose copy on the server this message is, until it is sent."""
    rows = OutgoingMessage.objects.filter(account_id=message.account_id, discarded=False).exclude(state=State.SENT)
    found = rows.filter(draft_message=message).first()
    if found is None and message.uid and in_drafts(message):
        found = rows.filter(draft_uidvalidity=message.uidvalidity, draft_uid=message.uid).first()
    if found is None and message.message_id:
        named = rows.filter(copy_message_id=message.message_id)
        if message.uid is not None:
            named = named.exclude(copy_confirmed=True, draft_uidvalidity=message.uidvalidity)
        found = named.first()
    return found
