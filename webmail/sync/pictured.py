"""The frame of a message with its remote pictures, each through our own proxy; made once for a mail, addressed for each look.

What is kept has marks in place of addresses, because those are signed for one person and one day. A mark begins with
random digits that the sender of the mail cannot know, so nothing in the mail is taken for one.
"""

import json
import re
import secrets
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from webmail.mime import html as mime_html
from webmail.models import Message, RenderedBody
from webmail.outside.address import LONGEST

from . import afterwards, bodies, rendering
from .rendering import TAIL, Rendered

MOST_PICTURES = 1_000
_MARK = "/picture/{}.{}"


class _Marks:
    """Puts a mark in place of each address, the same for the same address."""

    def __init__(self) -> None:
        self.nonce = secrets.token_hex(12)
        self.numbers: dict[str, int] = {}

    def __call__(self, url: str) -> str:
        if len(url) > LONGEST or (url not in self.numbers and len(self.numbers) >= MOST_PICTURES):
            return ""
        return _MARK.format(self.nonce, self.numbers.setdefault(url, len(self.numbers)))


def with_pictures(message: Message, address: Callable[[str], str]) -> Rendered:
    """``address`` gives our own address for a remote one. Raise MailError as ``rendering.rendered`` does."""
    plain = rendering.rendered(message)
    if not plain.remote or plain.too_complex:
        return plain
    afterwards.catch_up()
    kept = RenderedBody.objects.filter(message=message, policy=mime_html.POLICY_VERSION).first()
    made = _read(bytes(kept.pictured)) if kept is not None and kept.pictured is not None else None
    if made is None:
        made = _make(message)
        content = zlib.compress(TAIL.join([json.dumps(made.head), *made.texts]).encode("utf-8", "replace"), 3)
        RenderedBody.objects.filter(message=message, policy=mime_html.POLICY_VERSION).update(pictured=content)
    nonce, urls, left = made.head["nonce"], made.head["urls"], made.head["left"]
    mark = re.compile(re.escape(_MARK.format(nonce, "")) + r"(\d{1,4})\b")

    def addressed(text: str) -> str:
        return mark.sub(lambda found: address(urls[int(found[1])]), text)

    written, quoted = map(addressed, made.texts)
    return replace(plain, written=written, quoted=quoted, remote=left)


class _Made(NamedTuple):
    head: dict[str, Any]
    texts: tuple[str, str]


def _make(message: Message) -> _Made:
    marks = _Marks()
    result = rendering.render(message, bodies.text_parts(message), remote_url=marks)
    head = {"nonce": marks.nonce, "urls": list(marks.numbers), "left": result.remote}
    return _Made(head, (result.written, result.quoted))


def _read(content: bytes) -> _Made | None:
    """None for what is damaged: it is made anew."""
    try:
        head, written, quoted = zlib.decompress(content).decode().split(TAIL)
        return _Made(json.loads(head), (written, quoted))
    except (zlib.error, ValueError):
        return None
