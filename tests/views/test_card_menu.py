"""The menu of a card: what stands in it, and that it needs no script."""

import re
from typing import Any

from webmail.models import CachedPart, SenderCheck
from webmail.sync.senders import POLICY


def test_the_menu_of_a_card_is_a_disclosure_with_what_can_be_done_to_the_message(ada: Any) -> None:
    message = ada.arrive("Plan", cc=[("Carl", "carl@example.test")])
    html = ada.client.get(ada.conversation_url(message)).text
    menu = html.split('<details class="menu card-menu">')[1].split("</details>")[0]
    for name in ("reply", "reply-all", "forward"):
        assert f'action="/message/{message.pk}/{name}/"' in menu
    for name in ("source", "original", "print"):
        assert f'href="/message/{message.pk}/{name}/"' in menu


def test_a_draft_is_not_answered_from_its_menu(ada: Any) -> None:
    draft = ada.arrive("Plan", folder="Drafts", flags=frozenset({"\\Draft"}))
    html = ada.client.get(ada.conversation_url(draft, "Drafts")).text
    menu = html.split('<details class="menu card-menu">')[1].split("</details>")[0]
    assert "/reply/" not in menu
    assert f'href="/message/{draft.pk}/source/"' in menu


def test_reply_all_is_offered_only_where_there_is_somebody_else(ada: Any) -> None:
    html = ada.client.get(ada.conversation_url(message := ada.arrive("Alone"))).text
    assert f"/message/{message.pk}/reply/" in html
    assert "reply-all" not in html.replace("#i-reply-all", "")
    html = ada.client.get(
        ada.conversation_url(
            message := ada.arrive("Both", to=[("", ada.account.address), ("Carl", "carl@example.test")])
        )
    ).text
    # The menu, the bar of the card and the bar below all of them.
    assert html.count(f'action="/message/{message.pk}/reply-all/"') == 3
    assert 'data-key="a"' in html


def test_the_bar_answers_what_came_last_and_not_the_draft_of_an_answer(ada: Any) -> None:
    first = ada.arrive("Plan")
    ada.arrive(
        "Re: Plan",
        "Drafts",
        flags=frozenset({"\\Draft"}),
        in_reply_to=[first.message_id],
        references=[first.message_id],
    )
    bar = ada.client.get(ada.conversation_url(first)).text.split('class="reply-bar"')[1]
    assert f'action="/message/{first.pk}/reply/"' in bar
    alone = ada.arrive("New", "Drafts", flags=frozenset({"\\Draft"}))
    assert 'data-key="r"' not in ada.client.get(ada.conversation_url(alone, "Drafts")).text


def test_an_answer_to_the_list_is_offered_where_the_header_names_one(ada: Any) -> None:
    def hidden(message: Any) -> bool:
        html = ada.client.get(ada.conversation_url(message)).text
        form = re.search(rf"<form[^>]*/message/{message.pk}/reply-list/[^>]*>", html)
        assert form is not None
        return " hidden" in form[0]

    message = ada.arrive("News")
    assert hidden(message)
    check = SenderCheck.objects.create(
        message=message,
        policy=POLICY,
        result="unknown",
        mailing={"id": "dev.lists.example", "post": "dev@lists.example"},
    )
    assert not hidden(message)
    check.mailing = {"id": "news.example", "url": "https://news.example/leave"}
    check.save()
    # Nobody may write to it.
    assert hidden(message)
    # As long as the header is not known: it came to none of her addresses.
    assert not hidden(ada.arrive("Patch", to=[("", "dev@lists.example")]))


def test_the_card_learns_of_the_list_with_the_header(ada: Any) -> None:
    message = ada.arrive("Patch", cc=[("", "dev@lists.example")])
    content = b"From: Bob Berg <bob@example.test>\r\nList-Post: <mailto:dev@lists.example>\r\n\r\n"
    CachedPart.objects.create(message=message, section="HEADER", content=content, size=len(content))
    piece = ada.fragment(f"/message/{message.pk}/?sender").text.split('data-sender="list"')[1].split(">")[0]
    assert "hidden" not in piece
