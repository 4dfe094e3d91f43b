"""What an attempt came to, recorded and told. The state of the row is written before anything else happens."""

import logging
import time
import uuid
from datetime import timedelta

from django.db import DatabaseError, close_old_connections, transaction
from django.utils import timezone

from webmail.errors import AskUser, OutcomeUnknown
from webmail.models import Notice, OutgoingMessage
from webmail.models.mirror import announce

from .place import copy_wanted
from .smtp import RecipientResult
from .wake import ask_worker

logger = logging.getLogger(__name__)

BACK_OFF = [timedelta(minutes=minutes) for minutes in (1, 3, 10, 30, 60)]
PATIENCE = timedelta(days=2)
BLOCKED = timedelta(hours=1)
RECORD_TRIES, RECORD_PAUSE = 8, 0.5
State = OutgoingMessage.State


def answered(outgoing: OutgoingMessage, results: list[RecipientResult]) -> bool:
    """The server has taken the message, or refused every recipient. Its answer is recorded before anything else.

    True if it is out for the first time: then ``after.sent`` is due.
    """
    answers = {each.address: {"address": each.address, "code": each.code, "text": each.text} for each in results}
    recipients = [answers.get(each["address"], each) for each in outgoing.recipients]
    codes = [int(each["code"] or 0) for each in recipients]
    taken = any(each.accepted for each in results)
    first = taken and outgoing.sent_at is None
    values: dict[str, object] = {"recipients": recipients, "lease_until": None}
    if first:
        values["sent_at"] = timezone.now()
        # A report is kept nowhere: it says no more than the mark on what it answers.
        values["sent_copy"] = (
            copy_wanted(outgoing.account, outgoing.identity)
            if outgoing.envelope_from
            else OutgoingMessage.SentCopy.NONE
        )
        values["sent_copy_attempts"] = 0
        values["follow_up"] = True
    outgoing.recipients = recipients
    if any(400 <= code < 500 for code in codes):
        if first:
            outgoing.sent_at = timezone.now()
        _put_off(outgoing, values, _refusals(recipients, "was put off", 400), None)
    elif taken or outgoing.sent_at is not None:
        values |= {"state": State.SENT, "sentence": _refusals(recipients, "was refused", 400)}
        _record(outgoing, values)
    else:
        outgoing.recipients = recipients
        rejected(outgoing, _refusals(recipients, "was refused", 400), "")
        return False
    if values.get("state") == State.SENT and values["sentence"]:
        _tell(outgoing, f"“{outgoing}” was sent, but not to everybody: {values['sentence']}")
    return first


def _refusals(recipients: list[dict[str, object]], verb: str, lowest: int) -> str:
    said = [f"{each['address']} {verb} ({each['text']})" for each in recipients if int(str(each["code"])) >= lowest]
    shown = "; ".join(said[:5]) + (f"; and {len(said) - 5} more" if len(said) > 5 else "")
    return f"{shown}."[:1000] if said else ""


def _record(outgoing: OutgoingMessage, values: dict[str, object]) -> bool:
    """Write what happened; False where the row is no longer this attempt's. The database may be away for a moment; what
    happened must not be forgotten for that.
    """
    rows = OutgoingMessage.objects.filter(
        pk=outgoing.pk,
        attempts=outgoing.attempts,
        message_id=outgoing.message_id,
        state__in=[State.SENDING, State.UNCLEAR],
    )
    for remaining in reversed(range(RECORD_TRIES)):
        try:
            with transaction.atomic():
                # It takes the person's lock, which comes before all others.
                announce(outgoing.user_id)
                standing = rows.update(**values)
            break
        except DatabaseError:
            if not remaining:
                raise
            logger.exception("message %s: the outcome could not be recorded yet", outgoing.pk)
            close_old_connections()
            time.sleep(RECORD_PAUSE)
    if standing:
        for name, value in values.items():
            setattr(outgoing, name, value)
    else:
        outgoing.refresh_from_db()
    return bool(standing)


def later(outgoing: OutgoingMessage, sentence: str, detail: str, retry_after: float | None) -> None:
    logger.warning("message %s is put off: %s %s", outgoing.pk, sentence, detail)
    _put_off(outgoing, {"lease_until": None}, sentence, retry_after)


def _put_off(outgoing: OutgoingMessage, values: dict[str, object], sentence: str, retry_after: float | None) -> None:
    now = timezone.now()
    if now - outgoing.updated_at > PATIENCE:
        if outgoing.sent_at is None:
            rejected(outgoing, f"It was tried for two days. {sentence}", "")
            return
        recipients = [each | {"code": 550} if 400 <= int(each["code"]) < 500 else each for each in outgoing.recipients]
        values |= {"recipients": recipients, "state": State.SENT, "sentence": sentence}
        _record(outgoing, values)
        return
    pause = BACK_OFF[min(outgoing.attempts, len(BACK_OFF)) - 1]
    if retry_after is not None:
        pause = max(timedelta(seconds=1), min(timedelta(seconds=retry_after), BLOCKED))
    again = timezone.localtime(now + pause).strftime("%H:%M")
    _record(
        outgoing,
        values
        | {
            "state": State.QUEUED,
            "data_begun": False,
            "send_after": now + pause,
            "sentence": f"{sentence.rstrip('.')}. It is tried again at {again}."[:1000],
        },
    )


def blocked(outgoing: OutgoingMessage, problem: AskUser) -> None:
    logger.warning("message %s waits for the person: %s %s", outgoing.pk, problem.sentence, problem.detail)
    first = outgoing.attempts == 1
    recorded = _record(
        outgoing,
        {
            "state": State.QUEUED,
            "data_begun": False,
            "lease_until": None,
            "send_after": timezone.now() + BLOCKED,
            "sentence": f"{problem.sentence} It waits until the account’s settings are corrected."[:1000],
        },
    )
    if first and recorded:
        _tell(outgoing, f"“{outgoing}” could not be sent yet: {problem.sentence}")


def rejected(outgoing: OutgoingMessage, sentence: str, detail: str) -> None:
    logger.warning("message %s was rejected: %s %s", outgoing.pk, sentence, detail)
    values: dict[str, object] = {
        "state": State.SENT if outgoing.sent_at else State.REJECTED,
        "token": uuid.uuid4(),
        "recipients": outgoing.recipients,
        "data_begun": False,
        "lease_until": None,
        "sentence": sentence[:1000],
    }
    if _record(outgoing, values):
        _tell(outgoing, f"“{outgoing}” was not sent: {sentence}")


def unclear(outgoing: OutgoingMessage, problem: OutcomeUnknown) -> None:
    logger.warning("message %s: outcome unknown: %s", outgoing.pk, problem.detail)
    if _record(outgoing, {"state": State.UNCLEAR, "lease_until": None, "sentence": problem.sentence}):
        tell_unclear(outgoing)


def tell_unclear(outgoing: OutgoingMessage) -> None:
    # The account's pass looks for it in Sent, where some providers file what they have taken.
    ask_worker(outgoing.account_id)
    _tell(outgoing, f"“{outgoing}” may or may not have been sent. Look at it in the outbox.")


def _tell(outgoing: OutgoingMessage, text: str) -> None:
    Notice.objects.create(user_id=outgoing.user_id, text=text[:1000])
    announce(outgoing.user_id)
