"""Waiting for the database to change: LISTEN on PostgreSQL, ``PRAGMA data_version`` on SQLite.

A signal says *that* something changed, never what: whoever wakes reads the state again.
"""

import sqlite3
from typing import Any

import psycopg
from django.db import connection

from webmail.models.mirror import NOTIFY_CHANNEL


class DatabaseSignal:
    """Holds a connection of its own and may be used from one thread at a time."""

    def __init__(self) -> None:
        self._sqlite: sqlite3.Connection | None = None
        self._postgres: psycopg.Connection[Any] | None = None
        self._version = -1
        self._open()

    def _open(self) -> None:
        if connection.vendor == "postgresql":
            parameters = connection.get_connection_params()
            for name in ("cursor_factory", "context", "prepare_threshold"):
                parameters.pop(name, None)
            self._postgres = psycopg.connect(**parameters, autocommit=True)
            self._postgres.execute(f"LISTEN {NOTIFY_CHANNEL}")
        else:
            self._sqlite = sqlite3.connect(
                str(connection.settings_dict["NAME"]), check_same_thread=False, isolation_level=None, timeout=1
            )

    def fileno(self) -> int | None:
        """A descriptor that becomes readable, where the database has one; None while the connection is lost."""
        return self._postgres.fileno() if self._postgres is not None and not self._postgres.closed else None

    def changed(self) -> bool:
        """Whether anything was committed since the last call. A lost connection counts as a change."""
        if self._sqlite is not None:
            version = self._sqlite.execute("PRAGMA data_version").fetchone()[0]
            differs, self._version = version != self._version, version
            return differs
        try:
            return any(True for _ in self._postgres.notifies(timeout=0))  # type: ignore[union-attr]
        except psycopg.OperationalError:
            self.close()
            try:
                self._open()
            except psycopg.OperationalError:
                return False
            return True

    def close(self) -> None:
        for held in (self._sqlite, self._postgres):
            if held is not None:
                held.close()
