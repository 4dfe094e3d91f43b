"""A clock over HTML parsers, which nobody can interrupt: what is large is read in another process, which ends in time (F57).

The other process has no secrets in its environment, a ceiling on its memory, and an alarm on its processor time that the
kernel keeps: whatever a parser is at, the process ends, and the caller shows the text without it. Small markup is parsed
where it is; what that takes counts, too. One is kept warm, so that a large newsletter waits for none to start.

``python -m webmail.mime.clock`` is that process. Both sides speak JSON with the length before it: what comes back from a
parser that was broken into is no more than text.
"""

import contextlib
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

# Characters; no parser that is used here takes half a second for less, whatever it is.
SMALL = 50_000
CPU_SECONDS = 2.0  # for one message
WALL_SECONDS = 15.0  # of a machine that is busy with other things
MEMORY = 1 << 30
KEPT = 2
MOST = 4  # at work together; whoever comes then waits for one
JOBS = {
    "sanitise": ("webmail.mime.html", "_sanitise"),
    "own": ("webmail.mime.html", "_own"),
    "text": ("webmail.mime.plain", "_read"),
}
_LENGTH = struct.Struct(">I")
_ROOT = Path(__file__).resolve().parents[2]

Result = TypeVar("Result")
Ask = Callable[[str], str | None] | None


class TooSlowError(Exception):
    """It took more time, or more memory, than one message may; ``certain`` if the clock says so, and not a busy machine."""

    def __init__(self, *, certain: bool = False) -> None:
        super().__init__("too slow")
        self.certain = certain


@dataclass(slots=True)
class _Budget:
    seconds: float
    doubtful: bool = False


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)


@contextlib.contextmanager
def message() -> Iterator[None]:
    """What is parsed inside belongs to one message and shares its seconds."""
    token = _budget.set(_Budget(CPU_SECONDS))
    try:
        yield
    finally:
        _budget.reset(token)


def spent() -> bool:
    """Whether the seconds of this message are used up."""
    budget = _budget.get()
    return budget is not None and budget.seconds <= 0


def doubtful() -> bool:
    """Whether something of this message failed for reasons that may pass: then the result is not to be kept."""
    budget = _budget.get()
    return budget is not None and budget.doubtful


def call(job: str, size: int, arguments: Sequence[Any], asks: Sequence[Ask] = ()) -> Any:
    """The result of one of ``JOBS``, for markup of ``size`` characters. Raise TooSlowError.

    ``arguments`` and the result are what JSON has. ``asks`` are functions that answer the job's questions.
    """
    budget = _budget.get() or _Budget(CPU_SECONDS)
    if budget.seconds <= 0:
        raise TooSlowError(certain=True)
    if size > SMALL:
        try:
            result, used = _elsewhere(job, arguments, asks, budget.seconds)
        except TooSlowError as error:
            budget.seconds = 0.0
            budget.doubtful |= not error.certain
            raise
        budget.seconds -= used
        return result
    began = time.thread_time()
    try:
        return _function(job)(*arguments, *asks)
    finally:
        budget.seconds -= time.thread_time() - began


def counted(function: Callable[[], Result]) -> Result:
    """What ``function`` takes counts; it has ceilings of its own."""
    budget, began = _budget.get(), time.thread_time()
    try:
        return function()
    finally:
        if budget is not None:
            budget.seconds -= time.thread_time() - began


def warm() -> None:
    """Start one now, without waiting for it."""
    with _lock:
        if not _idle:
            _idle.append(_Child())


def _function(job: str) -> Callable[..., Any]:
    module, name = JOBS[job]
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


class _Child:
    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webmail.mime.clock"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )

    def run(self, job: str, arguments: Sequence[Any], asks: Sequence[Ask], seconds: float) -> tuple[Any, float]:
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: PT018, S101 - opened as pipes
        alarm = threading.Timer(WALL_SECONDS, self.process.kill)
        alarm.start()
        try:
            _say(self.process.stdin, [job, seconds, list(arguments), [ask is not None for ask in asks]])
            while True:
                kind, *told = _hear(self.process.stdout)
                if kind == "done":
                    return told[0], float(told[1])
                ask = asks[told[0]]
                _say(self.process.stdin, ask(told[1]) if ask is not None else None)
        except (OSError, EOFError, ValueError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            # What broke a parser breaks it again; who was killed was so by the alarm above, or for want of memory.
            raise TooSlowError(certain=self.process.returncode not in {None, -signal.SIGKILL}) from error
        finally:
            alarm.cancel()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


_lock = threading.Lock()
_room = threading.BoundedSemaphore(MOST)
_idle: list[_Child] = []


def _elsewhere(job: str, arguments: Sequence[Any], asks: Sequence[Ask], seconds: float) -> tuple[Any, float]:
    if not _room.acquire(timeout=WALL_SECONDS):
        raise TooSlowError
    try:
        return _in_a_child(job, arguments, asks, seconds)
    finally:
        _room.release()


def _in_a_child(job: str, arguments: Sequence[Any], asks: Sequence[Ask], seconds: float) -> tuple[Any, float]:
    with _lock:
        # Those of the process this one was forked from are not ours.
        _idle[:] = [child for child in _idle if child.owner == os.getpid()]
        child = _idle.pop() if _idle else None
    if child is not None and child.process.poll() is not None:
        # It ended while nobody asked: no fault of this message.
        child.end()
        child = None
    child = child or _Child()
    sound = False
    try:
        found = child.run(job, arguments, asks, seconds)
        sound = True
        return found
    finally:
        with _lock:
            kept = sound and len(_idle) < KEPT
            if kept:
                _idle.append(child)
        if not kept:
            child.end()


def _say(stream: BinaryIO | Any, value: Any) -> None:
    data = json.dumps(value).encode("ascii")
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _hear(stream: BinaryIO | Any) -> Any:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = stream.read(_LENGTH.unpack(head)[0])
    return json.loads(data)


def serve() -> None:
    """Until the other side goes away."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The kernel ends the process: a handler in Python would wait for the parser to come back.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    for job in JOBS:
        _function(job)

    def asking(number: int) -> Callable[[str], str | None]:
        @cache
        def ask(question: str) -> str | None:
            _say(sink, ["ask", number, question])
            answer = _hear(source)
            return None if answer is None else str(answer)

        return ask

    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            job, seconds, arguments, asks = _hear(source)
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, seconds)
            result = _function(job)(*arguments, *(asking(n) if wanted else None for n, wanted in enumerate(asks)))
            signal.setitimer(signal.ITIMER_PROF, 0)
            _say(sink, ["done", result, time.process_time() - began])


if __name__ == "__main__":
    serve()
