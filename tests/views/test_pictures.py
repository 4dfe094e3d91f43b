"""Remote pictures: barred until the person says so, then through our own proxy, for that person only."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PictureChoice
from webmail.errors import Reason, RetryLater
from webmail.mime.parts import Part
from webmail.models import CachedPart, FetchedPicture, RenderedBody
from webmail.outside import pictures as outside
from webmail.outside.address import Refused
from webmail.outside.pictures import Picture
from webmail.sync import bodies, picture_cache
from webmail.views import pictures

PIXELS = b"\x89PNG\r\n\x1a\n" + b"\1" * 5000
LOGO = "https://img.shop.example/logo.png?id=1&x=2"
HTML = (
    f'<style>p{{background:url({LOGO}&bg)}}</style><img src="{LOGO.replace("&", "&amp;")}" width="600" height="90" alt="Shop">'
    '<img src="https://mail.list-manage.com/track/open.php?u=1"><img src="https://t.shop.example/1" width=1 height=1>'
    "<p>Hello</p>"
)
HEAD = (
    b"From: shop@shop.example\r\nAuthentication-Results: mx.example.test; dmarc=pass header.from=shop.example\r\n\r\n"
)
Fetch = Callable[..., Picture]


def mail(
    person: Any, html: str = HTML, *, sender: str = "Shop <news@shop.example>", head: bytes = HEAD, **fields: Any
) -> Any:
    structure = Part(section="1", type="text/html", charset="utf-8", size=len(html))
    message = person.arrive("Offers", text=html, sender=sender, structure=structure, **fields)
    CachedPart.objects.create(message=message, section="HEADER", content=head, size=len(head))
    return message


def body(person: Any, message: Any, query: str = "") -> str:
    return str(person.client.get(f"/message/{message.pk}/body/{query}").text)


def data(html: str) -> tuple[str, ...]:
    found = re.search(r'data-remote="(.*?)" data-shown-by="(.*?)" data-trackers="(.*?)" data-tracked="(.*?)"', html)
    assert found is not None
    return found.groups()


def addresses(html: str) -> list[str]:
    return re.findall(r"/picture/[\w:.-]+/", html)


def choose(person: Any, message: Any, choice: str) -> str:
    answer = person.post(f"/message/{message.pk}/pictures/", choice=choice)
    assert answer.status_code == 200
    return str(answer.json()["frame"])


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def fetch(url: str, *, limit: int, seconds: float) -> Picture:
        asked.append(url)
        return Picture("image/png", PIXELS)

    monkeypatch.setattr(outside, "fetch", fetch)
    return asked


def test_nothing_is_loaded_before_consent_and_trackers_are_named(ada: Any, fetched: list[str]) -> None:
    message = mail(ada)
    html = body(ada, message)
    assert data(html) == ("2", "", "2", "list-manage.com, shop.example")
    assert "/picture/" not in html
    assert "img.shop.example" not in html
    assert 'width="600"' in html
    assert 'height="90"' in html
    card = ada.client.get(f"/message/{message.pk}/").text
    assert "Always for news@shop.example" in card
    assert "Always for shop.example" in card
    assert fetched == []


def test_once_shows_this_message_and_no_other(ada: Any, bob: Any, fetched: list[str]) -> None:
    message, other = mail(ada), mail(ada)
    frame = choose(ada, message, "once")
    html = ada.client.get(frame).text
    assert data(html) == ("0", "once", "2", "list-manage.com, shop.example")
    assert len(set(addresses(html))) == 2
    assert "list-manage.com/track" not in html
    assert "shop.example/logo" not in html
    assert data(body(ada, message))[1] == ""
    token = frame.partition("?")[2]
    assert data(body(ada, other, f"?{token}"))[1] == ""
    assert data(body(ada, message, "?pictures=1"))[1] == ""
    theirs = mail(bob)
    assert data(body(bob, theirs, f"?{token}"))[1] == ""
    answer = ada.client.get(addresses(html)[0])
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer["Cache-Control"] == "private, max-age=86400, immutable"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert b"".join(answer) == PIXELS
    assert fetched == [f"{LOGO}&bg"]


def test_the_policy_of_the_frame_stays_as_it_is(ada: Any) -> None:
    message = mail(ada)
    before, after = f"/message/{message.pk}/body/", choose(ada, message, "once")
    policies = {ada.client.get(url)["Content-Security-Policy"] for url in (before, after)}
    assert len(policies) == 1
    assert "img-src 'self' data:;" in policies.pop()


def test_a_token_is_good_for_its_person_and_two_days(
    ada: Any, bob: Any, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pictures.address(ada.user.pk, LOGO)
    assert url == pictures.address(ada.user.pk, LOGO)
    assert bob.client.get(url).status_code == 404
    for wrong in (url[:-3] + "x/", "/picture/x/", "/picture/a:b/", url.replace(":", "::")):
        assert ada.client.get(wrong).status_code == 404
    assert fetched == []
    today = pictures._today()
    for days, status in ((1, 200), (2, 404), (-1, 404)):
        monkeypatch.setattr(pictures, "_today", lambda day=today + days: day)
        assert ada.client.get(url).status_code == status


def test_a_picture_is_kept_for_one_person_and_a_failure_for_a_while(
    ada: Any, bob: Any, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in (ada, ada, bob, bob):
        assert b"".join(person.client.get(pictures.address(person.user.pk, LOGO))) == PIXELS
    assert fetched == [LOGO, LOGO]

    def refuse(*_: object, **__: object) -> Picture:
        fetched.append("refused")
        raise Refused("no")

    monkeypatch.setattr(outside, "fetch", refuse)
    gone = pictures.address(ada.user.pk, f"{LOGO}&gone")
    assert [ada.client.get(gone).status_code for _ in range(3)] == [404] * 3
    assert fetched.count("refused") == 1
    FetchedPicture.objects.filter(type="").update(fetched_at=timezone.now() - timedelta(minutes=6))
    ada.client.get(gone)
    assert fetched.count("refused") == 2


def test_what_is_kept_stays_within_its_bounds(ada: Any) -> None:
    for number in range(6):
        picture_cache.keep(ada.user.pk, f"{LOGO}{number}", Picture("image/png", PIXELS))
    paths = list(FetchedPicture.objects.order_by("pk").values_list("path", flat=True))
    picture_cache.trim(10**9)
    assert FetchedPicture.objects.count() == 6
    FetchedPicture.objects.filter(path=paths[0]).update(fetched_at=timezone.now() - timedelta(hours=25))
    picture_cache.trim(10**9)
    assert [default_storage.exists(path) for path in paths] == [False] + [True] * 5
    picture_cache.trim(100)
    assert not any(default_storage.exists(path) for path in paths)
    old = default_storage.save("pictures/2020-01-01/orphan", default_storage.open(default_storage.save("x", _file())))
    picture_cache.trim(100)
    assert not default_storage.exists(old)


def _file() -> Any:
    from django.core.files.base import ContentFile  # noqa: PLC0415

    return ContentFile(b"x")


def test_too_many_at_once_are_told_to_come_back(ada: Any, fetched: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = pictures.address(ada.user.pk, LOGO)
    with pictures._gate.entered(ada.user.pk), monkeypatch.context() as patch:
        patch.setattr(pictures._gate, "_each", 1)
        answer = ada.client.get(url)
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert ada.client.get(url).status_code == 200


@pytest.mark.parametrize(("choice", "other"), [("sender", "news@shop.example"), ("domain", "bills@de.shop.example")])
def test_always_holds_for_the_sender_or_the_domain_until_it_is_taken_back(
    ada: Any, bob: Any, choice: str, other: str
) -> None:
    message = mail(ada)
    assert data(ada.client.get(choose(ada, message, choice)).text)[1] == "once"
    second = mail(ada, sender=f"Shop <{other.upper()}>")
    assert data(body(ada, second))[:2] == ("0", choice)
    assert data(body(ada, mail(ada, sender="X <news@other.example>")))[1] == ""
    assert data(body(ada, mail(ada, sender="X <x@notshop.example>")))[1] == ""
    assert data(body(bob, mail(bob)))[1] == ""
    page = ada.client.get("/settings/security/").text
    kept = PictureChoice.objects.get(user=ada.user)
    assert kept.label in page
    assert kept.label not in bob.client.get("/settings/security/").text
    assert bob.client.post(f"/settings/pictures/{kept.pk}/remove/").status_code == 404
    ada.client.post(f"/settings/pictures/{kept.pk}/remove/")
    assert data(body(ada, second))[1] == ""
    choose(ada, second, choice)
    choose(ada, second, "stop")
    assert data(body(ada, second))[1] == ""


def test_a_domain_that_gives_addresses_to_everybody_is_not_offered(ada: Any) -> None:
    message = mail(ada, sender="Eve <eve@gmail.com>")
    card = ada.client.get(f"/message/{message.pk}/").text
    assert "Always for eve@gmail.com" in card
    assert "Always for gmail.com" not in card
    assert ada.post(f"/message/{message.pk}/pictures/", choice="domain").status_code == 422
    assert not PictureChoice.objects.exists()


@pytest.mark.parametrize(
    "head",
    [
        b"Authentication-Results: mx.example.test; dmarc=fail (p=none) header.from=shop.example\r\n\r\n",
        b"Authentication-Results: a; spf=pass\r\nauthentication-results: b;\r\n DMARC = fail\r\n\r\n",
    ],
)
def test_always_is_not_for_a_forged_sender(ada: Any, head: bytes) -> None:
    choose(ada, mail(ada), "domain")
    forged = mail(ada, head=head)
    assert data(body(ada, forged))[1] == ""
    assert data(ada.client.get(choose(ada, forged, "once")).text)[1] == "once"


def test_always_is_not_for_junk_nor_for_what_cannot_be_looked_at(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail(ada)
    choose(ada, message, "sender")
    assert data(body(ada, mail(ada, folder="Junk")))[1] == ""

    def fail(*_: object) -> bytes:
        raise RetryLater(Reason.LOST, "The connection to the mail server broke.")

    monkeypatch.setattr(bodies, "headers", fail)
    assert data(body(ada, message))[1] == ""


def test_an_administrator_can_switch_it_off(ada: Any, settings: Any, fetched: list[str]) -> None:
    message = mail(ada)
    frame, url = choose(ada, message, "once"), pictures.address(ada.user.pk, LOGO)
    choose(ada, message, "sender")
    settings.IMAGE_PROXY = False
    for each in (frame, f"/message/{message.pk}/body/"):
        assert data(ada.client.get(each).text)[:2] == ("2", "")
    assert "Always for" not in ada.client.get(f"/message/{message.pk}/").text
    assert ada.client.get(url).status_code == 404
    assert fetched == []


def test_without_a_script_a_page_does_the_same(ada: Any) -> None:
    message = mail(ada)
    page = ada.client.get(f"/message/{message.pk}/pictures/").text
    assert "2 remote images are not loaded" in page
    assert "2 trackers stopped: list-manage.com, shop.example." in page
    answer = ada.client.post(f"/message/{message.pk}/pictures/", {"choice": "once"}, follow=True)
    assert "loaded through this server" in answer.text
    frame = re.search(r'<iframe[^>]*src="([^"]*)"', answer.text)
    assert frame is not None
    assert data(ada.client.get(frame[1]).text)[1] == "once"
    answer = ada.client.post(f"/message/{message.pk}/pictures/", {"choice": "sender"}, follow=True)
    assert "Ask again" in answer.text
    assert ada.client.post(f"/message/{message.pk}/pictures/", {"choice": "x"}).status_code == 422


def test_the_two_forms_of_a_body_are_kept_apart_and_made_once(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = mail(ada)
    barred = body(ada, message)
    frame = choose(ada, message, "once")
    shown = ada.client.get(frame).text

    def fail(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(bodies, "text_parts", fail)
    assert body(ada, message) == barred
    assert ada.client.get(frame).text == shown
    assert bytes(RenderedBody.objects.get(message=message).pictured or b"")
    assert "/picture/" not in body(ada, message)


def test_a_message_that_names_our_own_marks_gets_nothing_for_it(ada: Any) -> None:
    html = (
        HTML + '<p>/picture/0.0 /picture/{}.1</p><img src="/picture/0.0"><a href="https://x.example/picture/a.0">x</a>'
    )
    message = mail(ada, html)
    shown = ada.client.get(choose(ada, message, "once")).text
    assert "<p>/picture/0.0 /picture/{}.1</p>" in shown
    assert 'href="https://x.example/picture/a.0"' in shown


def test_a_message_without_pictures_costs_no_further_query(ada: Any) -> None:
    plain, pictured = mail(ada, "<p>Hello</p>"), mail(ada)
    counts = []
    for message in (plain, pictured, plain, pictured):
        with CaptureQueriesContext(connection) as queries:
            body(ada, message)
        counts.append(len(queries))
    assert counts[3] == counts[2] + 1
