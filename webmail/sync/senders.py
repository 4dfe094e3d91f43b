"""Who sent a message: judged once from its header, in the pass or with the text when that is fetched, and kept."""

from collections import defaultdict
from collections.abc import Iterable

from accounts.authserv import trust_of
from accounts.models import Identity, MailAccount
from webmail.mime import authentication, mailing, sender
from webmail.mime.headers import HEADER_LIMIT, Address, addresses, parse_header_block
from webmail.models import Folder, Message, SenderCheck, SpecialUse
from webmail.models.prepared import Prepared, Slot

# Raised when a message can be judged otherwise than before.
POLICY = 1
SECTION = "HEADER"
OCTETS = HEADER_LIMIT // 2
ASIDE = frozenset({SpecialUse.JUNK, SpecialUse.SENT, SpecialUse.DRAFTS})
WRITTEN_TO = 500  # of the newest mail the person sent
JUDGED = Prepared(lambda: SenderCheck.objects.filter(message_id=Slot("message"), policy=Slot("policy")))
FIELDS = ["policy", "result", "method", "domain", "notes", "mailing"]


def judged(message: Message) -> SenderCheck | None:
    return JUDGED.first(message=message.pk, policy=POLICY)


def examine(account: MailAccount, found: Iterable[tuple[Message, bytes]]) -> list[SenderCheck]:
    """Verdicts over messages of one account by their headers; nothing is written."""
    trusted, known = trust_of(account), acquaintance(account)
    return [_check(message, header, trusted, known) for message, header in found if header]


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


def _check(message: Message, header: bytes, trusted: authentication.Trust, known: sender.Acquaintance) -> SenderCheck:
    fields = parse_header_block(header)
    senders = [each for name, value in fields if name.lower() == "from" for each in addresses(value)[:10]]
    verdict = authentication.judge(fields, trusted)
    shown = message.from_address.rpartition("@")[2]
    if verdict.result != authentication.UNKNOWN and not _same(senders, message):
        # The server reads the field otherwise than we do: no telling who is confirmed.
        verdict = authentication.Verdict(method="senders", domain=shown[:253], signed=verdict.signed)
    reply_to = [each for name, value in fields if name.lower() == "reply-to" for each in addresses(value)[:10]]
    aside = message.shown_in is not None and message.shown_in.special_use in ASIDE
    return SenderCheck(
        message=message,
        policy=POLICY,
        result=verdict.result,
        method=verdict.method,
        domain=verdict.domain,
        notes=[] if aside or message.draft else sender.notes(senders, reply_to, known),
        mailing=mailing.read(fields, verdict.signed).to_json(),
    )


def _same(senders: list[Address], message: Message) -> bool:
    return [each.address.casefold() for each in senders] == [message.from_address.casefold()]


def acquaintance(account: MailAccount) -> sender.Acquaintance:
    """Whom the person of this account writes as, and to."""
    own, own_names = set(), set()
    identities = Identity.objects.filter(account__user=account.user_id).values_list(
        "name", "address", "account__address"
    )
    for name, address, mailbox in identities:
        own |= {address.casefold(), mailbox.casefold()}
        own_names.add(sender.name_key(name))
    names: dict[str, set[str]] = defaultdict(set)
    written: set[str] = set()
    for name, address in _written_to(account.user_id):
        written.add(address.casefold())
        if key := sender.name_key(name):
            names[key].add(address.casefold())
    return sender.Acquaintance(
        own=own,
        own_names=own_names - {""},
        names=names,
        addresses=written,
        domains=sender.domain_table(own | written),
    )


def _written_to(user_id: int) -> Iterable[tuple[str, str]]:
    for folder in Folder.objects.filter(account__user=user_id, special_use=SpecialUse.SENT)[:10]:
        rows = Message.objects.filter(shown_in=folder).order_by("-internaldate", "-id")[:WRITTEN_TO]
        for recipients in rows.values_list("recipients", flat=True):
            for people in ("to", "cc", "bcc"):
                yield from ((str(name), str(address)) for name, address in recipients.get(people, []) if address)
