"""The menu of a card: what stands in it, and that it needs no script."""

from typing import Any


def test_the_menu_of_a_card_is_a_disclosure_with_what_can_be_done_to_the_message(ada: Any) -> None:
    message = ada.arrive("Plan")
    html = ada.client.get(ada.conversation_url(message)).text
    menu = html.split('<details class="menu card-menu">')[1].split("</details>")[0]
    for name in ("reply", "reply-all", "forward"):
        assert f'action="/message/{message.pk}/{name}/"' in menu
    for name in ("source", "original"):
        assert f'href="/message/{message.pk}/{name}/"' in menu


def test_a_draft_is_not_answered_from_its_menu(ada: Any) -> None:
    draft = ada.arrive("Plan", folder="Drafts", flags=frozenset({"\\Draft"}))
    html = ada.client.get(ada.conversation_url(draft, "Drafts")).text
    menu = html.split('<details class="menu card-menu">')[1].split("</details>")[0]
    assert "/reply/" not in menu
    assert f'href="/message/{draft.pk}/source/"' in menu
