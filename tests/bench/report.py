"""Tables of what was measured, the product beside the floor, and the goals it has to meet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.bench.product import Measured
from tests.bench.timing import Times

NEAR, FAR = 0, 40  # milliseconds of round trip to the mail server
# Rows of the tables, and the operation of the floor that answers the same question.
CLICKS = {
    "first rows after sign-in": "first usable inbox",
    "first usable inbox": "first usable inbox",
    "first page": "first page",
    "first page, reload": "first page",
    "deep page": "deep page",
    "open small, cold": "open small, cold",
    "open small, warm": "open small, warm",
    "open newsletter, cold": "open newsletter, cold",
    "open newsletter, warm": "open newsletter, warm",
    "search, rare in subjects": "search, rare in subjects",
    "search, common": "search, common",
    "search, in texts": "search, in texts",
    "mark read": "mark read",
    "move": "move",
    "folder list": "folder list",
}
MANY, FEW = 100_000, 1000


@dataclass(frozen=True)
class Setting:
    """A mailbox of so many messages, so far away."""

    size: int
    round_trip: int


@dataclass(frozen=True)
class Outcome:
    product: Measured
    floor: dict[str, Times]


Outcomes = Mapping[Setting, Outcome]


def tables(outcomes: Outcomes) -> str:
    """Markdown, milliseconds."""
    pieces = []
    for round_trip in sorted({setting.round_trip for setting in outcomes}):
        here = {setting.size: outcome for setting, outcome in outcomes.items() if setting.round_trip == round_trip}
        pieces.append(f"### Mail server at {round_trip} ms round trip\n")
        pieces.append(_clicks(here))
        pieces.append(_once(here))
    pieces.append("### Does it depend on size or distance?\n")
    pieces.append(_scaling(outcomes))
    pieces.append("### Goals\n")
    pieces.append("\n".join(goals(outcomes)) + "\n")
    return "\n".join(pieces)


def _clicks(here: Mapping[int, Outcome]) -> str:
    head = ["median / p95 in ms"]
    for size in here:
        head += [f"{size:,}: product", "IMAP", "ratio"]
    rows = []
    for click, operation in CLICKS.items():
        row = [click]
        for outcome in here.values():
            ours, least = outcome.product.times.get(click), outcome.floor.get(operation)
            row += [_pair(ours), _pair(least), _ratio(ours, least)]
        rows.append(row)
    return table(head, rows)


def _once(here: Mapping[int, Outcome]) -> str:
    rows = [
        ["checks before the first sign-in, ms", *(f"{one.product.checks * 1000:.0f}" for one in here.values())],
        ["whole mailbox mirrored after, s", *(f"{one.product.mirrored:.1f}" for one in here.values())],
        ["and searchable after, s", *(f"{one.product.indexed:.1f}" for one in here.values())],
        ["last move on the server after, s", *(f"{one.product.settled:.2f}" for one in here.values())],
    ]
    return table(["once", *(f"{size:,}" for size in here)], rows)


def _scaling(outcomes: Outcomes) -> str:
    sizes = sorted({setting.size for setting in outcomes})
    trips = sorted({setting.round_trip for setting in outcomes})
    head = ["ratio of medians", *(f"{trips[-1]} : {trips[0]} ms, {size:,}" for size in sizes)]
    head += [f"{sizes[-1]:,} : {sizes[0]:,}, {trip} ms" for trip in trips]
    rows = []
    for click in CLICKS:
        found = {setting: _of(outcomes, click, setting.size, setting.round_trip) for setting in outcomes}
        far = [_ratio(found.get(Setting(size, trips[-1])), found.get(Setting(size, trips[0]))) for size in sizes]
        many = [_ratio(found.get(Setting(sizes[-1], trip)), found.get(Setting(sizes[0], trip))) for trip in trips]
        rows.append([click, *far, *many])
    return table(head, rows)


def goals(outcomes: Outcomes) -> Iterator[str]:
    """One line each: PASS or MISS, what was wanted, what was found. What was not measured has no line."""
    page = "first page"
    for trip in (NEAR, FAR):
        many, few = _of(outcomes, page, MANY, trip), _of(outcomes, page, FEW, trip)
        if many and few:
            yield _verdict(f"first page at {trip} ms, {MANY:,} : {FEW:,}", many.median / few.median, 1.3, "")
    for size in sorted({setting.size for setting in outcomes}):
        near, far = _of(outcomes, page, size, NEAR), _of(outcomes, page, size, FAR)
        if near and far:
            yield _verdict(f"first page of {size:,}, {FAR} ms : {NEAR} ms", far.median / near.median, 1.2, "")
        slowest = max((one.median for one in (near, far) if one), default=None)
        if slowest is not None:
            yield _verdict(f"first page of {size:,}", slowest * 1000, 25, " ms")
    usable = _of(outcomes, "first usable inbox", MANY, FAR)
    if usable:
        yield _verdict(f"first usable inbox of {MANY:,} at {FAR} ms", usable.median, 2, " s")


def _verdict(what: str, found: float, limit: float, unit: str) -> str:
    return f"* {'PASS' if found < limit else 'MISS'} {what}: {found:.2f}{unit} (wanted: below {limit:g}{unit})"


def _of(outcomes: Outcomes, click: str, size: int, round_trip: int) -> Times | None:
    outcome = outcomes.get(Setting(size, round_trip))
    return outcome.product.times.get(click) if outcome else None


def _pair(times: Times | None) -> str:
    return f"{_number(times.median * 1000)} / {_number(times.p95 * 1000)}" if times else "–"


def _ratio(one: Times | None, other: Times | None) -> str:
    return f"{one.median / other.median:.2f}" if one and other else "–"


def _number(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown, aligned."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: list[str]) -> str:
        first, *rest = cells
        return "| " + " | ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"
