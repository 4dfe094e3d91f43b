"""The files of messages in one zip archive, streamed: none of them is ever held whole."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from django.utils import timezone

from webmail.errors import GiveUp
from webmail.mime.parts import Part
from webmail.models import Message
from webmail.sync import pieces

from .names import unique_file
from .zipwrite import ZipWriter

REPORT = "NOT-INCLUDED.txt"


def archive(files: Iterable[tuple[Message, Part]], name_of: Callable[[Part], str]) -> Iterator[bytes]:
    """What is gone from its server is named in the archive; a server that does not answer ends it as a failure."""
    writer, taken, missing = ZipWriter(), set[str](), list[str]()
    for message, part in files:
        name = unique_file(name_of(part), taken)
        try:
            content = pieces.open_content(message, part.section).read(0, None)
            first = next(content, b"")
        except GiveUp as problem:
            missing.append(f"{name}: {problem.sentence}\r\n")
            continue
        yield from writer.stream(name, chain([first], content), message.internaldate)
    if missing:
        report = "These files could not be had:\r\n\r\n" + "".join(missing)
        yield from writer.entry(unique_file(REPORT, taken), [report.encode()], timezone.now())
    yield from writer.finish()
