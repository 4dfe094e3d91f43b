"""One transfer, carried out a slice at a time and cut off at any step: every message is settled once.

An item is *trying* from before the message is written until its answer is in the database; a trying item that is found
later was cut short, so the target is looked at before the message is written again (faults F05, F31). What is filed here
has no answer to lose: messages and record are one transaction.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.sealed import CredentialsUnreadable
from webmail.errors import AskUser, GiveUp, MailError, Reason, RetryLater
from webmail.models import Transfer, TransferFolder, TransferItem
from webmail.models.mirror import announce
from webmail.models.transfer import FAILURES_NAMED
from webmail.sync import attention
from webmail.sync.foreground import open_connection
from webmail.sync.local import AnyMailbox, LocalMailbox

from .batch import Batch
from .letter import Outgoing
from .source import Waiting, waiting
from .target import Target
from .upload import Expunged

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
SLICE_SECONDS = 60.0  # then another person's transfer has its turn
ANNOUNCE_SECONDS = 1.0
RETRY_FIRST, RETRY_LONGEST = 4.0, 600.0
INTERRUPTIONS = 30
TRIES = 3
# One message cannot be written; the others can.
OF_THE_MESSAGE = frozenset({Reason.TOO_LARGE, Reason.UNSUPPORTED, Reason.REFUSED})
State, ItemState = Transfer.State, TransferItem.State


class _Taken(Exception):
    """The person cancelled it, or another worker has it."""


class Job:
    """A transfer that is ours by its lease."""

    def __init__(self, transfer: Transfer, owner: str, should_stop: Callable[[], bool]) -> None:
        self.transfer = transfer
        self.mine = Transfer.objects.filter(pk=transfer.pk, state=State.RUNNING, lease_owner=owner)
        self.should_stop = should_stop
        self.until = time.monotonic() + SLICE_SECONDS
        self.announced = 0.0

    def go(self) -> None:
        """One slice; every outcome ends in the row."""
        transfer = self.transfer
        try:
            finished = self._work()
        except _Taken:
            logger.info("transfer %s is not ours any more", transfer.pk)
        except CredentialsUnreadable:
            sentence = "The stored password cannot be opened. Enter it again in the settings of the account."
            self._end(State.FAILED, sentence)
        except RetryLater as problem:
            self._later(problem.sentence, problem.detail, problem.retry_after)
        except MailError as problem:
            self._end(State.FAILED, problem.sentence, problem.detail)
        except Exception as problem:
            logger.exception("transfer %s was interrupted", transfer.pk)
            self._later("Something went wrong here. It is tried again.", repr(problem), None)
        else:
            if finished:
                self._end(State.DONE, "")
                self._drop_file()
            else:
                self._release(state=State.WAITING, next_at=timezone.now())
        attention.ask(transfer.target_id)
        announce(transfer.user_id)

    def _work(self) -> bool:
        """True when all is settled, False when it was stopped on the way."""
        account = self.transfer.target
        if account.paused and not account.is_local:
            raise AskUser(Reason.UNSUPPORTED, f"{account} is paused. Let it go on, then go on here.")
        connection: AnyMailbox = LocalMailbox(account) if account.is_local else open_connection(account)
        try:
            return all(self._folder(connection, folder) for folder in self.transfer.folders.filter(finished=False))
        finally:
            connection.close()

    def _folder(self, connection: AnyMailbox, folder: TransferFolder) -> bool:
        target = Target(connection, self.transfer.target_id, folder.target_name)
        if folder.target_before is None:
            folder.target_before = target.selected.exists if not target.here else target.count()
            folder.save(update_fields=["target_before"])
        batch = Batch(target.folder) if target.here and target.folder is not None else None
        try:
            if not self._settle_all(target, folder, batch):
                return False
        finally:
            if batch is not None:
                batch.discard()
        self._settle_the_rest(target, folder)
        folder.refresh_from_db()
        folder.target_after, folder.finished = target.count(), True
        folder.total = max(folder.total, folder.settled)
        folder.save(update_fields=["target_after", "finished", "total"])
        return True

    def _settle_all(self, target: Target, folder: TransferFolder, batch: Batch | None) -> bool:
        # What arrives in the source meanwhile is behind the first look, so it ends with one that finds nothing.
        found = True
        while found:
            found = False
            for each in waiting(self.transfer, folder):
                if self.should_stop() or time.monotonic() > self.until:
                    self._file(folder, batch)
                    return False
                found = True
                self._one(target, folder, each, batch)
            self._file(folder, batch)
            found = found and self.transfer.kind == Transfer.Kind.COPY
        return True

    def _one(self, target: Target, folder: TransferFolder, each: Waiting, batch: Batch | None) -> None:
        try:
            with each.open() as letter:
                if batch is not None:
                    if batch.holds(letter) or target.has(letter):
                        self._settle(folder, each, ItemState.SKIPPED, letter)
                        return
                    batch.add(each, letter, target.flags(letter.flags))
                    if batch.full:
                        self._file(folder, batch)
                    return
                item = TransferItem.objects.filter(folder=folder, key=each.key).first()
                self._settle(folder, each, self._write(target, folder, letter, item), letter)
        except Expunged:
            self._settle(folder, each, ItemState.SKIPPED, None)
        except GiveUp as problem:
            of_the_message = problem.reason in OF_THE_MESSAGE
            if problem.reason == Reason.GONE:
                of_the_message = _still_there(target)
            if not of_the_message:
                # Refused for certain: the next try is the first again.
                TransferItem.objects.filter(folder=folder, key=each.key, state=ItemState.TRYING).delete()
                raise
            self._settle(folder, each, ItemState.FAILED, None, problem.sentence)

    def _write(
        self, target: Target, folder: TransferFolder, letter: Outgoing, item: TransferItem | None
    ) -> TransferItem.State:
        if item is None:
            twins = TransferItem.objects.filter(folder=folder, message_key=letter.message_key, size=letter.size)
            if twins.filter(state=ItemState.COPIED).exists() or target.has(letter):
                return ItemState.SKIPPED
        elif target.landed(item):
            return ItemState.COPIED
        elif item.tries >= TRIES:
            raise GiveUp(Reason.REFUSED, "The connection to the server broke each time it was written.")
        self._begin(target, folder, letter)
        target.put(letter)
        return ItemState.COPIED

    def _begin(self, target: Target, folder: TransferFolder, letter: Outgoing) -> None:
        with transaction.atomic():
            if not self.mine.update(lease_until=timezone.now() + LEASE):
                raise _Taken
            item, _ = TransferItem.objects.get_or_create(
                folder=folder,
                key=letter.key,
                defaults={
                    "message_pk": int(letter.key) if self.transfer.kind == Transfer.Kind.COPY else None,
                    "message_key": letter.message_key,
                    "message_id": letter.message_id,
                    "size": letter.size,
                    "uidvalidity": target.selected.uidvalidity,
                    "uid_from": target.selected.uidnext,
                },
            )
            TransferItem.objects.filter(pk=item.pk).update(tries=F("tries") + 1)

    def _file(self, folder: TransferFolder, batch: Batch | None) -> None:
        """Make the messages of the batch visible, and note it, in one transaction."""
        if batch is None or not batch.entries:
            return
        entries, copy = batch.entries, self.transfer.kind == Transfer.Kind.COPY

        def record() -> None:
            if not self.mine.update(**self._advanced([each for each, *_ in entries])):
                raise _Taken
            TransferItem.objects.bulk_create(
                TransferItem(
                    folder=folder,
                    key=each.key,
                    state=ItemState.COPIED,
                    message_pk=int(each.key) if copy else None,
                    message_key=message_key,
                    message_id=message_id,
                    size=size,
                )
                for each, message_key, message_id, size in entries
            )
            TransferFolder.objects.filter(pk=folder.pk).update(copied=F("copied") + len(entries))

        batch.commit(record)

    def _advanced(self, settled: list[Waiting]) -> dict[str, object]:
        """What the transfer's row says after these messages."""
        last = settled[-1].position
        done = F("octets_done") + sum(each.octets for each in settled)
        return {
            "lease_until": timezone.now() + LEASE,
            "attempts": 0,
            "sentence": "",
            "octets_done": done if last is None else min(last, self.transfer.octets_total),
        }

    def _settle(
        self,
        folder: TransferFolder,
        each: Waiting,
        state: TransferItem.State,
        letter: Outgoing | None,
        reason: str = "",
    ) -> None:
        """The outcome and all numbers that follow from it, in one transaction."""
        transfer = self.transfer
        values = self._advanced([each])
        if reason and len(transfer.failures) < FAILURES_NAMED:
            transfer.failures.append([each.name[:200], reason[:300]])
            values["failures"] = transfer.failures
        with transaction.atomic():
            if not self.mine.update(**values):
                raise _Taken
            TransferItem.objects.update_or_create(
                folder=folder,
                key=each.key,
                defaults={"state": state},
                create_defaults={
                    "state": state,
                    "message_pk": int(each.key) if transfer.kind == Transfer.Kind.COPY else None,
                    "message_key": letter.message_key if letter else 0,
                    "message_id": letter.message_id if letter else "",
                    "size": letter.size if letter else 0,
                },
            )
            TransferFolder.objects.filter(pk=folder.pk).update(**{state.value: F(state.value) + 1})
        if time.monotonic() - self.announced > ANNOUNCE_SECONDS:
            self.announced = time.monotonic()
            announce(transfer.user_id)

    def _settle_the_rest(self, target: Target, folder: TransferFolder) -> None:
        """Messages that were being written and have gone from the source since."""
        for item in TransferItem.objects.filter(folder=folder, state=ItemState.TRYING):
            if target.landed(item):
                TransferItem.objects.filter(pk=item.pk).update(state=ItemState.COPIED)
                TransferFolder.objects.filter(pk=folder.pk).update(copied=F("copied") + 1)
            else:
                item.delete()

    def _later(self, sentence: str, detail: str, retry_after: float | None) -> None:
        logger.warning("transfer %s is put off: %s %s", self.transfer.pk, sentence, detail)
        attempts = Transfer.objects.get(pk=self.transfer.pk).attempts + 1
        if attempts > INTERRUPTIONS:
            self._end(State.FAILED, sentence, detail)
            return
        pause = retry_after or min(RETRY_LONGEST, RETRY_FIRST * 2 ** min(attempts - 1, 10))
        self._release(
            state=State.WAITING,
            next_at=timezone.now() + timedelta(seconds=pause),
            attempts=attempts,
            sentence=sentence[:500],
            detail=detail[:1000],
        )

    def _end(self, state: Transfer.State, sentence: str, detail: str = "") -> None:
        self._release(state=state, sentence=sentence[:500], detail=detail[:1000], finished_at=timezone.now())

    def _release(self, **values: object) -> None:
        self.mine.update(lease_owner="", lease_until=None, **values)

    def _drop_file(self) -> None:
        """Messages that failed may be tried again from the file."""
        failed = self.transfer.folders.filter(failed__gt=0).exists()
        if self.transfer.file and not failed:
            with suppress(OSError):
                self.transfer.file.delete(save=False)
                Transfer.objects.filter(pk=self.transfer.pk).update(file="")


def _still_there(target: Target) -> bool:
    """Whether what is gone is the message and not the folder it was to go to. Raise RetryLater."""
    try:
        target.connection.select(target.name, uidvalidity=None)
    except GiveUp:
        return False
    return True
