"""How conversations are shown and what is decided over them: order, folding, muting, merging, splitting."""

import re
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from webmail.models import Conversation, Message

from .test_reader import cards, opened

READ = frozenset({"\\Seen"})


def thread(ada: Any, count: int, **fields: Any) -> list[Message]:
    first = ada.arrive("Plan", **fields)
    return [first, *(ada.arrive("Re: Plan", in_reply_to=[first.message_id], **fields) for _ in range(count - 1))]


def of(message: Message) -> Conversation:
    return Conversation.objects.get(messages=message)


def undo_of(answer: Any) -> str:
    found = re.search(r'action="(/undo/[^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def test_many_read_messages_are_one_line_with_the_first_and_last_in_sight(ada: Any) -> None:
    found = thread(ada, 9, flags=READ)
    unread = ada.arrive("Re: Plan", in_reply_to=[found[0].message_id])
    html = ada.client.get(ada.conversation_url(found[0])).text
    tucked = html.split('<details class="tucked">')[1].split(f'id="m{found[8].pk}"')[0]
    assert "7 earlier messages" in tucked
    assert cards(tucked)[:7] == [str(message.pk) for message in found[1:8]]
    assert cards(html) == [str(message.pk) for message in [*found, unread]]
    assert opened(html) == [str(unread.pk)]


def test_a_few_read_messages_stay_lines_of_their_own(ada: Any) -> None:
    assert "tucked" not in ada.client.get(ada.conversation_url(thread(ada, 5, flags=READ)[0])).text


def test_newest_first_is_a_persons_choice(ada: Any) -> None:
    found = thread(ada, 3)
    ids = [str(message.pk) for message in found]
    assert cards(ada.client.get(ada.conversation_url(found[0])).text) == ids
    data = {"theme": "dark", "density": "compact", "time_zone": "", "newest_first": "True"}
    assert ada.client.post("/settings/appearance/", data).status_code == 302
    html = ada.client.get(ada.conversation_url(found[0])).text
    assert cards(html) == ids[::-1]
    # The way to answer stands below the newest, not at the end of a long page.
    assert html.index('class="reply-bar"') < html.index(f'id="m{ids[1]}"')
    assert html.count('class="reply-bar"') == 1
    # What a form does not send stays as it is.
    ada.client.post("/settings/appearance/", {"theme": "light", "density": "compact", "time_zone": ""})
    ada.user.refresh_from_db()
    assert (ada.user.newest_first, ada.user.show_conversations) == (True, True)


def test_muting_takes_it_out_of_the_inbox_and_marks_it(ada: Any) -> None:
    first = thread(ada, 2)[0]
    answer = ada.post(f"{ada.url()}mute/", conversation=[first.conversation_id])
    assert "Conversation muted" in answer.text
    assert "silenced" not in ada.fragment(ada.url()).text
    assert re.search(r'<li class="row[^"]* silenced"', ada.fragment(ada.url("Archive")).text)
    html = ada.fragment(ada.conversation_url(first, "Archive")).text
    assert "muted-tag" in html
    assert "/unmute/" in html
    assert ada.post(undo_of(answer)).status_code == 200
    assert Message.objects.filter(shown_in=ada.folders["INBOX"]).count() == 2
    assert of(first).muted_at is None


def test_two_conversations_are_merged_from_the_list_and_taken_apart_again(ada: Any) -> None:
    one, other = ada.arrive("Plan"), ada.arrive("Something else")
    picked = [one.conversation_id, other.conversation_id]
    refused = ada.post(f"{ada.url()}merge/", conversation=picked[:1])
    assert refused.status_code == 409
    answer = ada.post(f"{ada.url()}merge/", conversation=picked)
    assert "2 conversations merged into one" in answer.text
    assert of(one) == of(other)
    html = ada.fragment(ada.url()).text
    assert html.count('<li class="row') == 1
    assert '<span class="count" title="2 messages">2</span>' in html
    assert ada.folder().total == 2
    ada.post(undo_of(answer))
    assert ada.fragment(ada.url()).text.count('<li class="row') == 2


def test_everything_in_a_folder_is_never_merged_or_muted(ada: Any) -> None:
    one, other = ada.arrive("Plan"), ada.arrive("Something else")
    for verb in ("merge", "mute"):
        assert ada.post(f"{ada.url()}{verb}/", all="1").status_code == 409
    assert of(one) != of(other)
    assert of(one).muted_at is None


def test_a_message_is_split_off_from_the_menu_of_its_card(ada: Any) -> None:
    first, second = thread(ada, 2)
    html = ada.fragment(ada.conversation_url(first)).text
    assert html.count(f'action="/message/{second.pk}/split/"') == 1
    answer = ada.post(f"/message/{second.pk}/split/")
    assert of(first) != of(second)
    assert ada.fragment(ada.url()).text.count('<li class="row') == 2
    assert "/split/" not in ada.fragment(f"{ada.url()}conversation/{of(second).pk}/").text
    assert ada.post(f"/message/{first.pk}/split/").status_code == 409
    ada.post(undo_of(answer))
    assert of(first) == of(second)


def test_unread_from_here_leaves_what_is_older_and_what_lies_in_the_trash(ada: Any) -> None:
    first, second, third = thread(ada, 3, flags=READ)
    deleted = ada.arrive("Re: Plan", folder="Trash", in_reply_to=[first.message_id], flags=READ)
    answer = ada.client.post(f"/message/{second.pk}/unread-from/", {"next": ada.url()})
    assert answer["Location"] == ada.url()
    seen = [Message.objects.get(pk=message.pk).seen for message in (first, second, third, deleted)]
    assert seen == [True, False, False, True]


# --- conversations switched off


def off(ada: Any) -> None:
    ada.user.show_conversations = False
    ada.user.save()


def rows(html: str) -> list[str]:
    return re.findall(r'<li class="row[^"]*" id="c([^"]+)"', html)


def test_without_conversations_each_message_is_a_line_and_opens_alone(ada: Any) -> None:
    first, second = thread(ada, 2)
    off(ada)
    html = ada.client.get(ada.url()).text
    assert rows(html) == [f"m{second.pk}", f"m{first.pk}"]
    page = ada.client.get(f"{ada.url()}conversation/m{first.pk}/").text
    assert cards(page) == [str(first.pk)] == opened(page)
    assert f'id="cm{first.pk}" data-id="m{first.pk}" aria-current="true"' in page
    assert "/split/" not in page
    assert ada.client.get(f"{ada.url('Clients')}conversation/m{first.pk}/").status_code == 404


def test_without_conversations_actions_concern_the_message(ada: Any) -> None:
    first, second = thread(ada, 2)
    off(ada)
    ada.post(f"{ada.url()}archive/", conversation=[f"m{first.pk}"])
    ada.post(f"{ada.url()}flag/", conversation=[f"m{second.pk}"])
    assert Message.objects.get(pk=first.pk).shown_in == ada.folders["Archive"]
    assert Message.objects.get(pk=second.pk).shown_in == ada.folders["INBOX"]
    assert Message.objects.get(pk=second.pk).flagged
    confirm = ada.client.post(f"{ada.url('Trash')}delete/", {"conversation": f"m{first.pk}"}).text
    assert f'name="message" value="{first.pk}"' in confirm


def test_without_conversations_pages_join_and_cost_the_same(ada: Any) -> None:
    first = ada.arrive("Plan")
    off(ada)
    counts = []
    for _ in range(2):
        for _ in range(60):
            ada.arrive("Re: Plan", in_reply_to=[first.message_id])
        with CaptureQueriesContext(connection) as queries:
            ada.fragment(ada.url())
        asked = [query["sql"] for query in queries]
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert counts[0] <= 5
    url, seen = ada.url(), []
    while url:
        html = ada.fragment(url).text
        seen += rows(html)
        more = re.search(r'href="([^"]+)" data-more', html)
        url = more[1] if more else ""
    expected = Message.objects.order_by("-internaldate", "-pk").values_list("pk", flat=True)
    assert seen == [f"m{pk}" for pk in expected]
    if connection.vendor == "sqlite":
        lists = [sql for sql in asked if 'FROM "webmail_message"' in sql and "LIMIT" in sql]
        assert lists
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + lists[0])
            plan = [str(row[3]) for row in cursor.fetchall()]
        assert any("USING INDEX shown_order" in step for step in plan), plan
        assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in plan), plan


def test_without_conversations_all_inboxes_are_one_list_by_date(ada: Any) -> None:
    work = ada.another("work@example.test")
    found = []
    for number in range(30):
        found += [ada.arrive(f"Here {number}"), work.arrive(f"There {number}")]
    off(ada)
    first = ada.client.get("/inbox/").text
    assert len(rows(first)) == 50
    more = re.search(r'href="([^"]+)" data-more', first)
    assert more is not None
    keys = rows(first) + rows(ada.fragment(more[1]).text)
    by_date = Message.objects.order_by("-internaldate", "-pk")
    assert keys == [f"{message.shown_in_id}-m{message.pk}" for message in by_date]
    page = ada.client.get(f"/inbox/conversation/m{found[-1].pk}/").text
    assert f'data-id="{found[-1].shown_in_id}-m{found[-1].pk}"' in page
    assert 'aria-current="true"' in page.split('id="rows"')[1]
    ada.post("/inbox/archive/", conversation=[keys[0], keys[-1]])
    assert Message.objects.filter(shown_in__special_use="archive").count() == 2
