"""What a message holds beside its text: explained, openable, answered; over the real parser, from bytes."""

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from webmail.errors import Reason, RetryLater
from webmail.mime.parts import from_bytes, part_bytes
from webmail.models import CachedPart, InvitationAnswer, Message, OutgoingMessage
from webmail.sync import bodies

MAIL = Path(__file__).parent.parent / "mime" / "mail"
INVITATION = b"""BEGIN:VCALENDAR\r
METHOD:REQUEST\r
VERSION:2.0\r
BEGIN:VEVENT\r
UID:meeting-1@example.org\r
SEQUENCE:%(sequence)d\r
SUMMARY:Planning <b>\r
LOCATION:Room 4\r
DTSTART;TZID=America/New_York:20261201T090000\r
DTEND;TZID=America/New_York:20261201T100000\r
RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4\r
ORGANIZER;CN=Bob Berg:mailto:bob@example.test\r
ATTENDEE;CN=Ada;PARTSTAT=NEEDS-ACTION:mailto:ada@example.test\r
END:VEVENT\r
END:VCALENDAR\r
"""


def arrive(person: Any, raw: bytes, **fields: Any) -> Message:
    """The message as a server would describe it, all its parts in the cache."""
    root = from_bytes(raw)
    message: Message = person.arrive(structure=root, **fields)
    CachedPart.objects.filter(message=message).delete()
    for part in root.walk():
        if not part.is_multipart and part.section:
            content = part_bytes(raw, part.section) or b""
            rows = [(part.section, content)]
            if part.type == "message/rfc822":
                rows.append((f"{part.section}.HEADER", content.split(b"\r\n\r\n")[0] + b"\r\n\r\n"))
            for section, data in rows:
                CachedPart.objects.create(message=message, section=section, content=data, size=len(data))
    return message


def invitation(sequence: int = 0) -> bytes:
    mail = EmailMessage()
    mail["Subject"] = "Planning"
    mail.set_content("You are invited.\n")
    mail.add_alternative(
        (INVITATION % {b"sequence": sequence}).decode(), subtype="calendar", params={"method": "REQUEST"}
    )
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def findings(person: Any, message: Message) -> str:
    return str(person.fragment(f"/message/{message.pk}/findings/").text)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_only_a_message_with_something_to_explain_asks_for_it(ada: Any) -> None:
    plain, invited = ada.arrive("Plain"), arrive(ada, invitation())
    assert 'class="findings"' not in ada.client.get(ada.conversation_url(plain)).text
    assert f'data-url="/message/{invited.pk}/findings/"' in ada.client.get(ada.conversation_url(invited)).text


def test_an_invitation_says_what_when_where_and_who_in_the_persons_zone(ada: Any) -> None:
    message = arrive(ada, invitation())
    ada.client.cookies["tz"] = "Europe/Berlin"
    html = findings(ada, message)
    said = text(html)
    assert "Planning &lt;b&gt;" in said
    assert "Tuesday, 1 December 2026, 15:00 – 16:00 (09:00 America/New York)" in said
    assert "Every week on Tuesday, 4 times" in said
    assert "Room 4" in said
    assert "Bob Berg bob@example.test" in said
    assert "<html" not in html
    page = ada.client.get(f"/message/{message.pk}/findings/").text
    assert "<html" in page
    assert "Room 4" in page


@pytest.mark.database
def test_an_answer_is_queued_to_the_organizer_and_remembered(ada: Any) -> None:
    message = arrive(ada, invitation())
    answer = ada.client.post(f"/message/{message.pk}/invitation/2/", {"choice": "accepted", "event": "0"}, follow=True)
    assert "Your answer is on its way to Bob Berg: accepted." in answer.text
    outgoing = OutgoingMessage.objects.get()
    assert outgoing.state == OutgoingMessage.State.QUEUED
    assert [each["address"] for each in outgoing.recipients] == ["bob@example.test"]
    with outgoing.raw.open() as stream:
        raw = stream.read()
    root = from_bytes(raw)
    assert [part.type for part in root.walk()] == ["multipart/alternative", "text/plain", "text/calendar"]
    calendar = root.children[1]
    assert calendar.params["method"] == "REPLY"
    reply = part_bytes(raw, calendar.section) or b""
    assert b"METHOD:REPLY" in reply
    assert b"UID:meeting-1@example.org" in reply
    assert b"PARTSTAT=ACCEPTED:mailto:ada@example.test" in reply.replace(b"\r\n ", b"")
    assert b"DTSTART;TZID=America/New_York:20261201T090000" in reply
    assert "You accepted." in text(findings(ada, message))


def test_a_newer_version_and_another_choice_are_told_from_the_answer(ada: Any) -> None:
    first = arrive(ada, invitation())
    ada.client.post(f"/message/{first.pk}/invitation/2/", {"choice": "accepted"})
    changed = arrive(ada, invitation(sequence=1))
    assert "You accepted an earlier version of this." in text(findings(ada, changed))
    ada.client.post(f"/message/{changed.pk}/invitation/2/", {"choice": "declined"})
    assert "You declined." in text(findings(ada, changed))
    assert InvitationAnswer.objects.count() == 1


def test_an_answer_that_was_taken_back_does_not_count(ada: Any) -> None:
    message = arrive(ada, invitation())
    ada.client.post(f"/message/{message.pk}/invitation/2/", {"choice": "tentative"})
    outgoing = OutgoingMessage.objects.get()
    assert "You accepted tentatively." in text(findings(ada, message))
    ada.client.post(f"/compose/{outgoing.pk}/undo/")
    assert "You accepted" not in text(findings(ada, message))


@pytest.mark.parametrize(
    ("url", "data", "status"),
    [
        ("invitation/2/", {"choice": "accepted", "event": "7"}, 404),
        ("invitation/2/", {"choice": "accepted", "event": "x"}, 404),
        ("invitation/2/", {"choice": "nonsense"}, 302),
        ("invitation/9/", {"choice": "accepted"}, 302),
        ("invitation/1/", {"choice": "accepted"}, 302),
    ],
)
def test_an_answer_to_nothing_sends_nothing(ada: Any, url: str, data: dict[str, str], status: int) -> None:
    message = arrive(ada, invitation())
    assert ada.client.post(f"/message/{message.pk}/{url}", data).status_code == status
    assert not OutgoingMessage.objects.exists()


def test_a_cancelled_meeting_offers_no_answer(ada: Any) -> None:
    message = arrive(ada, invitation().replace(b"METHOD:REQUEST", b"METHOD:CANCEL").replace(b'"REQUEST"', b'"CANCEL"'))
    html = findings(ada, message)
    assert "Cancelled" in html
    assert "Decline" not in html


def test_a_delivery_report_is_told_in_words(ada: Any) -> None:
    message = arrive(ada, (MAIL / "delivery-unknown-user.eml").read_bytes())
    said = text(findings(ada, message))
    assert "Not delivered" in said
    assert "There is no such mailbox at that address." in said
    assert "This is final" in said


def enclosing() -> bytes:
    inner = EmailMessage()
    inner["Subject"] = "Inner =?utf-8?q?caf=C3=A9?="
    inner["From"] = "Cleo <cleo@example.test>"
    inner["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    inner.set_content("inner plain\n")
    inner.add_alternative("<p>inner <b>rich</b></p>", subtype="html")
    inner.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="inner.pdf")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See below.\n")
    outer.add_attachment(inner)
    return outer.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_an_enclosed_message_is_a_card_that_opens_with_its_files(ada: Any) -> None:
    message = arrive(ada, enclosing())
    html = findings(ada, message)
    url = f"/message/{message.pk}/enclosed/2/"
    assert url in html
    assert "Cleo" in html
    page = ada.client.get(url).text
    assert "cleo@example.test" in page
    assert "inner.pdf" in page
    part = re.search(rf"/message/{message.pk}/part/([\d.]+)/view/", page)
    assert part is not None
    body = ada.client.get(f"{url}body/")
    assert "<b>rich</b>" in body.text
    assert "inner plain" not in body.text
    assert "default-src 'none'" in body["Content-Security-Policy"]
    assert b"".join(ada.client.get(f"/message/{message.pk}/part/{part[1]}/")) == b"%PDF-1.4"
    assert ada.client.get(f"/message/{message.pk}/enclosed/1/").status_code == 404
    assert ada.client.get(f"/message/{message.pk}/enclosed/nonsense!/").status_code == 404


def test_files_in_the_text_are_links_and_not_noise(ada: Any) -> None:
    message = arrive(ada, (MAIL / "uuencoded-in-text.eml").read_bytes())
    body = ada.client.get(f"/message/{message.pk}/body/").text
    assert "begin 644" not in body
    link = re.search(r'href="(/message/\d+/part/[^"]+/)view/"', body)
    assert link is not None
    assert "Hello uuencode" in ada.client.get(f"{link[1]}view/").text
    answer = ada.client.get(link[1])
    assert b"".join(answer) == b"Hello uuencode\n" * 5
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smime-opaque-signed", "This message was signed with S/MIME. The signature has not been checked."),
        ("smime-encrypted", "It can be read only with the key it was written to."),
        ("signed", "which has not been checked."),
        ("tnef-files", "Inside winmail.dat"),
        ("vcard", "Telephone"),
        ("feedback-report", "A message was reported as unwanted mail."),
        ("disposition-notification", "opened your message."),
    ],
)
def test_what_is_inside_is_said(ada: Any, name: str, said: str) -> None:
    message = arrive(ada, (MAIL / f"{name}.eml").read_bytes())
    html = text(findings(ada, message))
    assert said in html
    assert "verified" not in html.lower()


def test_the_content_of_an_opaque_signed_message_is_shown(ada: Any) -> None:
    message = arrive(ada, (MAIL / "smime-opaque-signed.eml").read_bytes())
    assert "opaque but readable" in ada.client.get(f"/message/{message.pk}/body/").text


def test_a_server_that_is_away_leaves_a_sentence(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = arrive(ada, enclosing())
    CachedPart.objects.filter(message=message).delete()

    def away(*_: Any) -> None:
        raise RetryLater(Reason.LOST, "The connection to the mail server broke.")

    monkeypatch.setattr(bodies.foreground, "connection", away)
    assert "The connection to the mail server broke." in findings(ada, message)
    answer = ada.client.get(f"/message/{message.pk}/enclosed/2/")
    assert answer.status_code == 503
    assert "The connection to the mail server broke." in answer.text


def test_a_message_of_thousands_of_parts_is_listed_explained_and_downloadable(ada: Any) -> None:
    root = from_bytes((MAIL / "mixed-eleven-thousand-parts.eml").read_bytes())
    message = ada.arrive("Many", structure=root)
    html = ada.client.get(ada.conversation_url(message)).text
    assert html.count('class="attachment"') == 200
    assert re.search(r"\d{4} more files are in this message", html)
    assert f"/message/{message.pk}/source/" in html
    assert "more parts, or nests them deeper, than can be shown" in findings(ada, message)


def test_html_that_names_its_charset_itself_is_read_by_it(ada: Any) -> None:
    message = arrive(ada, (MAIL / "charset-html-meta-only.eml").read_bytes())
    assert "Привет, это письмо" in ada.client.get(f"/message/{message.pk}/body/").text


def test_an_enclosed_message_says_what_of_it_is_barred(ada: Any) -> None:
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content(
        '<p>Look</p><img src="https://a.test/p.png" width="300" height="80" alt="A view">', subtype="html"
    )
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See below.\n")
    outer.add_attachment(inner)
    message = arrive(ada, outer.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    url = f"/message/{message.pk}/enclosed/2/"
    body = ada.client.get(f"{url}body/").text
    assert 'data-remote="1"' in body
    assert "a.test" not in body
    page = ada.client.get(url).text
    # Where the number is put in, and what stands there without a script.
    assert 'class="remote-count"' in page
    assert "Remote images of this message are not loaded." in page.split("<noscript>")[1]
