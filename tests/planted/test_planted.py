"""The planted bugs fit the tree as it is; ``make planted`` shows that each is noticed."""

import subprocess

import pytest

from tests.planted.bugs import BASE_DIR, INVARIANTS, Bug, planted


@pytest.mark.parametrize("bug", planted(), ids=lambda bug: bug.path.stem)
def test_a_planted_bug_still_fits_the_code_it_breaks(bug: Bug) -> None:
    done = subprocess.run(
        ["git", "apply", "--check", str(bug.path)], cwd=BASE_DIR, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stderr}plant it anew in {bug.path}, then: make planted"
    for test in bug.tests:
        path, _, name = test.partition("::")
        assert name.partition("[")[0] in (BASE_DIR / path).read_text()


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    assert {bug.invariant for bug in planted()} == set(INVARIANTS)
