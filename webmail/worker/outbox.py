"""One look of the worker at what is to be sent, and at the answers to what was sent."""

from collections.abc import Callable

from webmail.outbox import after
from webmail.outbox.deliver import deliver_due
from webmail.outbox.overdue import hold_overdue
from webmail.outbox.queue import freeze_due
from webmail.sync.reminders import run_due


class Outbox:
    """Remembers that the worker has looked before: what was late already when it began needs a second look."""

    def __init__(self) -> None:
        self.looked = False

    def look(self, owner: str, should_stop: Callable[[], bool]) -> None:
        hold_overdue(starting=not self.looked)
        self.looked = True
        freeze_due()
        deliver_due(owner, should_stop)
        after.left()
        run_due()
