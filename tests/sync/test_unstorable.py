"""What no database takes as text, NUL and halves of surrogate pairs, in every place of a message (F56): the row is stored."""

import pytest

from webmail.imap.envelope import message as read_message
from webmail.imap.response import fetch_items
from webmail.models import Folder, Message
from webmail.models.mirror import change
from webmail.sync import bodies
from webmail.sync.insert import insert

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

HOSTILE = {
    "a NUL as it is": b"a\0b",
    "a NUL in an encoded word": b"=?utf-8?q?a=00b?=",
    "a NUL in base64": b"=?utf-8?b?YQBi?=",
    "half a pair in UTF-7": b"=?utf-7?q?a+2AA-b?=",
    "half a pair in UTF-8": b"=?utf-8?q?a=ED=A0=80b?=",
    "half a pair escaped": b"=?unicode_escape?q?a=5Cud800b?=",
    "half a pair as octets": b"a\xed\xa0\x80b",
}
PARAMETERS = {
    "a NUL as it is": (b"name", b"a\0b.txt"),
    "a NUL in RFC 2231": (b"name*", b"utf-8''a%00b.txt"),
    "half a pair in RFC 2231": (b"name*", b"utf-7''a+2AA-b.txt"),
    "half a pair in UTF-8": (b"name*", b"utf-8''a%ED%A0%80b.txt"),
    "half a pair escaped": (b"name*", b"unicode_escape''a%5Cud800b.txt"),
    "half a pair as octets": (b"name", b"a\xed\xa0\x80b.txt"),
}


def literal(text: bytes) -> bytes:
    return b"{%d}" % len(text)


def answer(uid: int, text: bytes, parameter: tuple[bytes, bytes], flag: bytes = b"$x") -> tuple[bytes, ...]:
    """A FETCH response with ``text`` wherever the sender has a say."""
    pieces: list[bytes] = [b"* %d FETCH (UID %d FLAGS (%s) RFC822.SIZE 9 ENVELOPE (NIL " % (uid, uid, flag)]

    def add(value: bytes, before: bytes = b"") -> None:
        pieces[-1] += before + literal(value)
        pieces.extend((value, b""))

    add(text)
    for _ in range(6):
        add(text, b" ((")
        pieces[-1] += b" NIL"
        add(text, b" ")
        add(text, b" ")
        pieces[-1] += b"))"
    add(b"<" + text + b"@example.test>", b" ")
    add(b"<" + text + b"@example.test>", b" ")
    name, value = parameter
    pieces[-1] += b') BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 3 1)("application" "x" ("'
    pieces[-1] += name + b'"'
    add(value, b" ")
    add(text, b") ")
    add(text, b" ")
    pieces[-1] += b' "base64" 4 NIL ("attachment" ("file' + name + b'"'
    add(value, b" ")
    pieces[-1] += b'))) "mixed") BODY[HEADER.FIELDS (REFERENCES LIST-ID)]'
    header = b"References: <" + text + b"@example.test>\r\nList-Id: " + text + b" <" + text + b">\r\n\r\n"
    add(header, b" ")
    pieces[-1] += b")"
    return tuple(pieces)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_message_with_it_everywhere_is_stored(account, folders, text: bytes) -> None:
    store(account, folders["INBOX"], answer(1, text, (b"name", b"a.txt")))


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS)
def test_a_file_with_such_a_name_is_stored(account, folders, parameter: tuple[bytes, bytes]) -> None:
    store(account, folders["INBOX"], answer(1, b"hello", parameter))


def test_a_mark_with_it_is_stored(account, folders) -> None:
    store(account, folders["INBOX"], answer(1, b"hello", (b"name", b"a.txt"), flag=b"$a\0b $a\xed\xa0\x80b"))


def store(account, inbox: Folder, response: tuple[bytes, ...]) -> None:
    found = fetch_items(response)
    assert found is not None
    row = read_message(found[0], found[1])
    with change(account.user_id) as changed:
        insert(changed, inbox, 7, [row])
    assert Message.objects.get().subject


@pytest.mark.parametrize("text", [b"a\0b", "a\ud800b".encode("utf-8", "surrogatepass"), b"a+2AA-b"])
def test_a_text_with_it_is_kept(account, folders, arrive, text: bytes) -> None:
    row = arrive(folders["INBOX"])
    row.structure = {**row.structure, "charset": "utf-7" if b"+" in text else "utf-8"}

    class Here:
        def fetch_sections(self, sections, most):
            return dict.fromkeys(sections, text)

    bodies.prefetch(Here(), [row], whole=True)  # type: ignore[arg-type]
    assert Message.objects.get(pk=row.pk).preview_known
