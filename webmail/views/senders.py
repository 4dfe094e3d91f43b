"""Who sent a message, in words: the badge beside the name, what is worth a second look, what stands in the details."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from webmail.icons import icon
from webmail.mime import sender
from webmail.mime.domains import shown as shown_domain
from webmail.mime.headers import display_text
from webmail.mime.mailing import Mailing
from webmail.models import Message, SenderCheck, SpecialUse, Unsubscribed
from webmail.outbox.invitation import GIVEN
from webmail.outbox.receipt import asked_by, is_settled
from webmail.outbox.unsubscribe import Key, key_of, left
from webmail.sync.rendering import way
from webmail.sync.senders import ASIDE, POLICY

from .when import MONTHS, Clock

Result = SenderCheck.Result
CONFIRMED = {
    "dmarc": "{} confirmed this message (DMARC).",
    "dkim": "{} confirmed this message (DKIM).",
    "spf": "A server of {} sent this message (SPF).",
}
REFUSED = "This message says it comes from {}, which did not confirm it (DMARC). Somebody else may have written it."
UNKNOWN = {
    "untrusted": "Your provider does not say whether the sender was checked.",
    "senders": "This message does not name exactly one sender, so nobody can be confirmed.",
    "unproven": "Your provider could not confirm that this message comes from {}.",
}
NOTES = {
    sender.NOBODY: "This message names no sender.",
    sender.SEVERAL: "This message names more than one sender.",
    sender.IN_NAME: "The name shows {}, but the message comes from {}.",
    sender.OWN_NAME: "The sender uses your name, but writes from {}, which is not an address of yours.",
    sender.KNOWN_NAME: "You know {} as {}. This message comes from another address.",
    sender.LOOKS_LIKE: "{} looks like {}, which you know, but is another domain.",
    sender.ODD_DOMAIN: "The sender’s domain is written with letters that look like others: {}.",
    sender.REPLY_TO: "Answers go to {}, not to {}.",
    sender.FIRST: "This is the first message from this address.",
}


UNASKED = ASIDE | {SpecialUse.TRASH}


@dataclass(frozen=True, slots=True)
class Shown:
    """Pieces of a card, each of which a script can replace. ``due``: nothing is known yet, but could be.

    ``receipt`` is the sentence that asks for one.
    """

    badge: SafeString
    notes: SafeString
    details: SafeString
    way_out: SafeString
    receipt: str = ""
    due: bool = False


def left_lists(user_id: int, messages: Iterable[Message]) -> dict[Key, Unsubscribed]:
    """The lists of these messages that the person has left."""
    found = ((message, mailing_of(message)) for message in messages)
    return left(user_id, (key_of(message, mailing) for message, mailing in found if mailing.can_leave))


def is_known(message: Message) -> bool:
    """Whether its header has been looked at."""
    check: SenderCheck | None = getattr(message, "sender_check", None)
    return check is not None and check.policy == POLICY


def mailing_of(message: Message) -> Mailing:
    return Mailing.from_json(message.sender_check.mailing) if is_known(message) else Mailing()


def shown(message: Message, clock: Clock, lists: dict[Key, Unsubscribed], *, mine: bool) -> Shown:
    """``lists``: those that were left, as :func:`left_lists` has them."""
    if not is_known(message):
        return Shown(_badge("", ""), _notes([]), _details("", Mailing()), _way_out("", ""), due=not message.draft)
    check: SenderCheck = message.sender_check
    reason = _reason(check)
    known = check.result != Result.UNKNOWN
    mailing = mailing_of(message)
    return Shown(
        _badge(check.result if known else "", reason),
        _notes([] if mine else _sentences(check)),
        _details("" if mine and not known else reason, mailing),
        _leaving(message, mailing, lists.get(key_of(message, mailing)), clock) if not mine else _way_out("", ""),
        "" if mine else receipt_line(message),
    )


def receipt_line(message: Message) -> str:
    """What is asked before a receipt goes anywhere; "" where none is wanted, or it is decided."""
    use = message.shown_in.special_use if message.shown_in is not None else SpecialUse.TRASH
    to = asked_by(message.sender_check.notes) if use not in UNASKED and is_known(message) else ""
    if not to or is_settled(message):
        return ""
    if to.casefold() == message.from_address.casefold():
        return "The sender asks for a receipt saying that you read this."
    return f"A receipt is asked for, to go to {display_text(to)} and not to the sender."


def _leaving(message: Message, mailing: Mailing, done: Unsubscribed | None, clock: Clock) -> SafeString:
    if not mailing.can_leave:
        return _way_out("", "")
    return _way_out(outcome(done, clock) if done is not None else "", reverse("unsubscribe", args=[message.pk]))


def outcome(done: Unsubscribed, clock: Clock) -> str:
    """What became of it and when; "" for a mail that was not sent."""
    local = done.at.astimezone(clock.zone)
    year = "" if local.year == clock.today.year else f" {local.year}"
    day = "today" if local.date() == clock.today else f"on {local.day} {MONTHS[local.month - 1][:3]}{year}"
    if done.way == Unsubscribed.Way.POST:
        return f"You unsubscribed {day}."
    if done.way == Unsubscribed.Way.LINK:
        return f"You opened the page for unsubscribing {day}."
    sent = done.outgoing is not None and done.outgoing.state in GIVEN and not done.outgoing.discarded
    return f"You asked by mail to be taken off {day}." if sent else ""


def _way_out(said: str, url: str) -> SafeString:
    if not url:
        return mark_safe('<div class="way-out" data-sender="way-out" hidden></div>')
    return format_html(
        '<div class="way-out" data-sender="way-out">{}<a class="way-out-link" href="{}" data-unsubscribe>{}</a></div>',
        format_html('<span class="way-out-said" role="status">{}{}</span>', icon("check", "icon-s"), said)
        if said
        else "",
        url,
        "Unsubscribe again" if said else "Unsubscribe",
    )


def _reason(check: SenderCheck) -> str:
    domain = shown_domain(check.domain)
    if check.result == Result.VERIFIED:
        return CONFIRMED.get(check.method, CONFIRMED["dmarc"]).format(domain)
    if check.result == Result.FAILED:
        return REFUSED.format(domain)
    return UNKNOWN.get(check.method, UNKNOWN["untrusted"]).format(domain)


def _sentences(check: SenderCheck) -> list[tuple[str, str]]:
    found = []
    for kind, *details in check.notes:
        words = NOTES.get(kind, "")
        if words.count("{}") <= len(details):
            found.append((kind, words.format(*(_readable(kind, each) for each in details))))
    return [each for each in found if each[1]]


def _readable(kind: str, detail: str) -> str:
    return shown_domain(detail) if kind == sender.LOOKS_LIKE else display_text(detail)


def _badge(result: str, reason: str) -> SafeString:
    if result == Result.VERIFIED:
        return format_html(
            '<span class="sender-badge verified" data-sender="badge" role="img" aria-label="{0}" title="{0}">{1}</span>',
            reason,
            icon("badge-check", "icon-s"),
        )
    if result == Result.FAILED:
        return format_html(
            '<span class="sender-badge failed" data-sender="badge" title="{}">{}Not confirmed</span>',
            reason,
            icon("shield-alert", "icon-s"),
        )
    return mark_safe('<span data-sender="badge" hidden></span>')


def _notes(sentences: list[tuple[str, str]]) -> SafeString:
    lines = format_html_join(
        "",
        '<p class="note{}">{}<span>{}</span></p>',
        (
            ("", icon("info", "icon-s"), words)
            if kind == sender.FIRST
            else (" warn", icon("triangle-alert", "icon-s"), words)
            for kind, words in sentences
        ),
    )
    return format_html('<div class="sender-notes" data-sender="notes"{}>{}</div>', "" if sentences else _HIDDEN, lines)


_HIDDEN = mark_safe(" hidden")


def _details(reason: str, mailing: Mailing) -> SafeString:
    lines = [format_html("<dt>Checked</dt><dd>{}</dd>", reason)] if reason else []
    if mailing.id or mailing.name:
        archive = ""
        if mailing.archive:
            archive = format_html(
                ' · <a href="{}" target="_blank" rel="noopener noreferrer">Archive</a>', way(mailing.archive) or ""
            )
        named = mailing.name or mailing.id
        lines.append(
            format_html('<dt>Mailing list</dt><dd><span title="{}">{}</span>{}</dd>', mailing.id, named, archive)
        )
    return format_html('<div class="sender-details" data-sender="details">{}</div>', mark_safe("".join(lines)))  # noqa: S308
