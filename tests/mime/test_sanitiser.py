"""Foreign HTML comes out without anything that runs, submits or loads."""

import time
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from tests.mime.attacks import ATTACKS, REMOTE_LOADS
from webmail.mime.html import POLICY_VERSION, Sanitised, clean_own, sanitise

FORBIDDEN_TAGS = {
    *("script", "style", "svg", "math", "iframe", "object", "embed", "form", "input", "button", "base", "meta", "link"),
    *(
        "template",
        "noscript",
        "textarea",
        "select",
        "video",
        "audio",
        "source",
        "frame",
        "frameset",
        "html",
        "body",
        "head",
    ),
}
URLS = {"href", "src", "background", "action", "formaction", "poster", "data", "srcset", "xlink:href", "cite", "ping"}


class Inventory(HTMLParser):
    """The tags and attributes of markup as a parser other than the sanitiser's sees them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def clean(markup: str, remote_url: Callable[[str], str] | None = None) -> Sanitised:
    return sanitise(markup, cid_url=lambda cid: f"/part/{cid}", remote_url=remote_url)


def body_of(result: Sanitised) -> str:
    return result.html.partition("</style>")[2] if result.html.startswith("<style>") else result.html


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_runs_survives(attack: str) -> None:
    result = clean(attack)
    assert not result.too_complex
    found = Inventory(body_of(result))
    assert not found.tags & FORBIDDEN_TAGS
    for _, name, value in found.attributes:
        assert not name.startswith("on")
        if name in URLS:
            assert value.startswith(("http://", "https://", "mailto:", "tel:", "data:image/", "/part/"))
    lowered = result.html.lower()
    for needle in ("expression(", "-moz-binding", "behavior:", "@import", "javascript:", "vbscript:", "<!--"):
        assert needle not in lowered
    assert lowered.count("<style") == lowered.count("</style") <= 1
    assert clean(result.html).html == result.html or "/part/" in result.html


@pytest.mark.parametrize(("markup", "remote"), REMOTE_LOADS)
def test_nothing_remote_is_loaded_without_consent(markup: str, remote: int) -> None:
    result = clean(markup)
    assert "tracker" not in result.html
    assert result.remote == remote


def test_after_consent_pictures_come_through_the_proxy_only() -> None:
    markup = (
        "<style>p{background:url(HTTP://tracker.example/1)}</style><img src=//tracker.example/2>"
        "<table background='http:\\\\tracker.example/3'></table><p style=\"background:url('https://tracker.example/4')\">"
    )
    asked: list[str] = []

    def proxy(url: str) -> str:
        asked.append(url)
        return f"/proxy/{len(asked)}"

    result = clean(markup, proxy)
    assert sorted(asked) == [
        "http://tracker.example/1",
        "http://tracker.example/3",
        "https://tracker.example/2",
        "https://tracker.example/4",
    ]
    assert "tracker" not in result.html
    assert result.html.count("/proxy/") == 4
    assert result.remote == 0


def test_addresses_of_our_own_pages_cannot_be_loaded_by_a_message() -> None:
    result = clean("<img src=/accounts/logout/><img src=../x><a href=/admin/>x</a><p style='background:url(/logout)'>")
    assert "logout" not in result.html
    assert "/admin/" not in result.html
    assert result.remote == 0


def test_pictures_of_the_message_are_addressed_by_their_content_id() -> None:
    result = clean('<img src="cid:a%40b" alt=x><td background="cid:none"><p style="background:url(cid:c)">')
    assert 'src="/part/a@b"' in result.html
    assert "url(&quot;/part/c&quot;)" in result.html
    missing = sanitise('<img src="cid:gone" alt="x">', cid_url=lambda _: None)
    assert missing.html == '<img alt="x">'


def test_links_open_outside_and_say_nothing_about_us() -> None:
    result = clean('<a href="https://x.example/" target="_top" rel="opener" ping="https://t/">x</a>')
    assert result.html == '<a href="https://x.example/" target="_blank" rel="noopener noreferrer">x</a>'
    area = clean('<map name="m"><area href="https://x.example/" shape="rect" coords="0,0,9,9"></map>').html
    assert 'target="_blank"' in area
    assert 'rel="noopener noreferrer"' in area
    assert clean(area).html == area


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "java\tscript:x",
        "\x01javascript:x",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc",
        "/x",
        "x",
        "#x",
        "https:x",
        "http:///x",
        "blob:https://x/1",
        "cid:x",
        "JaVaScRiPt:x",
        "&#106;avascript:x",
        "//",
    ],
)
def test_links_that_are_no_links_lose_their_target(href: str) -> None:
    result = clean(f'<a href="{href}">x</a>')
    assert result.html == '<a target="_blank" rel="noopener noreferrer">x</a>'
    assert not result.too_complex


def test_the_look_of_a_newsletter_is_kept() -> None:
    markup = (
        "<html><head><title>no</title><style type='text/css'><!-- @import url(x.css); "
        ".a, td > p:hover { color: #FFF; position: fixed; width: 50% !important } "
        "@media only screen and (max-width: 600px) { .a { width: 100% !important } } "
        "@font-face { font-family: F; src: url(https://f/) } --></style></head>"
        "<!--[if mso]><style>.mso{color:red}</style><![endif]-->"
        "<body bgcolor='#eeeeee' style=\"font-family:'Times New Roman', serif; margin: 0\">"
        "<table role=presentation cellpadding=0 width=600><tr><td class='a' align=center valign=top "
        "style='PADDING: 10px 0; background-color: rgb(1, 2, 3); color: red; behavior: url(x)'>x</td></tr></table></body>"
    )
    shown = clean(markup).html
    assert ".a, td > p:hover{color:#FFF;width:50% !important}" in shown
    assert "@media only screen and (max-width: 600px){.a{width:100% !important}}" in shown
    assert '<div bgcolor="#eeeeee" style="font-family:&quot;Times New Roman&quot;, serif;margin:0">' in shown
    assert 'style="padding:10px 0;background-color:rgb(1, 2, 3);color:red"' in shown
    assert 'role="presentation"' in shown
    for gone in ("mso", "font-face", "position", "behavior", "no</title", "@import"):
        assert gone not in shown


def test_a_style_sheet_cannot_end_its_element() -> None:
    for css in (
        'p{font-family:"</style><script>x"}',
        "a\\3c /style\\3e{color:red}",
        "@media (a<b){p{color:red}}",
        "<!--p{color:red}",
    ):
        shown = clean(f"<style>{css}</style>x").html
        assert shown.lower().count("</style") == shown.count("<style>")
        assert "script" not in shown


@pytest.mark.parametrize(
    "markup",
    ["<div>" * 20_001, "&" * 200_001, "x" * 1_000_001, "<" * 30_000],
)
def test_markup_beyond_the_ceilings_is_left_to_the_text_view(markup: str) -> None:
    result = clean(markup)
    assert result.too_complex
    assert result.html == ""


@pytest.mark.parametrize(
    "markup",
    [
        "<b><p>" * 9_000,
        "<table><tr><td>" * 6_000,
        "<p " + "a=b " * 50_000 + ">",
        "<!--" * 19_000,
        "<style>" + "(" * 190_000 + "</style>",
        "<style>" + "a{b:" * 40_000 + "</style>",
        "<style>" + "@media x{" * 20_000 + "</style>",
        "<style" * 19_000,
        "<p style='" + "((" * 3_000 + "'>x",
        "<p style='color:" + "a" * 7_000 + "('>x",
        "<p style='" + "a:'b" * 1_500 + "'>x",
        "<a><table>" * 5_000,
    ],
)
def test_hostile_markup_takes_bounded_time(markup: str) -> None:
    begin = time.process_time()
    clean(markup)
    assert time.process_time() - begin < 5


def newsletter() -> str:
    row = (
        "<tr><td align='center' style='padding:{0}px 10px;font-family:Arial, Helvetica, sans-serif;color:#333333;"
        "border:1px solid #eee'><a href='https://x.example/c/{0}' style='color:#0066cc;text-decoration:none'>"
        "<img src='https://img.example/{0}.png' width='200' alt='x' style='display:block;border:0'></a>"
        "<p style='margin:0;font-size:{0}px;background:rgb(255,255,255)'>Lorem ipsum dolor sit amet</p></td></tr>"
    )
    rules = "".join(f".c{number}{{color:#{number:06x};padding:{number}px}}" for number in range(120))
    sheet = f"<style>@media only screen and (max-width:600px){{.a{{width:100%!important}}}}{rules}</style>"
    return f"<html><head>{sheet}</head><body><table>{''.join(map(row.format, range(290)))}</table></body></html>"


def test_a_newsletter_of_120_kb_is_ready_at_once() -> None:
    markup = newsletter()
    assert 110_000 < len(markup) < 130_000
    times = []
    for _ in range(3):
        begin = time.process_time()
        result = clean(markup)
        times.append(time.process_time() - begin)
    assert result.remote == 290
    # 40 ms is the aim on a quiet machine; the margin is for a shared one.
    assert min(times) < 0.12


def test_our_own_html_keeps_what_the_composer_writes() -> None:
    written = (
        '<p style="text-align:center"><b>Hi</b> <a href="https://x.example/" target="_blank" rel="noopener noreferrer">x</a>'
        '</p><img src="cid:p1" alt=""><img src="https://x.example/logo.png"><blockquote type="cite" class="q">q</blockquote>'
    )
    assert clean_own(written) == written
    assert clean_own(written, cid_url=lambda cid: f"/draft/{cid}").count('src="/draft/p1"') == 1


def test_our_own_html_is_held_to_the_same_rules() -> None:
    assert clean_own("<style>p{}</style><script>x</script><p onclick=x>a</p><svg onload=x>") == "<p>a</p>"
    assert clean_own("<i>" * 30_000 + "kept") == "kept"


def test_the_policy_has_a_version() -> None:
    assert POLICY_VERSION >= 1


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        ("td[class~=x]{color:red}", True),
        ("u + .body .a > b:not(.c):first-child{color:red}", True),
        ("u ~ div .a{color:red}", False),
        (".a,b ~ i{color:red}", False),
        ("div:has(b){color:red}", False),
        (":is(a,b) i{color:red}", False),
        (":WHERE(a) i{color:red}", False),
    ],
)
def test_rules_that_compare_everything_with_everything_go(css: str, kept: bool) -> None:
    assert ("color:red" in sanitise(f"<style>{css}</style><p>x", cid_url=lambda _: None).html) is kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0 2px 4px rgba(0,0,0,.1),0 0 1px #333333 inset", True),
        ("0 .5px 1.25px black!important", True),
        ("none", True),
        ("0 0 900px red", False),
        ("0 0 9em red", False),
        ("0 0 calc(900px) red", False),
        (",".join(["0 0 9px red"] * 40), False),
    ],
)
@pytest.mark.parametrize("name", ["box-shadow", "text-shadow"])
def test_shadows_that_take_minutes_to_paint_go(name: str, value: str, kept: bool) -> None:
    for markup in (f'<p style="{name}:{value}">x', f"<style>p{{{name}:{value}}}</style><p>x"):
        assert (name in sanitise(markup, cid_url=lambda _: None).html) is kept


def test_a_cell_may_not_be_a_thousand_wide() -> None:
    html = sanitise(
        "<table><tr><td colspan=1000 rowspan=65534>x<td colspan=12 rowspan=3>y", cid_url=lambda _: None
    ).html
    assert '<td>x</td><td colspan="12" rowspan="3">y</td>' in html


def test_deep_nesting_has_no_boxes_inside_lines() -> None:
    style = "<style>div{display:inline-table;color:red}b{display:none}</style>"
    shallow = sanitise(style + "<div>" * 100 + "x", cid_url=lambda _: None).html
    deep = sanitise(style + "<div style='display:inline-block;width:9px'>" * 130 + "x", cid_url=lambda _: None)
    assert "display:inline-table" in shallow
    assert "inline-" not in deep.html
    assert "color:red" in deep.html
    assert "display:none" in deep.html
    assert deep.html.count('style="width:9px"') == 130
    assert sanitise(deep.html, cid_url=lambda _: None).html == deep.html
    assert "inline-" not in clean_own("<div style='display:inline-table'>" * 130 + "x")
