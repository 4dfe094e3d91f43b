"""The sample mailbox is the same each time, well-formed, and looks lived in."""

import email
import email.policy
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.mailbox import Mailbox
from webmail.demo.mailbox import sample_mailbox
from webmail.demo.maildir import Sample, write_maildir

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return sample_mailbox(NOW)


def test_it_has_about_two_thousand_messages_in_believable_proportions(samples: list[Sample]) -> None:
    assert 1800 <= len(samples) <= 2200
    unread = sum("S" not in sample.flags for sample in samples)
    assert 0.06 <= unread / len(samples) <= 0.10
    folders = Counter(sample.folder for sample in samples)
    assert folders["INBOX"] >= 300
    assert folders["Sent"] >= 300
    assert {"Drafts", "Junk", "Archive", "Travel", "Receipts", "Lists/Homelab", "Clients/Café Brygga"} <= set(folders)


def test_the_newest_mail_is_minutes_old_and_none_is_from_the_future(samples: list[Sample]) -> None:
    assert NOW - samples[-1].date < timedelta(hours=1)
    assert all(sample.date <= NOW for sample in samples)


def test_the_same_moment_gives_the_same_mailbox(samples: list[Sample]) -> None:
    again = sample_mailbox(NOW)
    dates = [(sample.folder, sample.date, sample.flags) for sample in samples]
    assert [(sample.folder, sample.date, sample.flags) for sample in again] == dates


def test_every_message_parses_without_a_defect_and_replies_point_at_messages_that_exist(samples: list[Sample]) -> None:
    ids: set[str] = set()
    replies = 0
    for sample in samples:
        message = email.message_from_bytes(sample.raw, policy=email.policy.default)
        assert not message.defects
        assert message["Message-ID"] not in ids
        ids.add(message["Message-ID"])
        for parent in (message["References"] or "").split():
            replies += 1
            assert parent in ids
        for part in message.walk():
            assert not part.defects
    assert replies > 500


def test_nobody_is_written_to_twice_in_one_message(samples: list[Sample]) -> None:
    for sample in samples:
        message = email.message_from_bytes(sample.raw, policy=email.policy.default)
        people = [each.addr_spec for name in ("To", "Cc") if message[name] for each in message[name].addresses]
        assert len(people) == len(set(people)), message["Subject"]


def test_pictures_and_documents_are_what_they_claim(samples: list[Sample]) -> None:
    starts = {"image/png": b"\x89PNG\r\n\x1a\n", "application/pdf": b"%PDF-1.4", "text/calendar": b"BEGIN:VCALENDAR"}
    seen: Counter[str] = Counter()
    for sample in samples:
        for part in email.message_from_bytes(sample.raw, policy=email.policy.default).walk():
            kind = part.get_content_type()
            if kind in starts and part.get_filename():
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                assert content.startswith(starts[kind])
                seen[kind] += 1
    assert seen["image/png"] > 20
    assert seen["application/pdf"] > 100
    assert seen["text/calendar"]


@pytest.mark.mailserver
def test_dovecot_takes_it_with_folders_flags_and_dates(mailbox: Mailbox, samples: list[Sample]) -> None:
    root: Path = mailbox.server.directory / "sample-test"
    write_maildir(samples, root)
    mailbox.server.import_maildir(mailbox.address, root)
    client = mailbox.imap()
    expected = Counter(sample.folder for sample in samples)
    for folder, count in expected.items():
        assert client.folder_status(folder, ["MESSAGES"])[b"MESSAGES"] == count
    client.select_folder("INBOX", readonly=True)
    unseen = [sample for sample in samples if sample.folder == "INBOX" and "S" not in sample.flags]
    assert len(client.search("UNSEEN")) == len(unseen)
    newest = max(client.search("ALL"))
    client.normalise_times = False
    assert client.fetch([newest], ["INTERNALDATE"])[newest][b"INTERNALDATE"] == samples[-1].date
    client.logout()
