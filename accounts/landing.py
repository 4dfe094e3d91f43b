"""Where a person lands: the inbox, that of all accounts where there are several."""

from django.urls import reverse

from webmail.models import Folder, SpecialUse
from webmail.models.prepared import Prepared, Slot

from .models import MailAccount

FIRST_INBOX = Prepared(
    lambda: (
        Folder.objects.filter(
            account__user_id=Slot("user"), hidden=False, selectable=True, special_use=SpecialUse.INBOX
        )
        .order_by("account__position", "account_id", "pk")
        .values_list("pk", "account_id")[:1]
    )
)
OTHER_ACCOUNTS = Prepared(
    lambda: MailAccount.objects.filter(user_id=Slot("user")).exclude(pk=Slot("account")).values_list("pk")[:1]
)


def landing(user_id: int) -> str:
    """Its address; "" while there is no inbox yet."""
    inbox = FIRST_INBOX.first(user=user_id)
    if inbox is None:
        return ""
    folder_id, account_id = inbox
    several = OTHER_ACCOUNTS(user=user_id, account=account_id)
    return reverse("unified-inbox") if several else reverse("folder", args=[folder_id])
