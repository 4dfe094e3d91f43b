"""The outbox: everything that is not finally sent, what was sent just now, and the answers that are waited for."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from webmail.mime.headers import display_text
from webmail.models import Notice, OutgoingMessage, Reminder
from webmail.outbox import drafts, queue

from .access import user_of
from .when import Clock, clock_of

State, SentCopy, Held = OutgoingMessage.State, OutgoingMessage.SentCopy, OutgoingMessage.Held
RECENT = timedelta(minutes=15)
OUTBOX_ROWS = 200
PEOPLE_SHOWN = 50
private = cache_control(private=True, no_store=True)

NEEDS, MOVING, LATER, HERE, SENT = "Needs you", "On its way", "Scheduled", "Drafts kept here", "Sent just now"


@dataclass
class Entry:
    """One outgoing message in plain words. ``until``: when sending begins, for a countdown; ``people``: what each server
    answer says of one recipient."""

    row: OutgoingMessage
    group: str
    state: str
    when: str
    tone: str = ""
    until: datetime | None = None
    people: list[tuple[str, str, str]] = field(default_factory=list)
    refused: int = 0
    hint: str = ""
    can: frozenset[str] = frozenset()

    @property
    def to(self) -> str:
        return self.row.to or self.row.cc or self.row.bcc


@login_required
@require_GET
@private
def outbox(request: HttpRequest) -> HttpResponse:
    clock = clock_of(request)
    user = user_of(request)
    now = timezone.now()
    rows = list(
        OutgoingMessage.objects.filter(user=user, discarded=False)
        .filter(
            Q(state__in=[State.QUEUED, State.SENDING, State.REJECTED, State.UNCLEAR])
            | Q(state=State.SENT, sent_at__gt=now - RECENT)
            | Q(state=State.SENT, sent_copy=SentCopy.KEPT)
            | (Q(state=State.SENT) & ~Q(sentence=""))
            | drafts.only_here(now - drafts.TAKEN_WITHIN)
        )
        .select_related("account")
        .order_by("-updated_at")[:OUTBOX_ROWS]
    )
    entries = [entry_of(row, clock, now) for row in rows]
    groups = [
        (title, [entry for entry in entries if entry.group == title]) for title in (NEEDS, MOVING, LATER, HERE, SENT)
    ]
    told = Notice.objects.filter(reminder=OuterRef("pk"), dismissed_at__isnull=True)
    open_ones = Q(state=Reminder.State.WAITING) | (Q(state=Reminder.State.DUE) & Exists(told))
    reminders = list(Reminder.objects.filter(open_ones, user=user)[:OUTBOX_ROWS])
    for reminder in reminders:
        reminder.when = clock.label(reminder.due_at)  # type: ignore[attr-defined]
        reminder.sent = clock.label(reminder.sent_at)  # type: ignore[attr-defined]
    context = {
        "groups": [(title, found) for title, found in groups if found],
        "reminders": reminders,
        "moving": any(entry.group == MOVING for entry in entries),
    }
    return render(request, "compose/outbox.html", context)


def entry_of(row: OutgoingMessage, clock: Clock, now: datetime) -> Entry:
    entry = _entry(row, clock, now)
    entry.people = people_of(row)
    return entry


def _entry(row: OutgoingMessage, clock: Clock, now: datetime) -> Entry:
    when = clock.label(row.sent_at or row.updated_at).short
    if row.state == State.QUEUED:
        return _waiting(row, clock, now, when)
    if row.state == State.DRAFT:
        entry = Entry(row, HERE, "Not on the mail server", when, can=frozenset({"write", "discard"}))
        entry.hint = "The server has not taken what you wrote last. It is safe here; other programs do not show it."
        return entry
    if row.state == State.SENDING:
        return Entry(row, MOVING, "Being sent", when)
    if row.state == State.REJECTED:
        return Entry(row, NEEDS, "Not sent", when, "danger", can=frozenset({"edit", "discard"}))
    if row.state == State.UNCLEAR:
        entry = Entry(row, NEEDS, "May or may not have been sent", when, "warn", can=frozenset({"repeat", "discard"}))
        entry.hint = (
            "The server took the message, but its answer was lost. If you send it again, the recipients may get it twice; "
            "most mail programs recognise that, because it is the same message. Look in Sent, or ask one of them."
        )
        return entry
    refused = len(queue.refused(row))
    kept = row.sent_copy == SentCopy.KEPT
    entry = Entry(row, SENT, "Sent, but not to everybody" if refused else "Sent", when, "warn" if refused else "")
    entry.refused = refused
    if refused or kept or row.sentence:
        entry.group = NEEDS
    if kept:
        entry.hint = "It was sent. Its copy could not be filed in Sent and is kept here."
    able = {
        "file": kept,
        "rewrite": bool(refused) and not kept,
        "dismiss": bool(row.sentence) or kept,
    }
    entry.can = frozenset(name for name, yes in able.items() if yes)
    return entry


def _waiting(row: OutgoingMessage, clock: Clock, now: datetime, when: str) -> Entry:
    due = clock.label(row.send_after or now)
    if row.held == Held.ASK:
        entry = Entry(row, NEEDS, f"Was due on {due.full}", when, "warn", can=frozenset({"now", "cancel"}))
        entry.hint = (
            "It was not sent then, because the program was not running or was put back to an earlier day. "
            "Look in Sent before you send it now."
        )
        return entry
    if row.held == Held.LOOK:
        return Entry(row, MOVING, "Late; being looked for in Sent first", when, can=frozenset({"now", "cancel"}))
    if row.send_at is not None and row.send_at > now and not row.attempts:
        return Entry(row, LATER, f"Scheduled for {due.full}", when, can=frozenset({"reschedule", "now", "cancel"}))
    can = {"back"} if row.sent_at is None else set()
    if row.attempts:
        return Entry(row, MOVING, "Waiting", when, can=frozenset(can | {"retry"}))
    return Entry(row, MOVING, "Sending in a moment", when, until=row.send_after, can=frozenset(can))


def people_of(row: OutgoingMessage) -> list[tuple[str, str, str]]:
    """Address, what became of it, tone; worth showing where the server has answered for some and something is open."""
    found = []
    for each in row.recipients[:PEOPLE_SHOWN]:
        code = int(each.get("code") or 0)
        said = display_text(str(each.get("text") or ""))[:300]
        if 200 <= code < 300:
            found.append((each["address"], "accepted", "ok"))
        elif 400 <= code < 500:
            found.append((each["address"], f"put off: {said}", "warn"))
        elif code >= 500:
            found.append((each["address"], f"refused: {said}", "danger"))
        else:
            found.append((each["address"], "waiting", ""))
    answered = [each for each in found if each[1] != "waiting"]
    return found if answered and (len(found) > 1 or answered[0][2] != "ok") else []
