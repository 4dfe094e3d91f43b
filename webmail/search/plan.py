"""A query against one person's mailbox: the names of folders and accounts found, dates made moments."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, tzinfo
from functools import cached_property
from typing import Any, cast

from django.db.models import Q

from accounts.models import MailAccount
from webmail.mime.folding import first_words, fold
from webmail.models import Folder, SpecialUse

from . import docid
from .query import Filter, Query, Term

ASIDE = frozenset({SpecialUse.TRASH, SpecialUse.JUNK})
ANYWHERE = frozenset({"anywhere", "everywhere", "all"})
USES = {
    "inbox": SpecialUse.INBOX,
    "sent": SpecialUse.SENT,
    "drafts": SpecialUse.DRAFTS,
    "draft": SpecialUse.DRAFTS,
    "archive": SpecialUse.ARCHIVE,
    "junk": SpecialUse.JUNK,
    "spam": SpecialUse.JUNK,
    "trash": SpecialUse.TRASH,
    "bin": SpecialUse.TRASH,
}


@dataclass(frozen=True)
class Plan:
    """``folders``: where hits may stand. ``aside``: folders left out because nobody asked for them: Trash and Junk."""

    user_id: int
    query: Query
    alternatives: tuple[tuple[Term, ...], ...]
    folders: tuple[Folder, ...]
    aside: tuple[Folder, ...]
    low: int
    high: int
    conditions: tuple[Q, ...]
    problems: tuple[str, ...]

    @cached_property
    def folder_ids(self) -> frozenset[int]:
        return frozenset(folder.pk for folder in self.folders)

    @property
    def accounts(self) -> set[int]:
        return {folder.account_id for folder in self.folders}

    @cached_property
    def question(self) -> str:
        """Names what a mail server can be asked; equal for queries that differ in filters of ours alone."""
        asked = [[(term.literal, term.field, term.negated) for term in group] for group in self.alternatives]
        return hashlib.blake2b(json.dumps(asked).encode(), digest_size=16).hexdigest()

    def in_trash_and_junk(self) -> "Plan":
        """The same search in what was left out."""
        return replace(self, folders=self.aside, aside=())


def make(query: Query, user_id: int, folders: Iterable[Folder], zone: tzinfo, own: Iterable[str]) -> Plan:
    """``folders`` of the person, with their accounts; ``own``: the addresses that "me" stands for."""
    every = tuple(folder for folder in folders if folder.selectable and not folder.hidden)
    problems = list(query.problems)
    places, aside = _places(query.of("folder", "account"), every, problems)
    low, high = docid.span(user_id)
    conditions = []
    for each in query.filters:
        if each.kind in {"folder", "account"}:
            continue
        condition = _condition(each, zone)
        conditions.append(~condition if each.negated else condition)
        if not each.negated and each.kind in {"since", "until", "day"}:
            first, last = _moments(each, zone)
            low = max(low, docid.at(user_id, first)) if first else low
            # Messages of a crowded second have spilled over into later ones.
            high = min(high, docid.at(user_id, last) + (1 << docid.TIE_BITS) + docid.SPILL) if last else high
    return Plan(
        user_id,
        query,
        tuple(_with_me(group, own) for group in query.alternatives),
        places,
        aside,
        low,
        high,
        tuple(conditions),
        tuple(problems),
    )


def _places(
    filters: Sequence[Filter], every: tuple[Folder, ...], problems: list[str]
) -> tuple[tuple[Folder, ...], tuple[Folder, ...]]:
    left, named = list(every), False
    for each in filters:
        wanted = str(each.value)
        if each.kind == "folder":
            if fold(wanted) in ANYWHERE:
                named = True
                continue
            found = {folder.pk for folder in every if _is_named(folder, wanted)}
            missing = f"There is no folder “{wanted}”."
            named = named or not each.negated
        else:
            accounts = {folder.account_id for folder in every if _is_account(folder.account, wanted)}
            found = {folder.pk for folder in every if folder.account_id in accounts}
            missing = f"There is no account “{wanted}”."
        if not found:
            problems.append(missing)
        left = [folder for folder in left if (folder.pk in found) != each.negated]
    if named:
        return tuple(left), ()
    return (
        tuple(folder for folder in left if folder.special_use not in ASIDE),
        tuple(folder for folder in left if folder.special_use in ASIDE),
    )


def _is_named(folder: Folder, wanted: str) -> bool:
    name = fold(wanted)
    return folder.special_use == USES.get(name, "?") or name in {
        fold(folder.name),
        fold(folder.leaf),
        fold(folder.title),
    }


def _is_account(account: MailAccount, wanted: str) -> bool:
    name, address = fold(wanted), fold(account.address)
    return name in {fold(account.name), address, address.partition("@")[0], address.partition("@")[2]} - {""}


def _with_me(group: Sequence[Term], own: Iterable[str]) -> tuple[Term, ...]:
    found: list[Term] = []
    for term in group:
        if term.words == ("me",) and term.field in {"sender", "recipients"} and not term.negated:
            found += [
                replace(term, words=tuple(first_words(address, 12)), prefix=False, literal=address)
                for address in sorted(own)
            ]
        else:
            found.append(term)
    return tuple(found)


def _condition(each: Filter, zone: tzinfo) -> Q:
    if each.kind == "flag":
        column, value = cast(tuple[str, bool], each.value)
        return Q(**{f"message__{column}": value})
    if each.kind == "attachment":
        return Q(message__has_attachment=True)
    if each.kind in {"larger", "smaller"}:
        octets: Any = each.value
        return Q(message__size__gt=octets) if each.kind == "larger" else Q(message__size__lt=octets)
    first, last = _moments(each, zone)
    condition = Q()
    if first:
        condition &= Q(message__internaldate__gte=first)
    if last:
        condition &= Q(message__internaldate__lt=last)
    return condition


def _moments(each: Filter, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """From the first on, before the last."""
    if each.kind == "day":
        first, last = cast(tuple[date, date], each.value)
        return _midnight(first, zone), _midnight(last, zone)
    moment = _midnight(cast(date, each.value), zone)
    return (moment, None) if each.kind == "since" else (None, moment)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """The zones of the first and the last days there are would lead out of the calendar."""
    day = min(max(day, date(1900, 1, 1)), date(9000, 1, 1))
    return datetime.combine(day, time(), zone).astimezone(UTC)
