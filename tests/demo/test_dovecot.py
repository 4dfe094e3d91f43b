"""The private mail server does what the rest of the tests take for granted."""

import poplib
import smtplib
import socket
import ssl
import time

import imapclient
import pytest

from tests.servers.mailbox import Mailbox, server_directory
from webmail.demo.dovecot import Dovecot, MailServerError, Ports

pytestmark = pytest.mark.mailserver
MAIL = b"From: a@example.test\r\nTo: b@example.test\r\nSubject: One\r\n\r\nBody\r\n"


def trusting(server: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca_file))


def test_every_tls_listener_shows_a_certificate_that_the_ca_vouches_for(mailbox: Mailbox) -> None:
    for port in (mailbox.server.ports.imaps, mailbox.server.ports.pop3s, mailbox.server.ports.submissions):
        for name in ("localhost", "127.0.0.1"):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                trusting(mailbox.server).wrap_socket(plain, server_hostname=name) as secured,
            ):
                assert secured.version() in {"TLSv1.2", "TLSv1.3"}


def test_the_server_offers_what_the_product_relies_on(mailbox: Mailbox) -> None:
    client = mailbox.imap()
    offered = {name.decode() for name in client.capabilities()}
    assert offered >= {"CONDSTORE", "QRESYNC", "NOTIFY", "IDLE", "MOVE", "UIDPLUS", "SPECIAL-USE", "LIST-STATUS"}
    special = {flag for flags, _, _ in client.list_folders() for flag in flags}
    assert special >= {b"\\Drafts", b"\\Sent", b"\\Junk", b"\\Trash", b"\\Archive"}
    client.logout()


def test_a_changed_password_counts_at_once(mailbox: Mailbox) -> None:
    mailbox.imap().logout()
    old, mailbox.password = mailbox.password, "another-one"
    mailbox.server.add_user(mailbox.address, "another-one")
    mailbox.imap().logout()
    mailbox.password = old
    with pytest.raises(imapclient.exceptions.LoginError):
        mailbox.imap()


def test_submitted_mail_reaches_local_mailboxes_and_foreign_copies_stay_here(mailbox: Mailbox) -> None:
    before = set(mailbox.server.outbound.glob("*.eml"))
    for secured in (False, True):
        client: smtplib.SMTP
        if secured:
            client = smtplib.SMTP_SSL("localhost", mailbox.server.ports.submissions, context=trusting(mailbox.server))
        else:
            client = smtplib.SMTP("localhost", mailbox.server.ports.submission)
            client.starttls(context=trusting(mailbox.server))
        client.login(mailbox.address, mailbox.password)
        assert client.sendmail(mailbox.address, [mailbox.address, "far@elsewhere.example"], MAIL) == {}
        client.quit()
    assert len(mailbox.uids()) == 2
    new = set(mailbox.server.outbound.glob("*.eml")) - before
    assert len(new) == 2
    assert all(b"X-Envelope-To: far@elsewhere.example" in path.read_bytes() for path in new)


def test_mail_for_an_unknown_local_user_is_refused(mailbox: Mailbox) -> None:
    with smtplib.SMTP("localhost", mailbox.server.ports.submission) as client:
        client.starttls(context=trusting(mailbox.server))
        client.login(mailbox.address, mailbox.password)
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            client.sendmail(mailbox.address, ["nobody-here@example.test"], MAIL)
        assert 500 <= caught.value.smtp_code < 600


def test_delivered_and_appended_mail_is_seen_by_imap_and_pop3(mailbox: Mailbox) -> None:
    mailbox.deliver(MAIL)
    uid = mailbox.append(MAIL, flags=(b"\\Flagged",))
    assert mailbox.flags(uid) == {b"\\Flagged"}
    assert mailbox.raw(uid) == MAIL
    client = poplib.POP3_SSL("localhost", mailbox.server.ports.pop3s, context=trusting(mailbox.server))
    client.user(mailbox.address)
    client.pass_(mailbox.password)
    assert len(client.uidl()[1]) == 2
    client.quit()


def test_it_starts_in_time_stops_for_good_and_starts_again_with_its_mail() -> None:
    directory = server_directory()
    server = Dovecot(directory)
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 1.5
    server.add_user("a@example.test", "secret")
    server.deliver("a@example.test", MAIL)
    ports = server.ports
    server.stop()
    assert not server.running
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", ports.imap), timeout=1)
    again = Dovecot(directory, ports=ports)
    again.start()
    assert Mailbox(again, "a@example.test", "secret").uids() == [1]
    again.stop()


def test_a_taken_port_is_named_in_the_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        server = Dovecot(server_directory(), ports=Ports(imap=holder.getsockname()[1]))
        with pytest.raises(MailServerError, match="in use"):
            server.start()
        assert not server.running
