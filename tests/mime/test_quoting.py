"""What an answer leaves out of the mail it quotes, where it goes, and what its subject becomes."""

import pytest

from webmail.mime.address import Address
from webmail.mime.quoting import without_signature_html, without_signature_text
from webmail.mime.routing import Routing, routing
from webmail.mime.subject import base_subject, forward_subject, reply_subject

REPLIES = [
    *("Re:", "RE:", "re:", "RE :", "Re:Re:", "RE[2]:", "Re(3):", "Re^2:", "AW:", "Aw:", "SV:", "VS:", "Antw:", "Odp:"),
    *(
        "YNT:",
        "Rif:",
        "R:",
        "RES:",
        "Réf :",
        "Rép:",
        "Vá:",
        "ATB:",
        "BLS:",
        "Odpověď:",
        "回复:",
        "回复：",
        "答复:",
        "答复：",
    ),
    *("返信:", "回覆：", "Απ:", "ΣΧΕΤ:", "Отв:", "Ответ:", "Відп:", "답장:", "השב:", "رد:"),
]
FORWARDS = [
    *(
        "Fwd:",
        "FW:",
        "WG:",
        "TR:",
        "I:",
        "RV:",
        "ENC:",
        "Doorst:",
        "VB:",
        "VL:",
        "PD:",
        "İLT:",
        "ΠΡΘ:",
        "转发:",
        "轉寄：",
    ),
    *("転送:", "전달:", "Пересл:", "הועבר:"),
]


@pytest.mark.parametrize(
    "signature",
    [
        '<div class="gmail_signature" data-smartmail="gmail_signature">Bob</div>',
        '<div class="moz-signature">-- <br>Bob</div>',
        '<pre class="moz-signature" cols="72">-- \nBob</pre>',
        '<div id="Signature"><p>Bob</p></div>',
        '<div id="ms-outlook-mobile-signature">Get Outlook, Bob</div>',
        '<div class="protonmail_signature_block">Bob</div>',
    ],
)
def test_signatures_of_the_usual_programs_are_left_out(signature: str) -> None:
    left = without_signature_html(f"<p>Hello</p>{signature}<blockquote>Earlier</blockquote>")
    assert "Bob" not in left
    assert "Hello" in left
    assert "Earlier" in left


def test_a_mail_inside_the_signature_is_not_thrown_away() -> None:
    html = '<p>Hello</p><div id="Signature">Bob<div id="divRplyFwdMsg">From: Ann</div></div>'
    assert without_signature_html(html) == html
    assert without_signature_html("<p>My signature</p>").count("My signature") == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hello\n-- \nBob\nTel. 1", "Hello\n"),
        ("Hello\r\n-- \r\nBob\r\n", "Hello\n"),
        ("Hello\n-- \nBob\n> Earlier", "Hello\n> Earlier\n"),
        ("Hello\n-- \nBob\nOn Monday, Ann wrote:\n> Earlier", "Hello\nOn Monday, Ann wrote:\n> Earlier\n"),
        ("Hello\n--\nno signature", "Hello\n--\nno signature"),
        ("Hello\n-- \n" + "long\n" * 60, "Hello\n-- \n" + "long\n" * 60),
    ],
)
def test_the_signature_of_plain_text_is_left_out(text: str, left: str) -> None:
    assert without_signature_text(text) == left


@pytest.mark.parametrize("prefix", REPLIES)
def test_one_re_whatever_it_came_with(prefix: str) -> None:
    assert reply_subject(f"{prefix} Lunch") == "Re: Lunch"
    assert reply_subject(f"AW: {prefix} Lunch") == "Re: Lunch"
    assert base_subject(f"{prefix} Lunch") == "lunch"


@pytest.mark.parametrize("prefix", FORWARDS)
def test_one_fwd_whatever_it_came_with(prefix: str) -> None:
    assert forward_subject(f"Re: {prefix} Lunch") == "Fwd: Lunch"
    assert reply_subject(f"{prefix} AW: {prefix} Lunch") == "Re: Fwd: Lunch"


def test_tags_of_lists_stay_once_and_words_stay_words() -> None:
    assert reply_subject("[dev] Re: [dev] Lunch") == "Re: [dev] Lunch"
    assert reply_subject("Research: x") == "Re: Research: x"
    assert reply_subject("[only a tag]") == "Re: [only a tag]"
    assert reply_subject("") == "Re:"


@pytest.mark.parametrize(
    ("header", "post"),
    [
        (b"List-Post: <mailto:dev@lists.example.org>\r\n", "dev@lists.example.org"),
        (
            b"List-Post: <https://a.example/>, <mailto:dev%2Bx@lists.example.org?subject=x>\r\n",
            "dev+x@lists.example.org",
        ),
        (b"List-Post: NO (posting not allowed)\r\n", ""),
        (b"List-Post: <mailto:a@b.example\r\n", ""),
        (b"List-Post: <mailto:%0d%0aBcc:x>\r\n", ""),
        (b"", ""),
    ],
)
def test_the_address_of_the_list(header: bytes, post: str) -> None:
    assert routing(header + b"Subject: x\r\n\r\n").list_post == post


def test_where_answers_go_and_where_it_came_in() -> None:
    header = (
        b"Delivered-To: me+shop@example.org\r\nX-Original-To: me@example.org\r\n"
        b"Mail-Followup-To: Ann <ann@a.example>, dev@lists.example.org\r\n\r\n"
    )
    assert routing(header) == Routing(
        "",
        [Address("Ann", "ann@a.example"), Address("", "dev@lists.example.org")],
        ["me+shop@example.org", "me@example.org"],
    )
