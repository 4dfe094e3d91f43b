"""The place a search is: a list of hits out of many folders, and the search field's view of a query."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from webmail.models import Folder, SpecialUse
from webmail.search.plan import Plan, make
from webmail.search.query import parse

from .access import user_of
from .people import own_addresses
from .place import AccountMark, Place, account_labels
from .when import Clock, clock_of

KEY = "search"


@dataclass(frozen=True, kw_only=True)
class SearchPlace(Place):
    """``folders`` are all of the person's; hits stand in those of the plan."""

    plan: Plan
    unified: bool = True

    @property
    def key(self) -> str:
        return KEY

    @property
    def searched(self) -> bool:
        return True

    @cached_property
    def path(self) -> str:
        return reverse("search")

    @cached_property
    def query(self) -> str:
        return "?" + urlencode({"q": self.plan.query.text})

    @property
    def url(self) -> str:  # type: ignore[override]
        return self.path + self.query

    @property
    def more(self) -> str:
        return f"{self.url}&after="

    @property
    def title(self) -> str:
        return "Search"

    @property
    def window_title(self) -> str:
        return f"{self.plan.query.text} · Search" if self.plan.query.text else "Search"

    @property
    def special_use(self) -> SpecialUse:
        """That of its hits, where it is one and needs other actions."""
        uses = {folder.special_use for folder in self.plan.folders}
        return (
            SpecialUse(uses.pop())
            if len(uses) == 1 and uses <= {SpecialUse.TRASH, SpecialUse.JUNK}
            else SpecialUse.NONE
        )

    # Numbers of all its folders would say nothing about what was found.
    @property
    def total(self) -> int:
        return 0

    shown_total = shown_unread = total

    @cached_property
    def by_id(self) -> dict[int, Folder]:
        return {folder.pk: folder for folder in self.folders}

    @cached_property
    def marks(self) -> dict[int, AccountMark]:
        """By folder: where a hit stands, with the account where there are several."""
        labels = account_labels(folder.account for folder in self.folders)
        several = len(labels) > 1
        return {
            folder.pk: AccountMark(
                folder.account_id,
                f"{folder.title} · {labels[folder.account_id]}" if several else folder.title,
                f"{folder.title} · {folder.account.address}",
                "In",
            )
            for folder in self.folders
        }


def search_place(request: HttpRequest, _: int | None = None, *, own: frozenset[str] | None = None) -> SearchPlace:
    """Of the query in the address; one query, and one for the person's addresses."""
    user_id = user_of(request).pk
    folders = Folder.objects.filter(account__user_id=user_id, hidden=False).select_related("account")
    return place_for(request, folders, own_addresses(user_id) if own is None else own, clock_of(request))


def place_for(request: HttpRequest, folders: Iterable[Folder], own: frozenset[str], clock: Clock) -> SearchPlace:
    every = tuple(folders)
    plan = make(parse(request.GET.get("q", ""), clock.today), user_of(request).pk, every, clock.zone, own)
    return SearchPlace(user_id=plan.user_id, folders=every, plan=plan)
