"""The benchmark of newsletters measures what it says: designs of the right size that are shown as designed."""

from tests.bench import rendering
from tests.bench.timing import Times
from webmail.mime.html import sanitise


def test_a_newsletter_has_its_size_and_is_shown_as_designed() -> None:
    for octets in rendering.SIZES:
        html = rendering.newsletter(octets)
        assert octets <= len(html) < octets * 1.1
        assert html == rendering.newsletter(octets)
        clean = sanitise(html, cid_url=lambda _: None)
        assert not clean.too_complex
        assert clean.remote > 10
        assert "@media only screen" in clean.html
        assert rendering.TRACKER + "/click/" in clean.html


def test_the_goals_are_held_against_the_medians() -> None:
    times = {120_000: Times((0.01, 0.02, 0.5)), 980_000: Times((0.4, 0.4, 0.1))}
    assert rendering.goals(times) == ["* MISS newsletter of 980 kB made safe: 400.00 ms (wanted: below 300 ms)"]
    assert rendering.goals({980_000: Times((0.1,))})[0].startswith("* PASS")
    assert "120 kB" in rendering.tables(times)
