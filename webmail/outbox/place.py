"""Where the mail of an identity is handed in, what that server offered last, and what becomes of the copy."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Identity, MailAccount, Security, ServerOffer, User
from accounts.sealed import CredentialsUnreadable
from webmail.errors import AskUser, Reason
from webmail.imap.types import Endpoint
from webmail.models import OutgoingMessage, SyncState

from .smtp_message import size_offered

logger = logging.getLogger(__name__)
SentCopy = OutgoingMessage.SentCopy

BELIEVED = timedelta(days=7)
NOTED_AGAIN = timedelta(days=1)
# Base64 makes 78 octets of 57 (RFC 2045 section 6.8); the text and the headers need room, too.
_ENCODED, _PLAIN = 78, 57
_ROOM = 64 * 1024
_noted: dict[tuple[str, int], tuple[dict[str, str], datetime]] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """A server and who signs in there."""

    endpoint: Endpoint
    username: str
    password: str = field(repr=False)


def identities_of(user: User) -> QuerySet[Identity]:
    """In the order of the accounts and, within one, the person's own."""
    own = Identity.objects.filter(account__user=user).select_related("account")
    return own.order_by("account__position", "account_id", "position", "id")


def may_report(outgoing: OutgoingMessage) -> bool:
    """Whether the outgoing server is known to report delivery (RFC 3461)."""
    return "dsn" in (offers_of(endpoint_of(outgoing.account, outgoing.identity)) or {})


def endpoint_of(account: MailAccount, identity: Identity | None) -> Endpoint:
    own = identity.own_server if identity is not None else None
    return own or account.smtp_endpoint


def place_of(account: MailAccount, identity: Identity | None) -> Place:
    """Raise AskUser where the server may not be used or its password cannot be opened."""
    endpoint = endpoint_of(account, identity)
    if endpoint.security == Security.PLAIN and not settings.ALLOW_PLAINTEXT:
        sentence = f"{endpoint.host} is set up without encryption, which is not allowed here."
        raise AskUser(Reason.NO_TLS, sentence)
    try:
        if identity is not None and identity.own_server is not None:
            return Place(endpoint, identity.smtp_username or identity.address, identity.smtp_password.reveal())
        return Place(endpoint, *account.smtp_credentials())
    except CredentialsUnreadable as error:
        sentence = "The stored password cannot be opened. Enter it again in the settings of the account."
        raise AskUser(Reason.PASSWORD, sentence) from error


def copy_wanted(account: MailAccount, identity: Identity | None) -> OutgoingMessage.SentCopy:
    """What becomes of the copy of a message that is out. Asks no database: it stands between the answer and its record."""
    rule = identity.sent_rule if identity is not None else Identity.SentRule.ACCOUNT
    if rule in {Identity.SentRule.NONE, Identity.SentRule.SERVER}:
        return SentCopy.NONE
    if rule == Identity.SentRule.FOLDER or not account.saves_sent or account.is_local:
        return SentCopy.DUE
    # The account's provider files what goes through its own server, and knows nothing of any other.
    elsewhere = endpoint_of(account, identity).host.lower() != account.smtp_host.lower()
    return SentCopy.DUE if elsewhere else SentCopy.EXPECTED


def offers_of(endpoint: Endpoint) -> dict[str, str] | None:
    """What the server offered not long ago; None when that is not known."""
    row = ServerOffer.objects.filter(
        host=endpoint.host, port=endpoint.port, seen_at__gt=timezone.now() - BELIEVED
    ).first()
    return {str(name): str(value) for name, value in row.extensions.items()} if row is not None else None


def note_offers(endpoint: Endpoint, offers: dict[str, str]) -> None:
    """Remember them, for the composer and the queue. Never raises: mail does not wait for this."""
    now, key = timezone.now(), (endpoint.host, endpoint.port)
    known = _noted.get(key)
    if known is not None and known[0] == offers and known[1] > now - NOTED_AGAIN:
        return
    try:
        ServerOffer.objects.update_or_create(
            host=endpoint.host, port=endpoint.port, defaults={"extensions": offers, "seen_at": now}
        )
    except DatabaseError:
        logger.exception("what %s offers could not be noted", endpoint.host)
    else:
        _noted[key] = offers, now


def size_limit(account: MailAccount, identity: Identity | None = None) -> int:
    """Octets that the files of one message may have together, before they are encoded.

    The least of what the administrator allows, what the outgoing server said it takes, and what the mailbox takes for the
    copy (APPENDLIMIT, RFC 7889).
    """
    limits = [size_offered(offers_of(endpoint_of(account, identity)) or {})]
    if not account.is_local:
        offered = SyncState.objects.filter(pk=account.pk).values_list("capabilities", flat=True).first()
        limits += [int(name[12:]) for name in offered or () if name.startswith("APPENDLIMIT=") and name[12:].isdigit()]
    limits = [max(0, limit - _ROOM) * _PLAIN // _ENCODED for limit in limits if limit]
    return min([settings.MAX_UPLOAD_BYTES, *limits])
