"""Numbered steps of the program: whatever leaves the process, and where it can be cut short.

A step is a command about to be sent, an answer about to be read, a commit about to be made, a change outside of a
transaction, a file about to be kept or removed. While ``counted`` runs, a plan says what happens in place of or just
before the k-th of them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest.mock import patch

from django.core.files.storage import default_storage
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from webmail.imap.wire import Wire

COMMAND, ANSWER = "send", "read the answer"
WIRE = (COMMAND, ANSWER)
CHANGES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Stop:
    """``act`` runs at the first step from number ``at`` on that is of the ``kind``, and in the steps that follow a command
    and its answer if ``after`` names one. "wire": a command or an answer that is no
    part of a change in the database, so that the act may do anything itself."""

    at: int
    act: Callable[[], object]
    kind: Literal["any", "wire", "database"] = "any"
    after: str = ""


Plan = Sequence[Stop]


class Killed(BaseException):
    """The process ends here; nothing of ours may catch it and go on."""


class Steps:
    """``names`` are the steps taken, in order; the first is number 1."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._plan: list[Stop] = []
        self._active = False

    @contextmanager
    def counted(self, plan: Plan = ()) -> Iterator[None]:
        self.names, self._plan, self._active = [], sorted(plan, key=lambda stop: stop.at), True
        with (
            patch.object(Wire, "send", self._wire(Wire.send, COMMAND)),
            patch.object(Wire, "receive", self._wire(Wire.receive, ANSWER)),
            patch.object(BaseDatabaseWrapper, "_commit", self._commit(vars(BaseDatabaseWrapper)["_commit"])),
            patch.object(default_storage, "save", self._plain(default_storage.save, "keep a file")),
            patch.object(default_storage, "delete", self._plain(default_storage.delete, "remove a file")),
            connection.execute_wrapper(self._statement),
        ):
            try:
                yield
            finally:
                self._active = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What runs in here is somebody else's doing and counts for nothing."""
        was, self._active = self._active, False
        try:
            yield
        finally:
            self._active = was

    def _step(self, name: str) -> None:
        if not self._active:
            return
        if name == ANSWER and self.names[-1:] == [ANSWER]:
            return
        self.names.append(name)
        on_wire = name.startswith(WIRE)
        kinds = {"any", "wire" if on_wire and not connection.in_atomic_block else "", "" if on_wire else "database"}
        for stop in list(self._plan):
            if stop.after and not any(each.startswith(f"{COMMAND} {stop.after}") for each in self.names[:-2]):
                continue
            if stop.at <= len(self.names) and stop.kind in kinds:
                self._plan.remove(stop)
                with self.paused():
                    stop.act()

    def _wire(self, really: Callable[..., Any], name: str) -> Callable[..., Any]:
        def run(wire: Wire, *arguments: Any) -> Any:
            self._step(f"{name} {shortened(arguments[0])}" if arguments else ANSWER)
            return really(wire, *arguments)

        return run

    def _plain(self, really: Callable[..., Any], name: str) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            self._step(name)
            return really(*arguments, **options)

        return run

    def _commit(self, really: Callable[..., Any]) -> Callable[..., Any]:
        def run(wrapper: BaseDatabaseWrapper) -> Any:
            try:
                self._step("commit")
            except BaseException:
                # A process that dies takes its transaction with it.
                wrapper._rollback()  # type: ignore[attr-defined]
                raise
            return really(wrapper)

        return run

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not connection.in_atomic_block and sql.startswith(CHANGES):
            self._step(f"{sql.split(' ', 1)[0].lower()} at once")
        return execute(sql, params, many, context)


def shortened(command: bytes) -> str:
    """The command's name without its tag; nothing secret, nothing long."""
    words = command.split()[1:4]
    return b" ".join(words[:2] if words[:1] != [b"LOGIN"] else words[:1]).decode("ascii", "replace")[:40]


def die() -> None:
    raise Killed
