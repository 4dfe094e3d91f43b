"""What each provider is known for: its refusals, its limits, its lies. None of it loses, doubles or undoes anything."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from tests.servers import personalities
from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Exchange, Gmail, HMailServer, NetEase, OldCourier, Personality, Yahoo
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, assert_like_the_server, mail, name_of
from webmail.errors import AskUser, MailError, Reason, RetryLater
from webmail.imap.pool import ForegroundPool
from webmail.models import Folder, Message, Notice
from webmail.sync import actions, bodies
from webmail.sync.foreground import open_connection

pytestmark = [pytest.mark.django_db(transaction=True)]
Server = tuple[PersonalityServer, AnyMailbox]


@pytest.fixture
def start() -> Iterator[Callable[[Personality], Server]]:
    with ExitStack() as stack:

        def started(personality: Personality) -> Server:
            server = stack.enter_context(PersonalityServer(personality))
            return server, AnyMailbox(server.host, server.port, "ada", server.password, personality.prefix)

        yield started


@pytest.fixture
def person_at() -> Iterator[Callable[[AnyMailbox], Person]]:
    with ExitStack() as stack:

        def made(mailbox: AnyMailbox) -> Person:
            person = Person(mailbox)
            stack.callback(person.close)
            return person

        yield made


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        (Gmail, b"NO [THROTTLED] Slow down (Failure)"),
        (Gmail, b"NO [ALERT] Account exceeded command or bandwidth limits. (Failure)"),
        (Gmail, b"NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"),
        (Gmail, b"* BYE Session expired, please login again."),
        (Exchange, b"BAD User is authenticated but not connected."),
        (Exchange, b"BAD Request is throttled. Suggested Backoff Time: 1 milliseconds"),
        (Exchange, b"* BYE Session invalidated - AccessTokenExpired"),
        (Yahoo, b"NO [LIMIT] Rate limit hit"),
        (Yahoo, b"NO [UNAVAILABLE] SELECT Server error - Please try again later"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else value.decode()[:24],
)
def test_a_throttle_at_any_command_undoes_nothing(provider: type[Personality], answer: bytes, start, person_at):
    """F22, I4: whatever the command it answers, the click is carried out later and nobody is told of a refusal."""
    server, mailbox = start(provider())
    mailbox.append(*(mail(number) for number in range(8)))
    person = person_at(mailbox)
    person.sync()
    trash = mailbox.bare(Folder.objects.get(special_use="trash").name)
    for number in range(7):
        actions.store(person.user, [person.message_in_inbox(number)], "flagged", True)
        actions.delete(person.user, [person.message_in_inbox(number)])
        server.personality.refusals = [*[None] * number, answer]
        person.sync()
        assert not server.personality.refusals
        assert mailbox.content(trash)[name_of(number)] == {"\\Flagged"}
    assert set(mailbox.content()) == {name_of(7)}
    assert_like_the_server(person)
    assert not Notice.objects.exists()


def test_ten_errors_and_a_farewell_are_survived(start, person_at):
    server, mailbox = start(Exchange())
    mailbox.append(mail(1))
    person = person_at(mailbox)
    person.sync()
    server.personality.refusals = [b"BAD Command Error. 12"] * 3
    actions.delete(person.user, [person.message_in_inbox(1)])
    for _ in range(4):
        person.sync()
    assert_like_the_server(person)


@pytest.mark.parametrize("provider", personalities.ALL, ids=lambda each: each.__name__)
def test_a_refused_sign_in_has_its_sentence_and_a_full_house_is_no_wrong_password(provider, start, person_at):
    """F22, F23."""
    server, mailbox = start(provider())
    person = person_at(mailbox)
    mailbox.password = "wrong"
    person.account.password = "wrong"
    with pytest.raises(AskUser) as refused:
        open_connection(person.account)
    wants = Reason.NEEDS_PROVIDER if provider is Gmail else Reason.PASSWORD
    assert refused.value.reason == wants, refused.value.sentence
    person.account.password = server.password
    if not server.personality.connections:
        return
    server.wait_until_alone()
    with ExitStack() as stack:
        for _ in range(server.personality.connections):
            stack.callback(open_connection(person.account).close)
        with pytest.raises(RetryLater) as full:
            open_connection(person.account)
        assert full.value.reason == Reason.LIMIT
    server.wait_until_alone()
    open_connection(person.account).close()


@pytest.mark.parametrize(
    "answer",
    [
        b"[ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
        b"[WEBALERT https://accounts.google.com/signin/continue?sarp=1] Web login required. (Failure)",
        b"[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account",
        b"[ALERT] Invalid credentials (Failure)",
    ],
)
def test_what_only_the_providers_page_helps_against_is_said_so(answer: bytes, start, person_at):
    provider = Gmail()
    provider.wrong_password = answer
    _, mailbox = start(provider)
    mailbox.password = "wrong"
    with pytest.raises(AskUser) as refused:
        open_connection(person_at(mailbox).account)
    invalid = b"Invalid credentials" in answer
    assert refused.value.reason == (Reason.PASSWORD if invalid else Reason.NEEDS_PROVIDER)


def test_f23_fifty_tabs_need_three_connections_and_none_is_refused(start, person_at):
    provider = OldCourier()
    provider.connections = 3
    server, mailbox = start(provider)
    mailbox.append(mail(1))
    person = person_at(mailbox)
    person.sync()
    server.wait_until_alone(1)
    server.most = 1
    pool = ForegroundPool(wait_seconds=60)
    found: list[bytes] = []
    failed: list[MailError] = []

    def tab() -> None:
        try:
            with pool.connection("ada", lambda: open_connection(person.account)) as connection:
                connection.select("INBOX", uidvalidity=None)
                found.append(connection.fetch_section(1, ""))
        except MailError as problem:
            failed.append(problem)

    tabs = [threading.Thread(target=tab) for _ in range(50)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join()
    pool.close()
    assert not failed
    assert found == [mail(1)] * 50
    assert server.most <= 3


def test_gmail_archives_by_taking_the_label_away(start, person_at):
    """No folder of our own making: All Mail is where Gmail's own archive button leaves a message."""
    _server, mailbox = start(Gmail())
    mailbox.append(mail(1), mail(2))
    person = person_at(mailbox)
    person.sync()
    row = person.message_in_inbox(1)
    done = actions.archive(person.user, [row])
    person.sync()
    assert set(mailbox.content()) == {name_of(2)}
    assert set(mailbox.content("[Gmail]/All Mail")) == {name_of(1), name_of(2)}
    assert not Folder.objects.filter(name="Archive").exists()
    row.refresh_from_db()
    assert str(row.shown_in) == "[Gmail]/All Mail"
    assert_like_the_server(person)
    actions.undo(person.user, done.batch)
    person.sync()
    person.sync()
    assert set(mailbox.content()) == {name_of(1), name_of(2)}
    assert_like_the_server(person)


def test_gmail_shows_one_message_of_many_labels_and_trash_takes_it_out_of_all(start, person_at):
    _server, mailbox = start(Gmail())
    mailbox.append(mail(1), mail(2))
    with mailbox.imap("INBOX") as other:
        for label in ("Work", "Private"):
            other.create_folder(label)
            other.copy([mailbox.uid(other, name_of(1))], label)
    person = person_at(mailbox)
    person.sync()
    assert_like_the_server(person)
    assert len(Message.objects.filter(message_id=name_of(1)).values_list("message_key").distinct()) == 1
    actions.store(person.user, [person.message_in_inbox(1)], "flagged", True)
    person.sync()
    person.sync()
    assert_like_the_server(person)
    actions.delete(person.user, Message.objects.filter(message_id=name_of(1), shown_in__name="Work"))
    person.sync()
    person.sync()
    for name in ("INBOX", "Work", "Private", "[Gmail]/All Mail"):
        assert name_of(1) not in mailbox.content(name)
    assert set(mailbox.content("[Gmail]/Trash")) == {name_of(1)}
    assert_like_the_server(person)


def test_yahoo_cuts_large_sets_and_nothing_is_taken_for_gone(start, person_at, monkeypatch):
    """MESSAGELIMIT=1000 (RFC 9738): of 1,100 messages a command names the first thousand."""
    monkeypatch.setattr("webmail.sync.ahead.WHOLE_INBOX", 10)
    monkeypatch.setattr("webmail.sync.ahead.PREVIEW_INBOX", 10)
    server, mailbox = start(Yahoo())
    with server.personality.mail.changed:
        for number in range(1100):
            server.personality.mail.append(server.personality.mail.boxes["INBOX"], mail(number), set())
    person = person_at(mailbox)
    person.sync()
    inbox = Folder.objects.get(name="INBOX")
    assert (inbox.total, Message.objects.filter(shown_in=inbox).count()) == (1100, 1100)
    with server.personality.mail.changed:
        box = server.personality.mail.boxes["INBOX"]
        server.personality.mail.remove(box, box.copies[1050])
        box.copies[1060].letter.flags.add("\\Flagged")
        server.personality.mail.touch(box.copies[1060].letter)
    person.sync()
    person.sync()
    shown = {row.uid: row.flagged for row in Message.objects.filter(shown_in=inbox)}
    assert shown == {each.uid: "\\Flagged" in each.flags for each in box.copies}


def test_exchange_hands_out_an_empty_invitation_and_the_message_is_readable(start, person_at):
    _server, mailbox = start(Exchange())
    letter = MIMEMultipart("alternative")
    letter["Message-ID"], letter["Subject"] = f"<{name_of(1)}>", "Letter 1"
    letter["From"] = letter["To"] = "ada@example.test"
    letter.attach(MIMEText("Come at eight.\r\n"))
    letter.attach(MIMEText("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "calendar"))
    mailbox.append(letter.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    person = person_at(mailbox)
    person.sync()
    row = person.message_in_inbox(1)
    assert "Come at eight." in row.preview
    parts = bodies.text_parts(row)
    assert "Come at eight." in str(parts)
    assert b"".join(bodies.open_part(row, "2")[1]) == b""


def test_netease_is_told_who_asks_before_a_folder_is_opened(start, person_at):
    server, mailbox = start(NetEase())
    mailbox.append(mail(1))
    person = person_at(mailbox)
    server.commands.clear()
    person.sync()
    assert server.commands.index("ID") < server.commands.index("SELECT")
    assert_like_the_server(person)


def test_hmailserver_without_uidplus_keeps_what_others_marked(start, person_at):
    _server, mailbox = start(HMailServer())
    mailbox.append(mail(1), mail(2), mail(3))
    person = person_at(mailbox)
    person.sync()
    with mailbox.imap("INBOX") as other:
        other.add_flags([mailbox.uid(other, name_of(2))], [b"\\Deleted"])
    actions.expunge(person.user, [person.message_in_inbox(1)])
    actions.delete(person.user, [person.message_in_inbox(3)])
    person.sync()
    person.sync()
    assert mailbox.content() == {name_of(2): {"\\Deleted"}}
    assert set(mailbox.content("Papierkorb")) == {name_of(3)}
    assert_like_the_server(person)
