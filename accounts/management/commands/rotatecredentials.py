"""Seal every stored credential anew with the first of CREDENTIAL_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Identity, MailAccount
from accounts.sealed import CredentialsUnreadable, Sealed


class Command(BaseCommand):
    help = "Seal every stored credential with the newest of CREDENTIAL_KEYS; afterwards the older keys can go."

    def handle(self, *_: Any, **__: Any) -> None:
        renewed, unreadable = 0, []
        for model in (MailAccount, Identity):
            for pk in model.objects.order_by("pk").values_list("pk", flat=True).iterator():
                try:
                    renewed += _rotate(model, pk)
                except CredentialsUnreadable:
                    unreadable.append(str(pk) if model is MailAccount else f"identity {pk}")
        self.stdout.write(f"{renewed} credentials sealed with the newest key.")
        if unreadable:
            raise CommandError(
                f"No key opens the credentials of account {', '.join(unreadable)}; they have to be entered again."
                " Keep the older keys if you still have others."
            )


def _rotate(model: type[MailAccount] | type[Identity], pk: int) -> int:
    """One row in its own transaction, so that a password entered meanwhile is not overwritten."""
    with transaction.atomic():
        row = model.objects.select_for_update().filter(pk=pk).first()
        if row is None:
            return 0
        held = [field for field in ("password", "smtp_password") if getattr(row, field, None)]
        for field in held:
            setattr(row, field, Sealed.of(getattr(row, field).reveal()))
        if held:
            row.save(update_fields=held)
        return len(held)
