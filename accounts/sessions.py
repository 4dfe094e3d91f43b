"""Who is asking: sessions in the database and the person behind one, as every request looks for them."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import get_random_string

from webmail.models.prepared import Prepared, Slot

from .models import User

KEY_LENGTH = 32
SESSION = Prepared(lambda: Session.objects.filter(session_key=Slot("key"), expire_date__gt=Slot("now")))
PERSON = Prepared(lambda: User.objects.filter(pk=Slot("user")))


class SessionStore(DatabaseStore):
    """Django's own, with the query of every request prepared, and a new session stored once, not empty first."""

    _unsaved = False

    def cycle_key(self) -> None:
        if self.session_key:
            super().cycle_key()
            return
        self.items()  # there is nothing to load, and soon a key to look under
        self._session_key = get_random_string(KEY_LENGTH, VALID_KEY_CHARS)
        self._unsaved = self.modified = True

    def save(self, must_create: bool = False) -> None:
        super().save(must_create=must_create or self._unsaved)
        self._unsaved = False

    def _get_session_from_db(self) -> Session | None:
        found = SESSION.first(key=self.session_key, now=timezone.now())
        if found is None:
            # Or a key made up by the browser would become that of a new session.
            self._session_key = None
        return found


class PersonBackend(ModelBackend):
    """Django's own, with the query of every request prepared."""

    def get_user(self, user_id: int) -> User | None:
        user = PERSON.first(user=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
