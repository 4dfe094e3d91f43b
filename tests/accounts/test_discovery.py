"""Servers are found by name, in the right order, without a password and without endless waiting."""

from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from accounts import discovery
from accounts.models import ProviderPreset
from accounts.providers import PROVIDERS
from accounts.servers import Found, Origin, Typed, endpoint, find_servers, hint_for
from tests.accounts.faulty_tls import certificate, listener
from webmail.errors import AskUser, Reason


def places(monkeypatch: pytest.MonkeyPatch, incoming: list[Any], outgoing: list[Any]) -> None:
    monkeypatch.setattr(discovery, "incoming_places", lambda domain: incoming)
    monkeypatch.setattr(discovery, "outgoing_places", lambda domain, host: outgoing)


def test_the_first_server_that_answers_properly_is_taken(trusted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = trusted.ports
    places(
        monkeypatch,
        [("nothing.invalid", 993, "tls"), ("localhost", ports.imaps, "tls"), ("localhost", ports.imap, "starttls")],
        [("localhost", 9, "tls"), ("localhost", ports.submission, "starttls")],
    )
    assert discovery.discover_incoming("example.test") == ("localhost", ports.imaps, "tls")
    assert discovery.discover_outgoing("example.test", "localhost") == ("localhost", ports.submission, "starttls")


def test_a_server_of_another_protocol_is_not_taken(trusted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    places(monkeypatch, [("localhost", trusted.ports.pop3s, "tls")], [])
    with pytest.raises(AskUser, match="No mail server was found"):
        discovery.discover_incoming("example.test")


def test_a_certificate_for_another_name_is_said(trusted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with listener(certificate(tmp_path, "other.example")) as server:
        places(monkeypatch, [("localhost", server.port, "tls")], [])
        with pytest.raises(AskUser, match="its certificate is not valid") as caught:
            discovery.discover_incoming("example.test")
    assert caught.value.reason == Reason.CERTIFICATE


def test_a_server_that_says_nothing_does_not_hold_the_page(trusted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "SECONDS", 0.3)
    monkeypatch.setattr(discovery, "SECONDS_IN_ALL", 0.6)
    with listener(None, greeting=b"") as silent:
        places(monkeypatch, [("localhost", silent.port, "starttls")] * 4, [])
        begun = monotonic()
        with pytest.raises(AskUser):
            discovery.discover_incoming("example.test")
    assert monotonic() - begun < 2


def test_implicit_tls_comes_before_starttls_and_plain_text_never() -> None:
    securities = [place[2] for place in discovery.incoming_places("example.org")]
    assert securities == ["tls", "tls", "starttls", "starttls"]
    assert discovery.outgoing_places("example.org", "imap.example.org")[0] == ("smtp.example.org", 465, "tls")


def test_every_provider_of_the_table_is_usable_or_says_why_not() -> None:
    for provider in PROVIDERS:
        assert provider.domains
        if provider.unusable:
            continue
        for host, port, security in (provider.imap, provider.smtp):
            assert "." in host
            assert (port, security) in {(993, "tls"), (465, "tls"), (587, "starttls")}
        assert "{" not in provider.hint


@pytest.mark.django_db
class TestOrder:
    remembered = Found(
        Origin.REMEMBERED, endpoint("imap.kept.example", 993, "tls"), endpoint("smtp.kept.example", 465, "tls"), "me"
    )
    typed = Typed(endpoint("imap.typed.example", 993, "tls"), endpoint("smtp.typed.example", 465, "tls"))

    @pytest.fixture
    def own_preset(self) -> None:
        ProviderPreset.objects.create(domain="gmail.com", imap_host="imap.own.example", smtp_host="smtp.own.example")

    @pytest.fixture
    def everybody(self) -> None:
        ProviderPreset.objects.create(domain="*", imap_host="imap.all.example", smtp_host="smtp.all.example")

    def test_the_domains_preset_wins_over_all(self, own_preset: None, everybody: None) -> None:
        found = find_servers("a@gmail.com", self.typed, self.remembered)
        assert found.imap.host == "imap.own.example"
        assert found.typed_ignored

    def test_what_is_remembered_wins_over_the_preset_for_everybody(self, everybody: None) -> None:
        assert find_servers("a@gmail.com", Typed(), self.remembered).imap.host == "imap.kept.example"

    def test_the_preset_for_everybody_wins_over_what_was_typed(self, everybody: None) -> None:
        assert find_servers("a@gmail.com", self.typed).imap.host == "imap.all.example"

    def test_what_was_typed_wins_over_memory_and_table(self) -> None:
        assert find_servers("a@gmail.com", self.typed, self.remembered).imap.host == "imap.typed.example"

    def test_the_table_knows_gmail(self) -> None:
        found = find_servers("a@GMAIL.com", Typed())
        assert (found.imap.host, found.saves_sent) == ("imap.gmail.com", True)
        assert "app password" in hint_for("a@gmail.com")

    def test_a_provider_that_cannot_be_used_is_explained(self) -> None:
        with pytest.raises(AskUser, match="offers no IMAP"):
            find_servers("a@tuta.com", Typed())

    def test_memory_is_worth_nothing_where_the_administrator_decides(self, settings: Any) -> None:
        settings.ALLOW_ANY_SERVER = False
        with pytest.raises(AskUser, match="Ask the administrator"):
            find_servers("a@gmail.com", self.typed, self.remembered)

    def test_the_user_name_may_be_typed_beside_a_preset(self, own_preset: None) -> None:
        assert find_servers("a@gmail.com", Typed(username="uid42")).username == "uid42"
