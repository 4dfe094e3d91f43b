"""Whose remote pictures a person wants to see always."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from webmail.mime.freemail import organisation_of

if TYPE_CHECKING:
    from .models import User


class PictureChoice(models.Model):
    """``sender`` is a mail address in lower case, or "@" and a registrable domain."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="picture_choices")
    sender = models.CharField(max_length=320)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["sender"]
        constraints = [models.UniqueConstraint(fields=["user", "sender"], name="one_choice_per_sender")]

    def __str__(self) -> str:
        return self.sender

    @property
    def label(self) -> str:
        return f"everybody at {self.sender[1:]}" if self.sender.startswith("@") else self.sender


def sender_key(address: str) -> str:
    """Of one address; "" for what is none."""
    address = address.strip().lower()
    return address if "@" in address[1:] and len(address) <= 320 and address.isprintable() else ""


def domain_key(address: str) -> str:
    """Of everybody at its domain; "" where that domain gives addresses to the public."""
    domain = organisation_of(address)
    return f"@{domain}" if domain else ""


def choose_always(user: "User", key: str) -> None:
    PictureChoice.objects.get_or_create(user=user, sender=key)
