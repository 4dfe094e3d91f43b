"""Mail on paper: who, when, text and files, and nothing else; as safe as in its frame."""

import re
from typing import Any

import pytest

from webmail.errors import GiveUp, Reason
from webmail.mime.parts import Part
from webmail.sync import bodies

HTML = Part(section="1", type="text/html", charset="utf-8", size=100)


def text(html: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def test_a_message_is_printed_with_its_head_its_text_and_its_files(ada: Any) -> None:
    file = Part(section="2", type="application/pdf", size=2000, filename="<b>plan.pdf", disposition="attachment")
    root = Part(section="", type="multipart/mixed", children=[HTML, file])
    message = ada.arrive(
        "Plan <b>", text="<p>Good <b>morning</b></p>", structure=root, cc=[("Cleo", "cleo@example.test")]
    )
    answer = ada.client.get(f"/message/{message.pk}/print/")
    assert answer.status_code == 200
    said = text(answer.text)
    assert "Plan &lt;b&gt;" in said
    assert (
        "From Bob Berg &lt;bob@example.test&gt; To ada@example.test Cc Cleo &lt;cleo@example.test&gt; Date Sunday"
        in said
    )
    assert "Files &lt;b&gt;plan.pdf (2 kB)" in said
    assert "<p>Good <b>morning</b></p>" in answer.text
    assert "sidebar" not in answer.text
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-modals allow-popups" in policy
    assert "allow-scripts" not in policy
    assert f'href="/message/{message.pk}/print/"' in ada.client.get(ada.conversation_url(message)).text


def test_no_text_leaves_the_root_it_is_in(ada: Any) -> None:
    evil = "</template></div><script>alert(1)</script><template><p>x</p></template><img src=https://t.test/x><style>h1{color:red}</style>"
    message = ada.arrive("Evil", text=evil, structure=HTML)
    html = ada.client.get(f"/message/{message.pk}/print/").text
    assert html.count("<template") == html.count("</template>") == 1
    assert "<script" not in html
    assert "t.test" not in html
    before, _, after = html.partition("<template")
    assert "color:red" not in before
    assert "color:red" not in after.partition("</template>")[2]


def test_a_conversation_is_printed_whole_and_in_order(ada: Any) -> None:
    first = ada.arrive("Plan", text="The first text", flags=frozenset({"\\Seen"}))
    ada.arrive("Re: Plan", text="My answer", folder="Sent", in_reply_to=[first.message_id])
    ada.arrive("Re: Plan", text="The last text\n\nOn Monday, Ada wrote:\n> My answer", in_reply_to=[first.message_id])
    url = f"{ada.conversation_url(first)}print/"
    html = ada.client.get(url).text
    assert html.index("The first text") < html.index("My answer") < html.index("The last text")
    assert html.count("<article>") == 3
    assert html.count("<h1>") == 1
    assert "<details" not in html
    assert f'href="{url}"' in ada.client.get(ada.conversation_url(first)).text


def test_a_text_that_cannot_be_had_is_a_sentence(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = ada.arrive()

    def fail(*_: Any, **__: Any) -> None:
        raise GiveUp(Reason.GONE, "The message is no longer there.")

    monkeypatch.setattr(bodies, "load_parts", fail)
    answer = ada.client.get(f"/message/{message.pk}/print/")
    assert answer.status_code == 200
    assert "The message is no longer there." in answer.text


def test_a_conversation_is_not_printed_from_a_folder_of_somebody_else(ada: Any, bob: Any) -> None:
    message = ada.arrive()
    assert bob.client.get(f"{bob.url()}conversation/{message.conversation_id}/print/").status_code == 404
