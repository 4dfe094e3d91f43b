"""One random run: who does what and what breaks follows from the seed alone."""

from collections.abc import Collection
from functools import partial
from pathlib import Path
from random import Random

from django.db import OperationalError

from tests.convergence.canaries import Known, letter
from tests.convergence.checks import check_everything
from tests.convergence.history import History
from tests.convergence.other import Other
from tests.convergence.person import Person
from tests.convergence.steps import Stop, die
from tests.convergence.world import World
from tests.servers.fault_proxy import Action
from tests.servers.smtp_sink import Moment, Script, SmtpSink
from webmail.demo.dovecot import Dovecot

BETWEEN_COMPARISONS = 25
OPTIONAL = (
    "CONDSTORE",
    "QRESYNC",
    "UIDPLUS",
    "MOVE",
    "SPECIAL-USE",
    "IDLE",
    "LITERAL+",
    "ESEARCH",
    "LIST-STATUS",
    "LIST-EXTENDED",
    "ENABLE",
    "NAMESPACE",
    "NOTIFY",
)
CUTS: tuple[Action, ...] = ("cut_before", "cut_after", "cut_reply")
MOMENTS: tuple[Moment, ...] = ("connect", "mail", "data", "body", "reply", "accepted")


class Run:
    """``dropped`` are numbers of operations left out; the others stay what they were."""

    def __init__(
        self, dovecot: Dovecot, sink: SmtpSink, seed: int, path: Path, *, dropped: Collection[int] = ()
    ) -> None:
        rng = Random(f"{seed}: world")
        sink.reset()
        hide = tuple(name for name in OPTIONAL if rng.random() < 0.25) if rng.random() < 0.7 else ()
        self.seed, self.dropped = seed, dropped
        self.history = History(path)
        self.trouble: Exception | None = None
        self.world = World(dovecot, sink, hide=hide)
        self.known = Known()
        self.person = Person(self.world.ada, self.known)
        self.other = Other(self.world.ada.mailbox, self.known)
        self.history.note("begin", seed=seed, hidden=hide, address=self.world.ada.mailbox.address)
        self.world.eve.mailbox.append(letter("of-eve"))
        for folder in ("Work", "Work/Deep"):
            self.other._connected.create_folder(folder)
        for _ in range(8):
            self.other.append(rng)
        self.world.turn(self.world.eve)
        self.world.eve.get("/")
        self.world.bounds.begin()

    def close(self) -> None:
        self.other.close()
        self.world.close()
        self.history.close()

    def go(self, operations: int) -> None:
        """Raise AssertionError where something does not hold."""
        for number in range(operations):
            if number not in self.dropped:
                self._operation(number)
            if number % BETWEEN_COMPARISONS == BETWEEN_COMPARISONS - 1 or number == operations - 1:
                self._compare(number)

    def _operation(self, number: int) -> None:
        rng = Random(f"{self.seed}: {number}")
        chance = rng.random()
        if chance < 0.3:
            self._turn(number, rng)
        elif chance < 0.36:
            self._deliver(number, rng)
        elif chance < 0.6:
            self.history.note("other", op=number, did=self.other.act(rng))
        else:
            self._click(number, rng)

    def _click(self, number: int, rng: Random, where: str = "person") -> None:
        cut = rng.random() < 0.08
        if cut:
            # A click may need the server for a text that is not here yet.
            self.world.proxy.rule("*", rng.choice(CUTS), occurrence=rng.randint(1, 4), octets=rng.randint(1, 300))
        self.history.note(where, op=number, did=self.person.act(rng), cut=cut)
        self.world.proxy.rules.clear()

    def _turn(self, number: int, rng: Random) -> None:
        plan = []
        fault = rng.choices(["none", "cut", "kill", "database", "lost"], [50, 20, 15, 8, 7])[0]
        step = rng.randint(1, rng.choice([12, 40, 120]))
        if fault == "cut":
            self.world.proxy.rule("*", rng.choice(CUTS), occurrence=rng.randint(1, 20), octets=rng.randint(1, 400))
        elif fault == "kill":
            plan.append(Stop(step, die))
        elif fault == "database":
            plan.append(Stop(step, away, "database"))
        elif fault == "lost":
            self.world.proxy.cut_all()
        for _ in range(rng.choice([0, 0, 1, 2])):
            act = partial(self._meanwhile, number, Random(rng.random()), self._somebody(rng))
            plan.append(Stop(rng.randint(1, 60), act, "wire"))
        rested = self.world.turn(plan=plan, whole=rng.random() < 0.5)
        self.world.proxy.rules.clear()
        if self.trouble is not None:
            raise self.trouble
        self.history.note("turn", op=number, fault=fault, at=step, steps=len(self.world.steps.names), rested=rested)

    def _somebody(self, rng: Random) -> Person | Other:
        return self.person if rng.random() < 0.5 else self.other

    def _meanwhile(self, number: int, rng: Random, who: Person | Other) -> None:
        """In the middle of the worker's turn. What does not hold must not end as a failed turn."""
        steps = self.world.steps.names
        try:
            did = who.act(rng)
        except Exception as problem:
            self.trouble = self.trouble or problem
            raise
        name = "other" if who is self.other else "person"
        self.history.note(f"{name} during the turn", op=number, at=len(steps), step=steps[-1], did=did)

    def _deliver(self, number: int, rng: Random) -> None:
        moment = rng.choice(MOMENTS) if rng.random() < 0.5 else None
        self.world.sink.script = Script(hang_up=moment)
        plan = [Stop(rng.randint(1, 8), die)] if rng.random() < 0.15 else []
        self.world.deliver(plan)
        self.world.sink.script = Script()
        self.history.note("deliver", op=number, hang_up=moment, plan=bool(plan))

    def _compare(self, number: int) -> None:
        self.world.settle()
        self.history.note("settled", op=number)
        there = check_everything(self.world, self.known, self.person)
        self.known.begin_again(there)
        self.history.note("equal", op=number, messages=sum(len(each) for each in there.values()))


def away() -> None:
    raise OperationalError("the database is away for a moment")
