"""What will be read next, fetched before it is opened: whole texts of the newest, previews of those behind them."""

from collections.abc import Callable

from webmail.errors import Reason, RetryLater
from webmail.models import Folder, Message, SpecialUse

from . import stumbling
from .bodies import LARGEST_AHEAD, displayed, prefetch
from .local import AnyMailbox
from .rendering import prerender

BATCH = 50
WHOLE_INBOX, WHOLE_OTHER = 1000, 50
PREVIEW_INBOX, PREVIEW_OTHER = 2000, 200
OCTETS = 8 * 1024 * 1024  # of the texts of a batch, which stand in memory together


def fetch_ahead(connection: AnyMailbox, folder: Folder, *, should_stop: Callable[[], bool]) -> bool:
    """Batch by batch, newest first, until all is here or ``should_stop``; return whether all is here."""
    inbox = folder.special_use == SpecialUse.INBOX
    whole, previews = (WHOLE_INBOX, PREVIEW_INBOX) if inbox else (WHOLE_OTHER, PREVIEW_OTHER)
    while batch := _unfetched(folder, whole, previews):
        rows, is_whole = batch
        if connection.selected is None or connection.selected.name != folder.name:
            connection.select(folder.name, uidvalidity=folder.uidvalidity)
        try:
            prefetch(connection, rows, whole=is_whole)
        except RetryLater as problem:
            if problem.reason == Reason.LIMIT:
                raise
            for row in rows:
                stumbling.over("text", row.pk)
            if not stumbling.concerns_one(problem, connection):
                raise
            continue
        for row in rows:
            stumbling.passed("text", row.pk)
        if is_whole:
            prerender(rows)
        if should_stop():
            return False
    return True


def _unfetched(folder: Folder, whole: int, previews: int) -> tuple[list[Message], bool] | None:
    newest = Message.objects.filter(shown_in=folder).order_by("-internaldate", "-id")
    known = list(newest.values_list("pk", "preview_known", "folder_id", "uid", "uidvalidity")[:previews])
    wanted = [
        (index, pk)
        for index, (pk, done, where, uid, uidvalidity) in enumerate(known)
        if not done and where == folder.pk and uid is not None and uidvalidity == folder.uidvalidity
    ]
    wanted = [(index, pk) for index, pk in wanted if not stumbling.rests("text", pk)]
    # At one of them the server stumbled: each is asked for alone, when all others are here.
    wanted = [(index, pk) for index, pk in wanted if not stumbling.tries("text", pk)] or wanted[:1]
    if not wanted:
        return None
    is_whole = wanted[0][0] < whole
    ids = [pk for index, pk in wanted if (index < whole) == is_whole][:BATCH]
    rows = list(Message.objects.filter(pk__in=ids).order_by("-internaldate", "-id"))
    for row in rows:
        row.account, row.folder = folder.account, folder
    return (_affordable(rows) if is_whole else rows), is_whole


def _affordable(rows: list[Message]) -> list[Message]:
    """The newest of them; the others come with the next batch."""
    octets = 0
    for count, row in enumerate(rows):
        octets += min(LARGEST_AHEAD, sum(part.size for part in displayed(row)))
        if count and octets > OCTETS:
            return rows[:count]
    return rows
