"""What has to hold when faults have stopped and everything has come to rest."""

import html
import re
from collections import Counter

from django.urls import reverse

from tests.convergence.canaries import Known, Snapshot, names_in, snapshot
from tests.convergence.person import SCRIPT, Person
from tests.convergence.world import World
from webmail.models import Folder, ListRow, Message, OutgoingMessage, PendingAction, SpecialUse, UserStamp

WRITES = ("STORE", "COPY", "MOVE", "EXPUNGE", "APPEND", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE")
State, SentCopy = OutgoingMessage.State, OutgoingMessage.SentCopy
MIRRORED = {"seen": b"\\Seen", "flagged": b"\\Flagged", "answered": b"\\Answered", "draft": b"\\Draft"}


def check_everything(world: World, known: Known, person: Person) -> Snapshot:
    there = snapshot(world.ada.mailbox)
    nothing_waits(world)
    same_as_server(world, there)
    counts_agree(world, there)
    pages_show_it(world, there)
    none_lost(known, there)
    as_promised(world, known, there)
    written_texts_are_kept(world, person, there)
    none_sent_twice(world, person)
    nothing_of_others(world)
    a_second_turn_changes_nothing(world)
    world.bounds.check(world.proxy)
    return there


def nothing_waits(world: World) -> None:
    unsettled = PendingAction.objects.filter(account=world.ada.account, state__in=["pending", "running"])
    # What another client took away may come back; then what the person did to it is still to be carried out.
    unsettled = unsettled.exclude(message__missing_since__isnull=False)
    assert not unsettled.exists(), f"I9: left in the journal: {[(str(each), each.message_id) for each in unsettled]}"


def same_as_server(world: World, there: Snapshot) -> None:
    """I5, I6: folder by folder, uid by uid, flag by flag; and every row is about the message it stands for."""
    shown = set(
        Folder.objects.filter(account=world.ada.account, hidden=False, selectable=True).values_list("name", flat=True)
    )
    assert shown == set(there), f"I5: the folders differ: {sorted(shown ^ set(there))}"
    nowhere = Message.objects.filter(account=world.ada.account, shown_in__selectable=False)
    assert not nowhere.exists(), f"I5: shown in what holds no messages: {[str(row) for row in nowhere]}"
    for name, messages in there.items():
        rows = list(Message.objects.filter(account=world.ada.account, shown_in__name=name))
        here = {f"{row.uid} {row.subject}" for row in rows}
        wanted = {f"{uid} Letter {found.name}" for uid, found in messages.items()}
        differ = f"I5: {name}: shown and not there {here - wanted}, there and not shown {wanted - here}"
        assert Counter(row.uid for row in rows) == Counter(list(messages)), differ
        for row in rows:
            found = messages[row.uid or 0]
            assert row.folder_id == row.shown_in_id, f"I5: {row.subject} is under way"
            flags = {flag for column, flag in MIRRORED.items() if getattr(row, column)}
            flags |= {keyword.encode() for keyword in row.keywords}
            compared = found.flags - {b"\\Deleted"}
            if not world.tells_of_flags:
                # Keywords, which no list shows, are found by the rare comparison only.
                flags, compared = flags & set(MIRRORED.values()), compared & set(MIRRORED.values())
            assert flags == compared, f"I5: {found.name} in {name}: {flags}, {found.flags}"
            assert names_in(row.subject.encode()) == {found.name}, f"I6: {row.subject} stands for {found.name}"


def counts_agree(world: World, there: Snapshot) -> None:
    """I5: what lists and badges are made of."""
    for folder in Folder.objects.filter(account=world.ada.account, hidden=False, selectable=True):
        messages = there[folder.name].values()
        unread = sum(b"\\Seen" not in found.flags for found in messages)
        counts = folder.total, folder.unread
        assert counts == (len(messages), unread), f"I5: counts of {folder.name}: {counts}, {len(messages)}, {unread}"
        assert (folder.shown_total, folder.shown_unread) == (len(messages), unread), f"I5: badge of {folder.name}"
        lines = ListRow.objects.filter(folder=folder)
        sums = sum(line.count for line in lines), sum(line.unread for line in lines)
        assert sums == (len(messages), unread), f"I5: rows of {folder.name}"


def pages_show_it(world: World, there: Snapshot) -> None:
    """I5: the pages themselves, from the first to the last."""
    for folder in Folder.objects.filter(account=world.ada.account, hidden=False, selectable=True):
        url = reverse("folder", args=[folder.pk])
        names, after, lines = set(), "", 0
        while True:
            page = world.ada.get(f"{url}?rows=50" + (f"&after={after}" if after else ""), headers=SCRIPT)
            assert page.status_code == 200
            names |= names_in(page.content)
            lines += page.text_seen.count("data-conversation=")
            further = re.search(r"after=([\w-]+)", html.unescape(page.text_seen))
            if not further or further[1] == after:
                break
            after = further[1]
        wanted = {found.name for found in there[folder.name].values()}
        assert names <= wanted, f"I5: {folder.name} shows {names - wanted}"
        # Messages with one Message-ID share a line, which bears the subject of the newest.
        newest = ListRow.objects.filter(folder=folder).values_list("latest__subject", flat=True)
        assert names == names_in(" ".join(newest).encode()), f"I5: {folder.name} does not show all"


def none_lost(known: Known, there: Snapshot) -> None:
    """I1"""
    found = {message.name: message.digest for messages in there.values() for message in messages.values()}
    for canary in known.all.values():
        if canary.written_here:
            continue
        if canary.name not in found:
            excused = canary.may_go or canary.put_into & known.deleted_folders
            assert excused, f"I1: {canary.name} is lost; last wanted at {canary.wanted}"
        elif canary.digest:
            assert found[canary.name] == canary.digest, f"I1: {canary.name} is not what it was"


def as_promised(world: World, known: Known, there: Snapshot) -> None:
    """I4, I6: what one side alone has touched is where that side put it, once; the rest is untouched."""
    places = {
        canary.name: [
            found.place(folder)
            for folder, all_ in there.items()
            for found in all_.values()
            if found.name == canary.name
        ]
        for canary in known.all.values()
    }
    refused = PendingAction.objects.filter(account=world.ada.account, state="refused", message__isnull=False)
    excused = {name for action in refused for name in names_in(str(action.message).encode())}
    for canary in known.all.values():
        if known.is_certain(canary) and canary.name not in excused:
            where = places[canary.name]
            assert where == [canary.wanted], f"I4: {canary.name} was to be {canary.wanted} and is {where}"
        if len(places[canary.name]) == 1 and canary.name not in excused:
            for mark, value in known.marks(canary).items():
                ended = getattr(places[canary.name][0], mark)
                assert ended == value, f"I4: {canary.name} was to be {mark}: {value}, and is {places[canary.name]}"
        if not canary.written_here and not (canary.by_us and canary.by_other):
            assert len(places[canary.name]) <= canary.copies, f"I4: {canary.name} has multiplied"


def written_texts_are_kept(world: World, person: Person, there: Snapshot) -> None:
    """I1 for what was written here: each text is where the product says it is."""
    drafts = next(f.name for f in Folder.objects.filter(account=world.ada.account, special_use=SpecialUse.DRAFTS))
    sent = next(f.name for f in Folder.objects.filter(account=world.ada.account, special_use=SpecialUse.SENT))
    in_drafts = Counter(found.name for found in there[drafts].values())
    in_sent = Counter(found.name for found in there[sent].values())
    accepted = Counter(name for mail in world.sink.received for name in names_in(mail.raw))
    for writing in person.writings:
        row = OutgoingMessage.objects.filter(pk=writing.pk).first()
        if writing.discarded:
            assert not in_drafts[writing.name], f"{writing.name} was discarded and stands in Drafts"
        elif row is not None and row.state == State.SENT:
            assert accepted[writing.name], f"I4: {writing.name} was never handed in"
            assert not in_drafts[writing.name], f"{writing.name} was sent and still stands in Drafts"
            assert row.sent_copy != SentCopy.FILED or in_sent[writing.name] == 1, f"I1: {writing.name} in Sent"
            assert row.sent_copy in {SentCopy.FILED, SentCopy.KEPT}, f"I9: {writing.name} is not filed"
        else:
            assert row is not None, f"I1: {writing.name} is gone"
            if row.state == State.DRAFT and row.revision > 1:
                assert in_drafts[writing.name] == 1, f"F05: {in_drafts[writing.name]} copies of {writing.name}"
        assert in_sent[writing.name] <= 1, f"F41: {writing.name} was filed twice"


def none_sent_twice(world: World, person: Person) -> None:
    """I2"""
    accepted = Counter(name for mail in world.sink.received for name in names_in(mail.raw))
    for writing in person.writings:
        assert accepted[writing.name] <= 1, f"I2: {writing.name} was sent {accepted[writing.name]} times"
        assert writing.asked_to_send or not accepted[writing.name], f"I2: nobody sent {writing.name}"


def nothing_of_others(world: World) -> None:
    """I3: neither person's pages hold a word of the other's mail."""
    for mine, others in ((world.ada, world.eve), (world.eve, world.ada)):
        address = others.mailbox.address.encode()
        for answer in mine.answers:
            assert address not in answer, "I3"
            assert (b"of-eve" in answer) <= (mine is world.eve), "I3"
        mine.answers.clear()


def a_second_turn_changes_nothing(world: World) -> None:
    """I9"""
    before = mirrored(world)
    world.proxy.commands.clear()
    # A connection that a busy server has closed is opened again, as the worker does.
    assert world.turn() or world.turn(), world.state
    written = [name for name in world.proxy.commands if name in WRITES]
    assert not written, f"I9: written once more: {written}"
    changed = [(was, now) for was, now in zip(before, mirrored(world), strict=True) if was != now]
    assert not changed, f"I9: the mirror changed although nothing had: {changed}"


def mirrored(world: World) -> list[object]:
    """Everything of the mirror but the times it was looked at."""
    account = world.ada.account
    own = Message.objects.filter(account=account).order_by("pk")
    folders = Folder.objects.filter(account=account).order_by("pk")
    return [
        *own.values("pk", "folder", "shown_in", "uid", "uidvalidity", "seen", "flagged", "keywords"),
        *folders.values("pk", "name", "total", "unread", "revision"),
        *UserStamp.objects.filter(user=world.ada.user).values("revision"),
    ]
