"""Sample messages laid down as files that Dovecot can import."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One message and where it lies; ``flags`` are Maildir letters (S seen, F flagged, R answered, D draft)."""

    folder: str
    raw: bytes
    date: datetime
    flags: str


def write_maildir(samples: list[Sample], root: Path) -> None:
    """Lay the messages down as a Maildir++ tree that Dovecot can import; the files' mtime is INTERNALDATE."""
    for folder in {_maildir_name(sample.folder) for sample in samples}:
        for part in ("cur", "new", "tmp"):
            (root / folder / part).mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(samples):
        seconds = int(sample.date.timestamp())
        name = f"{seconds}.M{number}P1.demo,S={len(sample.raw)}:2,{''.join(sorted(sample.flags))}"
        path = root / _maildir_name(sample.folder) / "cur" / name
        path.write_bytes(sample.raw)
        os.utime(path, (seconds, seconds))


def _maildir_name(folder: str) -> str:
    # Maildir++ separates levels with dots and names folders in modified UTF-7 (RFC 3501 section 5.1.3).
    if folder == "INBOX":
        return ""
    encoded = folder.replace("&", "&-").replace("é", "&AOk-")
    return "." + encoded.replace("/", ".")
