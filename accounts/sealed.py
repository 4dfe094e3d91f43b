"""Credentials at rest: a text field sealed with Fernet keys from the environment.

``CREDENTIAL_KEYS`` lists the keys, newest first: the first seals, all open. Rotation is ``manage.py rotatecredentials``.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute


class CredentialsUnreadable(Exception):
    """No configured key opens a stored credential; it must never be mistaken for a password."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("CREDENTIAL_KEYS is empty: mail passwords cannot be sealed.")
    return MultiFernet([Fernet(key) for key in keys])


def fernet() -> MultiFernet:
    return _fernet(tuple(settings.CREDENTIAL_KEYS))


def seal(text: str) -> str:
    return fernet().encrypt(text.encode()).decode("ascii") if text else ""


def unseal(token: str) -> str:
    """Raise CredentialsUnreadable if no key fits."""
    if not token:
        return ""
    try:
        return fernet().decrypt(token.encode("ascii")).decode()
    except (InvalidToken, ValueError) as error:
        raise CredentialsUnreadable("A stored credential cannot be opened with the configured keys.") from error


class Sealed:
    """A credential as it stands in a row: opened only on request, shown nowhere."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    @classmethod
    def of(cls, text: str) -> "Sealed":
        return cls(seal(text))

    def reveal(self) -> str:
        return unseal(self.token)

    def __bool__(self) -> bool:
        return bool(self.token)

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.token == self.token

    def __hash__(self) -> int:
        return hash(self.token)


class SealedAttribute(DeferredAttribute):
    """Seals what is assigned at once, so that no model instance ever holds a password."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        # An expression or a deferred value is not a password yet.
        plain = value is None or isinstance(value, str)
        instance.__dict__[self.field.attname] = self.field.to_python(value) if plain else value


if TYPE_CHECKING:
    SealedText = models.TextField[Sealed | str, Sealed]
else:
    SealedText = models.TextField


class SealedField(SealedText):
    """Stores a Sealed; assigning a plain string seals it."""

    descriptor_class = SealedAttribute

    def from_db_value(self, value: str | None, *_: Any) -> Sealed:
        return Sealed(value or "")

    def to_python(self, value: Any) -> Sealed:
        return value if isinstance(value, Sealed) else Sealed.of(value or "")

    def get_prep_value(self, value: Any) -> str:
        return self.to_python(value).token

    def value_to_string(self, obj: models.Model) -> str:
        return self.to_python(self.value_from_object(obj)).token
