"""Archives: ours are read by others, theirs by us, and bombs by nobody."""

import io
import struct
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.errors import GiveUp
from webmail.transfer import zipread
from webmail.transfer.names import LONGEST, folder_path, safe_name, unique
from webmail.transfer.zipwrite import ZipWriter

WHEN = datetime(2026, 11, 2, 7, 5, 8, tzinfo=UTC)


def archive(files: list[tuple[str, bytes]], streamed: bool = False) -> bytes:
    writer = ZipWriter()
    pieces: list[bytes] = []
    for name, content in files:
        pieces += writer.stream(name, [content], WHEN) if streamed else writer.entry(name, [content], WHEN, b"note")
    pieces += writer.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("streamed", [False, True])
@given(files=st.dictionaries(st.text("ab/ü.", min_size=1, max_size=8), st.binary(max_size=2000), max_size=5))
def test_other_programs_read_our_archives(streamed: bool, files: dict[str, bytes]) -> None:
    content = archive(list(files.items()), streamed)
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        assert {info.filename: found.read(info) for info in found.infolist()} == files
        assert all(info.date_time == (2026, 11, 2, 7, 5, 8) for info in found.infolist())
        assert streamed or all(info.comment == b"note" for info in found.infolist())
    stream = io.BytesIO(content)
    assert {entry.name: b"".join(zipread.content(stream, entry, 10_000)) for entry in zipread.entries(stream)} == files


def test_more_files_than_sixteen_bits_count() -> None:
    writer = ZipWriter()
    content = b"".join(piece for number in range(66_000) for piece in writer.entry(f"{number}", [b"x"], WHEN))
    content += b"".join(writer.finish())
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert len(found.namelist()) == 66_000
        assert found.read("65999") == b"x"
    assert sum(1 for _ in zipread.entries(io.BytesIO(content))) == 66_000


def test_offsets_beyond_thirty_two_bits() -> None:
    """As if five gigabytes had gone before."""
    writer = ZipWriter()
    writer.offset = 5 * 1024**3
    list(writer.entry("late", [b"x"], WHEN))
    tail = b"".join(writer.finish())
    fields = struct.unpack_from("<HHQ", tail, 46 + 4)
    assert fields == (1, 8, 5 * 1024**3)
    assert b"PK\x06\x06" in tail
    assert b"PK\x06\x07" in tail


def test_an_error_in_the_middle_of_a_file_leaves_nothing_of_it() -> None:
    def broken() -> list[bytes]:
        raise GiveUp("gone", "gone")  # type: ignore[arg-type]

    writer = ZipWriter()
    with pytest.raises(GiveUp):
        list(writer.entry("bad", (piece for piece in [broken()]), WHEN))  # type: ignore[misc]
    content = b"".join([*writer.entry("good", [b"x"], WHEN), *writer.finish()])
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["good"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_other_programs_are_read(method: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        made.comment = b"PK\x05\x06 in a comment"
        made.writestr("a/ü.eml", b"x" * 300_000)
    (entry,) = zipread.entries(stream)
    assert (entry.name, b"".join(zipread.content(stream, entry, 400_000))) == ("a/ü.eml", b"x" * 300_000)


def test_bombs_are_refused_before_they_go_off() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bomb.eml", b"\0" * 40_000_000)
    (entry,) = zipread.entries(stream)
    taken: list[int] = []
    with pytest.raises(GiveUp, match="unpacks"):
        taken.extend(len(piece) for piece in zipread.content(stream, entry, 10**9))
    assert sum(taken) <= zipread.RATIO_FROM
    with pytest.raises(GiveUp, match="larger"):
        list(zipread.content(stream, entry, 1000))


def test_an_archive_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipread, "MOST_ENTRIES", 2)
    with pytest.raises(GiveUp):
        next(zipread.entries(io.BytesIO(archive([("a", b""), ("b", b""), ("c", b"")]))))


@pytest.mark.parametrize("cut", [1, 10, 40, 70, 100])
def test_a_truncated_archive_is_said_to_be_one(cut: int) -> None:
    content = archive([("a.eml", b"Subject: x\r\n\r\n")])
    with pytest.raises(GiveUp):
        list(zipread.entries(io.BytesIO(content[:-cut])))


def test_damage_is_noticed() -> None:
    content = bytearray(archive([("a.eml", bytes(range(256)) * 4)]))
    content[60] ^= 0xFF
    stream = io.BytesIO(bytes(content))
    (entry,) = zipread.entries(stream)
    with pytest.raises(GiveUp):
        list(zipread.content(stream, entry, 10_000))


@given(st.binary(max_size=300), st.integers(0, 200), st.binary(max_size=8))
def test_garbage_never_raises_anything_else(noise: bytes, at: int, patch: bytes) -> None:
    whole = bytearray(archive([("a.eml", noise)]))
    whole[at : at + len(patch)] = patch
    stream = io.BytesIO(bytes(whole))
    try:
        for entry in zipread.entries(stream):
            list(zipread.content(stream, entry, 10_000))
    except GiveUp:
        pass


def test_an_encrypted_file_is_refused_by_name() -> None:
    content = bytearray(archive([("a.eml", b"x")]))
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    stream = io.BytesIO(bytes(content))
    (entry,) = zipread.entries(stream)
    with pytest.raises(GiveUp, match="encrypted"):
        list(zipread.content(stream, entry, 100))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\r\nContent-Type: x", "a Content-Type_ x"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\0", "_"),
        ("..", "_"),
        ("  trailing. ", "trailing"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("C:\\x", "C__x"),
        ("\ud800", "_"),
    ],
)
def test_names_are_safe_on_every_system(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_no_name_escapes(name: str) -> None:
    safe = safe_name(name)
    assert safe not in {"", ".", ".."}
    assert not set(safe) & set('/\\:*?"<>|\r\n\0')
    assert len(safe.encode()) <= LONGEST + 1


def test_folders_keep_their_structure() -> None:
    assert folder_path("Clients/../North", "/") == "Clients/_/North"
    assert folder_path("INBOX.a/b", ".") == "INBOX/a_b"
    taken: set[str] = set()
    assert [unique(name, taken) for name in ("Work", "work", "Work")] == ["Work", "work (2)", "Work (3)"]
