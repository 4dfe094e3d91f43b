"""F50: an account that is pointed at another mailbox shows and touches nothing of the one before."""

from contextlib import ExitStack

import pytest

from accounts import edit
from accounts.models import MailAccount
from accounts.servers import Typed
from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, assert_like_the_server, mail, name_of
from webmail.imap.types import Endpoint
from webmail.models import Folder, Message, Notice
from webmail.sync import actions

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_f50_equal_uids_of_another_mailbox_are_other_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(PersonalityServer(Personality())) for _ in range(2))
        old = AnyMailbox(first.host, first.port, "ada", first.password)
        new = AnyMailbox("localhost", second.port, "grace", second.password)
        old.append(*(mail(number) for number in range(4)))
        new.append(*(mail(number) for number in (10, 3, 12, 13, 14)))
        person = Person(old)
        stack.callback(person.close)
        person.sync()
        kept = person.message(3).pk
        before = Folder.objects.get(name="INBOX").uidvalidity
        person.close()
        actions.delete(person.user, [person.message(1)])

        monkeypatch.setattr(edit, "_verify", lambda *_: ())
        typed = Typed(imap=Endpoint("localhost", second.port, "plain"), smtp=None, username="grace", smtp_username="")
        edit.save(person.account, edit.Changes(name="", typed=typed))
        assert not Message.objects.filter(shown_in__isnull=False).exists()
        person.account = MailAccount.objects.select_related("user").get(pk=person.account.pk)
        person.mailbox = new
        person.sync()
        assert Folder.objects.get(name="INBOX").uidvalidity == before
        assert_like_the_server(person)
        assert set(new.content()) == {name_of(number) for number in (10, 3, 12, 13, 14)}
        assert set(old.content()) == {name_of(number) for number in range(4)}
        assert person.message(3).pk == kept
        assert "Letter 1" in Notice.objects.get().text
