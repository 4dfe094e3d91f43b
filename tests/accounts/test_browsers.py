"""Where a person is signed in: seen by nobody else, noted without a write per click, and ended one by one."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import browsers
from accounts.models import Browser, User
from webmail.worker import upkeep

pytestmark = pytest.mark.django_db
SECURITY = "/settings/security/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0"
    " Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def ada() -> User:
    return User.objects.create(username="ada")


def signed_in(user: User, user_agent: str = FIREFOX, address: str = "203.0.113.77") -> Client:
    """With a first page seen."""
    client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    client.force_login(user)
    browsers._noted.clear()
    assert client.get(SECURITY).status_code == 200
    return client


def row_of(client: Client) -> Browser:
    return Browser.objects.get(session_key=client.session.session_key)


def test_the_page_lists_browsers_and_networks_but_never_a_key_or_an_address(ada: User) -> None:
    here, phone = signed_in(ada), signed_in(ada, IPHONE, "2001:db8:1:2:3::4")
    page = here.get(SECURITY).content.decode()
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "203.0.113.0/24" in page
    assert "2001:db8:1::/48" in page
    assert page.count("This one") == 1
    for secret in ("203.0.113.77", "db8:1:2", here.session.session_key, phone.session.session_key):
        assert str(secret) not in page


def test_one_browser_is_signed_out_and_the_others_stay(ada: User) -> None:
    here, phone, third = signed_in(ada), signed_in(ada, IPHONE), signed_in(ada)
    answer = here.post(f"{SECURITY}{row_of(phone).pk}/sign-out/", follow=True)
    assert "Safari on iPhone was signed out." in answer.content.decode()
    assert phone.get(SECURITY).status_code == 302
    assert third.get(SECURITY).status_code == here.get(SECURITY).status_code == 200
    assert here.get(SECURITY).content.decode().count("Firefox on Linux") >= 2
    assert "Safari" not in here.get(SECURITY).content.decode()


def test_ones_own_browser_signs_out_to_the_first_page(ada: User) -> None:
    here = signed_in(ada)
    answer = here.post(f"{SECURITY}{row_of(here).pk}/sign-out/")
    assert answer["Location"] == "/sign-in/"
    assert here.get(SECURITY).status_code == 302
    assert not Browser.objects.exists()


def test_nobody_sees_or_ends_another_persons_sessions(ada: User) -> None:
    hers, his = signed_in(ada, IPHONE), signed_in(User.objects.create(username="bob"))
    address = f"{SECURITY}{row_of(hers).pk}/sign-out/"
    assert his.post(address).status_code == 404
    assert hers.get(address).status_code == 405
    assert "iPhone" not in his.get(SECURITY).content.decode()
    assert hers.get(SECURITY).status_code == 200


def test_signing_out_elsewhere_ends_all_others(ada: User) -> None:
    here, phone = signed_in(ada), signed_in(ada, IPHONE)
    here.post(SECURITY)
    assert phone.get(SECURITY).status_code == 302
    page = here.get(SECURITY)
    assert [browser.session_key for browser in page.context["browsers"]] == [here.session.session_key]


def test_a_click_writes_nothing_until_minutes_have_passed(
    ada: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    here = signed_in(ada)
    before = timezone.now() - timedelta(hours=3)
    Browser.objects.update(seen_at=before)
    with django_assert_num_queries(2):  # the session, the person
        here.get("/settings/appearance/")
    assert row_of(here).seen_at == before
    now = time.monotonic() + browsers.NOTED_SECONDS + 1
    monkeypatch.setattr("accounts.browsers.time.monotonic", lambda: now)
    here.get("/settings/appearance/")
    assert row_of(here).seen_at > before
    Browser.objects.update(seen_at=before)
    here.get("/settings/appearance/")
    assert row_of(here).seen_at == before


def test_what_has_ended_by_itself_is_forgotten(ada: User) -> None:
    here, expired, gone = signed_in(ada), signed_in(ada, IPHONE), signed_in(ada, IPHONE)
    Browser.objects.update(created_at=timezone.now() - timedelta(days=15))
    Session.objects.filter(pk=expired.session.session_key).update(expire_date=timezone.now())
    Session.objects.filter(pk=gone.session.session_key).delete()
    page = here.get(SECURITY)
    assert len(page.context["browsers"]) == Browser.objects.count() == 1


def test_the_worker_forgets_sessions_whose_time_is_over(ada: User) -> None:
    here, expired = signed_in(ada), signed_in(ada, IPHONE)
    Session.objects.filter(pk=expired.session.session_key).update(expire_date=timezone.now())
    Browser.objects.update(seen_at=timezone.now() - timedelta(days=16))
    upkeep.run()
    assert [row.session_key for row in Browser.objects.all()] == [here.session.session_key]
    assert Session.objects.count() == 1


def test_a_session_that_was_ended_is_not_noted_again(ada: User) -> None:
    here = signed_in(ada)
    ada.end_sessions()
    browsers._noted.clear()
    assert here.get(SECURITY).status_code == 302
    assert not Browser.objects.exists()


def test_the_page_costs_the_same_for_ten_browsers_and_twenty(ada: User, django_assert_max_num_queries: Any) -> None:
    here = signed_in(ada)

    def queries() -> int:
        with django_assert_max_num_queries(10) as caught:
            here.get(SECURITY)
        return len(caught)

    for _ in range(10):
        signed_in(ada)
    here.get(SECURITY)
    before = queries()
    for _ in range(10):
        signed_in(ada)
    here.get(SECURITY)
    assert queries() == before


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 (KHTML, like Gecko) Chrome/130 Safari/537 Edg/130",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/18 Safari/605", "Safari on Mac"),
        ("<script>alert(1)</script> Linux", "A browser on Linux"),
        ("curl/8", ""),
        ("", ""),
    ],
)
def test_only_known_names_are_taken_from_what_a_browser_says(user_agent: str, name: str) -> None:
    assert browsers.browser_name(user_agent) == name


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.200", "198.51.100.0/24"),
        ("::ffff:198.51.100.200", "198.51.100.0/24"),
        ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("<b>unknown</b>", ""),
        ("", ""),
    ],
)
def test_of_an_address_only_the_network_is_kept(address: str, network: str) -> None:
    assert browsers.network_of(address) == network
