"""The server said no to a whole group: what of it was carried out all the same, and which of it the no is meant for (F60)."""

from collections.abc import Callable

from accounts.models import MailAccount
from webmail.errors import GiveUp, Reason
from webmail.imap.types import MoveResult
from webmail.models import PendingAction

from .local import AnyMailbox
from .results import moved, put_back

MOST_TRIES = 24  # enough to find one message that is refused among a group
Act = Callable[[list[PendingAction]], object]


def refused(
    connection: AnyMailbox, account: MailAccount, actions: list[PendingAction], refusal: GiveUp, act: Act
) -> set[int]:
    """Settle every action of the group; return the ids of folders to look into.

    ``act`` tries a part of it again, in the folder that is open. Raises RetryLater when the connection broke: what is
    running then is looked up with the next one.
    """
    first = actions[0]
    touched = {first.message.folder_id} if first.message is not None else set()
    # Without MOVE a part may have been copied; to copy it again would make two of it. Where no folder is open it was that
    # which was refused.
    whole = len(actions) == 1 or connection.selected is None or not connection.has("MOVE")
    if first.target is None or whole:
        put_back(account, actions, refusal)
        return touched
    parts, tries = [(actions, refusal)], 0
    while parts:
        part, why = parts.pop()
        part = still_there(connection, account, part)
        if len(part) < 2 or why.reason != Reason.REFUSED or tries >= MOST_TRIES:
            if part:
                put_back(account, part, why)
            continue
        middle = len(part) // 2
        for half in (part[middle:], part[:middle]):
            tries += 1
            try:
                act(half)
            except GiveUp as again:
                parts.append((half, again))
    return {*touched, first.target.pk}


def still_there(connection: AnyMailbox, account: MailAccount, actions: list[PendingAction]) -> list[PendingAction]:
    """Those whose messages are still in the folder that is open: servers move one by one and may stop half-way."""
    uids = [action.message.uid for action in actions if action.message is not None and action.message.uid is not None]
    there = connection.uids(uids)
    gone = [action for action in actions if action.message is not None and action.message.uid not in there]
    target = actions[0].target
    if gone and target is not None:
        # Under which uids is not known; the look into the target re-identifies them.
        moved(account, gone, target, MoveResult(None, None))
    return [action for action in actions if action not in gone]
