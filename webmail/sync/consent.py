"""Whether the remote pictures of a message may be loaded without asking again."""

import re

from accounts.pictures import PictureChoice, domain_key, sender_key
from webmail.errors import MailError
from webmail.mime.headers import parse_header_block
from webmail.models import Message, SenderCheck, SpecialUse
from webmail.models.prepared import Prepared, Slot

from . import afterwards, bodies
from .senders import POLICY

CHOSEN = Prepared(
    lambda: PictureChoice.objects.filter(user_id=Slot("user"), sender__in=[Slot("senders")]).order_by("sender")
)
_FORGED = re.compile(rb"\bdmarc\s*=\s*fail\b", re.IGNORECASE)


def chosen(user_id: int, message: Message) -> PictureChoice | None:
    """What the person chose for this sender or its domain; nothing for junk, and nothing for who may be somebody else."""
    address = message.from_address
    keys = [key for key in (sender_key(address), domain_key(address)) if key]
    found = CHOSEN.first(user=user_id, senders=keys)
    if found is None or (message.shown_in is not None and message.shown_in.special_use == SpecialUse.JUNK):
        return None
    return found if may_trust(message) else None


def may_trust(message: Message) -> bool:
    """Whether nothing says that the sender is forged; what cannot be looked at is not trusted."""
    afterwards.catch_up()
    check = SenderCheck.objects.filter(message=message, policy=POLICY).first()
    if check is not None and check.result != SenderCheck.Result.UNKNOWN:
        return check.result == SenderCheck.Result.VERIFIED
    # Nobody's word is trusted here as proof; as a warning everybody's is good enough.
    try:
        fields = parse_header_block(bodies.headers(message))
    except MailError:
        return False
    return not any(_FORGED.search(value) for name, value in fields if name.lower() == "authentication-results")
