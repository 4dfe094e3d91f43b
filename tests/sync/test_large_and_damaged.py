"""F19, F54: what is large is not pulled ahead of a click, and what was kept and is damaged is made anew."""

import zlib
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from tests.servers.any_mailbox import AnyMailbox
from tests.servers.personalities import Personality
from tests.servers.personality_imap import PersonalityServer
from tests.sync.any_server import Person, mail
from tests.sync.conftest import Arrive
from webmail.mime.parts import Part
from webmail.models import CachedPart, Folder, Message, RenderedBody
from webmail.search.passage import passages
from webmail.search.query import parse
from webmail.sync import ahead
from webmail.sync.part_cache import LARGEST_CACHED

GIGABYTE = 1024**3
TEXT = "This is letter 1, and it is long enough to be deflated where it is kept. " * 20


class Counting:
    """A connection on which every section is as long as it is asked for."""

    selected = None

    def __init__(self) -> None:
        self.octets: list[int] = []

    def select(self, name: str, *, uidvalidity: int | None) -> None:
        pass

    def fetch_sections(self, items: list[tuple[int, str]], most: int) -> dict[tuple[int, str], bytes]:
        # Beside the texts come headers, of which nobody says how long they are.
        self.octets.append(sum(most for _, section in items if section[:1].isdigit()))
        return dict.fromkeys(items, b"x" * 100)


def of_texts(count: int, size: int) -> Part:
    return Part("", "multipart/mixed", children=[Part(f"{at}", "text/plain", size=size) for at in range(1, count + 1)])


@pytest.mark.django_db
def test_f19_a_gigabyte_in_the_folder_is_not_pulled_ahead(folders: dict[str, Folder], arrive: Arrive) -> None:
    file = Part("2", "application/zip", size=GIGABYTE, filename="all.zip", disposition="attachment")
    text = Part("1", "text/plain", size=GIGABYTE)
    arrive(
        folders["INBOX"], "A large file", size=GIGABYTE, structure=Part("", "multipart/mixed", children=[text, file])
    )
    connection = Counting()
    assert ahead.fetch_ahead(connection, folders["INBOX"], should_stop=lambda: False)  # type: ignore[arg-type]
    assert sum(connection.octets) <= LARGEST_CACHED
    assert Message.objects.get().preview_known


@pytest.mark.django_db
def test_f19_texts_are_pulled_ahead_as_far_as_memory_is_given_for_them(
    folders: dict[str, Folder], arrive: Arrive
) -> None:
    """Fifty messages of 1.5 MB: in several batches. Of those with fifty texts of half a megabyte: one each."""
    for number in range(50):
        arrive(folders["INBOX"], f"Letter {number}", structure=of_texts(3, LARGEST_CACHED))
    for number in range(3):
        arrive(folders["INBOX"], f"Mass {number}", structure=of_texts(50, LARGEST_CACHED))
    connection = Counting()
    assert ahead.fetch_ahead(connection, folders["INBOX"], should_stop=lambda: False)  # type: ignore[arg-type]
    assert max(connection.octets) <= ahead.OCTETS
    assert not Message.objects.filter(preview_known=False).exists()
    assert CachedPart.objects.filter(message__subject__startswith="Letter").count() == 150
    assert CachedPart.objects.filter(message__subject__startswith="Mass").count() == 3


@pytest.fixture
def client(transactional_db: None) -> Client:
    return Client()


def damage(content: bytes, how: str) -> bytes:
    return {"cut short": content[: len(content) // 2], "edited": content[:20] + b"????" + content[24:], "empty": b""}[
        how
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["cut short", "edited", "empty"])
def test_f54_what_was_kept_and_is_damaged_is_made_anew(client: Client, how: str) -> None:
    with PersonalityServer(Personality()) as server:
        mailbox = AnyMailbox(server.host, server.port, "ada", server.password)
        mailbox.append(mail(1, TEXT))
        person = Person(mailbox)
        person.sync()
        person.close()
        client.force_login(person.user)
        row = person.message(1)
        url = reverse("message-body", args=[row.pk])
        whole = client.get(url).content
        assert TEXT.encode() in whole
        kept, made = CachedPart.objects.get(section="1"), RenderedBody.objects.get()
        assert kept.deflated
        for parts, bodies_ in ((True, False), (False, True), (True, True)):
            if parts:
                CachedPart.objects.filter(pk=kept.pk).update(content=damage(bytes(kept.content), how))
            if bodies_:
                RenderedBody.objects.filter(pk=made.pk).update(html=damage(bytes(made.html), how))
            else:
                RenderedBody.objects.all().delete()
            assert passages([row.pk], parse("letter", date(2026, 11, 26)).terms) is not None
            for _ in range(2):
                assert client.get(url).content == whole
            kept, made = CachedPart.objects.get(section="1"), RenderedBody.objects.get()
            assert zlib.decompress(kept.content) == mail(1, TEXT).split(b"\r\n\r\n", 1)[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("structure", [{}, [], "", {"k": [{"s": "1"}]}, {"s": "9.9", "t": "text/plain"}], ids=repr)
def test_f54_a_row_whose_structure_is_damaged_still_opens(client: Client, structure: object) -> None:
    with PersonalityServer(Personality()) as server:
        mailbox = AnyMailbox(server.host, server.port, "ada", server.password)
        mailbox.append(mail(1, TEXT))
        person = Person(mailbox)
        person.sync()
        person.close()
        client.force_login(person.user)
        row = person.message(1)
        CachedPart.objects.all().delete()
        RenderedBody.objects.all().delete()
        Message.objects.update(structure=structure)
        inbox = row.shown_in
        assert inbox is not None
        for url in (
            reverse("folder", args=[inbox.pk]),
            reverse("conversation", args=[inbox.pk, row.conversation_id]),
            reverse("message-body", args=[row.pk]),
        ):
            assert client.get(url).status_code == 200, url
