"""A flag for a message that another client moves at that moment: the server passes over a uid it does not have and says OK.

The action waits. The look finds that the message is gone from where it was and, usually in the same pass, where it is now;
the row goes along and the flag is set there. If it turns up nowhere, row and action go together (see ``worker.upkeep``).
"""

from webmail.models import Folder, PendingAction

from .folders import save
from .local import AnyMailbox

MOST_TRIES = 5  # a server whose SEARCH does not find what is there is believed when it says OK


def passed_over(
    connection: AnyMailbox, folder: Folder, actions: list[PendingAction], answered: dict[int, int]
) -> list[PendingAction]:
    """Those of a STORE in the folder that is open whose messages were not there any more.

    ``answered`` are the uids for which the server named a mod-sequence: they were there, and nothing has to be asked.
    """
    unsaid = {
        action.message.uid: action
        for action in actions
        if action.message is not None and action.message.uid and action.message.uid not in answered
    }
    gone = set(unsaid) - connection.uids(sorted(unsaid)) if unsaid else set()
    if gone:
        # A view that is kept open may be older than the folder.
        connection.select(folder.name, uidvalidity=actions[0].message.uidvalidity)  # type: ignore[union-attr]
        gone -= connection.uids(sorted(gone))
    return [unsaid[uid] for uid in sorted(gone) if unsaid[uid].attempts < MOST_TRIES]


def wait_for_new_places(folder: Folder, actions: list[PendingAction]) -> None:
    """Until the next look into the folder, which compares all uids; it is careful about what it takes for gone."""
    PendingAction.objects.filter(pk__in=[action.pk for action in actions], state=PendingAction.State.RUNNING).update(
        state=PendingAction.State.PENDING
    )
    for action in actions:
        action.state = PendingAction.State.PENDING
    save(folder, compared_at=None)


def wait_still(account_id: int) -> bool:
    """Whether marks wait for a message that has not been found again."""
    waiting = PendingAction.objects.filter(account=account_id, state=PendingAction.State.PENDING)
    return waiting.filter(message__missing_since__isnull=False).exists()
