"""Every way a server can be wrong has its own sentence, at its own field, and no password leaves."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import typed
from tests.accounts.faulty_tls import certificate, listener
from tests.servers.mailbox import Mailbox

pytestmark = [pytest.mark.django_db, pytest.mark.mailserver]
URL = "/sign-in/"


def refusal(client: Client, data: dict[str, Any], field: str) -> str:
    response = client.post(URL, data)
    assert response.status_code == 422
    assert not User.objects.exists()
    return " ".join(response.context["form"].errors.get(field, []))


def test_an_expired_certificate(client: Client, mailbox: Mailbox, tmp_path: Path, settings: Any) -> None:
    pem = certificate(tmp_path, "localhost", expired=True)
    settings.TRUSTED_CA_FILE = str(pem)
    with listener(pem) as server:
        assert "has expired" in refusal(client, typed(mailbox, imap_port=server.port), "imap_host")
    assert mailbox.password.encode() not in server.received


def test_a_self_signed_certificate(client: Client, mailbox: Mailbox, tmp_path: Path, trusted: Any) -> None:
    with listener(certificate(tmp_path, "localhost")) as server:
        assert "self-signed" in refusal(client, typed(mailbox, imap_port=server.port), "imap_host")
    assert mailbox.password.encode() not in server.received


def test_a_certificate_for_another_name(client: Client, mailbox: Mailbox, tmp_path: Path, settings: Any) -> None:
    pem = certificate(tmp_path, "mail.other.example")
    settings.TRUSTED_CA_FILE = str(pem)
    with listener(pem) as server:
        assert "belongs to another server" in refusal(client, typed(mailbox, imap_port=server.port), "imap_host")
    assert mailbox.password.encode() not in server.received


def test_a_server_without_starttls(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    with listener(None) as server:
        data = typed(mailbox, imap_port=server.port, imap_security="starttls")
        assert "no encryption (STARTTLS)" in refusal(client, data, "imap_security")
    assert mailbox.password.encode() not in server.received


def test_tls_on_a_port_that_speaks_plain_text(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    data = typed(mailbox, imap_port=trusted.ports.imap)
    assert "does not speak TLS" in refusal(client, data, "imap_security")


def test_a_closed_port(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    assert "Nothing answers" in refusal(client, typed(mailbox, imap_port=9), "imap_port")


def test_an_unknown_host(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    sentence = refusal(client, typed(mailbox, imap_host="imap.nowhere.invalid"), "imap_host")
    assert "imap.nowhere.invalid" in sentence


def test_something_that_is_no_imap_server(client: Client, mailbox: Mailbox, tmp_path: Path, settings: Any) -> None:
    pem = certificate(tmp_path, "localhost")
    settings.TRUSTED_CA_FILE = str(pem)
    with listener(pem, greeting=b"SSH-2.0-OpenSSH_9.2\r\n") as server:
        assert "not an IMAP server" in refusal(client, typed(mailbox, imap_port=server.port), "imap_port")
    assert mailbox.password.encode() not in server.received


def test_a_connection_limit_is_not_taken_for_a_wrong_password(
    client: Client, mailbox: Mailbox, tmp_path: Path, settings: Any
) -> None:
    pem = certificate(tmp_path, "localhost")
    settings.TRUSTED_CA_FILE = str(pem)
    with listener(pem) as server:
        response = client.post(URL, typed(mailbox, imap_port=server.port))
    form = response.context["form"]
    assert "password" not in form.errors
    assert "no more connections" in " ".join(form.non_field_errors())


def test_plain_text_is_never_used_unless_allowed_even_if_a_preset_says_so(
    client: Client, mailbox: Mailbox, preset: Any
) -> None:
    preset.imap_security, preset.imap_port = "plain", mailbox.server.ports.imap
    preset.save()
    response = client.post(URL, {"address": mailbox.address, "password": mailbox.password})
    assert "without encryption" in " ".join(response.context["form"].non_field_errors())


def test_a_closed_outgoing_port_is_said_at_the_outgoing_server(client: Client, mailbox: Mailbox, trusted: Any) -> None:
    assert refusal(client, typed(mailbox, smtp_port=9), "smtp_port")


def test_an_outgoing_server_with_a_bad_certificate_gets_no_password(
    client: Client, mailbox: Mailbox, trusted: Any, tmp_path: Path
) -> None:
    with listener(certificate(tmp_path, "localhost"), greeting=b"220 ready\r\n") as server:
        assert "certificate" in refusal(client, typed(mailbox, smtp_port=server.port), "smtp_host")
    assert mailbox.password.encode() not in server.received
