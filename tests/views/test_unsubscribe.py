"""Leaving a list: one request where a signature vouches for it, a mail the person sends, or a page; and what is remembered."""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import MailAccount
from tests.servers.picture_server import PictureServer, answer
from webmail import resolver
from webmail.models import Message, OutgoingMessage, Unsubscribed
from webmail.outside import address, request
from webmail.outside.address import Refused
from webmail.outside.leave import leave

from .test_senders import FROM, TAKEN, arrive, card, text

NAME = "lists.shop.test"
SIGNED = "DKIM-Signature: v=1; d=shop.test; s=a; h=from:list-unsubscribe:list-unsubscribe-post; b=x\r\n"
GOOD = "Authentication-Results: mx.example.test; dkim=pass header.d=shop.test\r\n"
POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
BOTH = f"List-Unsubscribe: <https://{NAME}/u?id=1>, <mailto:leave@shop.test?subject=stop%20it&body=please&cc=x@evil.test>\r\n"
LIST = 'List-Id: "News of the shop" <news.shop.test>\r\n'
ONE_CLICK = GOOD + TAKEN + SIGNED + FROM + LIST + BOTH + POST


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureServer]:
    """Reached as lists.shop.test, and without TLS, for these tests only."""
    server = PictureServer(lambda _: [answer(b"")])
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(resolver, "addresses", lambda host, *_: here if host == NAME else inside)
    monkeypatch.setattr(address, "is_public", lambda each: each == "127.0.0.1")

    class Context:
        def wrap_socket(self, wrapped: socket.socket, *, server_hostname: str) -> socket.socket:
            return wrapped

    monkeypatch.setattr(request, "tls_context", lambda _: Context())
    yield server
    server.close()


@pytest.fixture
def message(ada: Any) -> Message:
    return listed(ada, ONE_CLICK)


def listed(person: Any, header: str) -> Message:
    MailAccount.objects.filter(pk=person.account.pk).update(authserv_id="mx.example.test")
    found = arrive(person, header)
    card(person, found)
    return found


def url(message: Message) -> str:
    return f"/message/{message.pk}/unsubscribe/"


def test_one_request_is_sent_and_what_came_of_it_is_remembered(
    ada: Any, message: Message, server: PictureServer
) -> None:
    assert f'href="{url(message)}"' in ada.client.get(ada.conversation_url(message)).text
    question = text(ada.fragment(url(message)).text)
    assert "Stop “News of the shop” from writing to ada@example.test? shop.test is asked to take you off" in question
    assert server.asked == []
    done = ada.post(url(message), way="post")
    assert "You unsubscribed today." in done.text
    head, _, body = server.asked[0].partition("\r\n\r\n")
    assert head.startswith("POST /u?id=1 HTTP/1.1\r\n")
    assert body == "List-Unsubscribe=One-Click"
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert not re.search(r"^(?:cookie|referer|origin):", head, re.IGNORECASE | re.MULTILINE)
    # Every mail of the list says so, in its conversation too.
    other = listed(ada, ONE_CLICK)
    assert "You unsubscribed today." in ada.client.get(ada.conversation_url(other)).text
    assert "Unsubscribe again" in card(ada, other)
    Unsubscribed.objects.update(at=datetime(2024, 11, 3, 12, tzinfo=UTC))
    assert "You unsubscribed on 3 Nov 2024." in card(ada, other)


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found", "500 Oops"])
def test_a_server_that_does_not_agree_changes_nothing(
    ada: Any, message: Message, server: PictureServer, status: str
) -> None:
    server.script = lambda _: [answer(b"", status, Location=f"https://{NAME}/other")]
    refused = ada.post(url(message), way="post")
    assert refused.status_code == 502
    assert "you are still on the list" in refused.text
    assert "Prepare a mail" in refused.text
    assert len(server.asked) == 1
    assert not Unsubscribed.objects.exists()


@pytest.mark.parametrize(
    "target",
    ["http://lists.shop.test/u", "https://10.0.0.1/", "https://router.test/", "https://a@lists.shop.test/", "x"],
)
def test_only_public_servers_are_asked_and_by_tls_alone(server: PictureServer, target: str) -> None:
    with pytest.raises(Refused):
        leave(target, seconds=2.0)
    assert server.asked == []


@pytest.mark.parametrize("missing", [GOOD, SIGNED, POST])
def test_without_a_signature_that_covers_it_nothing_is_one_click(ada: Any, server: PictureServer, missing: str) -> None:
    message = listed(ada, ONE_CLICK.replace(missing, ""))
    assert "A mail to leave@shop.test is prepared" in ada.fragment(url(message)).text
    assert ada.post(url(message), way="post").status_code == 422
    assert server.asked == []
    assert not Unsubscribed.objects.exists()


def test_a_mail_is_prepared_and_sent_by_the_person_alone(ada: Any, message: Message) -> None:
    answered = ada.client.post(url(message), {"way": "mail"})
    draft = OutgoingMessage.objects.get()
    assert answered["Location"] == f"/compose/{draft.pk}/"
    assert (draft.to, draft.cc, draft.bcc) == ("leave@shop.test", "", "")
    assert (draft.subject, draft.text, draft.state) == ("stop it", "please", "draft")
    assert "asked by mail" not in card(ada, message)
    OutgoingMessage.objects.update(state="sent")
    assert "You asked by mail to be taken off today." in card(ada, message)


def test_a_page_is_shown_before_it_is_opened(ada: Any) -> None:
    message = listed(ada, FROM + "List-Unsubscribe: <http://lists.shop.test/u>\r\n")
    page = ada.client.get(url(message)).text
    assert "<html" in page
    assert "This is done on a page of shop.test, which learns that you read this." in page
    answered = ada.client.post(url(message), {"way": "link"}, follow=True)
    assert 'href="http://lists.shop.test/u"' in answered.text
    assert "You opened the page for unsubscribing today." in card(ada, message)
    assert Unsubscribed.objects.get().key == "info@shop.test"


@pytest.mark.parametrize(
    "value", ["", "<javascript:alert(1)>", "<mailto:>", "<mailto:nobody>", "https://no.brackets.test"]
)
def test_what_is_no_way_out_is_not_offered_or_refused(ada: Any, value: str) -> None:
    message = listed(ada, FROM + f"List-Unsubscribe: {value}\r\n")
    answers = [ada.client.get(url(message)), ada.client.post(url(message), {"way": "mail"})]
    assert answers[1].status_code in {404, 422}
    assert not OutgoingMessage.objects.exists()
    assert ada.client.post(url(message), {"way": "nonsense"}).status_code in {404, 422}


def test_lists_cost_one_query_for_all_messages(ada: Any, message: Message) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            other = listed(ada, ONE_CLICK)
            Message.objects.filter(pk=other.pk).update(conversation=message.conversation_id)
        with CaptureQueriesContext(connection) as queries:
            assert ada.fragment(ada.conversation_url(message)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    plain = listed(ada, FROM)
    with CaptureQueriesContext(connection) as queries:
        ada.fragment(ada.conversation_url(plain))
    assert len(queries) == counts[0] - 1


def test_what_somebody_else_left_is_nobodys_business(
    ada: Any, bob: Any, message: Message, server: PictureServer
) -> None:
    ada.post(url(message), way="post")
    theirs = listed(bob, ONE_CLICK)
    assert "You unsubscribed" not in card(bob, theirs)
    assert bob.post(url(message), way="post").status_code == 404
    assert len(server.asked) == 1
