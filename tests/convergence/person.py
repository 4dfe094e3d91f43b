"""The person: everything goes through the pages, on what the page showed when it was last looked at."""

import json
import re
from dataclasses import dataclass
from random import Random

from django.urls import reverse

from tests.convergence.canaries import Known, Place, names_in
from tests.convergence.world import Party
from webmail.models import Folder, Message, OutgoingMessage, PendingAction, SpecialUse

WRITTEN = frozenset({SpecialUse.DRAFTS, SpecialUse.SENT})
JSON = {"accept": "application/json"}
SCRIPT = {"hx-request": "true"}


@dataclass
class Writing:
    """A text the product was given to keep, and what the person was told of it."""

    name: str
    pk: int
    asked_to_send: bool = False
    discarded: bool = False


class Person:
    """Each method is one operation; it returns what it did, for the history."""

    def __init__(self, party: Party, known: Known) -> None:
        self.party = party
        self.known = known
        self.seen: list[tuple[int, int]] = []
        self.identity: dict[int, str] = {}
        self.writings: list[Writing] = []
        self.batches: list[str] = []

    def act(self, rng: Random) -> str:
        operations, weights = zip(*OPERATIONS.items(), strict=True)
        name = rng.choices(operations, weights)[0]
        return f"{name}: {getattr(self, name)(rng)}"

    # --- looking

    def look(self, rng: Random) -> str:
        """Open a folder and remember its rows; what is clicked later may be gone by then."""
        folders = self._folders()
        if not folders:
            return "no folder yet"
        weights = [4 if folder.special_use == SpecialUse.INBOX else 1 for folder in folders]
        folder = rng.choices(folders, weights)[0]
        response = self.party.get(reverse("folder", args=[folder.pk]))
        shown = list(Message.objects.filter(shown_in=folder).order_by("pk").values_list("pk", "subject"))
        for pk, subject in shown:
            for name in names_in(subject.encode()):
                assert self.identity.setdefault(pk, name) == name, f"I6: row {pk} has become another message: {name}"
        self.seen = [(pk, folder.pk) for pk, _ in shown]
        return f"{folder.name}, {response.status_code}, {len(shown)} rows"

    def read(self, rng: Random) -> str:
        rows = self._picked(rng, 1)
        if not rows:
            return "nothing"
        row = rows[0]
        response = self.party.get(reverse("message-body", args=[row.pk]))
        texts = set(re.findall(r"The text of (canary-\d{4}) and", response.text_seen))
        named = names_in(row.subject.encode())
        assert texts <= named, f"I6: row {row.pk} is {named} and its text is of {texts}"
        return f"{row.pk}, {response.status_code}, {texts}"

    def go_through_pages(self, rng: Random) -> str:
        folders = self._folders()
        if not folders:
            return "no folder yet"
        url = reverse("folder", args=[rng.choice(folders).pk])
        shown = self.party.get(f"{url}?rows=50", headers=SCRIPT)
        further = re.search(r"after=([\w-]+)", shown.text_seen)
        if further:
            self.party.get(f"{url}?after={further[1]}", headers=SCRIPT)
        side = self.party.get(reverse("sidebar"))
        return f"{url}, {shown.status_code}, {side.status_code}"

    # --- organising

    def flag(self, rng: Random) -> str:
        return self._verb(rng, rng.choice(["seen", "unseen", "flag", "unflag"]))

    def file(self, rng: Random) -> str:
        return self._verb(rng, rng.choice(["archive", "delete", "delete", "junk", "not-junk"]))

    def move(self, rng: Random) -> str:
        targets = self._folders()
        rows = self._picked(rng)
        if not rows or not targets:
            return "nothing"
        target = rng.choice(targets)
        return self._posted("organise-move", rows, {"target": target.pk}) + f" → {target.name}"

    def empty_trash(self, _: Random) -> str:
        trash = Folder.objects.filter(account=self.party.account, special_use=SpecialUse.TRASH).first()
        if trash is None:
            return "no Trash yet"
        rows = list(Message.objects.filter(shown_in=trash))
        response = self.party.post(reverse("folder-empty", args=[trash.pk]))
        self._note(rows)
        return f"{response.status_code}, {len(rows)} rows"

    def undo(self, rng: Random) -> str:
        latest = list(
            PendingAction.objects.filter(account=self.party.account, message__isnull=False)
            .order_by("-pk")
            .values_list("batch", flat=True)[:20]
        )
        batches = list(dict.fromkeys(latest))[:3]
        if not batches:
            return "nothing"
        batch = rng.choice(batches)
        rows = list(Message.objects.filter(actions__batch=batch).distinct())
        response = self.party.post(reverse("undo", args=[batch]), headers=SCRIPT)
        if response.status_code == 200:
            self._note(rows)
        return f"{response.status_code}, {[row.subject for row in rows]}"

    # --- folders

    def create_folder(self, rng: Random) -> str:
        url = reverse("folder-new", args=[self.party.account.pk])
        name = f"Ours {rng.randint(1, 5)}"
        return f"{name}, {self.party.post(url, {'name': name}).status_code}"

    def rename_folder(self, rng: Random) -> str:
        own = [folder for folder in self._folders() if not folder.special_use]
        if not own:
            return "nothing"
        folder, name = rng.choice(own), f"Ours renamed {rng.randint(1, 9)}"
        before = set(Folder.objects.filter(account=self.party.account).values_list("name", flat=True))
        response = self.party.post(reverse("folder-rename", args=[folder.pk]), {"name": name})
        after = set(Folder.objects.filter(account=self.party.account).values_list("name", flat=True))
        self.known.unsure_folders |= before ^ after
        return f"{folder.name} → {name}, {response.status_code}"

    def delete_folder(self, rng: Random) -> str:
        own = [folder for folder in self._folders() if folder.name.startswith("Ours")]
        if not own:
            return "nothing"
        folder = rng.choice(own)
        rows = list(Message.objects.filter(shown_in=folder))
        response = self.party.post(reverse("folder-delete", args=[folder.pk]))
        if Folder.objects.filter(pk=folder.pk, hidden=True).exists():
            # What the page did not show has to outlive it.
            self.known.unsure_folders.add(folder.name)
            for name in self._names(rows):
                self.known.all[name].may_go = True
        return f"{folder.name} with {[row.subject for row in rows]}, {response.status_code}"

    # --- writing

    def write(self, rng: Random) -> str:
        """Begin a text, or go on with one."""
        editable = [each for each in self.writings if not each.asked_to_send and not each.discarded]
        if editable and rng.random() < 0.6:
            writing = rng.choice(editable)
        else:
            began = self.party.post(reverse("compose"))
            name = self.known.name()
            self.known.add(name, b"", None).written_here = True
            writing = Writing(name, int(re.findall(r"\d+", began["Location"])[0]))
            self.writings.append(writing)
        status = self._post_text("draft-save", writing, rng)
        return f"{writing.name}, {status}"

    def send(self, rng: Random) -> str:
        editable = [each for each in self.writings if not each.asked_to_send and not each.discarded]
        if not editable:
            return "nothing"
        writing = rng.choice(editable)
        status = self._post_text("draft-send", writing, rng)
        if rng.random() < 0.4:
            self._post_text("draft-send", writing, rng)  # the second press of the same button
        writing.asked_to_send = status == 200
        return f"{writing.name}, {status}"

    def discard(self, rng: Random) -> str:
        editable = [each for each in self.writings if not each.asked_to_send and not each.discarded]
        if not editable:
            return "nothing"
        writing = rng.choice(editable)
        response = self.party.post(reverse("draft-discard", args=[writing.pk]), headers=JSON)
        writing.discarded = response.status_code == 200
        return f"{writing.name}, {response.status_code}"

    def _post_text(self, route: str, writing: Writing, rng: Random) -> int:
        row = OutgoingMessage.objects.get(pk=writing.pk)
        text = row.text if route == "draft-send" and row.text else f"{writing.name}, as of {rng.random()}"
        given: dict[str, object] = {
            "to": "bob@example.test",
            "subject": f"Writing {writing.name}",
            "text": text,
            "plain": "1",
            "identity": row.identity_id or "",
            "revision": row.revision,
            "token": str(row.token),
        }
        response = self.party.post(reverse(route, args=[writing.pk]), given, headers=JSON)
        moved = re.search(r"/compose/(\d+)/", json.loads(response.content).get("moved", ""))
        if moved:
            writing.pk = int(moved[1])
        return int(response.status_code)

    # ---

    def _folders(self) -> list[Folder]:
        own = Folder.objects.filter(account=self.party.account, selectable=True, hidden=False)
        return [folder for folder in own.order_by("name") if folder.special_use not in WRITTEN]

    def _picked(self, rng: Random, most: int = 4) -> list[Message]:
        if not self.seen:
            return []
        chosen = rng.sample(self.seen, min(len(self.seen), rng.randint(1, most)))
        return list(Message.objects.filter(pk__in=[pk for pk, _ in chosen]).order_by("pk"))

    def _verb(self, rng: Random, verb: str) -> str:
        rows = self._picked(rng)
        return self._posted(f"organise-{verb}", rows, {"confirmed": 1}) if rows else "nothing"

    def _posted(self, route: str, rows: list[Message], data: dict[str, object]) -> str:
        """The form is that of the page as it was seen."""
        folder_pk = next((folder for pk, folder in self.seen if pk == rows[0].pk), 0)
        url = reverse(route, args=[folder_pk])
        response = self.party.post(url, data | {"message": [row.pk for row in rows]}, headers=SCRIPT)
        if response.status_code == 200:
            self._note(rows)
        return f"{route} {[row.subject for row in rows]}, {response.status_code}"

    def _names(self, rows: list[Message]) -> list[str]:
        return [name for row in rows for name in names_in(row.subject.encode()) if name in self.known.all]

    def _note(self, rows: list[Message]) -> None:
        """What the page shows now is what it has promised."""
        for row in rows:
            now = Message.objects.filter(pk=row.pk).select_related("shown_in").first()
            for name in self._names([row]):
                canary = self.known.all[name]
                canary.by_us = True
                if now is None or now.shown_in is None:
                    canary.may_go = True
                else:
                    canary.wanted = Place(now.shown_in.name, now.seen, now.flagged)
                    canary.marked |= {"seen": now.seen, "flagged": now.flagged}
                    canary.put_into.add(now.shown_in.name)


OPERATIONS = {
    "look": 16,
    "read": 8,
    "go_through_pages": 3,
    "flag": 16,
    "file": 14,
    "move": 12,
    "empty_trash": 2,
    "undo": 8,
    "create_folder": 3,
    "rename_folder": 3,
    "delete_folder": 2,
    "write": 6,
    "send": 3,
    "discard": 1,
}
