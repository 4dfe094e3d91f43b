"""Actions from the list and the reader, with and without the script."""

import re
from typing import Any

import pytest
from django.test import Client

from webmail.models import Folder, Message, Notice, PendingAction


def place(message: Message) -> str | None:
    folder = Message.objects.get(pk=message.pk).shown_in
    return folder.name if folder else None


@pytest.mark.parametrize(
    ("verb", "target"), [("archive", "Archive"), ("delete", "Trash"), ("junk", "Junk"), ("not-junk", "INBOX")]
)
def test_a_conversation_goes_where_the_verb_says(ada: Any, verb: str, target: str) -> None:
    origin = "Junk" if verb == "not-junk" else "INBOX"
    first = ada.arrive("Plan", folder=origin)
    second = ada.arrive("Re: Plan", folder=origin, in_reply_to=[first.message_id])
    answer = ada.post(f"{ada.url(origin)}{verb}/", conversation=[first.conversation_id])
    assert answer.status_code == 200
    assert [place(first), place(second)] == [target, target]
    assert "2 messages" in answer.text


@pytest.mark.parametrize(("verb", "field"), [("seen", "seen"), ("flag", "flagged")])
def test_flags_are_set_and_cleared(ada: Any, verb: str, field: str) -> None:
    message = ada.arrive()
    ada.post(f"{ada.url()}{verb}/", conversation=[message.conversation_id])
    assert getattr(Message.objects.get(pk=message.pk), field)
    ada.post(f"{ada.url()}un{verb}/", conversation=[message.conversation_id])
    assert not getattr(Message.objects.get(pk=message.pk), field)


def test_a_star_on_a_conversation_stands_on_its_newest_message(ada: Any) -> None:
    first = ada.arrive("Plan")
    second = ada.arrive("Re: Plan", in_reply_to=[first.message_id])
    ada.post(f"{ada.url()}flag/", conversation=[first.conversation_id])
    assert [Message.objects.get(pk=pk).flagged for pk in (first.pk, second.pk)] == [False, True]


def test_only_what_stands_in_the_folder_is_moved(ada: Any) -> None:
    first = ada.arrive("Plan")
    sent = ada.arrive("Re: Plan", folder="Sent", in_reply_to=[first.message_id])
    ada.post(f"{ada.url()}archive/", conversation=[first.conversation_id])
    assert (place(first), place(sent)) == ("Archive", "Sent")


def test_all_takes_the_whole_folder_and_nothing_else(ada: Any) -> None:
    here = [ada.arrive(f"Number {number}") for number in range(60)]
    there = ada.arrive("Elsewhere", folder="Clients")
    answer = ada.post(f"{ada.url()}archive/", all="1")
    assert "60 messages archived" in answer.text
    assert {place(message) for message in here} == {"Archive"}
    assert place(there) == "Clients"


def test_undo_brings_everything_back(ada: Any) -> None:
    message = ada.arrive()
    answer = ada.post(f"{ada.url()}delete/", conversation=[message.conversation_id])
    undo = re.search(r'action="(/undo/[^"]+)"', answer.text)
    assert undo is not None
    assert ada.post(undo[1]).status_code == 200
    assert place(message) == "INBOX"


def test_without_the_script_the_next_page_says_what_happened(ada: Any) -> None:
    message = ada.arrive()
    answer = ada.client.post(f"{ada.url()}archive/", {"conversation": message.conversation_id}, follow=True)
    assert answer.redirect_chain == [(ada.url(), 302)]
    assert "1 message archived" in answer.text
    assert 'action="/undo/' in answer.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"])
def test_the_way_back_never_leaves_the_site(ada: Any, target: str) -> None:
    message = ada.arrive()
    answer = ada.client.post(f"{ada.url()}seen/", {"conversation": message.conversation_id, "next": target})
    assert answer["Location"] == ada.url()


def test_without_a_selection_nothing_happens_and_it_is_said(ada: Any) -> None:
    ada.arrive()
    answer = ada.post(f"{ada.url()}archive/")
    assert answer.status_code == 409
    assert "Select a message first" in answer.text
    assert not PendingAction.objects.exists()


def test_nonsense_instead_of_ids_is_left_out(ada: Any) -> None:
    message = ada.arrive()
    answer = ada.post(
        f"{ada.url()}seen/", conversation=["x", "-1", "9" * 30, "٣", "", str(message.conversation_id)], message=["\x00"]
    )
    assert answer.status_code == 200
    assert Message.objects.get(pk=message.pk).seen


def test_deleting_in_the_trash_asks_first(ada: Any) -> None:
    message = ada.arrive(folder="Trash")
    question = ada.client.post(f"{ada.url('Trash')}delete/", {"conversation": message.conversation_id})
    assert "Delete for good" in question.text
    assert place(message) == "Trash"
    ada.post(f"{ada.url('Trash')}delete/", conversation=[message.conversation_id], confirmed="1")
    assert place(message) is None


def test_move_without_a_target_asks_where_to(ada: Any) -> None:
    message = ada.arrive()
    question = ada.client.post(f"{ada.url()}move/", {"conversation": message.conversation_id})
    assert f'name="target" value="{ada.folders["Clients/North"].pk}"' in question.text
    assert f'name="conversation" value="{message.conversation_id}"' in question.text
    ada.client.post(f"{ada.url()}move/", {"conversation": message.conversation_id, "target": ada.folders["Clients"].pk})
    assert place(message) == "Clients"


def test_what_cannot_be_is_said_and_changes_nothing(ada: Any) -> None:
    message = ada.arrive()
    Folder.objects.filter(pk=ada.folders["Clients"].pk).update(selectable=False)
    answer = ada.post(f"{ada.url()}move/", conversation=[message.conversation_id], target=ada.folders["Clients"].pk)
    assert answer.status_code == 409
    assert "cannot hold messages" in answer.text
    assert place(message) == "INBOX"


def test_reading_changes_nothing_by_itself(ada: Any) -> None:
    message = ada.arrive()
    ada.client.get(ada.conversation_url(message))
    ada.client.get(f"/message/{message.pk}/body/")
    assert not Message.objects.get(pk=message.pk).seen


def test_actions_need_the_token(ada: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada.user)
    message = ada.arrive()
    answer = strict.post(f"{ada.url()}archive/", {"conversation": message.conversation_id})
    assert answer.status_code == 403
    assert place(message) == "INBOX"


def test_a_notice_stays_until_it_is_dismissed(ada: Any) -> None:
    notice = Notice.objects.create(user=ada.user, text="Your message to Bob came back.")
    assert notice.text in ada.client.get(ada.url()).text
    ada.post(f"/notice/{notice.pk}/dismiss/")
    assert notice.text not in ada.client.get(ada.url()).text
