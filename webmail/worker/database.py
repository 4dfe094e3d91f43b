"""What the worker's connections hold of the database: little, and the same whatever is in it.

A page is read by many threads at once and gains from SQLite's mapped files and large caches. The worker's threads write
in small transactions over hours, and what they map is counted as theirs: up to the size of the database, for nothing that
the kernel's own cache would not give them.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

CACHE_KIB = 8 * 1024  # for each thread


def hold_little() -> None:
    """For all connections this process opens from now on."""
    connection_created.connect(_bound, dispatch_uid="webmail.worker.database")


def _bound(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA mmap_size=0")
            cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
