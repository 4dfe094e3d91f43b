"""People with mail in the mirror, as the tests of the pages have them, and the index brought up to date."""

from collections.abc import Callable

import pytest

from tests.views.conftest import Person, ada, bob, make_person
from webmail.search import index

__all__ = ["Person", "ada", "bob", "make_person"]

Index = Callable[[], None]


@pytest.fixture
def indexed(db: None) -> Index:
    """Call it to have everything that arrived in the index."""

    def run() -> None:
        index.work(lambda: False, rest=lambda seconds: None)

    return run
