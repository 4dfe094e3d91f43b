"""An account that is read from another mailbox from now on (fault F50)."""

from accounts.models import MailAccount
from webmail.errors import GiveUp, Reason
from webmail.models import Folder, PendingAction

from .changes import forget_uids
from .results import put_back

_ELSEWHERE = GiveUp(Reason.GONE, "The account is read from another mailbox now.")


def point_elsewhere(account: MailAccount) -> None:
    """Nothing may be addressed by what is known of the mailbox before: its uids name other messages in the new one, even
    under an equal UIDVALIDITY. Rows wait, hidden, to be found again by what they are; what was still to be done is refused.
    """
    waiting = PendingAction.objects.filter(
        account=account, state__in=[PendingAction.State.PENDING, PendingAction.State.RUNNING]
    )
    actions = list(waiting.filter(message__isnull=False).select_related("message__folder", "target").order_by("id"))
    for kind in dict.fromkeys(action.kind for action in actions):
        put_back(account, [action for action in actions if action.kind == kind], _ELSEWHERE)
    waiting.update(state=PendingAction.State.REFUSED, error=_ELSEWHERE.sentence)
    for folder in Folder.objects.filter(account=account, uidvalidity__isnull=False).select_related("account"):
        forget_uids(folder, 0)
