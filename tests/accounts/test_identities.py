"""Identities: their own server is tried first, the order is the person's, no draft is left without anybody to be from."""

import base64
from io import BytesIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Identity, MailAccount, ProviderPreset, ServerOffer, SignaturePicture
from tests.servers.smtp_sink import Script, SmtpSink
from webmail.models import Folder, OutgoingMessage

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def identity(account: MailAccount) -> Identity:
    return account.identities.get()


def edit(client: Client, identity: Identity, **changes: Any) -> Any:
    data = {"name": "Ada", "address": identity.address, "signature": "", **changes}
    return client.post(reverse("identity-edit", args=[identity.pk]), data)


def at(sink: SmtpSink, **changes: Any) -> dict[str, Any]:
    values = {"smtp_host": "localhost", "smtp_port": sink.port, "smtp_security": "starttls", "smtp_password": "s3cret"}
    return values | changes


@pytest.fixture
def sink(smtp_sink: SmtpSink, settings: LazySettings) -> SmtpSink:
    settings.TRUSTED_CA_FILE = str(smtp_sink.ca_file)
    return smtp_sink


def test_its_own_server_is_tried_kept_sealed_and_known(signed_in: Client, identity: Identity, sink: SmtpSink) -> None:
    assert edit(signed_in, identity, **at(sink)).status_code == 302
    identity.refresh_from_db()
    assert (identity.smtp_host, identity.smtp_port) == ("localhost", sink.port)
    assert identity.smtp_password.reveal() == "s3cret"
    assert "s3cret" not in identity.smtp_password.token
    assert ServerOffer.objects.get(host="localhost", port=sink.port).extensions["pipelining"] == ""
    page = signed_in.get(reverse("identity-edit", args=[identity.pk])).content.decode()
    assert "s3cret" not in page
    # Nothing has changed about it, so it is not asked again.
    sink.reset()
    edit(signed_in, identity)
    assert not sink.commands
    identity.refresh_from_db()
    assert not identity.smtp_host
    assert not identity.smtp_password


FAULTS = [
    (Script(auth="535 5.7.8 No"), "smtp_password", "refused this user name and password"),
    (Script(starttls=False), "smtp_security", "no encryption"),
    (Script(greeting="+OK POP3"), "smtp_port", "not a server for outgoing mail"),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_the_server_stands_at_its_field_and_nothing_is_saved(
    signed_in: Client, identity: Identity, sink: SmtpSink, fault: tuple[Script, str, str]
) -> None:
    sink.script, field, said = fault
    answer = edit(signed_in, identity, signature="Kept", **at(sink))
    assert answer.status_code == 422
    assert said in answer.context["form"].errors[field][0]
    assert "Kept" in answer.content.decode()
    assert "s3cret" not in answer.content.decode()
    identity.refresh_from_db()
    assert not identity.smtp_host
    assert edit(signed_in, identity, **at(sink, without_sending="on")).status_code == 302


def test_a_password_for_one_server_is_never_shown_to_another(
    signed_in: Client, identity: Identity, sink: SmtpSink
) -> None:
    edit(signed_in, identity, **at(sink))
    sink.wait_until_left()
    sink.reset()
    answer = edit(signed_in, identity, **at(sink, smtp_host="127.0.0.1", smtp_password=""))
    assert "Enter the password" in answer.context["form"].errors["smtp_password"][0]
    assert not sink.commands


def test_the_administrator_decides_which_servers_there_are(
    signed_in: Client, identity: Identity, sink: SmtpSink, settings: LazySettings
) -> None:
    settings.ALLOW_ANY_SERVER = False
    edit(signed_in, identity, **at(sink))
    identity.refresh_from_db()
    assert (identity.smtp_host, sink.commands) == ("", [])
    Identity.objects.filter(pk=identity.pk).update(smtp_host="old.example.test")
    answer = edit(signed_in, identity, **at(sink))
    assert "administrator" in answer.context["form"].errors["smtp_host"][0]
    ProviderPreset.objects.create(
        domain="else.test", imap_host="x", smtp_host="localhost", smtp_port=sink.port, smtp_security="starttls"
    )
    assert edit(signed_in, identity, **at(sink)).status_code == 302


def test_credentials_of_identities_are_sealed_anew_too(identity: Identity, settings: LazySettings) -> None:
    from cryptography.fernet import Fernet  # noqa: PLC0415

    identity.smtp_password = "own"
    identity.save()
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode(), *settings.CREDENTIAL_KEYS]
    call_command("rotatecredentials", verbosity=0)
    settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS[:1]
    identity.refresh_from_db()
    assert identity.smtp_password.reveal() == "own"


@pytest.mark.parametrize("address", ["grün@example.test", "ada@grün.example", "a+b@example.test"])
def test_an_address_in_any_script_can_be_written_as(signed_in: Client, identity: Identity, address: str) -> None:
    assert edit(signed_in, identity, address=address, reply_to=address).status_code == 302
    identity.refresh_from_db()
    assert (identity.address, identity.reply_to) == (address, address)


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "@example.test", "a b@example.test", "a@b\r\nBcc: x@y", "a@b..c"]
)
def test_what_is_no_address_is_said(signed_in: Client, identity: Identity, address: str) -> None:
    answer = edit(signed_in, identity, address=address)
    assert answer.status_code == 422
    assert answer.context["form"].errors["address"]


def test_an_address_of_another_domain_is_kept_with_a_warning(signed_in: Client, identity: Identity) -> None:
    data = {"address": "ada@elsewhere.test"}
    answer = signed_in.post(reverse("identity-edit", args=[identity.pk]), data, follow=True)
    assert "may refuse to send for another domain" in answer.content.decode()
    answer = signed_in.post(reverse("identity-edit", args=[identity.pk]), {"address": identity.address}, follow=True)
    assert "may refuse" not in answer.content.decode()


def test_the_rule_for_the_copy_names_a_folder_of_the_account(
    signed_in: Client, identity: Identity, stranger: MailAccount
) -> None:
    own = Folder.objects.create(account=identity.account, name="Written")
    foreign = Folder.objects.create(account=stranger, name="Foreign")
    assert edit(signed_in, identity, sent_copy=f"folder:{own.pk}").status_code == 302
    identity.refresh_from_db()
    assert (identity.sent_rule, identity.sent_folder) == ("folder", own)
    assert edit(signed_in, identity, sent_copy=f"folder:{foreign.pk}").status_code == 422
    assert "Copies in Written" in signed_in.get(reverse("settings-identities")).content.decode()
    own.delete()
    page = signed_in.get(reverse("identity-edit", args=[identity.pk]))
    assert page.context["form"].initial["sent_copy"] == "account"


def test_they_are_put_in_order(signed_in: Client, account: MailAccount, identity: Identity) -> None:
    for name in ("b", "c"):
        signed_in.post(reverse("identity-add", args=[account.pk]), {"address": f"{name}@example.test"})
    last = account.identities.last()
    assert last is not None
    for _ in range(4):
        signed_in.post(reverse("identity-up", args=[last.pk]))
    assert [row.address for row in account.identities.all()] == ["c@example.test", identity.address, "b@example.test"]


def test_drafts_of_one_that_is_removed_go_over_to_another(
    signed_in: Client, account: MailAccount, identity: Identity
) -> None:
    other = Identity.objects.create(account=account, address="other@example.test", position=1)
    draft = OutgoingMessage.objects.create(user=account.user, account=account, identity=other, saved_revision=4)
    signed_in.post(reverse("identity-remove", args=[other.pk]))
    draft.refresh_from_db()
    assert (draft.identity, draft.saved_revision) == (identity, 0)


@pytest.mark.parametrize("state", ["queued", "sending", "unclear"])
def test_one_from_which_mail_is_on_the_way_stays(
    signed_in: Client, account: MailAccount, identity: Identity, state: str
) -> None:
    other = Identity.objects.create(account=account, address="other@example.test")
    OutgoingMessage.objects.create(user=account.user, account=account, identity=other, state=state)
    answer = signed_in.post(reverse("identity-remove", args=[other.pk]), follow=True)
    assert "still on the way" in answer.content.decode()
    assert Identity.objects.filter(pk=other.pk).exists()


def test_a_picture_stands_in_the_signature_by_the_name_it_has_in_mail(
    signed_in: Client, account: MailAccount, identity: Identity
) -> None:
    upload = BytesIO(PICTURE)
    upload.name = "../../logo.png"
    url = signed_in.post(reverse("signature-picture-add", args=[account.pk]), {"file": upload}).json()["url"]
    html = f'<div>Ada <img src="{url}" alt="Logo"><img src="http://tracker.test/x.png" onerror="x()"></div>'
    assert edit(signed_in, identity, signature=html, signature_format="html").status_code == 302
    identity.refresh_from_db()
    picture = SignaturePicture.objects.get()
    assert picture.filename == "logo.png"
    assert f'src="cid:{picture.content_id}"' in identity.signature_html
    assert "onerror" not in identity.signature_html
    page = signed_in.get(reverse("identity-edit", args=[identity.pk])).content.decode()
    assert f'src="{url}"' in page
    shown: Any = signed_in.get(url)
    assert b"".join(shown.streaming_content) == PICTURE
    assert (shown["Content-Type"], shown["X-Content-Type-Options"]) == ("image/png", "nosniff")
    # Sent again as text that was not touched, it stays as it is.
    written = signed_in.get(reverse("identity-edit", args=[identity.pk])).context["form"].initial["signature"]
    edit(signed_in, identity, signature=written, signature_format="text")
    identity.refresh_from_db()
    assert "cid:" in identity.signature_html


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"MZ", b"", PICTURE + b"x" * 600_000]
)
def test_only_small_pictures_are_taken(signed_in: Client, account: MailAccount, content: bytes) -> None:
    upload = BytesIO(content)
    upload.name = "x.png"
    answer = signed_in.post(reverse("signature-picture-add", args=[account.pk]), {"file": upload})
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert not SignaturePicture.objects.exists()


def test_removing_the_account_takes_its_pictures_along(
    signed_in: Client, account: MailAccount, identity: Identity, django_capture_on_commit_callbacks: Any
) -> None:
    upload = BytesIO(PICTURE)
    upload.name = "logo.png"
    signed_in.post(reverse("signature-picture-add", args=[account.pk]), {"file": upload})
    picture = SignaturePicture.objects.get()
    Folder.objects.create(account=account, name="Written")
    Identity.objects.update(sent_folder=Folder.objects.get())
    with django_capture_on_commit_callbacks(execute=True):
        signed_in.post(reverse("account-remove", args=[account.pk]), {"mail": "delete"})
    assert not MailAccount.objects.filter(pk=account.pk).exists()
    assert not picture.file.storage.exists(str(picture.file.name))
