"""Several messages at once, in a browser, against the whole product and a real mail server."""

import base64
import re
from email import message_from_bytes, policy

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.servers.live import LiveMailbox

pytestmark = [pytest.mark.browser, pytest.mark.mailserver]
WAIT_MS = 20_000


@pytest.fixture
def mail(live: LiveMailbox, page: Page) -> Page:
    page.set_default_timeout(WAIT_MS)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(live.url)
    page.locator("input[type=email], input[name=address]").first.fill(live.mailbox.address)
    page.locator("input[type=password]").first.fill(live.mailbox.password)
    page.locator("form button.primary").first.click()
    page.locator(".sidebar .compose-button").wait_for()
    return page


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes']}" for each in found if each["impact"] in {"serious", "critical"}]


def write(page: Page, count: int) -> Locator:
    # A double click is one message, too.
    page.locator(".sidebar .compose-button").dblclick()
    composers = page.locator("#composer-dock .composer")
    expect(composers).to_have_count(count)
    fresh = composers.nth(count - 1)
    fresh.locator(".composer-rich").wait_for()
    return fresh


def test_two_messages_stand_side_by_side_and_a_third_makes_one_a_bar(mail: Page) -> None:
    first = write(mail, 1)
    first.locator("input[name=subject]").fill("First")
    first.locator(".composer-rich").click()
    mail.keyboard.type("c and # are no keys here")
    second = write(mail, 2)
    second.locator("input[name=subject]").fill("Second")
    expect(first.locator(".composer-rich")).to_be_visible()
    for each in (first, second):
        expect(each.locator("[data-state]")).to_have_text(re.compile("Saved"), timeout=WAIT_MS)
    third = write(mail, 3)
    expect(first.locator(".composer-rich")).to_be_hidden()
    expect(third.locator(".composer-rich")).to_be_visible()
    third.locator(".composer-rich").click()
    mail.keyboard.type("Anbei der Plan.")
    third.locator("[data-send]").click()
    expect(third.locator("[data-question]")).to_contain_text("no file is attached")
    assert serious(mail) == []
    third.locator("[data-no]").click()
    third.locator("[data-send]").click()
    expect(third.locator("[data-question]")).to_contain_text("no subject")
    mail.keyboard.press("Escape")
    expect(third.locator("input[name=subject]")).to_be_focused()
    mail.keyboard.press("Escape")
    expect(third.locator("[data-minimise]")).to_be_focused()
    third.locator("[data-close]").click()
    first.locator("[data-title]").click()
    expect(first.locator(".composer-rich")).to_have_text("c and # are no keys here")
    second.locator("[data-minimise]").click()
    mail.reload()
    expect(mail.locator("#composer-dock .composer")).to_have_count(2)
    expect(mail.locator(".composer:not(.minimised) [data-title]")).to_have_text("First")
    expect(mail.locator(".composer.minimised [data-title]")).to_have_text("Second")
    boxes = [each.bounding_box() for each in mail.locator("#composer-dock .composer").all()]
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 1440 for box in boxes)


WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word"><head><style>
p.MsoNormal {margin:0cm;font-family:"Calibri"} @list l0 {mso-list-id:1}</style></head><body lang=DE><!--StartFragment-->
<p class=MsoNormal style='margin:0cm'><b><span style='font-size:11.0pt;color:black'>Plan</span></b><o:p></o:p></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>1.<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp; </span></span><![endif]>First</p>
<p class=MsoListParagraphCxSpMiddle style='margin-left:72.0pt;mso-list:l0 level2 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>a.<span>&nbsp; </span></span><![endif]>Inner</p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><![if !supportLists]><span style='mso-list:Ignore'>2.<span>
&nbsp;</span></span><![endif]>Second</p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><span style='font-family:Symbol;mso-list:Ignore'>·<span>&nbsp;
</span></span>Dot</p><p class=MsoNormal><span style='color:#C00000'>Red</span> <img src="https://tracker.example/x.png"
alt="Logo" width=80 height=20><img src="file:///C:/x.png"></p><!--EndFragment--></body></html>"""
PASTE = """([html, text, picture]) => {
  const data = new DataTransfer();
  if (html) data.setData("text/html", html);
  if (text) data.setData("text/plain", text);
  if (picture) {
    const octets = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
    data.items.add(new File([octets], "chart.png", { type: "image/png" }));
  }
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR42mP8z4APMOGVHbHSAEEsAROxCnMTAAAAAElFTkSuQmCC"


def test_what_word_puts_into_the_clipboard_becomes_lists_and_nothing_remote_is_asked_for(mail: Page) -> None:
    asked: list[str] = []
    mail.on("request", lambda request: asked.append(request.url))
    composer = write(mail, 1)
    composer.locator(".composer-rich").click()
    mail.evaluate(PASTE, [WORD, "Plan First", ""])
    rich = composer.locator(".composer-rich")
    expect(rich.locator("> ol > li")).to_have_count(2)
    expect(rich.locator("ol ol[type=a] > li")).to_have_text("Inner")
    expect(rich.locator("> ul > li")).to_have_text("Dot")
    expect(rich.locator("b")).to_have_text("Plan")
    expect(rich.locator("img")).to_have_count(0)
    expect(rich.locator('a[href="https://tracker.example/x.png"]')).to_have_text("Logo")
    html = rich.evaluate("node => node.innerHTML")
    assert not re.search(r"mso|Mso|Calibri|margin|class=\"(?!ed-color)", html), html
    assert "color:rgb(192, 0, 0)" in html
    assert not [url for url in asked if "tracker" in url]


def test_a_rich_answer_with_a_pasted_picture_is_a_mail_that_any_program_reads(live: LiveMailbox, mail: Page) -> None:
    composer = write(mail, 1)
    composer.locator('[data-recipients="to"] [data-entry]').fill("bob@example.test,")
    composer.locator("input[name=subject]").fill("Chart")
    composer.locator(".composer-rich").click()
    mail.keyboard.type("Look: ")
    mail.evaluate(PASTE, ["", "", PIXEL])
    picture = composer.locator(".composer-rich img")
    expect(picture).to_have_attribute("src", re.compile(r"^/compose/\d+/attachment/\d+/$"))
    picture.click()
    composer.locator("[data-alt]").fill("The chart")
    composer.locator('[data-size="small"]').click()
    composer.locator(".composer-rich").click(position={"x": 5, "y": 5})
    mail.keyboard.press("Control+End")
    mail.keyboard.press("Enter")
    mail.keyboard.press("Control+Shift+Digit7")
    mail.keyboard.type("one")
    mail.keyboard.press("Enter")
    mail.keyboard.press("Tab")
    mail.keyboard.type("inner")
    mail.keyboard.press("Enter")
    mail.keyboard.press("Shift+Tab")
    mail.keyboard.press("Control+i")
    mail.keyboard.type("two")
    mail.keyboard.press("Control+Enter")
    expect(mail.locator(".toast", has_text="Sending")).to_be_visible()
    (file,) = (live.product.var / "storage" / "outgoing").glob("*.eml")
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert not [part.defects for part in message.walk() if part.defects]
    kinds = ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert [part.get_content_type() for part in message.walk()] == kinds
    plain, html, png = [part for part in message.walk() if not part.is_multipart()]
    assert plain["Content-Type"].params["format"] == "flowed"
    assert plain.get_content().splitlines()[2:5] == ["1. one", "   1. inner", "2. two"]
    assert png.get_content() == base64.b64decode(PIXEL)
    cid = png["Content-ID"].strip("<>")
    body = html.get_content()
    assert re.search(rf'<img src="cid:{re.escape(cid)}" alt="The chart"[^>]* width="240"', body), body
    assert "<i>two</i>" in body
    assert not re.search(r"\b(?:class|id|data-\w+|tabindex|contenteditable)=", body)


def test_many_addresses_are_pasted_dragged_and_moved_and_nobody_stands_twice(mail: Page) -> None:
    composer = write(mail, 1)
    fields = {name: composer.locator(f'[data-recipients="{name}"]') for name in ("to", "cc", "bcc")}
    stored = composer.locator("input[name=to]")
    composer.locator("[data-entry]").first.click()
    pasted = '"Doe, John" <john@x.test>; Ann Example <ann@x.test>; nonsense\n日本 太郎 <taro@x.test>; ANN@x.test'
    mail.evaluate(PASTE, ["", pasted, ""])
    expect(fields["to"].locator(".chip")).to_have_text(
        [re.compile(each) for each in ("Doe", "Ann", "nonsense", "太郎")]
    )
    expect(fields["to"].locator(".chip.bad")).to_have_count(1)
    expect(composer.locator("[data-said]")).to_have_text("ANN@x.test is already in To.")
    expect(stored).to_have_value(
        '"Doe, John" <john@x.test>, Ann Example <ann@x.test>, nonsense, 日本 太郎 <taro@x.test>', timeout=WAIT_MS
    )
    mail.keyboard.press("ArrowLeft")
    mail.keyboard.press("Alt+ArrowDown")
    expect(fields["cc"].locator(".chip")).to_have_text(re.compile("太郎"))
    expect(fields["cc"].locator(".chip-label")).to_be_focused()
    composer.locator('[data-show="bcc"]').click()
    fields["to"].locator(".chip", has_text="Ann").drag_to(fields["bcc"].locator(".chips"))
    expect(fields["bcc"].locator(".chip")).to_have_text(re.compile("Ann Example"))
    fields["to"].locator(".chip.bad .chip-label").click()
    mail.keyboard.type("fixed@x.test,")
    expect(fields["to"].locator(".chip.bad")).to_have_count(0)
    expect(stored).to_have_value('"Doe, John" <john@x.test>, fixed@x.test')
    many = "; ".join(f"Person {number} <p{number}@x.test>" for number in range(500))
    took = mail.evaluate(
        f"(given) => {{ const at = performance.now(); ({PASTE})(given); return performance.now() - at; }}",
        ["", many, ""],
    )
    expect(fields["to"].locator(".chip")).to_have_count(502)
    assert took < 1500
    expect(composer.locator("[data-state]")).to_have_text(re.compile("Saved"), timeout=WAIT_MS)
    mail.reload()
    expect(mail.locator('[data-recipients="to"] .chip')).to_have_count(502)
    expect(mail.locator('[data-recipients="bcc"] .chip')).to_have_text(re.compile("Ann Example"))
