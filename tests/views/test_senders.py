"""Who really sent it, on the card: a badge with its reason, what is worth a second look, and nothing by default."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.authserv import trust_of
from accounts.models import MailAccount, ProviderPreset
from webmail.errors import Reason, RetryLater
from webmail.mime.authentication import NAMELESS
from webmail.models import CachedPart, CollectedAddress, CollectedPast, Message, SenderCheck
from webmail.sync import bodies, senders

from .conftest import START

TAKEN = "Received: from out.shop.test by mx.example.test with ESMTPS; x\r\n"
GOOD = "Authentication-Results: mx.example.test; dkim=pass header.d=shop.test\r\n"
BAD = "Authentication-Results: mx.example.test; dmarc=fail header.from=shop.test\r\n"
FROM = "From: The Shop <info@shop.test>\r\n"


def arrive(person: Any, header: str, sender: str = "The Shop <info@shop.test>", **fields: Any) -> Message:
    """A message whose header is in the cache and whose sender nobody has judged."""
    message: Message = person.arrive(sender=sender, **fields)
    content = header.encode() + b"\r\n"
    CachedPart.objects.create(message=message, section="HEADER", content=content, size=len(content))
    return message


def trusting(person: Any) -> Any:
    MailAccount.objects.filter(pk=person.account.pk).update(authserv_id="mx.example.test")
    return person


def card(person: Any, message: Message) -> str:
    return str(person.client.get(f"/message/{message.pk}/?sender").text)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_sender_is_judged_when_the_card_asks_and_from_then_on_known(ada: Any) -> None:
    message = arrive(trusting(ada), GOOD + TAKEN + FROM)
    url = ada.conversation_url(message)
    before = ada.client.get(url).text
    assert f'data-sender-url="/message/{message.pk}/?sender"' in before
    assert "sender-badge" not in before
    html = card(ada, message)
    assert 'class="sender-badge verified"' in html
    assert 'title="shop.test confirmed this message (DKIM)."' in html
    assert "Checked shop.test confirmed this message (DKIM)." in text(html)
    after = ada.client.get(url).text
    assert 'class="sender-badge verified"' in after
    assert "data-sender-url" not in after


def test_a_sender_who_is_not_confirmed_is_marked_in_words(ada: Any) -> None:
    html = card(ada, arrive(trusting(ada), BAD + TAKEN + FROM))
    assert 'class="sender-badge failed"' in html
    assert "Not confirmed" in text(html)
    assert "did not confirm it (DMARC)" in html


def test_nothing_is_said_where_nobody_is_trusted(ada: Any) -> None:
    html = card(ada, arrive(ada, GOOD + TAKEN + FROM))
    assert "sender-badge" not in html
    assert "Your provider does not say whether the sender was checked." in html


def test_a_field_the_sender_wrote_is_not_believed(ada: Any) -> None:
    html = card(ada, arrive(trusting(ada), TAKEN + "Received: from a by b with SMTP; x\r\n" + GOOD + FROM))
    assert "sender-badge" not in html


def test_a_header_that_names_another_sender_than_the_list_shows_confirms_nobody(ada: Any) -> None:
    html = card(ada, arrive(trusting(ada), GOOD + TAKEN + FROM, sender="Bank <info@bank.test>"))
    assert "sender-badge" not in html
    assert "does not name exactly one sender" in html


def test_what_is_worth_a_second_look_stands_on_the_card(ada: Any) -> None:
    CollectedAddress.objects.create(
        user=ada.user,
        account=ada.account,
        name="Bob Berg",
        address="Bob@berg.test",
        key="bob@berg.test",
        written=1,
        last_written=timezone.now(),
        rank=1,
    )
    forged = arrive(
        ada,
        "From: Bob Berg <b@evil.test>\r\nReply-To: thief@else.test\r\n",
        sender="Bob Berg <b@evil.test>",
    )
    html = text(card(ada, forged))
    assert "You know Bob Berg as bob@berg.test. This message comes from another address." in html
    assert "Answers go to thief@else.test, not to b@evil.test." in html
    alike = arrive(ada, "From: Bob <x@8erg.test>\r\nReply-To: \u202ex\r\n", sender="Bob <x@8erg.test>")
    assert "looks like" not in card(ada, alike)
    alike = arrive(ada, "From: Bob <x@bеrg.test>\r\n", sender="Bob <x@bеrg.test>")
    assert "xn--brg-rdd.test looks like berg.test, which you know, but is another domain." in text(card(ada, alike))


def test_a_first_message_is_called_that_and_no_other(ada: Any) -> None:
    MailAccount.objects.filter(pk=ada.account.pk).update(created_at=START - timedelta(days=1))
    said = "This is the first message from this address."
    heard = {"user": ada.user, "account": ada.account, "rank": 1}
    CollectedAddress.objects.create(**heard, address="o@n.test", key="o@n.test", heard=1, last_heard=START)
    for sender, first in [("A <new@n.test>", True), ("A <o@n.test>", False), ("A <noreply@n.test>", False)]:
        message = arrive(ada, f"From: {sender}\r\n", sender=sender)
        assert (said in card(ada, message)) is first
    # It has been counted itself by now.
    CollectedAddress.objects.create(
        **heard, address="x@n.test", key="x@n.test", heard=1, last_heard=START + timedelta(days=9)
    )
    assert said in card(ada, arrive(ada, "From: x@n.test\r\n", sender="X <x@n.test>"))
    for folder in ("Junk", "Sent", "Trash"):
        assert said not in card(ada, arrive(ada, "From: y@n.test\r\n", sender="Y <y@n.test>", folder=folder))
    old = arrive(ada, "From: z@n.test\r\n", sender="Z <z@n.test>", internaldate=START - timedelta(days=2))
    assert said not in card(ada, old)
    CollectedPast.objects.create(upto=9, cursor=9)
    assert said not in card(ada, arrive(ada, "From: q@n.test\r\n", sender="Q <q@n.test>"))


@pytest.mark.parametrize("folder", ["Junk", "Sent", "Drafts"])
def test_nothing_is_noted_where_it_goes_without_saying(ada: Any, folder: str) -> None:
    message = arrive(ada, "From: a@b.test, c@d.test\r\n", folder=folder)
    assert 'class="note warn"' not in card(ada, message)


def test_notes_escape_what_a_sender_wrote(ada: Any) -> None:
    name = '"<b>info@bank.test</b>"'
    html = card(ada, arrive(ada, f"From: {name} <x@evil.test>\r\n", sender="<b>info@bank.test</b> <x@evil.test>"))
    assert "The name shows info@bank.test, but the message comes from x@evil.test." in text(html)
    assert "<b>" not in html


def test_the_list_a_message_came_by_stands_in_the_details(ada: Any) -> None:
    header = 'List-Id: "Books <3" <books.lists.test>\r\nList-Archive: <https://lists.test/books/>\r\n'
    html = card(ada, arrive(ada, FROM + header))
    assert "Mailing list Books" in text(html)
    assert '<a href="https://lists.test/books/" target="_blank" rel="noopener noreferrer">Archive</a>' in html


def test_an_archive_that_deceives_is_asked_about_first(ada: Any) -> None:
    html = card(ada, arrive(ada, FROM + "List-Id: <a.test>\r\nList-Archive: <https://lists.test@evil.test/>\r\n"))
    assert 'href="/link/' in html
    assert "evil.test" not in html


def test_another_trusted_server_judges_anew(ada: Any) -> None:
    message = arrive(ada, GOOD + TAKEN + FROM)
    assert "sender-badge" not in card(ada, message)
    senders.trust(MailAccount.objects.get(pk=ada.account.pk), "mx.example.test")
    assert not SenderCheck.objects.exists()
    assert "sender-badge verified" in card(ada, message)


def test_verdicts_of_an_older_policy_are_made_again(ada: Any) -> None:
    message = arrive(trusting(ada), GOOD + TAKEN + FROM)
    card(ada, message)
    SenderCheck.objects.update(policy=0, result="failed")
    assert "sender-badge" not in ada.client.get(ada.conversation_url(message)).text
    assert "sender-badge verified" in card(ada, message)


def test_a_server_that_is_away_leaves_the_card_as_it_is(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = ada.arrive()

    def away(*_: Any) -> None:
        raise RetryLater(Reason.LOST, "The connection to the mail server broke.")

    monkeypatch.setattr(bodies.foreground, "connection", away)
    answer = ada.client.get(f"/message/{message.pk}/?sender")
    assert answer.status_code == 200
    assert "sender-badge" not in answer.text


def test_known_senders_cost_no_query_more(ada: Any) -> None:
    first = arrive(trusting(ada), GOOD + TAKEN + FROM, subject="Plan")
    with CaptureQueriesContext(connection) as before:
        ada.fragment(ada.conversation_url(first))
    card(ada, first)
    for _ in range(5):
        card(ada, arrive(ada, GOOD + TAKEN + FROM, subject="Re: Plan", in_reply_to=[first.message_id]))
    with CaptureQueriesContext(connection) as after:
        html = ada.fragment(ada.conversation_url(first)).text
    assert html.count("sender-badge verified") == 6
    assert len(after) == len(before)


def test_whom_to_trust_is_set_for_an_account_or_a_domain_or_known(ada: Any) -> None:
    account = ada.account
    assert trust_of(account).ids == ()
    account.imap_host = "imap.gmail.com"
    assert trust_of(account).ids == ("mx.google.com",)
    account.imap_host = "outlook.office365.com"
    assert trust_of(account).ids == (NAMELESS,)
    account.imap_host = "imap.firm.test"
    assert trust_of(account).ids == ("firm.test", "*.firm.test")
    assert not trust_of(account).named
    ProviderPreset.objects.create(domain="*", imap_host="imap.firm.test", smtp_host="x", authserv_id="mx.firm.test")
    assert trust_of(account).ids == ("mx.firm.test",)
    assert trust_of(account).named
    account.authserv_id = "other.test, *.other.test"
    assert trust_of(account).ids == ("other.test", "*.other.test")


def test_the_trusted_server_is_set_in_the_form_of_the_account(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"/settings/accounts/{ada.account.pk}/"
    page = ada.client.get(url).text
    assert "Server that checks senders" in page
    filled = {
        "imap_host": "localhost",
        "imap_port": "993",
        "imap_security": "tls",
        "username": ada.account.username,
        "smtp_host": "localhost",
        "smtp_port": "465",
        "smtp_security": "tls",
        "without_sending": "on",
    }
    wrong = ada.client.post(url, filled | {"authserv_id": "mx.example.test; dmarc=pass"})
    assert wrong.status_code == 422
    assert "Write names of servers such as mx.example.org" in wrong.text
    assert ada.client.post(url, filled | {"authserv_id": "MX.example.test,"}).status_code == 302
    assert MailAccount.objects.get(pk=ada.account.pk).authserv_id == "mx.example.test"
