"""Who is asking: sessions in the database and the person behind one, as every request looks for them."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from webmail.models.prepared import Prepared, Slot

from .models import User

SESSION = Prepared(lambda: Session.objects.filter(session_key=Slot("key"), expire_date__gt=Slot("now")))
PERSON = Prepared(lambda: User.objects.filter(pk=Slot("user")))


class SessionStore(DatabaseStore):
    """Django's own, with the query of every request prepared."""

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
