"""What a newsletter costs before it is in its frame: sanitised, its quote split off, the document made; without a server."""

import random
import time
from collections.abc import Mapping

from tests.bench.letters import WORDS
from tests.bench.report import table
from tests.bench.timing import Times, repeat
from webmail.mime import style
from webmail.mime.html import sanitise
from webmail.mime.links import mark
from webmail.mime.quote import split_quote
from webmail.views.frame import document

# Octets, and the milliseconds it may take where a goal is set; one megabyte is the most that is shown as designed.
SIZES: dict[int, float | None] = {20_000: None, 120_000: None, 980_000: 300.0}
TRACKER = "https://pictures.example"


def newsletter(octets: int) -> str:
    """A design of tables with a style sheet, styles on every cell, remote pictures and links; the same for the same size."""
    choose = random.Random(f"newsletter {octets}")
    rules = "".join(f".c{number}{{color:#{number:03x};padding:{number}px 8px}}" for number in range(80))
    head = (
        f"<!doctype html><html><head><style>{rules}@media only screen and (max-width:600px)"
        "{.c1{width:100%!important;display:block}}</style></head><body bgcolor='#eeeeee'>"
        "<!--[if mso]><table><tr><td><![endif]--><table width='600' align='center' cellpadding='0'>"
    )
    rows: list[str] = []
    size = len(head)
    while size < octets:
        number = choose.randrange(1_000_000)
        row = (
            f"<tr><td class='c{number % 80}' valign='top' style=\"padding:{number % 37}px 12px;font-family:Arial,'Helvetica "
            f"Neue',sans-serif;font-size:{12 + number % 7}px;line-height:1.5;color:#333333;background-color:rgb({number % 256},"
            f"240,240);border-bottom:1px solid #dddddd\"><a href='{TRACKER}/click/{number}?a=1&amp;b=2' style='color:#0066cc'>"
            f"<img src='{TRACKER}/{number}.png' width='180' alt='Offer' style='display:block;border:0'></a>"
            f"{' '.join(choose.choices(WORDS, k=24))}</td></tr>"
        )
        rows.append(row)
        size += len(row)
    return head + "".join(rows) + "</table></body></html>"


def measure(repetitions: int) -> dict[int, Times]:
    """Seconds by size; the memory of styles already seen is emptied each time, as it is in a process that just began."""
    return {octets: _repeated(newsletter(octets), repetitions) for octets in SIZES}


def _repeated(html: str, repetitions: int) -> Times:
    return repeat(lambda _: _once(html), repetitions)


def _once(html: str) -> float:
    style.forget()
    started = time.perf_counter()
    clean = sanitise(html, cid_url=lambda _: None)
    written, quoted = split_quote(mark(clean.html, lambda *_: None))
    shown = document(written, quoted, remote=clean.remote, too_complex=clean.too_complex, theme="system")
    seconds = time.perf_counter() - started
    if clean.too_complex or not clean.remote or "</table>" not in shown:
        raise AssertionError("the newsletter was not shown as designed")
    return seconds


def tables(times: Mapping[int, Times]) -> str:
    """Markdown, milliseconds."""
    rows = [
        [f"{octets // 1000:,} kB", f"{one.median * 1000:.1f}", f"{one.p95 * 1000:.1f}"] for octets, one in times.items()
    ]
    lines = [table(["newsletter sanitised and rendered, ms", "median", "p95"], rows), *goals(times)]
    return "### A newsletter made safe\n\n" + "\n".join(lines) + "\n"


def goals(times: Mapping[int, Times]) -> list[str]:
    lines = []
    for octets, most in SIZES.items():
        if most is not None and octets in times:
            found = times[octets].median * 1000
            verdict = "PASS" if found < most else "MISS"
            wanted = f"(wanted: below {most:g} ms)"
            lines.append(f"* {verdict} newsletter of {octets // 1000} kB made safe: {found:.2f} ms {wanted}")
    return lines
