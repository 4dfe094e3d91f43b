"""``python -m tests.bench.importing``: one import of a maildrop on a new database, in a process of its own.

So its memory is that of the import, and a second import begins as the first one did. The environment names database and
storage; the result is one line of JSON.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.fill import PASSWORD

if TYPE_CHECKING:
    from webmail.models import Download

LOOK_SECONDS = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")


class Memory(NamedTuple):
    """Octets resident when so many messages had come. ``own`` leaves out the pages of mapped files."""

    messages: int
    resident: int
    own: int


@dataclass(frozen=True)
class Import:
    """``seconds`` from the first connection to the last commit."""

    seconds: float
    messages: int
    octets: int
    memory: list[Memory]

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds

    def since(self, messages: float) -> list[Memory]:
        """Empty if so many never came."""
        return [one for one in self.memory if one.messages >= messages]


def most(later: list[Memory], kind: str) -> int:
    """By how many octets ``resident`` or ``own`` ever exceeded the first of these."""
    values = [getattr(one, kind) for one in later]
    return max(values) - values[0] if values else 0


class Watch:
    """Asked by the import whether to stop; meanwhile it looks at how far that is and what memory it takes."""

    def __init__(self, download: "Download", seconds: float) -> None:
        self.memory: list[Memory] = []
        self.over = False
        self._download = download
        self._end = time.monotonic() + seconds
        self._look_at = 0.0

    def should_stop(self) -> bool:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self.look()
            self.over = now > self._end
        return self.over

    def look(self) -> int:
        self._download.refresh_from_db(fields=["imported"])
        _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
        self.memory.append(Memory(self._download.imported, resident * PAGE, (resident - shared) * PAGE))
        return self._download.imported


def run(port: int, user: str, messages: int, limit: float) -> Import:
    """Sessions until the maildrop of ``messages`` is here or ``limit`` seconds have passed. Raises the import's errors."""
    import django  # noqa: PLC0415 - only in the process that has the settings for it

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db.models import Count, Sum  # noqa: PLC0415

    from accounts.models import MailAccount, Security, User  # noqa: PLC0415
    from webmail.models import Download, Message, StoredContent, SyncState  # noqa: PLC0415
    from webmail.pop3.importer import run_import  # noqa: PLC0415
    from webmail.worker.database import hold_little  # noqa: PLC0415

    hold_little()
    call_command("migrate", interactive=False, verbosity=0)
    account = MailAccount.objects.create(
        user=User.objects.create(username=user),
        kind=MailAccount.Kind.POP3,
        address=user,
        username=user,
        password=PASSWORD,
        smtp_host="localhost",
    )
    SyncState.objects.create(account=account)
    place = {"host": "localhost", "port": port, "security": Security.TLS}
    download = Download.objects.create(account=account, policy=Download.Policy.KEEP, **place)
    watch = Watch(download, limit)
    started, here = time.perf_counter(), 0
    while here < messages and not watch.over:
        before = here
        run_import(download, watch.should_stop)
        here = watch.look()
        if here == before and not watch.over:
            raise RuntimeError(f"the import ended with {here} of {messages} messages")
    seconds = time.perf_counter() - started
    kept = StoredContent.objects.aggregate(number=Count("pk"), octets=Sum("size"))
    if not here == kept["number"] == Message.objects.count():
        raise RuntimeError(f"{here} messages were counted, but {kept['number']} are here")
    return Import(seconds, here, kept["octets"] or 0, watch.memory)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.importing", description=__doc__)
    parser.add_argument("port", type=int, help="TLS from the start")
    parser.add_argument("user")
    parser.add_argument("messages", type=int, help="in the maildrop")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds")
    options = parser.parse_args()
    print(json.dumps(asdict(run(options.port, options.user, options.messages, options.limit))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
