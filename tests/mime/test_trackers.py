"""Pictures that only report the opening of a mail are told apart, and never loaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.mime import trackers
from webmail.mime.freemail import organisation_of
from webmail.mime.html import sanitise

PIXEL = "https://news.shop.example/p/{}.gif"


def clean(markup: str, *, consent: bool = True):  # type: ignore[no-untyped-def]
    remote_url = (lambda url: f"/picture/{url.rpartition('/')[2]}") if consent else None
    return sanitise(markup, cid_url=lambda _: None, remote_url=remote_url)


@pytest.mark.parametrize(
    "attributes",
    [
        'width="1" height="1"',
        "width=1 height=1",
        'width="1px" height="1px"',
        'width="0" height="0"',
        'height="0"',
        'width="1"',
        'style="width:1px;height:1px"',
        'style="max-width: 0px"',
        'width="200" height="100" style="height:1px !important;width:1px"',
        'style="display:none"',
        'style="DISPLAY : NONE!important"',
        'style="visibility:hidden"',
        'style="opacity:0"',
        "hidden",
    ],
)
def test_a_picture_that_nobody_sees_is_a_tracker(attributes: str) -> None:
    for consent in (True, False):
        result = clean(f'<p>x</p><img {attributes} src="{PIXEL.format(1)}">', consent=consent)
        assert result.trackers == ("shop.example",)
        assert result.remote == 0
        assert "src=" not in result.html


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        'width="600"',
        'width="600" height="1"',
        'width="100%" height="1"',
        'width="1" height="40"',
        'style="width:100%;height:1px"',
        'style="display:none" class="mobile"',
        'style="opacity:0.9"',
        'width="2" height="2"',
        'alt="width=1 height=1"',
    ],
)
def test_a_picture_that_is_seen_or_may_be_is_none(attributes: str) -> None:
    result = clean(f'<img {attributes} src="{PIXEL.format(1)}">')
    assert result.trackers == ()
    assert 'src="/picture/1.gif"' in result.html
    assert clean(f'<img {attributes} src="{PIXEL.format(1)}">', consent=False).remote == 1


def test_a_hidden_box_hides_its_picture() -> None:
    assert clean(f'<div style="display:none"><p><img src="{PIXEL.format(1)}"></p></div>').trackers
    assert not clean(f'<div class="m" style="display:none"><img src="{PIXEL.format(1)}"></div>').trackers


def test_the_same_picture_seen_elsewhere_in_the_mail_is_loaded() -> None:
    markup = f'<img width=1 height=1 src="{PIXEL.format(1)}"><img width=90 src="{PIXEL.format(1)}">'
    assert clean(markup).trackers == ()


def test_disguised_spellings_are_the_same_picture() -> None:
    pixel = "<img width=1 height=1 src='{}'>"
    markup = pixel.format("HTTPS:\\\\news.shop.example\\p") + pixel.format(" //ne\tws.shop.example/q&amp;1")
    assert clean(markup).trackers == ("shop.example",) * 2


def test_each_tracker_counts_once_and_is_named_by_its_owner() -> None:
    markup = (
        f'<img width=1 height=1 src="{PIXEL.format(1)}"><img width=1 height=1 src="{PIXEL.format(1)}">'
        '<img src="https://mail.list-manage.com/track/open.php?u=1"><img src="https://a.co.uk/logo.png" width=90>'
        '<table background="https://x.doubleclick.net/a.gif"></table><p style="background:url(https://u1.ct.sendgrid.net/wf/open?upn=2)">'
        "<style>p{background:url(https://t.mailtrack.io/x)}</style>"
    )
    result = clean(markup)
    assert result.trackers == ("doubleclick.net", "list-manage.com", "mailtrack.io", "sendgrid.net", "shop.example")
    assert result.html.count("/picture/") == 1
    barred = clean(markup, consent=False)
    assert (barred.remote, barred.trackers) == (1, result.trackers)


@pytest.mark.parametrize(
    "url",
    [
        "https://mail.list-manage.com/track/open.php?u=1&id=2",
        "https://u123.ct.sendgrid.net/wf/open?upn=abc",
        "http://email.mg.example.org/o/eJwdyz",
        "https://track.customer.io/e/o/abc",
        "https://r.superhuman.com/x.png",
        "https://abc.r.us-east-1.awstrack.me/I0/0100/x",
        "https://www.google-analytics.com/collect?v=1",
        "https://www.facebook.com/tr?id=1",
        "https://px.ads.linkedin.com/collect",
        "https://shop.example/email/open.gif?id=1",
    ],
)
def test_services_that_count_openings_are_known(url: str) -> None:
    assert trackers.is_known(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/open-day.png",
        "https://shop.example/images/opener.jpg",
        "https://cdn.shop.example/email/header.png",
        "https://notdoubleclick.net/a.png",
        "https://shop.example/tracks/opened-door.jpg",
        "https://mcusercontent.com/abc/images/logo.png",
        "https://shop.example/e/logo.png",
        "not an address",
    ],
)
def test_ordinary_pictures_are_not_taken_for_them(url: str) -> None:
    assert not trackers.is_known(url)


@given(st.text(max_size=300))
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    trackers.is_known(text)
    trackers.is_known(f"https://{text}")
    trackers.invisible(f"<img {text} src='{text}'>{text}", lambda url: url)
    organisation_of(text)
    organisation_of(f"ada@{text}")


def test_whose_an_address_is() -> None:
    assert organisation_of("ada@news.shop.co.uk") == "shop.co.uk"
    assert organisation_of("ada@ada.github.io") == "ada.github.io"
    for nobody in ("nobody", "ada@gmail.com", "ada@sub.gmx.de", "ada@outlook.com", "ada@co.uk", "ada@[127.0.0.1]", "@"):
        assert organisation_of(nobody) == ""
