"""Every address of the product, asked for by somebody it does not belong to. The list comes from the URLconf itself."""

import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import Browser, Identity, PictureChoice, SignaturePicture
from webmail.contacts import book, taking_in
from webmail.mime.person_card import PersonCard
from webmail.models import (
    BulkAction,
    CollectedAddress,
    Contact,
    ContactGroup,
    DraftVersion,
    Message,
    MessageTemplate,
    Notice,
    OutgoingAttachment,
    OutgoingMessage,
    PendingAction,
    Reminder,
    Transfer,
)
from webmail.sync import actions
from webmail.views import pictures

OPEN_TO_ALL = {"healthz", "readyz", "favicon", "sign-in", "sign-out"}
MARK = "zq-secret-of-ada"


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from patterns(pattern, path)
        else:
            yield path, pattern


ALL = [(path, pattern) for path, pattern in patterns(get_resolver()) if pattern.name not in OPEN_TO_ALL]
WITH_OBJECT = [(path, pattern) for path, pattern in ALL if pattern.pattern.converters]
WITHOUT_OBJECT = [(path, pattern) for path, pattern in ALL if not pattern.pattern.converters]


def names(found: list[tuple[str, URLPattern]]) -> list[str]:
    return [pattern.name or path for path, pattern in found]


@pytest.fixture
def values(ada: Any) -> dict[str, str]:
    """One of each thing, all Ada's."""
    return one_of_each(ada, MARK)


def one_of_each(ada: Any, MARK: str) -> dict[str, str]:  # noqa: N803 - what is looked for in the answers
    message = ada.arrive(MARK, sender=f"{MARK} <x@example.test>")
    outgoing = OutgoingMessage.objects.create(user=ada.user, account=ada.account, subject=MARK)
    attachment = OutgoingAttachment.objects.create(outgoing=outgoing, filename=MARK)
    notice = Notice.objects.create(user=ada.user, text=MARK)
    done = actions.store(ada.user, [message], "flagged", value=True)
    contact = book.save(ada.user, PersonCard(name=MARK, addresses=[("", f"{MARK}@x.test")]))
    collected = CollectedAddress.objects.create(
        user=ada.user, account=ada.account, address=f"{MARK}@y.test", key=f"{MARK}@y.test", name=MARK, rank=1
    )
    return {
        "folder_id": str(ada.folders["INBOX"].pk),
        "conversation_id": str(message.conversation_id),
        "message_id": str(message.pk),
        "account_id": str(ada.account.pk),
        "outgoing_id": str(outgoing.pk),
        "attachment_id": str(attachment.pk),
        "browser_id": str(Browser.objects.filter(user=ada.user).get().pk),
        "identity_id": str(Identity.objects.get(account=ada.account).pk),
        "signature_picture_id": str(SignaturePicture.objects.create(account=ada.account, content_id=MARK).pk),
        "notice_id": str(notice.pk),
        "batch": str(done.batch),
        "bulk_id": str(BulkAction.objects.create(user=ada.user, verb="move", target_title=MARK, state="done").pk),
        "version_id": str(DraftVersion.objects.create(outgoing=outgoing, reason="writing", text=MARK).pk),
        "template_id": str(MessageTemplate.objects.create(user=ada.user, name=MARK, html=MARK).pk),
        "reminder_id": str(_reminder(ada, MARK).pk),
        "transfer_id": str(Transfer.objects.create(user=ada.user, target=ada.account, filename=MARK).pk),
        "contact_id": str(contact.pk),
        "group_id": str(ContactGroup.objects.create(user=ada.user, name=MARK, key=MARK).pk),
        "collected_id": str(collected.pk),
        "import_id": str(taking_in.keep(ada.user, f"BEGIN:VCARD\nFN:{MARK}\nEND:VCARD".encode(), MARK).pk),
        "section": "1",
        "choice_id": str(PictureChoice.objects.create(user=ada.user, sender=f"{MARK}@example.test").pk),
        "token": pictures.address(ada.user.pk, f"https://{MARK}.example.org/").split("/")[2],
        "content_id": "x",
    }


def _reminder(ada: Any, mark: str) -> Reminder:
    now = timezone.now()
    return Reminder.objects.create(
        user=ada.user, account=ada.account, message_id=mark, subject=mark, to=mark, sent_at=now, due_at=now
    )


def filled(path: str, pattern: URLPattern, values: dict[str, str]) -> str:
    for name in pattern.pattern.converters:
        path = re.sub(rf"<(\w+:)?{name}>", values[name], path)
    assert "<" not in path, f"say in this test what {path} stands for"
    return "/" + path


@pytest.mark.parametrize(("path", "pattern"), WITH_OBJECT, ids=names(WITH_OBJECT))
def test_what_belongs_to_somebody_else_does_not_exist(
    path: str, pattern: URLPattern, values: dict[str, str], bob: Any
) -> None:
    url = filled(path, pattern, values)
    for headers in ({}, {"HX-Request": "true"}):
        answers = [bob.client.get(url, headers=headers), bob.client.post(url, headers=headers)]
        if pattern.name == "undo":
            assert answers[1].status_code in {302, 409}
        else:
            assert {answer.status_code for answer in answers} <= {404, 405}
            assert 404 in {answer.status_code for answer in answers}
        assert all(MARK.encode() not in answer.content for answer in answers)
    assert Message.objects.get(pk=values["message_id"]).flagged
    assert OutgoingMessage.objects.filter(pk=values["outgoing_id"], discarded=False, state="draft").exists()
    assert Reminder.objects.filter(pk=values["reminder_id"], state="waiting").exists()
    assert MessageTemplate.objects.filter(pk=values["template_id"], name=MARK).exists()
    assert Notice.objects.filter(pk=values["notice_id"], dismissed_at__isnull=True).exists()


@pytest.mark.parametrize(("path", "pattern"), WITHOUT_OBJECT, ids=names(WITHOUT_OBJECT))
def test_pages_without_an_object_show_nothing_of_others(
    path: str, pattern: URLPattern, values: dict[str, str], bob: Any
) -> None:
    answer = bob.client.get(f"/{path}", follow=True)
    assert MARK not in b"".join(answer).decode("utf-8", "replace")
    assert "ada@example.test" not in b"".join(answer).decode("utf-8", "replace")


@pytest.mark.parametrize(("path", "pattern"), ALL, ids=names(ALL))
def test_nothing_is_shown_without_signing_in(path: str, pattern: URLPattern, values: dict[str, str]) -> None:
    url = filled(path, pattern, values)
    client = Client()
    for answer in (client.get(url), client.post(url)):
        assert answer.status_code in {302, 403, 405}
        if answer.status_code == 302:
            assert answer["Location"].startswith("/sign-in/")


# These ask servers, or end the session that the others need.
NOT_POSTED = {
    *("account-add", "account-add-pop3", "account-edit", "account-test", "account-sign-in", "account-remove"),
    *("settings-security", "browser-sign-out", "search-server"),
}


def test_ids_of_another_person_in_a_form_reach_nothing(values: dict[str, str], ada: Any, bob: Any) -> None:
    """Every form, at an address of one's own, with somebody else's ids in all of its fields."""
    own = one_of_each(bob, "own")
    folder, contact, identity = values["folder_id"], values["contact_id"], values["identity_id"]
    fields = {
        "account": values["account_id"],
        "target": folder,
        "parent": folder,
        "folder": folder,
        "at": folder,
        "conversation": [
            values["conversation_id"],
            f"{folder}-{values['conversation_id']}",
            f"m{values['message_id']}",
        ],
        "message": values["message_id"],
        "id": [contact, own["contact_id"]],
        "first": contact,
        "group": values["group_id"],
        "identity": identity,
        "old": identity,
        "new": identity,
        "sent_copy": f"folder:{folder}",
        "then": "versions",
        "name": "x",
        "address": "x@example.test",
        "subject": "x",
        "revision": "1",
        "text": "x",
        "confirmed": "1",
        "html": f'<img src="/settings/pictures/{values["signature_picture_id"]}/">',
        "do": "group",
        "action": "copy",
        f"folder-{folder}": "new",
        "token": str(uuid.uuid4()),
        "choice": "accepted",
        "next": "/settings/",
        "smtp_host": "",
        "template": values["template_id"],
        "version": values["version_id"],
        "attachment": values["attachment_id"],
    }
    before = _everything_of(ada)
    posted = 0
    for path, pattern in ALL:
        if pattern.name in NOT_POSTED:
            continue
        address = f"{filled(path, pattern, own)}?{urlencode(fields, doseq=True)}"
        with transaction.atomic():
            answer = bob.client.post(address, fields)
            said = b"".join(answer) if answer.streaming else answer.content
            assert MARK.encode() not in said, pattern.name
            where = answer.get("Location", "")
            shown = bob.client.get(where) if where.startswith("/") else None
            assert shown is None or shown.streaming or MARK.encode() not in shown.content, pattern.name
            assert _everything_of(ada) == before, pattern.name
            transaction.set_rollback(True)
        posted += answer.status_code not in {404, 405}
    assert posted > 40


def _everything_of(person: Any) -> list[object]:
    """What others could have changed of it."""
    user = person.user
    found: list[object] = [
        list(Message.objects.filter(account__user=user).order_by("pk").values()),
        list(OutgoingMessage.objects.filter(user=user).order_by("pk").values()),
        list(Contact.groups.through.objects.filter(contact__user=user).values()),
        list(Contact.groups.through.objects.filter(contactgroup__user=user).values()),
        list(Identity.objects.filter(account__user=user).order_by("pk").values()),
        # What is not theirs must not hang on what is.
        OutgoingMessage.objects.exclude(user=user).filter(account__user=user).count(),
        OutgoingMessage.objects.exclude(user=user).filter(identity__account__user=user).count(),
        PendingAction.objects.filter(target__account__user=user).exclude(account__user=user).count(),
        Message.objects.filter(shown_in__account__user=user).exclude(account__user=user).count(),
    ]
    models = (Contact, ContactGroup, MessageTemplate, Notice, Reminder, Transfer, BulkAction, CollectedAddress)
    return found + [list(model.objects.filter(user=user).order_by("pk").values()) for model in models]


def test_an_address_to_go_on_to_is_a_page_of_ours_or_nothing(values: dict[str, str], ada: Any) -> None:
    url = f"/notice/{values['notice_id']}/dismiss/"
    for wanted in ("-1", "home", "//elsewhere.test/", "https://elsewhere.test/", "/\\elsewhere.test", "javascript:x"):
        assert ada.client.post(url, {"next": wanted})["Location"] == "/"
        assert ada.client.get(f"/sign-in/?{urlencode({'next': wanted})}")["Location"] == "/"
    assert ada.client.post(url, {"next": "/contacts/"})["Location"] == "/contacts/"


@pytest.mark.database
def test_numbers_and_letters_that_no_database_holds_are_nobodys(ada: Any) -> None:
    long = "9" * 5000
    for page in (f"/contacts/?after={long}", f"/contacts/written/?after={long}"):
        assert ada.client.get(page).status_code == 200
    assert ada.client.post("/contacts/picked/", {"id": long, "group": long}).status_code == 302
    assert ada.client.post("/search/forget/", {"q": "\0"}).status_code == 302


def test_ids_of_another_person_select_nothing(ada: Any, bob: Any) -> None:
    theirs, own = ada.arrive("Theirs"), bob.arrive("Own")
    bob.post(f"{bob.url()}archive/", conversation=[theirs.conversation_id], message=[theirs.pk])
    bob.post(f"{bob.url()}seen/", message=[theirs.pk, own.pk])
    theirs.refresh_from_db()
    own.refresh_from_db()
    assert theirs.shown_in == ada.folders["INBOX"]
    assert (theirs.seen, own.seen) == (False, True)


def test_messages_cannot_be_moved_to_another_persons_folder(ada: Any, bob: Any) -> None:
    own = bob.arrive("Own")
    answer = bob.post(f"{bob.url()}move/", conversation=[own.conversation_id], target=ada.folders["Archive"].pk)
    assert answer.status_code == 404
    assert Message.objects.get(pk=own.pk).shown_in == bob.folders["INBOX"]


def test_a_conversation_of_another_person_is_not_shown_in_an_own_folder(ada: Any, bob: Any) -> None:
    theirs = ada.arrive("Theirs")
    assert bob.client.get(f"{bob.url()}conversation/{theirs.conversation_id}/").status_code == 404


def test_a_folder_cannot_be_created_inside_another_persons_folder(ada: Any, bob: Any) -> None:
    answer = bob.client.post(
        f"/account/{bob.account.pk}/folders/new/", {"name": "Deep", "parent": ada.folders["Clients"].pk}
    )
    assert answer.status_code == 404


def test_an_unknown_batch_cannot_be_undone(bob: Any) -> None:
    assert bob.post(f"/undo/{uuid.uuid4()}/").status_code == 409
