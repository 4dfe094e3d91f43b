"""Asking the mail servers for what is not here: one folder, or a window of a large one, at each step.

What they name is kept as ``ServerHit`` rows, and stands among the results from then on. A server that is slow, refuses, or
knows no UTF-8 makes the answer a partial one, and says so.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import MailAccount
from accounts.sealed import CredentialsUnreadable
from webmail.errors import MailError
from webmail.imap.connection import MailConnection
from webmail.imap.search import Field, Wanted
from webmail.models import Folder, Message, ServerHit, SpecialUse
from webmail.sync import foreground

from .find import MOST_SERVER_HITS
from .plan import Plan

logger = logging.getLogger(__name__)

WINDOW = 20_000  # UIDs asked about in one command
MOST_PER_STEP = 2_000
SECONDS = 12.0
IDS_PER_QUERY = 500
FIELDS: dict[str, Field] = {"": "text", "subject": "subject", "sender": "sender", "recipients": "recipients"}
FIRST = {use: rank for rank, use in enumerate((SpecialUse.INBOX, SpecialUse.ARCHIVE, SpecialUse.ALL, SpecialUse.SENT))}


@dataclass(frozen=True, slots=True)
class Step:
    """The messages of a folder below a UID."""

    folder: Folder
    below: int

    @property
    def low(self) -> int:
        return max(1, self.below - WINDOW)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``found``: how many the step added. ``problem``: why the account's answer is not complete, as a sentence."""

    found: int
    next: Step | None
    problem: str = ""


def can_help(plan: Plan) -> bool:
    """Whether there is a server to ask, and a word to ask for."""
    return bool(plan.query.terms) and bool(_folders(plan))


def first(plan: Plan) -> Step | None:
    """Where to begin; what was found before is forgotten."""
    ServerHit.objects.filter(user_id=plan.user_id, question=plan.question).delete()
    folders = _folders(plan)
    return _whole(folders[0]) if folders else None


def step_at(plan: Plan, folder_id: int, below: int) -> Step | None:
    """None for a folder that is not the plan's."""
    folder = next((each for each in _folders(plan) if each.pk == folder_id), None)
    return Step(folder, min(max(below, 1), folder.uidnext or 1)) if folder is not None else None


def take(plan: Plan, step: Step) -> Outcome:
    """Ask about one step. Blocks for some seconds at most; never raises a MailError."""
    try:
        uids = _ask(plan, step)
    except (MailError, CredentialsUnreadable) as error:
        logger.info("folder %s was not searched on its server: %s", step.folder.pk, getattr(error, "detail", ""))
        sentence = error.sentence if isinstance(error, MailError) else "The stored password cannot be opened."
        return Outcome(0, _other_account(plan, step.folder.account), f"{step.folder.account}: {sentence}")
    found = _keep(plan, step.folder, uids)
    if ServerHit.objects.filter(user_id=plan.user_id, question=plan.question).count() >= MOST_SERVER_HITS:
        return Outcome(found, None, f"Only the first {MOST_SERVER_HITS:,} that the servers named are shown.")
    return Outcome(found, Step(step.folder, step.low) if step.low > 1 else _following(plan, step.folder))


def _ask(plan: Plan, step: Step) -> list[int]:
    folder = step.folder
    # What the sidebar reads of an account leaves its password out.
    account = MailAccount.objects.get(pk=folder.account_id)
    wanted = [[Wanted(term.literal, FIELDS[term.field], term.negated) for term in group] for group in plan.alternatives]
    with foreground.connection(account) as connection:
        if not isinstance(connection, MailConnection):
            return []
        connection.select(folder.name, uidvalidity=folder.uidvalidity)
        return connection.search(wanted, low=step.low, high=step.below - 1, most=MOST_PER_STEP, seconds=SECONDS)


def _keep(plan: Plan, folder: Folder, uids: Sequence[int]) -> int:
    """Only what the mirror has: the server may name what is gone, or what is not here yet."""
    ids: list[int] = []
    for start in range(0, len(uids), IDS_PER_QUERY):
        here = Message.objects.filter(
            folder=folder, uidvalidity=folder.uidvalidity, uid__in=uids[start : start + IDS_PER_QUERY]
        )
        ids += here.values_list("pk", flat=True)
    with transaction.atomic():
        ServerHit.objects.bulk_create(
            [ServerHit(user_id=plan.user_id, question=plan.question, message_id=pk) for pk in ids],
            ignore_conflicts=True,
            batch_size=500,
        )
    return len(ids)


def _folders(plan: Plan) -> list[Folder]:
    """Those on servers that hold anything, account by account, the likeliest first."""
    there = [folder for folder in plan.folders if not folder.account.is_local and (folder.uidnext or 1) > 1]
    return sorted(there, key=lambda each: (each.account_id, FIRST.get(SpecialUse(each.special_use), 9), each.name))


def _whole(folder: Folder) -> Step:
    return Step(folder, folder.uidnext or 1)


def _following(plan: Plan, folder: Folder) -> Step | None:
    folders = _folders(plan)
    at = next((place for place, each in enumerate(folders) if each.pk == folder.pk), len(folders))
    return _whole(folders[at + 1]) if at + 1 < len(folders) else None


def _other_account(plan: Plan, account: MailAccount) -> Step | None:
    later = [folder for folder in _folders(plan) if folder.account_id > account.pk]
    return _whole(later[0]) if later else None
