"""What the search field offers while somebody types, and the searches a person made before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.models import MailAccount, User
from webmail.contacts.suggest import Suggestion as Person
from webmail.contacts.suggest import suggest
from webmail.mime.folding import fold
from webmail.mime.headers import display_text
from webmail.models import Folder, RecentSearch
from webmail.search.query import LONGEST

from .access import user_of
from .place import account_labels

SHOWN = 8
RECENT_SHOWN, RECENT_KEPT = 6, 20
OPERATORS = {
    "from:": "who wrote it",
    "to:": "whom it went to",
    "subject:": "words of the subject",
    "in:": "a folder",
    "has:attachment": "with files",
    "is:unread": "not read yet",
    "is:flagged": "with a star",
    "is:answered": "you replied",
    "after:": "on or after a day",
    "before:": "before a day",
    "newer_than:": "7d, 2w, 3m, 1y",
    "older_than:": "7d, 2w, 3m, 1y",
    "larger:": "500k, 5M",
    "smaller:": "500k, 5M",
    "account:": "one account",
}
ICONS = {"from:": "user", "to:": "user", "in:": "folder", "has:attachment": "paperclip", "is:flagged": "star"}
AGES = {"7d": "a week", "1m": "a month", "6m": "half a year", "1y": "a year"}
DAYS = {"today": "", "yesterday": ""}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``value`` is the whole text of the field once it is taken."""

    value: str
    said: str
    hint: str = ""
    icon: str = "search"
    recent: bool = False


@login_required
@require_safe
def search_suggest(request: HttpRequest) -> HttpResponse:
    """For the text ``q``, typed while the folder ``at`` is open."""
    user = user_of(request)
    text = request.GET.get("q", "")[:LONGEST].replace("\0", " ")
    head, _, last = text.rpartition(" ")
    head = f"{head} " if head else ""
    if '"' in last or text.count('"') % 2:
        offered: Iterable[Suggestion] = ()
    elif text.strip():
        offered = _for_word(user, head, last, request.GET.get("at", ""))
    else:
        offered = _for_nothing(user, request.GET.get("at", ""))
    found = list({each.value: each for each in offered}.values())
    return render(
        request, "search/_suggestions.html", {"suggestions": found[: SHOWN if text.strip() else SHOWN + RECENT_SHOWN]}
    )


@login_required
@require_POST
def search_remember(request: HttpRequest) -> HttpResponse:
    """Keep ``q`` among the recent searches; the oldest make room."""
    user, text = user_of(request), _posted(request)
    if text:
        with transaction.atomic():
            RecentSearch.objects.update_or_create(user=user, text=text, defaults={"used_at": timezone.now()})
            kept = RecentSearch.objects.filter(user=user).order_by("-used_at", "-pk")
            RecentSearch.objects.filter(pk__in=list(kept.values_list("pk", flat=True)[RECENT_KEPT:])).delete()
    return HttpResponse(status=204)


@login_required
@require_POST
def search_forget(request: HttpRequest) -> HttpResponse:
    """Without ``q`` all of them."""
    mine = RecentSearch.objects.filter(user=user_of(request))
    (mine.filter(text=_posted(request)) if request.POST.get("q") else mine).delete()
    return HttpResponse(status=204) if request.htmx else redirect("search")  # type: ignore[attr-defined]


def _posted(request: HttpRequest) -> str:
    """The query as it is kept."""
    return " ".join(request.POST.get("q", "").replace("\0", " ").split())[:LONGEST]


def _for_nothing(user: User, at: str) -> Iterator[Suggestion]:
    recent = RecentSearch.objects.filter(user=user).order_by("-used_at", "-pk")
    for text in recent.values_list("text", flat=True)[:RECENT_SHOWN]:
        yield Suggestion(text, text, icon="clock", recent=True)
    yield from _here(user, "", at)
    for name in ("from:", "has:attachment", "is:unread", "after:"):
        yield Suggestion(_taken("", name), name, OPERATORS[name], ICONS.get(name, "list-filter"))


def _for_word(user: User, head: str, last: str, at: str) -> Iterator[Suggestion]:
    sign = "-" if last.startswith("-") else ""
    operator, colon, value = last.removeprefix("-").partition(":")
    operator = operator.lower()
    if colon:
        for name, said, hint in _values(user, operator, value):
            yield Suggestion(
                f"{head}{sign}{operator}:{_quoted(name)} ", said, hint, ICONS.get(f"{operator}:", "list-filter")
            )
        return
    if not operator:
        yield from _here(user, head, at)
        return
    for name, hint in OPERATORS.items():
        if any(part and part.startswith(operator) for part in (name, name.partition(":")[2])):
            yield Suggestion(_taken(head + sign, name), name, hint, ICONS.get(name, "list-filter"))
    if len(operator) > 1 and not sign:
        for person in _people(user, operator)[:3]:
            yield Suggestion(
                f"{head}from:{person.address} ", f"from:{person.address}", display_text(person.name), "user"
            )
        for name, said, hint in list(_folders(user, operator))[:2]:
            yield Suggestion(f"{head}in:{_quoted(name)} ", f"in:{said}", hint, "folder")
        yield from _here(user, f"{head}{last} ", at)


def _taken(head: str, name: str) -> str:
    """An operator that wants a value is left open for it."""
    return head + name + ("" if name.endswith(":") else " ")


def _values(user: User, operator: str, value: str) -> Iterator[tuple[str, str, str]]:
    """Name to write, text to show and hint."""
    if operator in {"from", "to", "cc", "bcc"}:
        for person in _people(user, value):
            yield person.address, display_text(person.name) or person.address, person.address
        if "me".startswith(value.lower()):
            yield "me", "me", "any of your addresses"
    elif operator == "in":
        yield from _folders(user, value)
    elif operator == "account":
        yield from _accounts(user, fold(value))
    elif operator in {"is", "has"}:
        asked = f"{operator}:{value.lower()}"
        yield from ((name.partition(":")[2], name, hint) for name, hint in OPERATORS.items() if name.startswith(asked))
    else:
        known = (
            AGES if operator in {"older_than", "newer_than"} else DAYS if operator in {"before", "after", "on"} else {}
        )
        yield from ((name, name, hint) for name, hint in known.items() if name.startswith(value.lower()))


def _people(user: User, asked: str) -> list[Person]:
    return [each for each in suggest(user.pk, asked) if each.address]


def _accounts(user: User, value: str) -> Iterator[tuple[str, str, str]]:
    accounts = list(MailAccount.objects.filter(user=user).defer("password"))
    labels = account_labels(accounts)
    for account in accounts:
        if value in fold(f"{labels[account.pk]} {account.address}"):
            yield account.address, labels[account.pk], account.address


def _folders(user: User, value: str) -> Iterator[tuple[str, str, str]]:
    folders = Folder.objects.filter(account__user=user, hidden=False, selectable=True).select_related("account")
    several = MailAccount.objects.filter(user=user).count() > 1
    wanted = fold(value)
    seen = set()
    for folder in sorted(folders, key=lambda each: (not each.special_use, fold(each.title))):
        name = folder.title if folder.special_use else folder.name
        if fold(folder.title).startswith(wanted) or fold(folder.name).startswith(wanted):
            if fold(name) not in seen:
                yield (
                    name,
                    display_text(folder.title),
                    folder.account.address if several and not folder.special_use else "",
                )
            seen.add(fold(name))
    if "anywhere".startswith(wanted):
        yield "anywhere", "anywhere", "Trash and Junk too"


def _here(user: User, head: str, at: str) -> Iterator[Suggestion]:
    """Only in the folder that is open."""
    if at.isascii() and at.isdigit() and len(at) < 19:
        folder = Folder.objects.filter(pk=int(at), account__user=user, hidden=False).first()
        if folder is not None:
            name = folder.title if folder.special_use else folder.name
            yield Suggestion(
                f"{head}in:{_quoted(name)} ", f"in:{display_text(folder.title)}", "only this folder", "folder"
            )


def _quoted(name: str) -> str:
    name = name.replace('"', " ")
    return f'"{name}"' if " " in name else name
