"""Before a folder is deleted on the server: whether it holds what the person, who saw it here, does not know of.

DELETE takes everything with it, also what was delivered a moment ago and what could not be moved out (invariant I1).
"""

from webmail.errors import GiveUp, Reason
from webmail.models import Folder, Message, PendingAction

from .local import AnyMailbox, LocalMailbox

Kind, State = PendingAction.Kind, PendingAction.State
MOVES = [Kind.MOVE, Kind.CARRY]


class HoldsMore(GiveUp):
    """Nothing was deleted; the folder is shown again, with what is in it."""


def refuse_what_was_not_seen(connection: AnyMailbox, action: PendingAction) -> None:
    """Raise HoldsMore. ``action`` knows the folder's numbers from when it was clicked; another folder is open afterwards."""
    folder = action.source
    if folder is None or isinstance(connection, LocalMailbox):
        return
    leaving = PendingAction.objects.filter(kind__in=MOVES, message__folder=folder)
    if leaving.filter(state__in=[State.PENDING, State.RUNNING]).exists():
        raise HoldsMore(Reason.REFUSED, "Messages are still being moved out of it. Delete it again in a moment.")
    refused = leaving.filter(state=State.REFUSED, source=folder, created_at__lte=action.created_at)
    if refused.filter(finished_at__gte=action.created_at).exists():
        raise HoldsMore(Reason.REFUSED, "Messages that were to be moved out of it are still there.")
    unseen = _unseen(connection, folder, action)
    if unseen:
        what = "A message that was" if unseen == 1 else f"{unseen:,} messages that were"
        raise HoldsMore(Reason.REFUSED, f"{what} not shown yet came into it.")


def _unseen(connection: AnyMailbox, folder: Folder, action: PendingAction) -> int:
    selected = connection.select(action.name, uidvalidity=None)
    if action.uidvalidity is not None and selected.uidvalidity != action.uidvalidity:
        return selected.exists
    rows = Message.objects.filter(folder=folder)
    first = action.uidnext or 1
    if selected.uidnext <= first and selected.exists <= rows.count():
        return 0
    there = {uid for uid in connection.uids(f"{first}:*") if uid >= first}
    known = rows.filter(uidvalidity=selected.uidvalidity, uid__gte=first)
    # What was moved there under a number that the server did not name.
    unnumbered = rows.filter(uid__isnull=True, missing_since__isnull=True).count()
    return max(0, len(there - set(known.values_list("uid", flat=True))) - unnumbered)
