"""What we make of a whole message is what a real IMAP server makes of it: tree, sections, sizes, octets."""

from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.servers.mailbox import Mailbox
from webmail.mime.parts import decode_transfer, from_bytes, part_bytes

MAIL = Path(__file__).parent / "mail"
# Messages that break the grammar where servers differ; what we make of them is in the file beside each.
DISPUTED = {
    "subject-nul-and-controls",
    "boundary-missing",
    "forwarded-base64-message",
    "mixed-boundary-same-as-inner",
    "mixed-eleven-thousand-parts",
    "mixed-hundred-levels",
    "mixed-no-parts",
    "boundary-prefix",
    "content-type-broken",
    "bare-line-feeds",
    "empty",
    "no-body",
    "body-without-header",
    "mbox-from-line",
}

# Dozens of messages of one and the same structure: what they differ in is no matter of the tree.
ONE_SHAPE = ("charset-", "calendar-", "vcard-", "tnef-", "delivery-", "subject-", "date-", "from-")
EXAMPLES = {"charset-gb2312", "calendar-invitation", "tnef-files", "delivery-returned-message", "subject-utf8-raw"}


def flat(body: Any, section: str = "") -> list[tuple[str, str, int]]:
    """(section, type, size) of the leaves of imapclient's BODYSTRUCTURE."""
    if isinstance(body[0], list | tuple):
        prefix = f"{section}." if section else ""
        children = body[0] if isinstance(body[0], list) else list(takewhile(lambda each: isinstance(each, tuple), body))
        return [leaf for number, child in enumerate(children, 1) for leaf in flat(child, f"{prefix}{number}")]
    section = section or "1"
    kind = f"{body[0].decode()}/{body[1].decode()}".lower()
    leaves = [(section, kind, 0 if kind == "message/rfc822" else int(body[6]))]
    if kind == "message/rfc822":
        enclosed = body[8]
        leaves += flat(enclosed, section if isinstance(enclosed[0], list | tuple) else f"{section}.1")
    return leaves


@pytest.mark.mailserver
def test_the_tree_and_the_octets_are_the_servers(mailbox: Mailbox) -> None:
    stems = [path.stem for path in MAIL.glob("*.eml") if path.stem not in DISPUTED]
    names = sorted(stem for stem in stems if not stem.startswith(ONE_SHAPE) or stem in EXAMPLES)
    uids = {name: mailbox.append((MAIL / f"{name}.eml").read_bytes()) for name in names}
    client = mailbox.imap()
    differing: dict[str, object] = {}
    try:
        client.select_folder("INBOX", readonly=True)
        for name, uid in uids.items():
            raw = (MAIL / f"{name}.eml").read_bytes()
            theirs = flat(client.fetch([uid], ["BODYSTRUCTURE"])[uid][b"BODYSTRUCTURE"])
            leaves = [part for part in from_bytes(raw).walk() if not part.is_multipart]
            # Dovecot counts the line end before the outer delimiter to an enclosed multipart, RFC 2046 does not.
            ours = [(part.section, part.type, 0 if part.children else part.size) for part in leaves]
            if ours != theirs:
                differing[name] = (ours, theirs)
                continue
            for part in leaves:
                key = f"BODY[{part.section}]"
                octets = client.fetch([uid], [key.replace("BODY", "BODY.PEEK")])[uid][key.encode()]
                ending = b"\r\n" if part.children else b""
                mine, server = part_bytes(raw, part.section), decode_transfer(octets, part.encoding)
                assert (mine or b"").removesuffix(ending) == server.removesuffix(ending), name
    finally:
        client.logout()
    assert sorted(differing) == []
