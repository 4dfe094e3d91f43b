"""Killed at every step of an import: after a restart everything is as if nothing had happened.

A step is whatever leaves the process: a command to the server, the reading of its answer, a commit, a file written or
removed. The import runs in a process of its own that gets SIGKILL before its k-th step, for every k there is.
"""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from accounts.models import MailAccount
from tests.pop3.importing import contents, fetch, letter
from tests.servers.scripted_pop3 import ScriptedPop3
from webmail.models import Download, Folder, LedgerEntry, Message, StoredContent
from webmail.pop3.importer import run_import
from webmail.pop3.wire import Wire
from webmail.sync.local import delete_messages

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
Policy = Download.Policy
LETTERS = [letter(number, b".x\r\n" * number) for number in range(1, 8)]
IDS = [b"id-%d" % number for number in range(1, 8)]
State = dict[str, object]


def steps_end_at(last: int) -> None:
    """In the process that is to die: SIGKILL in place of step number ``last``."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepped(owner: Any, name: str) -> None:
        really = getattr(owner, name)

        def run(*arguments: Any, **options: Any) -> Any:
            step()
            return really(*arguments, **options)

        setattr(owner, name, run)

    def statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not connection.in_atomic_block and sql.startswith(("INSERT", "UPDATE", "DELETE")):
            step()
        return execute(sql, params, many, context)

    for name in ("send", "_answer"):
        stepped(Wire, name)
    stepped(BaseDatabaseWrapper, "_commit")
    for name in ("save", "delete"):
        stepped(default_storage, name)
    connection.execute_wrappers.append(statement)


def import_that_dies(download: Download, last: int) -> bool:
    """Whether it was killed; False: it came to its end before."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            steps_end_at(last)
            for _ in range(3):
                run_import(download, lambda: False)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def end_state(server: ScriptedPop3, download: Download) -> State:
    """Everything that must not depend on how often it was interrupted."""
    inbox = Folder.objects.get(account=download.account, special_use="inbox")
    download.refresh_from_db()
    return {
        "contents": contents(),
        "maildrop": sorted(server.messages),
        "ledger": sorted(
            LedgerEntry.objects.values_list("uidl", "state", "size", "sha256", "wanted_gone", "message__subject"),
            key=str,
        ),
        "messages": sorted(Message.objects.values_list("subject", "folder__name", "size")),
        "counts": (inbox.total, inbox.unread, download.imported),
    }


# Deleting once fetched takes every kind of step; the others are sampled.
@pytest.mark.parametrize(
    ("policy", "every"), [(Policy.DELETE, 1), (Policy.FOLLOW, 4), (Policy.AFTER_DAYS, 4), (Policy.KEEP, 6)]
)
def test_an_import_killed_at_any_step_ends_as_one_that_was_not(scripted, pop3_account, monkeypatch, policy, every):
    """F31"""
    monkeypatch.setattr("webmail.pop3.visit.SESSION_MESSAGES", 3)
    monkeypatch.setattr("webmail.pop3.filing.GROUP_MESSAGES", 2)

    def prepared() -> tuple[ScriptedPop3, Download]:
        """Two messages were fetched long ago, one of them was removed since; five are new."""
        MailAccount.objects.all().delete()
        server = scripted(LETTERS[:2], uidls=IDS[:2], removes=True)
        download = fetch(pop3_account(server, policy=Policy.KEEP))
        LedgerEntry.objects.update(fetched_at=timezone.now() - timedelta(days=20))
        delete_messages(download.account, [Message.objects.get(subject="Letter 2").pk])
        server.messages, server.uidls = list(LETTERS), list(IDS)
        Download.objects.update(policy=policy, next_at=timezone.now())
        download.refresh_from_db()
        return server, download

    server, download = prepared()
    fetch(download)
    expected = end_state(server, download)
    assert len(expected["contents"]) == 6  # type: ignore[arg-type]
    kept = {Policy.KEEP: 7, Policy.DELETE: 0, Policy.AFTER_DAYS: 5, Policy.FOLLOW: 6}
    assert len(server.messages) == kept[policy]

    step = 1 - every
    killed = True
    while killed:
        step += every
        server, download = prepared()
        killed = import_that_dies(download, step)
        server.wait_until_left()
        for row in StoredContent.objects.all():
            assert default_storage.exists(str(row.file.name)), f"step {step}"
        safe = set(contents()) | set(server.messages) | {LETTERS[1]}
        assert safe == set(LETTERS), f"step {step}: neither here nor there"
        fetch(download)
        assert end_state(server, download) == expected, f"step {step}"
        fetched = len(server.commands("RETR"))
        fetch(download)
        assert end_state(server, download) == expected, f"step {step}, again"
        assert len(server.commands("RETR")) == fetched
    assert step > 40
