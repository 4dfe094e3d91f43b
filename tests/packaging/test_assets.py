"""The browser's files: every icon a page names is in the sprite, and the page stays light."""

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "static" / "dist"
BUDGET_BYTES = 120_000


def listed_icons() -> set[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "static/icons.txt").read_text().splitlines())
    return {line for line in lines if line}


def test_every_icon_named_by_a_template_is_listed() -> None:
    named: set[str] = set()
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        named |= set(re.findall(r"#i-([a-z0-9-]+)(?=[\"'])", text))
        for branches in re.findall(r"#i-\{% if [^%]*%\}(.+?)\{% endif %\}", text):
            named |= set(re.split(r"\{% (?:else|elif [^%]*) ?%\}", branches))
    missing = {name for name in named if re.fullmatch(r"[a-z0-9-]+", name)} - listed_icons()
    assert missing == set()
    assert named


def test_the_sprite_holds_every_listed_icon() -> None:
    if not (DIST / "icons.svg").exists():
        pytest.fail("the browser's files are not built: make assets", pytrace=False)
    assert set(re.findall(r'<symbol id="i-([a-z0-9-]+)"', (DIST / "icons.svg").read_text())) == listed_icons()


def _with_imports(script: Path) -> set[Path]:
    """A module and all it loads at once; what is imported when it is needed does not count."""
    found, left = set(), [script]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            text = each.read_text()
            left += [DIST / name for name in re.findall(r"""(?:from|import) ?["']\./([\w-]+\.js)["']""", text)]
    return found


def test_the_mailbox_page_stays_within_its_weight_until_something_is_written() -> None:
    page = "".join((ROOT / "templates" / name).read_text() for name in ("base.html", "mailbox/page.html"))
    linked = re.findall(
        r"<(?:link rel=\"stylesheet\" href|script type=\"module\" src)=\"{% static '([^']+)' %}\"", page
    )
    assert len(linked) == page.count('rel="stylesheet"') + page.count("<script ")
    files = {ROOT / "static" / name for name in linked}
    files |= {part for script in files if script.suffix == ".js" for part in _with_imports(script)}
    assert DIST / "app.js" in files
    assert DIST / "composer.js" not in files
    assert sum(len(gzip.compress(each.read_bytes())) for each in files) <= BUDGET_BYTES


def _keys_in(name: str, begin: str) -> set[str]:
    """Names of the members of an object literal."""
    text = (ROOT / "static/js" / name).read_text()
    body = text[text.index(begin) + len(begin) :]
    return {
        quoted or bare
        for quoted, bare in re.findall(
            r"""^ *(?:"((?:[^"\\]|\\.)+)"|(\w+)):""", body[: body.index("\n}")], re.MULTILINE
        )
    }


def test_every_key_is_in_the_list_of_shortcuts() -> None:
    html = (ROOT / "templates/mailbox/_dialogs.html").read_text()
    rows = [re.findall(r"<kbd>([^<]+)</kbd>", row) for row in re.findall(r"<dt>(.*?)</dt>", html)]
    alone = {key for row in rows if row[0] not in {"Ctrl", "Shift", "g"} for key in row}
    single = _keys_in("app.js", "makeKeys(\n  {")
    assert {"j", "l", ";", "#"} <= single
    assert single - {"Escape", "I", "U"} <= alone
    assert ["Shift", "i", "u"] in rows
    app = (ROOT / "static/js/app.js").read_text()
    sequences = set(re.findall(r"\bg([a-z]): ", app))
    assert {"c", "i"} <= sequences
    assert sequences == {row[1] for row in rows if row[0] == "g"}
    formats = {key.replace("\\\\", "\\").upper() for key in _keys_in("composer/formats.js", "const KEYS = {")}
    assert "SHIFT-7" in formats
    assert formats <= {"-".join(row[1:]).upper() for row in rows if row[0] == "Ctrl"}


def test_no_shortcut_is_listed_that_is_none() -> None:
    html = (ROOT / "templates/mailbox/_dialogs.html").read_text()
    mailbox = html.split("<h3>Writing</h3>")[0]
    rows = [re.findall(r"<kbd>([^<]+)</kbd>", row) for row in re.findall(r"<dt>(.*?)</dt>", mailbox)]
    listed = {key for row in rows if row[0] not in {"Ctrl", "Shift", "g"} for key in row}
    assert {{"Esc": "Escape"}.get(key, key) for key in listed} <= _keys_in("app.js", "makeKeys(\n  {")
