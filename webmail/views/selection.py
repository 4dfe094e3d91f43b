"""What the form of a list or of the reader named."""

import re
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from webmail.models import ListRow, Message
from webmail.models.prepared import Prepared, Slot
from webmail.sync import bulk

from .place import Place

MOST_IDS = 5000
# "12", "3-12" where it stands in folder 3, and "m7" or "3-m7" for a single message.
PICK = re.compile(r"(?:([0-9]{1,18})-)?(m?)([0-9]{1,18})")


def _shown() -> QuerySet[Message]:
    # An action reads the rows again under its lock; what names them is enough here.
    return Message.objects.filter(account__user_id=Slot("user"), shown_in__isnull=False).only(
        "account_id", "conversation_id", "folder_id", "shown_in_id"
    )


NAMED = Prepared(lambda: _shown().filter(pk__in=[Slot("ids")]))
PICKED = Prepared(
    lambda: _shown().filter(shown_in__pk__in=[Slot("folders")], conversation__pk__in=[Slot("conversations")])
)
NEWEST = Prepared(
    lambda: _shown().filter(
        pk__in=ListRow.objects.filter(
            folder__pk__in=[Slot("folders")], conversation__pk__in=[Slot("conversations")]
        ).values("latest_id")
    )
)


@dataclass(frozen=True, slots=True)
class Pick:
    """A conversation as far as it stands in one folder; without one, wherever it stands in the place."""

    folder_id: int | None
    conversation_id: int

    def __str__(self) -> str:
        return f"{self.conversation_id}" if self.folder_id is None else f"{self.folder_id}-{self.conversation_id}"


@dataclass(frozen=True)
class Selection:
    """Conversations, single messages, or all of the place."""

    picks: frozenset[Pick]
    messages: list[int]
    everything: bool

    def __bool__(self) -> bool:
        return bool(self.picks or self.messages or self.everything)

    def fields(self) -> list[tuple[str, object]]:
        """For a page that asks before the form is sent again."""
        named: list[tuple[str, object]] = [("conversation", pick) for pick in sorted(self.picks, key=str)]
        named += [("message", pk) for pk in self.messages]
        return named + ([("all", 1)] if self.everything else [])

    def rows(self, user: User, place: Place, verb: str = "", *, newest_only: bool) -> list[Message]:
        """The person's own, still shown; with ``newest_only`` the newest of each conversation and folder.

        Of everything, what the verb would change.
        """
        if self.everything:
            return list(bulk.matching(verb, place.folders).defer("structure", "recipients", "references"))
        found = NAMED(user=user.pk, ids=self.messages)
        found += self._picked(user, place, newest_only=newest_only)
        return list({message.pk: message for message in found}.values())

    def _picked(self, user: User, place: Place, *, newest_only: bool) -> list[Message]:
        conversations = list({pick.conversation_id for pick in self.picks})
        candidates = (NEWEST if newest_only else PICKED)(
            user=user.pk, folders=list(place.here), conversations=conversations
        )
        return [message for message in candidates if self._names(message)]

    def _names(self, message: Message) -> bool:
        here = Pick(message.shown_in_id, message.conversation_id)
        return here in self.picks or Pick(None, message.conversation_id) in self.picks


def selected(request: HttpRequest) -> Selection:
    """Whatever is no id is left out; an id of somebody else finds nothing later."""
    matches = [PICK.fullmatch(value) for value in request.POST.getlist("conversation")[:MOST_IDS]]
    found = [match for match in matches if match]
    single = [match[3] for match in found if match[2]]
    return Selection(
        frozenset(Pick(int(match[1]) if match[1] else None, int(match[3])) for match in found if not match[2]),
        ids_of(request.POST.getlist("message") + single),
        request.POST.get("all") == "1",
    )


def ids_of(values: list[str]) -> list[int]:
    wanted = {int(value) for value in values[:MOST_IDS] if value.isascii() and value.isdigit() and len(value) < 19}
    return sorted(wanted)
