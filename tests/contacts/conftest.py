"""People with mail in the mirror, as the tests of the pages have them, and a worker that has collected it."""

from tests.search.conftest import Person, ada, bob, indexed, make_person

__all__ = ["Person", "ada", "bob", "indexed", "make_person"]
