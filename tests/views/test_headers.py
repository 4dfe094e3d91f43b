"""What every answer carries, whatever the view."""

from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/sidebar/", "/nowhere/", "/healthz"])
def test_every_answer_has_a_policy_without_inline_script(ada: Any, path: str) -> None:
    policy = ada.client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe-inline" not in script


def test_pages_with_mail_are_kept_by_no_cache(ada: Any) -> None:
    message = ada.arrive()
    paths = [ada.url(), ada.conversation_url(message), f"/message/{message.pk}/body/", f"/message/{message.pk}/part/1/"]
    for path in paths:
        assert "no-store" in ada.client.get(path)["Cache-Control"]


def test_health_needs_nobody_signed_in(db: None) -> None:
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/readyz").status_code == 200


def test_pages_contain_no_inline_script_or_style_element(ada: Any) -> None:
    message = ada.arrive()
    for path in (ada.url(), ada.conversation_url(message), f"/account/{ada.account.pk}/folders/"):
        html = ada.client.get(path).text
        assert "<style" not in html
        assert html.count("<script") == html.count('<script type="module" src=')
        assert " onclick=" not in html


@pytest.mark.django_db
def test_who_asks_for_the_usual_icon_gets_ours() -> None:
    answer = Client().get("/favicon.ico")
    assert answer.status_code == 302
    assert answer["Location"] == static("icon.svg")
    assert finders.find("icon.svg")
