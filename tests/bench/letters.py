"""Believable mail for a mailbox of any size, the same bytes for the same seed.

Half of the person-to-person mail answers an earlier letter with a full References chain; newsletters have the weight and the
table layout of real ones; 8 % are unread. ``PROBES`` are letters with known subjects in the middle of the mailbox, far from
everything that is fetched ahead.
"""

import base64
import binascii
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime

PROBES = {"small": "Probe of a short letter", "newsletter": "Probe of a long newsletter"}
PROBES_EACH = 40
LAST_WORD = "zephyrine"  # at the end of every probe: whoever shows it has the whole letter
SEARCHES = {"search, rare in subjects": "subject:probe", "search, common": "invoice", "search, in texts": LAST_WORD}
NEWEST = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
YEARS = 8
UNREAD = 0.08
OPEN_THREADS = 120
ANSWERS = 0.38  # share of all letters that answer one of the open threads
ANSWERED = 0.2  # share of the letters between people, other than answers, that get any
# Shares of the letters that begin something: plain text, person-to-person HTML, newsletter, with an attachment.
KINDS = {"text": 0.62, "html": 0.15, "newsletter": 0.15, "attachment": 0.08}
BASE64_LINE = 57

VOCABULARY = """able about account agree almost answer april archive arrive autumn balance before board bridge budget build by
call carry chapter check client coffee column compare contract copy corner customer date delay deliver design detail draft
early edition engine estimate evening example expect figure final first follow forward friday garden harbour invoice issue
journey june kitchen later ledger letter library limit local manage map march meeting minute monday morning museum network
notice number offer office open order paper part payment people phone plan plant please point price project proposal quarter
question rather ready reason receive release remember reply report request result return review river room sample saturday
schedule school season second send server share short sign simple station still storage street summer supply table team
thanks that their there these ticket today tomorrow train travel tuesday under until update version visit wait warehouse
water wednesday week welcome window winter with without wonder work write year yesterday"""
WORDS = VOCABULARY.split()
PEOPLE = """Agnes Berg|Bruno Costa|Chiara Donati|David Evers|Elif Faruk|Fiona Grant|Gustav Holm|Hana Ito|Ivo Janda|Jana Král
Karim Lahlou|Lena Möller|Marek Nowák|Nadia Orlova|Oscar Pérez|Petra Quast|Rosa Silva|Søren Toft|Tove Uhl|Umar Vali
Vera Weiß|Wim Xander|Ясна Зорић|山口 花|Zoë Young""".replace("\n", "|").split("|")
SENDERS = ["Harbour Museum", "Garden Weekly", "Night Trains", "Paper & Ink", "Cloud Ledger", "City Library"]


@dataclass(frozen=True)
class Letter:
    """One message to file; ``flags`` are IMAP's system flags (RFC 3501 section 2.3.2), lines end with CRLF."""

    raw: bytes
    date: datetime
    flags: tuple[str, ...]


@dataclass
class _Thread:
    subject: str
    length: int
    ids: list[str] = field(default_factory=list)


class Writer:
    """Writes the letters of one folder, oldest first."""

    def __init__(self, seed: str, address: str) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.address = address
        self.threads: list[_Thread] = []
        self.paragraphs = [self._paragraph() for _ in range(300)]
        self.sections = [_quoted_printable(self._section(number)) for number in range(160)]
        self.style = _quoted_printable(self._style())
        self.noise = base64.encodebytes(self.random.randbytes(BASE64_LINE * 4000)).replace(b"\n", b"\r\n")
        self.noise_line = len(self.noise) // 4000

    def letters(self, count: int, *, probes: bool = False) -> Iterator[Letter]:
        """``count`` letters over the last years, denser towards today."""
        wanted = _probe_places(count) if probes else {}
        span = timedelta(days=365 * YEARS).total_seconds()
        for number in range(count):
            age = span * (1 - (number + self.random.random()) / count) ** 1.2
            yield self._letter(number, NEWEST - timedelta(seconds=int(age)), wanted.get(number))

    def _letter(self, number: int, date: datetime, probe: tuple[str, int] | None) -> Letter:
        chance = self.random
        ident = f"{number}.{binascii.crc32(self.seed.encode()):08x}@letters.example"
        name = chance.choice(PEOPLE)
        sender = f"{_word(name)} <person{PEOPLE.index(name)}@people{chance.randrange(40)}.example>"
        extra: list[str] = []
        thread = None
        if probe is not None:
            kind = "text" if probe[0] == "small" else "newsletter"
            subject = f"{PROBES[probe[0]]} {probe[1]:03d}"
        elif self.threads and chance.random() < ANSWERS:
            kind = "text" if chance.random() < 0.8 else "html"
            thread = chance.choice(self.threads)
            subject = f"Re: {thread.subject}"
            extra = [
                f"In-Reply-To: <{thread.ids[-1]}>",
                "References: " + "\r\n ".join(f"<{one}>" for one in thread.ids),
            ]
        else:
            kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
            subject = " ".join(chance.choices(WORDS, k=chance.randint(2, 6))).capitalize()
            if kind in {"text", "html"} and chance.random() < ANSWERED:
                thread = _Thread(subject, chance.randint(2, 12))
                self.threads = [*self.threads[1 - OPEN_THREADS :], thread]
        if thread is not None:
            thread.ids.append(ident)
            if len(thread.ids) == thread.length:
                self.threads.remove(thread)
        if kind == "newsletter":
            name = chance.choice(SENDERS)
            local = name.split()[0].lower()
            sender = f"{name} <news@{local}.example>"
            extra += [f"List-Id: <news.{local}.example>", f"List-Unsubscribe: <https://{local}.example/leave/{number}>"]
        head = [
            f"Return-Path: <bounce@mx{number % 7}.example>",
            f"Received: from mx{number % 7}.example (mx{number % 7}.example [192.0.2.{number % 250}])",
            f"\tby mail.example.test with ESMTPS id {chance.getrandbits(40):010X}; {format_datetime(date)}",
            f"DKIM-Signature: v=1; a=rsa-sha256; d=mx{number % 7}.example; s=one; h=from:to:subject:date;",
            f"\tb={base64.b64encode(chance.randbytes(48)).decode()}",
            f"From: {sender}",
            f"To: <{self.address}>",
            f"Subject: {subject}",
            f"Date: {format_datetime(date)}",
            f"Message-ID: <{ident}>",
            *extra,
            "MIME-Version: 1.0",
        ]
        raw = "\r\n".join(head).encode() + b"\r\n" + self._body(kind, number, probe=probe is not None)
        flags = [] if chance.random() < UNREAD and probe is None else ["\\Seen"]
        if chance.random() < 0.04:
            flags.append("\\Flagged")
        if thread is not None and chance.random() < 0.25:
            flags.append("\\Answered")
        return Letter(raw, date, tuple(flags))

    def _body(self, kind: str, number: int, *, probe: bool) -> bytes:
        chance = self.random
        text = "\r\n\r\n".join(chance.choices(self.paragraphs, k=chance.choice((1, 1, 2, 3, 5, 9))))
        last = f"{LAST_WORD if probe else 'Yours'}."
        text += f"\r\n\r\n{last}"
        plain = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n".encode()
        if kind == "text":
            return plain
        boundary = f"=_{chance.getrandbits(80):020x}"
        encoded = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        if kind == "html":
            lines = "".join(f"<p>{line}</p>\r\n" for line in text.split("\r\n\r\n"))
            html = f"<html><body>\r\n{lines}</body></html>\r\n".encode()
            rich = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html
            return _multipart("alternative", boundary, [plain, rich])
        if kind == "newsletter":
            size = 120_000 if probe else int(20_000 * math.exp(chance.random() * math.log(7.5)))
            html = b"".join(chance.choices(self.sections, k=max(4, size // len(self.sections[0]))))
            page = (
                b"<html><head>"
                + self.style
                + b"</head><body><table width=3D100%>\r\n"
                + html
                + f"</table><p>{last}</p></body></html>\r\n".encode()
            )
            return _multipart(
                "alternative", boundary, [plain, b"Content-Type: text/html; charset=utf-8\r\n" + encoded + page]
            )
        length = chance.randint(60, 1000)
        start = chance.randrange(4000 - length) * self.noise_line
        file = (
            f'Content-Type: application/pdf; name="report-{number}.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="report-{number}.pdf"\r\n\r\n'
        ).encode() + self.noise[start : start + length * self.noise_line]
        return _multipart("mixed", boundary, [plain, file])

    def _sentence(self, low: int = 5, high: int = 17) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randint(low, high))).capitalize() + "."

    def _paragraph(self) -> str:
        return "\r\n".join(self._sentence() for _ in range(self.random.randint(2, 9)))

    def _style(self) -> str:
        rules = [
            f".s{number}{{font:{self.random.randint(12, 22)}px/1.5 Georgia,serif;padding:{number % 24}px}}\n"
            for number in range(40)
        ]
        return (
            "<style>body{margin:0}img{border:0}" + "".join(rules) + "@media (max-width:600px){td{width:auto}}</style>"
        )

    def _section(self, number: int) -> str:
        color = f"#{self.random.getrandbits(24):06x}"
        link = f"https://click.example/{self.random.getrandbits(96):024x}"
        text = " ".join(self._sentence() for _ in range(self.random.randint(4, 9)))
        return (
            f'<tr><td align="center" style="padding:0 0 20px;background-color:#ffffff"><table role="presentation" '
            f'width="600" cellpadding="0" cellspacing="0" border="0" style="width:600px;margin:0 auto"><tr>'
            f'<td width="240" valign="top" style="padding:12px"><a href="{link}?m=1&amp;n={number}" style="color:{color};'
            f'text-decoration:none"><img src="https://pictures.example/{number}.jpg" width="240" height="160" '
            f'alt="{self._sentence(2, 4)}" style="display:block;border:0;width:240px;height:auto"></a></td>'
            f'<td valign="top" class="s{number % 40}" style="padding:12px;font-family:Georgia,serif;color:#333333;'
            f'font-size:15px;line-height:22px"><h2 style="margin:0 0 8px;font-size:20px;color:{color}">'
            f'{self._sentence(3, 6)} – №{number}</h2><p style="margin:0 0 12px">{text}</p><a href="{link}" '
            f'target="_blank" style="display:inline-block;padding:10px 18px;background-color:{color};color:#ffffff;'
            f'text-decoration:none">Read on</a></td></tr></table></td></tr>\n'
        )


def _probe_places(count: int) -> dict[int, tuple[str, int]]:
    """Spread over the middle sixth of the mailbox, the two kinds by turns."""
    total = min(PROBES_EACH * len(PROBES), count // 6)
    first, kinds = count // 2 - count // 12, list(PROBES)
    return {
        first + index * (count // 6) // max(1, total): (kinds[index % len(kinds)], index // len(kinds))
        for index in range(total)
    }


def _word(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode()


def _quoted_printable(text: str) -> bytes:
    return binascii.b2a_qp(text.encode()).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _multipart(subtype: str, boundary: str, parts: list[bytes]) -> bytes:
    line = f"--{boundary}\r\n".encode()
    return (
        f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
        + b"".join(line + part + b"\r\n" for part in parts)
        + f"--{boundary}--\r\n".encode()
    )
