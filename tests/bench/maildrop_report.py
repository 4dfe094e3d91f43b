"""The table of what was measured on a maildrop, and the goals the import has to meet."""

from collections.abc import Iterator, Mapping

from tests.bench.importing import most
from tests.bench.maildrop import Fetched, Maildrop
from tests.bench.report import FAR, table

FASTER = 3  # times poplib, at 40 ms
GROWTH = 64  # MB resident, mapped files and all, over nine tenths of the import
FROM = 0.1  # until then caches fill
# What an import grows by says something only when it goes on for a while.
ENOUGH = 600


def tables(drop: Maildrop, found: Mapping[int, Fetched]) -> str:
    """Markdown; MB are 10^6 octets."""
    head = ["", *(f"{round_trip} ms" for round_trip in found)]
    ours = [one.ours for one in found.values()]
    plain = [one.plain for one in found.values()]
    rows = [
        ["import, messages/s", *(f"{one.rate:,.0f}" for one in ours)],
        ["poplib, messages/s", *(f"{one.rate:,.0f}" for one in plain)],
        ["ratio", *(f"{ratio(one):.2f}" for one in found.values())],
        ["import, MB/s", *(f"{one.octets / one.seconds / 1e6:.2f}" for one in ours)],
        ["poplib, MB/s", *(f"{one.octets / one.seconds / 1e6:.2f}" for one in plain)],
        ["imported: messages", *(f"{one.messages:,}" for one in ours)],
        ["read by poplib: messages", *(f"{one.messages:,}" for one in plain)],
    ]
    for share in (FROM, 0.5, 1.0):
        # An import that was cut short never had them all.
        found_then = [one.since(share * drop.messages)[:1] for one in ours]
        cells = (f"{then[0].resident / 1e6:.0f} / {then[0].own / 1e6:.0f}" if then else "–" for then in found_then)
        rows.append([f"import, MB resident / its own at {share:.0%}", *cells])
    title = f"### POP3: a maildrop of {drop.messages:,} messages\n"
    return "\n".join([title, table(head, rows), "\n".join(goals(drop, found)) + "\n"])


def goals(drop: Maildrop, found: Mapping[int, Fetched]) -> Iterator[str]:
    """One line each: PASS or MISS, what was found, what was wanted. What was not measured has no line."""
    if far := found.get(FAR):
        verdict = "PASS" if ratio(far) >= FASTER else "MISS"
        yield f"* {verdict} import at {FAR} ms, messages/s : poplib: {ratio(far):.2f} (wanted: at least {FASTER})"
    if drop.messages < ENOUGH:
        return
    for round_trip, one in found.items():
        later = one.ours.since(FROM * drop.messages)
        own, resident = (most(later, kind) / 1e6 for kind in ("own", "resident"))
        verdict = "PASS" if later and resident < GROWTH else "MISS"
        what = f"memory flat, import of {one.ours.messages:,} at {round_trip} ms"
        grown = f"grew by {resident:.1f} MB resident after {FROM:.0%}, {own:.1f} MB without mapped files"
        yield f"* {verdict} {what}: {grown} (wanted: below {GROWTH} MB resident)"


def ratio(one: Fetched) -> float:
    return one.ours.rate / one.plain.rate
