"""The browser's files: every icon a page names is in the sprite, and the page stays light."""

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "static" / "dist"
BUDGET_BYTES = 120 * 1024


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


def test_the_mailbox_page_stays_within_its_weight() -> None:
    app = (DIST / "app.js").read_text()
    parts = [DIST / "app.js", *(DIST / name for name in re.findall(r'from ?"\./(chunk-\w+\.js)"', app))]
    parts += (ROOT / "static/css").rglob("*.css")
    assert sum(len(gzip.compress(part.read_bytes())) for part in parts) <= BUDGET_BYTES
