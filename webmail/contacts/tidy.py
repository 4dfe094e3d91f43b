"""What the worker's upkeep takes away: contacts whose undo is over, files nobody came back to, the least likely addresses."""

from datetime import timedelta

from django.utils import timezone

from webmail.models import Contact, ContactImport

from .collect import prune

UNDO_KEPT = timedelta(minutes=30)
IMPORT_KEPT = timedelta(hours=2)


def tidy() -> None:
    now = timezone.now()
    Contact.objects.filter(removed_at__lt=now - UNDO_KEPT).delete()
    ContactImport.objects.filter(created_at__lt=now - IMPORT_KEPT).delete()
    prune()
