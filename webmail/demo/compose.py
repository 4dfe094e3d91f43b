"""Puts the sample messages together: headers, plain and HTML text, quotes, attachments (RFC 5322, RFC 2045)."""

import html
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from webmail.demo.content import files
from webmail.demo.content.bulk import Newsletter
from webmail.demo.content.people import OWNER, Person

POLICY = SMTP.clone(max_line_length=200)


@dataclass
class Letter:
    """One message to be written; ``answers`` is the one it replies to."""

    sender: Person
    to: tuple[Person, ...]
    subject: str
    text: str
    date: datetime
    number: int
    cc: tuple[Person, ...] = ()
    html: str = ""
    attach: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    answers: "Letter | None" = None

    @property
    def message_id(self) -> str:
        return f"<{self.date:%Y%m%d%H%M%S}.{self.number}@{self.sender.address.partition('@')[2]}>"

    @property
    def references(self) -> list[str]:
        return [*self.answers.references, self.answers.message_id] if self.answers else []


def attachment(spec: str, date: datetime) -> tuple[bytes, str, str, str]:
    """Content, main type, subtype and file name for a spec such as ``pdf:Plan.pdf|Title``."""
    kind, _, rest = spec.partition(":")
    name, _, about = rest.partition("|")
    if kind == "png":
        return files.landscape(about or "fjord"), "image", "png", name
    if kind == "banner":
        return files.banner(about), "image", "png", name
    if kind == "pdf":
        lines = [f"Fjordworks studio, {date:%d %B %Y}", "", "1  Preparation and survey\t4 h", "2  Drawings\t11 h"]
        lines += ["3  Site visits\t3 visits", "4  Samples and delivery\tas offered", "", "Ida Solberg"]
        return files.document(about or name, lines), "application", "pdf", name
    if kind == "csv":
        rows = (("room", "m2", "per month"), ("Studio today", "112", "2890"), ("Harbour, 2nd floor", "98", "1990"))
        return files.table(rows), "text", "csv", name
    if kind == "ics":
        start = (date + timedelta(days=2)).replace(hour=8, minute=0, second=0, microsecond=0)
        return (
            files.invitation(name, "emil@sorensen-bygg.example", OWNER.address, start),
            "text",
            "calendar",
            "invite.ics",
        )
    raise ValueError(f"unknown attachment {spec!r}")


def _paragraphs(text: str) -> str:
    parts = [html.escape(part).replace("\n", "<br>\n") for part in text.split("\n\n")]
    return "".join(f"<p>{part}</p>\n" for part in parts)


def _attribution(letter: Letter) -> str:
    return f"On {letter.date:%a, %d %b %Y at %H:%M}, {letter.sender.name} <{letter.sender.address}> wrote:"


def _plain(letter: Letter, *, depth: int = 2) -> str:
    text = letter.text
    if letter.answers and depth:
        quoted = "\n".join(f"> {line}".rstrip() for line in _plain(letter.answers, depth=depth - 1).splitlines())
        text += f"\n\n{_attribution(letter.answers)}\n{quoted}"
    return text


def _rich(letter: Letter, *, depth: int = 2) -> str:
    body = letter.html or _paragraphs(letter.text)
    if letter.html:
        body = body.replace("cid:banner", "cid:" + _content_id(letter, 0))
    for number in range(0 if letter.html else len(letter.inline)):
        body += f'<p><img src="cid:{_content_id(letter, number)}" width="480" alt=""></p>\n'
    if letter.answers and depth:
        quoted = (
            _rich(letter.answers, depth=depth - 1) if not letter.answers.inline else _paragraphs(letter.answers.text)
        )
        body += (
            f'<div class="gmail_quote"><div>{html.escape(_attribution(letter.answers))}</div>\n'
            f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">'
            f"{quoted}</blockquote></div>\n"
        )
    return body


def _content_id(letter: Letter, number: int) -> str:
    return f"part{number}.{letter.message_id[1:-1]}"


def write(letter: Letter) -> bytes:
    """The message as it travels, with CRLF line ends."""
    message = EmailMessage(policy=POLICY)
    message["From"] = formataddr((letter.sender.name, letter.sender.address))
    message["To"] = ", ".join(formataddr((person.name, person.address)) for person in letter.to)
    if letter.cc:
        message["Cc"] = ", ".join(formataddr((person.name, person.address)) for person in letter.cc)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.date)
    message["Message-ID"] = letter.message_id
    if letter.answers:
        message["In-Reply-To"] = letter.answers.message_id
        message["References"] = " ".join(letter.references[-8:])
    for name, value in letter.headers.items():
        message[name] = value
    message.set_content(_plain(letter) + "\n")
    if letter.html or letter.inline or letter.number % 3:
        message.add_alternative(f"<!DOCTYPE html>\n<html><body>\n{_rich(letter)}</body></html>\n", subtype="html")
        rich = message.get_payload(1)
        for number, spec in enumerate(letter.inline):
            content, main, sub, name = attachment(spec, letter.date)
            if isinstance(rich, EmailMessage):
                rich.add_related(
                    content, main, sub, cid=f"<{_content_id(letter, number)}>", filename=name, disposition="inline"
                )
    for spec in letter.attach:
        content, main, sub, name = attachment(spec, letter.date)
        message.add_attachment(content, main, sub, filename=name)
    return message.as_bytes()


def newsletter_html(paper: Newsletter, headline: str, teasers: tuple[str, ...], issue: int) -> str:
    """Layout tables with inline styles, the way newsletters are really made."""
    host = paper.address.partition("@")[2]
    picture = f"https://images.{host}/{issue}/top.png" if paper.remote else "cid:banner"
    rows = "".join(
        '<tr><td style="padding:14px 28px;border-top:1px solid #e6e2da">'
        f'<p style="margin:0 0 6px;font-size:17px;line-height:22px"><a href="https://{host}/{issue}/{number}" '
        f'style="color:{paper.accent};text-decoration:none">{html.escape(teaser)}</a></p>'
        '<p style="margin:0;font-size:14px;line-height:21px;color:#5a564e">Four minutes to read, one picture, no quiz '
        "at the end.</p></td></tr>"
        for number, teaser in enumerate(teasers, 1)
    )
    return (
        "<style>@media (max-width:600px){.outer{width:100%!important}}</style>"
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f1ea"><tr>'
        '<td align="center" style="padding:24px 8px"><table role="presentation" class="outer" width="560" cellpadding="0" '
        'cellspacing="0" style="background:#ffffff;font-family:Georgia,serif;color:#2a2823">'
        f'<tr><td><img src="{picture}" width="560" height="120" alt="" style="display:block;width:100%"></td></tr>'
        f'<tr><td style="padding:24px 28px 8px"><p style="margin:0 0 8px;font:bold 12px Arial,sans-serif;color:{paper.accent};'
        f'letter-spacing:1px">{html.escape(paper.sender.upper())} · NO. {issue}</p>'
        f'<h1 style="margin:0 0 8px;font-size:28px;line-height:34px;font-weight:normal">{html.escape(headline)}</h1></td></tr>'
        f'{rows}<tr><td align="center" style="padding:20px"><table role="presentation" cellpadding="0" cellspacing="0"><tr>'
        f'<td style="background:{paper.accent};border-radius:4px"><a href="https://{host}/{issue}" '
        'style="display:inline-block;padding:10px 22px;font:14px Arial,sans-serif;color:#ffffff;text-decoration:none">'
        "Read the whole issue</a></td></tr></table></td></tr>"
        f'<tr><td style="padding:16px 28px 28px;font:12px/18px Arial,sans-serif;color:#8a857a">You receive this because you '
        f'subscribed. <a href="https://{host}/unsubscribe" style="color:#8a857a">Unsubscribe</a></td></tr>'
        "</table></td></tr></table>"
    )
