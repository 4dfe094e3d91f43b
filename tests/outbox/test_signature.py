"""Another sender brings another signature; what a person wrote stays as it is."""

import base64
from email import message_from_bytes
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from accounts.models import Identity, MailAccount, ServerOffer, SignaturePicture
from tests.outbox.conftest import Write, queued
from webmail.models import OutgoingMessage
from webmail.outbox import drafts, reply
from webmail.outbox.signature import swap_text

JSON = {"Accept": "application/json"}
ADA = Identity(signature_html="<b>Ada</b><br>Engines")
BOB = Identity(signature_html="Bob")
BELOW = Identity(signature_html="Bob", signature_place="below")
NOBODY = Identity(signature_html="")
SILENT = Identity(signature_html="Ada", signature_place="none")
QUOTE = "On Monday, Carl wrote:\n> Hello\n> -- \n> Ada\n> Engines\n"


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("Hi\n\n-- \nAda\nEngines\n\n", ADA, BOB, "Hi\n\n-- \nBob\n\n"),
        (f"Hi\n\n-- \nAda\nEngines\n\n{QUOTE}", ADA, BOB, f"Hi\n\n-- \nBob\n\n{QUOTE}"),
        (f"Hi\n\n{QUOTE}", NOBODY, BOB, f"Hi\n\n-- \nBob\n\n{QUOTE}"),
        (f"Hi\n\n{QUOTE}", NOBODY, BELOW, f"Hi\n\n{QUOTE}\n-- \nBob\n"),
        ("Hi", SILENT, BOB, "Hi\n\n-- \nBob\n"),
        ("Hi\n\n-- \nAda\nEngines\n", ADA, SILENT, "Hi\n\n\n"),
        ("Hi", None, None, "Hi"),
        # Taken out, changed, written on, or quoted: it is the person's.
        ("Hi\n", ADA, BOB, "Hi\n"),
        ("Hi\n-- \nAda\nSteam\n", ADA, BOB, "Hi\n-- \nAda\nSteam\n"),
        ("Hi\n-- \nAda\nEngines and more\n", ADA, BOB, "Hi\n-- \nAda\nEngines and more\n"),
        (f"Hi\n{QUOTE}", ADA, BOB, f"Hi\n{QUOTE}"),
    ],
)
def test_only_the_old_signature_is_replaced(
    text: str, old: Identity | None, new: Identity | None, expected: str
) -> None:
    assert swap_text(text, old, new) == expected


def test_back_and_forth_leaves_the_text_as_it_was() -> None:
    text = f"Hi\n\n-- \nAda\nEngines\n\n{QUOTE}"
    assert swap_text(swap_text(text, ADA, BOB), BOB, ADA) == text


@pytest.fixture
def other(account: MailAccount) -> Identity:
    return Identity.objects.create(
        account=account, address="other@example.test", signature_html="Other & Co", position=1
    )


@pytest.fixture
def page(client: Client, account: MailAccount) -> Client:
    client.force_login(account.user)
    return client


def picture_in_signature(account: MailAccount) -> SignaturePicture:
    picture = SignaturePicture(
        account=account, content_id="logo@webmail", filename="logo.png", content_type="image/png", size=3
    )
    picture.file.save("logo", ContentFile(b"png"), save=False)
    picture.save()
    Identity.objects.filter(account=account, is_default=True).update(signature_html='Ada <img src="cid:logo@webmail">')
    return picture


def test_a_plain_form_signs_anew(page: Client, write: Write, other: Identity, account: MailAccount) -> None:
    Identity.objects.filter(is_default=True).update(signature_html="Ada")
    draft = write(text="Hi\n\n-- \nAda\n")
    data = {
        "to": draft.to,
        "subject": "Hello",
        "text": "Hi there\r\n\r\n-- \r\nAda\r\n",
        "plain": "1",
        "identity": other.pk,
        "revision": draft.revision,
        "token": str(draft.token),
    }
    page.post(reverse("draft-save", args=[draft.pk]), data)
    draft.refresh_from_db()
    assert (draft.identity, draft.text) == (other, "Hi there\n\n-- \nOther & Co\n")


def test_a_script_is_told_both_signatures_and_what_else_is_different(
    page: Client, write: Write, other: Identity, account: MailAccount
) -> None:
    picture_in_signature(account)
    draft = write()
    default = account.identities.get(is_default=True)
    ServerOffer.objects.create(
        host="localhost", port=account.smtp_port, extensions={"dsn": "", "size": "1000000"}, seen_at="2999-01-01T00:00Z"
    )
    url = reverse("draft-identity", args=[draft.pk])
    told = page.post(url, {"old": other.pk, "new": default.pk, "text": "-- \nOther & Co"}, headers=JSON).json()
    row = draft.attachments.get()
    assert row.of_signature
    assert told["old"] == "Other &amp; Co"
    assert f'src="{reverse("attachment-content", args=[draft.pk, row.pk])}"' in told["new"]
    assert (told["reports"], told["limit"] < 1_000_000, told["text"]) == (True, True, "-- \nAda")
    page.post(url, {"old": other.pk, "new": default.pk}, headers=JSON)
    assert draft.attachments.count() == 1


def test_nobody_asks_for_the_signature_of_somebody_else(page: Client, write: Write, django_user_model: Any) -> None:
    stranger = MailAccount.objects.create(
        user=django_user_model.objects.create(username="eve"), address="e@x.test", imap_host="x", smtp_host="x"
    )
    foreign = Identity.objects.create(account=stranger, address="e@x.test", signature_html="secret")
    url = reverse("draft-identity", args=[write().pk])
    assert page.post(url, {"new": foreign.pk}).status_code == 404
    own = Identity.objects.get(account__user__username="ada")
    assert page.post(url, {"old": foreign.pk, "new": own.pk}).json()["old"] == ""


def test_pictures_of_the_signature_go_along_inline_and_only_with_it(
    write: Write, account: MailAccount, other: Identity
) -> None:
    picture_in_signature(account)
    identity = account.identities.get(is_default=True)
    draft = reply.compose(account.user, identity, to="bob@example.test", subject="Hello")
    assert 'class="signature"' in draft.html
    with_it = drafts.save_draft(
        draft, drafts.Fields(to="bob@example.test", html=draft.html, identity_id=identity.pk), draft.revision
    ).outgoing
    message = message_from_bytes(queued(with_it).raw.read())
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<logo@webmail>"
    assert (picture.get_content_disposition(), picture.get_payload(decode=True)) == ("inline", b"png")
    assert "multipart/related" in {part.get_content_type() for part in message.walk()}
    draft = reply.compose(account.user, identity, to="bob@example.test")
    without = drafts.save_draft(
        draft, drafts.Fields(to="bob@example.test", html="<div>Hi</div>", identity_id=other.pk), draft.revision
    ).outgoing
    assert without.attachments.count() == 1
    assert base64.b64encode(b"png") not in queued(without).raw.read()


def test_the_composer_lists_identities_by_account_and_hides_pictures_of_signatures(
    page: Client, account: MailAccount, other: Identity
) -> None:
    picture_in_signature(account)
    work = MailAccount.objects.create(
        user=account.user, address="ada@work.test", username="w", imap_host="x", smtp_host="x", position=1
    )
    Identity.objects.create(account=work, address="ada@work.test")
    draft = reply.compose(account.user, account.identities.get(is_default=True))
    html = page.get(reverse("draft", args=[draft.pk])).content.decode()
    assert (
        html.index('<optgroup label="ada@example.test">')
        < html.index("other@example.test")
        < html.index('<optgroup label="ada@work.test">')
    )
    assert "logo.png" not in html
    assert OutgoingMessage.objects.get(pk=draft.pk).attachments.exists()
