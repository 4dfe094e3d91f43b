"""Who sent a message, in words: the badge beside the name, what is worth a second look, what stands in the details."""

from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from webmail.icons import icon
from webmail.mime import sender
from webmail.mime.domains import shown as shown_domain
from webmail.mime.headers import display_text
from webmail.mime.mailing import Mailing
from webmail.models import Message, SenderCheck
from webmail.sync.senders import POLICY

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


@dataclass(frozen=True, slots=True)
class Shown:
    """Pieces of a card, each of which a script can replace. ``due``: nothing is known yet, but could be."""

    badge: SafeString
    notes: SafeString
    details: SafeString
    due: bool = False


def shown(message: Message, *, mine: bool) -> Shown:
    check: SenderCheck | None = getattr(message, "sender_check", None)
    if check is None or check.policy != POLICY:
        return Shown(_badge("", ""), _notes([]), _details("", Mailing()), due=not message.draft)
    reason = _reason(check)
    known = check.result != Result.UNKNOWN
    mailing = Mailing.from_json(check.mailing)
    return Shown(
        _badge(check.result if known else "", reason),
        _notes([] if mine else _sentences(check)),
        _details("" if mine and not known else reason, mailing),
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
                ' · <a href="{}" target="_blank" rel="noopener noreferrer">Archive</a>', mailing.archive
            )
        named = mailing.name or mailing.id
        lines.append(
            format_html('<dt>Mailing list</dt><dd><span title="{}">{}</span>{}</dd>', mailing.id, named, archive)
        )
    return format_html('<div class="sender-details" data-sender="details">{}</div>', mark_safe("".join(lines)))  # noqa: S308
