"""Reads back every message that lives here and compares it with what was fetched."""

import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.models import MailAccount
from webmail.models import Download, LedgerEntry, Message, StoredContent
from webmail.pop3.ledger import chunks
from webmail.pop3.retention import hash_of
from webmail.sync import attention

ROOT = "mail"
ORPHANED = timedelta(days=1)  # younger files may belong to a message that is being filed
PROGRESS_SECONDS = 1.0
State = LedgerEntry.State


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise ArgumentTypeError("a date is written 2026-11-30") from error


class Command(BaseCommand):
    help = (
        "Re-hashes the mail that lives here. What is damaged or missing is fetched again if its server still has it;"
        " files that nothing refers to are removed. Exit code 1: something is wrong that is not repaired (yet)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=_day, help="only messages that arrived on this day or later (2026-11-30)")
        parser.add_argument("--no-repair", action="store_true", help="report only, change nothing")
        parser.add_argument(
            "--remove-unknown",
            action="store_true",
            help="also remove files that nothing refers to and whose content is nowhere else",
        )

    def handle(self, *args: Any, since: datetime | None, no_repair: bool, remove_unknown: bool, **options: Any) -> None:
        self._repair = not no_repair
        self._remove_unknown = remove_unknown
        self._told_at = 0.0
        self._again: set[int] = set()
        wrong = self._contents(since) + self._without_content(since)
        adopted, orphans, unknown = self._orphans()
        wrong -= adopted
        for account_id in self._again:
            Download.objects.filter(pk=account_id).update(next_at=timezone.now())
            attention.ask(account_id)
        self.stdout.write(f"{self._checked} messages checked, {wrong + adopted} damaged or missing.")
        if adopted:
            self.stdout.write(f"{adopted} of them repaired from files that nothing referred to.")
        if orphans:
            done = "removed" if self._repair else "found"
            self.stdout.write(f"{orphans} files that nothing refers to {done}.")
        if unknown:
            self.stdout.write(
                f"{unknown} files are kept although nothing refers to them: their content is known nowhere else,"
                " as after a database was restored from a backup. --remove-unknown removes them."
            )
        if wrong:
            sys.exit(1)

    def _contents(self, since: datetime | None) -> int:
        contents = StoredContent.objects.order_by("pk")
        if since is not None:
            contents = contents.filter(message__internaldate__gte=since)
        total, self._checked, wrong, last = contents.count(), 0, 0, 0
        while batch := list(contents.filter(pk__gt=last).select_related("message")[:500]):
            last = batch[-1].pk
            for content in batch:
                wrong += not self._check(content)
                self._checked += 1
                self._progress(f"{self._checked} of {total}, {wrong} wrong")
        return wrong

    def _check(self, content: StoredContent) -> bool:
        problem = ""
        name = content.file.name or ""
        try:
            if hash_of(name) != content.sha256:
                problem = f"{default_storage.size(name)} octets that are not the {content.size} that were stored"
        except OSError as error:
            problem = "missing" if not default_storage.exists(name) else f"unreadable: {error}"
        if problem and not StoredContent.objects.filter(pk=content.pk, file=name).exists():
            return True  # removed or replaced meanwhile
        if problem:
            self._report(content.message, problem)
        if self._repair and (problem[:200] != content.damaged):
            StoredContent.objects.filter(pk=content.pk).update(damaged=problem[:200])
        return not problem

    def _without_content(self, since: datetime | None) -> int:
        bare = Message.objects.filter(account__kind=MailAccount.Kind.POP3, stored__isnull=True, uid__isnull=False)
        if since is not None:
            bare = bare.filter(internaldate__gte=since)
        for message in bare.iterator():
            self._report(message, "nothing is stored of it")
        return bare.count()

    def _report(self, message: Message, problem: str) -> None:
        self.stdout.write(f"message {message.pk} of account {message.account_id}: {problem}. {self._future(message)}")

    def _future(self, message: Message) -> str:
        """The import fetches what is marked as damaged and still listed by the server."""
        entries = LedgerEntry.objects.filter(message=message, state__in=[State.HAVE, State.DELETING])
        account_id = entries.values_list("account_id", flat=True).first()
        if account_id is None:
            return "No server has it any more."
        self._again.add(account_id)
        return "It is fetched again if the server still has it." if self._repair else "Its server may still have it."

    def _orphans(self) -> tuple[int, int, int]:
        """Files older than a day that no row refers to: how many mended a message, were removed, were kept.

        A crash between a file and its row leaves a copy of what the next import fetched: that goes. So does what the
        person removed. Content that is known nowhere else may be all there is of a message.
        """
        adopted = removed = unknown = 0
        old = timezone.now() - ORPHANED
        for names in chunks(_files(ROOT)):
            self._progress("looking for files that nothing refers to")
            named = set(StoredContent.objects.filter(file__in=names).values_list("file", flat=True))
            for name in names:
                try:
                    if name in named or default_storage.get_modified_time(name) > old:
                        continue
                    sha256 = hash_of(name)
                    if self._adopt(name, sha256):
                        adopted += 1
                    elif self._remove_unknown or _known(sha256):
                        removed += 1
                        if self._repair:
                            default_storage.delete(name)
                    else:
                        unknown += 1
                except OSError as error:
                    self.stderr.write(f"{name}: {error}")
        return adopted, removed, unknown

    def _adopt(self, name: str, sha256: str) -> bool:
        damaged = StoredContent.objects.filter(sha256=sha256).exclude(damaged="").first() if self._repair else None
        if damaged is None:
            return False
        before = damaged.file.name or ""
        StoredContent.objects.filter(pk=damaged.pk).update(file=name, damaged="")
        default_storage.delete(before)
        return True

    def _progress(self, text: str) -> None:
        if time.monotonic() - self._told_at > PROGRESS_SECONDS and self.stderr.isatty():
            self._told_at = time.monotonic()
            self.stderr.write(f"\r{text}\033[K", ending="")


def _known(sha256: str) -> bool:
    if StoredContent.objects.filter(sha256=sha256, damaged="").exists():
        return True
    return LedgerEntry.objects.filter(sha256=sha256, wanted_gone=True).exists()


def _files(directory: str) -> Iterator[str]:
    try:
        directories, names = default_storage.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        yield f"{directory}/{name}"
    for each in directories:
        yield from _files(f"{directory}/{each}")
