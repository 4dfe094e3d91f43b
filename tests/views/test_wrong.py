"""What a person sees where something is missing, forbidden or broken."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from webmail.views import wrong

SCRIPT = {"HX-Request": "true"}
FRAME = {"Sec-Fetch-Dest": "iframe"}


def break_down(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret detail")


urlpatterns = [path("broken/", break_down)]
handler500 = "webmail.views.wrong.failed"


def test_who_opens_what_is_not_there_is_led_back(ada: Any) -> None:
    for address in ("/nowhere/", "/folder/999999/", "/message/999999/"):
        answer = ada.client.get(address)
        assert answer.status_code == 404
        assert wrong.NOTHING in answer.text
        assert 'href="/"' in answer.text
    assert Client().get("/nowhere/").status_code == 404


def test_a_script_and_a_frame_get_the_sentence_alone(ada: Any) -> None:
    for headers in (SCRIPT, FRAME):
        answer = ada.client.get("/message/999999/body/", headers=headers)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.text.startswith(wrong.NOTHING)


def test_a_form_of_an_earlier_sign_in_says_what_to_do(ada: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada.user)
    for headers, whole in (({}, True), (SCRIPT, False)):
        answer = strict.post(f"{ada.url()}archive/", {"conversation": 1}, headers=headers)
        assert answer.status_code == 403
        assert wrong.STALE in answer.text
        assert ("<h1>" in answer.text) is whole


@override_settings(ROOT_URLCONF="tests.views.test_wrong")
def test_a_failure_is_owned_up_to_without_its_details() -> None:
    client = Client(raise_request_exception=False)
    answer = client.get("/broken/", headers=SCRIPT)
    assert (answer.status_code, answer.text) == (500, wrong.FAILED)


@pytest.mark.django_db
def test_the_page_of_a_failure_asks_no_database(django_assert_num_queries: Any) -> None:
    request = RequestFactory().get("/")
    with django_assert_num_queries(0):
        answer = wrong.failed(request)
    assert answer.status_code == 500
    assert wrong.FAILED in answer.text
