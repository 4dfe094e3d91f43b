"""Moving messages to another account: written there first, removed here once the other server has said where they lie.

An action is *running* from before the message is written until the mirror knows the copy. One that is found running after
its lease was cut short: the target is looked at, from the UIDNEXT on that it had at the first try, before anything is
written again (faults F05, F31). The row of the message goes over to the copy and keeps its identity; a row of its own
stands for what is left at the source, to be expunged there like anything else. There is never less than one copy.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import MailAccount
from accounts.sealed import CredentialsUnreadable
from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater
from webmail.imap.types import Appended
from webmail.models import PendingAction
from webmail.models.mirror import change
from webmail.sync import attention, results
from webmail.sync.foreground import open_connection
from webmail.sync.local import AnyMailbox, LocalMailbox

from .carried import OPEN, commit, landed
from .letter import Outgoing
from .source import opener
from .target import Target

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)
SLICE = 100  # then another account has its turn
REST_SECONDS, REST_BLOCKED_SECONDS = 10.0, 60.0
Kind, State = PendingAction.Kind, PendingAction.State

_held: set[int] = set()
_resting: dict[int, float] = {}
_lock = threading.Lock()


def run_due(should_stop: Callable[[], bool]) -> None:
    """A slice for each account that something is to be carried to."""
    targets = _due().order_by("target__account").values_list("target__account", flat=True).distinct()
    for account_id in list(targets):
        if should_stop():
            return
        if account_id is not None and _resting.get(account_id, 0.0) <= time.monotonic():
            _to_account(account_id, should_stop)


def renew() -> None:
    """This process is alive; called more often than ``LEASE``."""
    with _lock:
        held = set(_held)
    if held:
        rows = PendingAction.objects.filter(pk__in=held, state=State.RUNNING)
        rows.update(lease_until=timezone.now() + LEASE)


def _due() -> QuerySet[PendingAction]:
    ready = Q(state=State.PENDING) | Q(state=State.RUNNING, lease_until__lt=timezone.now())
    rows = PendingAction.objects.filter(ready, kind=Kind.CARRY, account__user__is_active=True)
    return rows.filter(Q(message__uid__isnull=False) | Q(message__missing_since__isnull=False))


def _to_account(account_id: int, should_stop: Callable[[], bool]) -> None:
    account = MailAccount.objects.select_related("user").get(pk=account_id)
    if account.paused and not account.is_local:
        return
    connection: AnyMailbox | None = None
    try:
        for pk in list(_due().filter(target__account=account).order_by("pk").values_list("pk", flat=True)[:SLICE]):
            if should_stop():
                return
            with _claimed(pk, account.user_id) as action:
                if action is None:
                    continue
                if connection is None or connection.broken:
                    connection = LocalMailbox(account) if account.is_local else open_connection(account)
                _carry(connection, action)
    except (MailError, CredentialsUnreadable) as problem:
        blocked = isinstance(problem, (AskUser, CredentialsUnreadable))
        _resting[account_id] = time.monotonic() + (REST_BLOCKED_SECONDS if blocked else REST_SECONDS)
        logger.warning("carrying to account %s is put off: %s %s", account_id, problem, getattr(problem, "detail", ""))
    finally:
        if connection is not None:
            connection.close()


@contextmanager
def _claimed(pk: int, user_id: int) -> Iterator[PendingAction | None]:
    """The action, running and ours; afterwards it is settled or waits again, whatever happened."""
    action = _claim(pk, user_id)
    if action is None:
        yield None
        return
    with _lock:
        _held.add(pk)
    try:
        yield action
    except GiveUp as refusal:
        results.put_back(action.account, [action], refusal)
    finally:
        with _lock:
            _held.discard(pk)
        PendingAction.objects.filter(pk=pk, state=State.RUNNING).update(state=State.PENDING, lease_until=None)


def _claim(pk: int, user_id: int) -> PendingAction | None:
    with change(user_id) as changed:
        changed.silent = True
        found = _due().select_related("message__account", "message__folder", "target__account", "account__user")
        action = found.filter(pk=pk).first()
        if action is None or action.message is None or action.target is None:
            return None
        message = action.message
        if message.uid is None:
            # Gone from its server before its turn came.
            results.finish([action], timezone.now(), missed=[action])
            return None
        if PendingAction.objects.filter(message=message, state__in=OPEN, pk__lt=pk).exists():
            return None
        rows = PendingAction.objects.filter(pk=pk)
        if message.account_id == action.target.account_id:
            rows.update(kind=Kind.MOVE, account=message.account_id, state=State.PENDING)
            attention.ask(message.account_id)
            return None
        rows.update(state=State.RUNNING, attempts=F("attempts") + 1, lease_until=timezone.now() + LEASE)
        return action


def _carry(connection: AnyMailbox, action: PendingAction) -> None:
    message, folder = action.message, action.target
    if message is None or folder is None:
        return
    if folder.hidden or not folder.selectable:
        raise GiveUp(Reason.GONE, f"“{folder.title}” is no longer there.")
    with opener(message)() as letter:
        target = Target(connection, folder.account_id, folder.name, look=False)
        if isinstance(connection, LocalMailbox):
            with transaction.atomic():
                commit(action, folder, target.put(letter), letter.size)
            return
        copy = landed(target, action, letter)
        if copy is None:
            copy = _write(target, action, letter)
        commit(action, folder, copy, letter.size)


def _write(target: Target, action: PendingAction, letter: Outgoing) -> Appended:
    if action.uidnext is None:
        action.uidvalidity, action.uidnext = target.selected.uidvalidity, target.selected.uidnext or 1
        PendingAction.objects.filter(pk=action.pk).update(uidvalidity=action.uidvalidity, uidnext=action.uidnext)
    copy = target.put(letter)
    if copy.uid is not None and copy.uidvalidity is not None:
        return copy
    found = landed(target, action, letter)
    if found is None:
        raise RetryLater(Reason.BUSY, "The server has not shown the copy yet; it is looked for again.")
    return found
