"""Who sent a message: judged once from its header, in the pass or with the text when that is fetched, and kept."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from accounts.authserv import trust_of
from accounts.models import Identity, MailAccount
from webmail.contacts.collect import PASSED_OVER, is_machine
from webmail.contacts.words import folded_key
from webmail.mime import authentication, mailing, receipt, sender
from webmail.mime.headers import HEADER_LIMIT, Address, addresses, parse_header_block
from webmail.models import (
    CollectedAddress,
    CollectedPast,
    ContactAddress,
    Message,
    SearchQueue,
    SenderCheck,
    SpecialUse,
)
from webmail.models.prepared import Prepared, Slot

# Raised when a message can be judged otherwise than before.
POLICY = 2
SECTION = "HEADER"
OCTETS = HEADER_LIMIT // 2
ASIDE = frozenset({SpecialUse.JUNK, SpecialUse.SENT, SpecialUse.DRAFTS})
PEOPLE = 3_000  # whose names and domains are compared
BACKLOG = 200  # messages that may still wait to be counted before a first one is called that
JUDGED = Prepared(lambda: SenderCheck.objects.filter(message_id=Slot("message"), policy=Slot("policy")))
FIELDS = ["policy", "result", "method", "domain", "notes", "mailing"]


def judged(message: Message) -> SenderCheck | None:
    return JUDGED.first(message=message.pk, policy=POLICY)


def examine(account: MailAccount, found: Iterable[tuple[Message, bytes]]) -> list[SenderCheck]:
    """Verdicts over messages of one account by their headers; nothing is written."""
    headed = [(message, header) for message, header in found if header]
    if not headed:
        return []
    trusted, known = trust_of(account), acquaintance(account)
    first = strangers(account, [message for message, _ in headed], known)
    checks = [_check(message, header, trusted, known, account.created_at) for message, header in headed]
    for check in checks:
        if check.message_id in first:
            check.notes.append([sender.FIRST])
    return checks


def keep(checks: list[SenderCheck]) -> None:
    SenderCheck.objects.bulk_create(checks, update_conflicts=True, unique_fields=["message"], update_fields=FIELDS)


def trust(account: MailAccount, authserv_id: str) -> None:
    """From now on this server's word about senders counts; "" for what is known of the provider."""
    if account.authserv_id != authserv_id:
        account.authserv_id = authserv_id
        account.save(update_fields=["authserv_id"])
        forget(account)


def forget(account: MailAccount) -> None:
    """Another server is trusted now: everything is judged again when it is looked at."""
    SenderCheck.objects.filter(message__account=account).delete()


def _check(
    message: Message, header: bytes, trusted: authentication.Trust, known: sender.Acquaintance, since: datetime
) -> SenderCheck:
    fields = parse_header_block(header)
    senders = [each for name, value in fields if name.lower() == "from" for each in addresses(value)[:10]]
    verdict = authentication.judge(fields, trusted)
    shown = message.from_address.rpartition("@")[2]
    if verdict.result != authentication.UNKNOWN and not _same(senders, message):
        # The server reads the field otherwise than we do: no telling who is confirmed.
        verdict = authentication.Verdict(method="senders", domain=shown[:253], signed=verdict.signed)
    reply_to = [each for name, value in fields if name.lower() == "reply-to" for each in addresses(value)[:10]]
    aside = message.draft or (message.shown_in is not None and message.shown_in.special_use in ASIDE)
    notes = [] if aside else sender.notes(senders, reply_to, known)
    # What was there before the account was has been decided elsewhere.
    if not aside and message.internaldate > since and (to := receipt.asked(fields)):
        notes.append([sender.RECEIPT, to])
    return SenderCheck(
        message=message,
        policy=POLICY,
        result=verdict.result,
        method=verdict.method,
        domain=verdict.domain,
        notes=notes,
        mailing=mailing.read(fields, verdict.signed).to_json(),
    )


def _same(senders: list[Address], message: Message) -> bool:
    return [each.address.casefold() for each in senders] == [message.from_address.casefold()]


def acquaintance(account: MailAccount) -> sender.Acquaintance:
    """Whom the person of this account writes as and to, and who is in their address book."""
    own, own_names = set(), set()
    identities = Identity.objects.filter(account__user=account.user_id)
    for name, address, mailbox in identities.values_list("name", "address", "account__address"):
        own |= {address.casefold(), mailbox.casefold()}
        own_names.add(sender.name_key(name))
    names: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    for name, address in _known_people(account.user_id):
        known.add(folded_key(address))
        if key := sender.name_key(name):
            names[key].add(folded_key(address))
    return sender.Acquaintance(
        own=own,
        own_names=own_names - {""},
        names=names,
        addresses=known,
        domains=sender.domain_table(own | known),
    )


def _known_people(user_id: int) -> Iterator[tuple[str, str]]:
    written = CollectedAddress.objects.filter(user=user_id, last_written__isnull=False)
    yield from written.order_by("-last_written", "-id").values_list("name", "address")[:PEOPLE]
    kept = ContactAddress.objects.filter(user=user_id, contact__removed_at__isnull=True).order_by("-rank")
    yield from kept.values_list("contact__name", "address")[:PEOPLE]


def strangers(account: MailAccount, messages: Iterable[Message], known: sender.Acquaintance) -> set[int]:
    """Ids of messages that are the first from their address. None while mail is still to be counted: that would be a guess."""
    asked: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        key = folded_key(message.from_address)
        use = message.shown_in.special_use if message.shown_in is not None else SpecialUse.TRASH
        # What was there before the account was is old news.
        if use not in PASSED_OVER | ASIDE and message.internaldate > account.created_at and not message.draft:
            asked[key].append(message)
    for key in [key for key in asked if key in known.addresses | known.own or not key or is_machine(key)]:
        del asked[key]
    if not asked or CollectedPast.objects.exists() or _uncounted(account):
        return set()
    heard: dict[str, list[datetime]] = defaultdict(list)
    rows = CollectedAddress.objects.filter(user=account.user_id, key__in=list(asked))
    for key, times, last in rows.values_list("key", "heard", "last_heard"):
        if times:
            heard[key].append(last if times == 1 and last is not None else account.created_at)
    first = {key: min(group, key=lambda message: (message.internaldate, message.pk)) for key, group in asked.items()}
    return {message.pk for key, message in first.items() if all(at >= message.internaldate for at in heard[key])}


def _uncounted(account: MailAccount) -> bool:
    return bool(SearchQueue.objects.filter(account_id=account.pk).order_by()[BACKLOG : BACKLOG + 1])
