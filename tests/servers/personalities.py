"""Providers as they behave towards a mail program: what they offer, what they do not say, where they lie, how they refuse."""

from typing import Any

from imapclient import imap_utf7

from tests.servers.personality_mail import Copy, Labels, Mail

_PLAIN = ("Sent", "Drafts", "Trash", "Junk")


def _wire(name: str) -> str:
    """In modified UTF-7 (RFC 3501 section 5.1.3)."""
    encoded: bytes = imap_utf7.encode(name)
    return encoded.decode("ascii")


def _named(*names: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, ()) for name in ("INBOX", *names))


class Personality:
    """A server without any peculiarity and without any extension: plain IMAP4rev1."""

    greeting = b"ready"
    before = "IMAP4rev1"
    after = "IMAP4rev1"
    signed_in = b"welcome"
    wrong_password = b"[AUTHENTICATIONFAILED] no such user or password"
    no_such_folder = b"[NONEXISTENT] no such folder"
    delimiter = "/"
    prefix = ""
    folders: tuple[tuple[str, tuple[str, ...]], ...] = _named(*_PLAIN)
    mail_class: type[Mail] = Mail
    tells_purposes = True
    lists_twice = False
    status_lacks: tuple[str, ...] = ()
    connections = 0  # allowed at a time; 0 is without limit
    too_many = b"[LIMIT] too many connections"
    message_limit: int | None = None
    enable_is_silent = False
    ignores_changedsince = False
    esearch_counts_only = False

    def __init__(self) -> None:
        self.mail = self.mail_class(self.folders)
        # Answers for the next commands, whatever they are, used up one by one; None lets a command pass.
        self.refusals: list[bytes | None] = []

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        """What is answered instead of carrying the command out; beginning with "* BYE" it ends the connection."""
        if self.refusals and session.signed_in and name not in {"LOGOUT", "CAPABILITY", "ID"}:
            return self.refusals.pop(0)
        return None

    def size(self, raw: bytes) -> int:
        return len(raw)

    def bodystructure(self, written: bytes) -> bytes:
        return written

    def content(self, raw: bytes, section: str, octets: bytes) -> bytes:
        return octets

    def written(self, copy: Copy, item: str, usual: bytes) -> bytes:
        """What a FETCH item of this message is answered with."""
        return usual

    def copyuid_order(self, targets: tuple[int, ...]) -> tuple[int, ...]:
        return targets


class Gmail(Personality):
    """Folders are labels; All Mail holds everything; 15 connections; another list of capabilities after the sign-in."""

    greeting = b"Gimap ready for requests from 127.0.0.1"
    before = (
        "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN"
    )
    after = (
        "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH "
        "UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"
    )
    wrong_password = (
        b"[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833"
    )
    no_such_folder = b"[NONEXISTENT] Unknown Mailbox: (Failure)"
    mail_class = Labels
    connections = 15
    too_many = b"[ALERT] Too many simultaneous connections. (Failure)"
    folders = (
        ("INBOX", ()),
        ("[Gmail]", ("\\HasChildren", "\\Noselect")),
        ("[Gmail]/All Mail", ("\\All",)),
        ("[Gmail]/Drafts", ("\\Drafts",)),
        ("[Gmail]/Sent Mail", ("\\Sent",)),
        ("[Gmail]/Spam", ("\\Junk",)),
        ("[Gmail]/Trash", ("\\Trash",)),
    )


class Exchange(Personality):
    """The smallest list of capabilities, sizes that are not true, and a farewell after ten errors."""

    greeting = b"The Microsoft Exchange IMAP4 service is ready."
    before = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
    after = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
    wrong_password = b"LOGIN failed."
    no_such_folder = b"Calendar doesn't exist."
    tells_purposes = False
    folders = _named("Sent Items", "Drafts", "Deleted Items", "Junk Email", "Archive", "Outbox")
    errors_allowed = 10

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        found = super().refusal(session, name, arguments)
        if found is not None and found.startswith(b"BAD"):
            session.errors += 1
            if session.errors > self.errors_allowed:
                return b"* BYE Connection is closed. 13"
        return found

    def size(self, raw: bytes) -> int:
        """Exchange converts messages when they are read, and counts them before."""
        return len(raw) + 217

    def bodystructure(self, written: bytes) -> bytes:
        """Parameters without a value, and a language where there is none."""
        return written.replace(b'"TEXT" "PLAIN" NIL', b'"TEXT" "PLAIN" ()')

    def content(self, raw: bytes, section: str, octets: bytes) -> bytes:
        return b"" if b"text/calendar" in raw and section in {"2", "2.MIME"} else octets


class ICloud(Personality):
    """Offers QRESYNC, CONDSTORE and ESEARCH, and does none of them right."""

    greeting = b"[CAPABILITY st0 QUOTA SASL-IR AUTH=ATOKEN AUTH=PLAIN ID IMAP4rev1] iCloud IMAP4rev1"
    before = "st0 QUOTA SASL-IR AUTH=ATOKEN AUTH=PLAIN ID IMAP4rev1"
    after = (
        "IMAP4rev1 ACL BINARY CATENATE CHILDREN CONDSTORE CONTEXT=SEARCH CONTEXT=SORT ENABLE ESEARCH ESORT I18NLEVEL=1 "
        "ID IDLE LITERAL+ MOVE MULTIAPPEND NAMESPACE PARTIAL QRESYNC SORT SORT=DISPLAY UIDPLUS UNSELECT URLAUTH WITHIN"
    )
    folders = _named("Sent Messages", "Drafts", "Deleted Messages", "Junk", "Archive")
    tells_purposes = False
    wrong_password = b"[AUTHENTICATIONFAILED] Authentication failed"
    enable_is_silent = True
    ignores_changedsince = True
    esearch_counts_only = True


class Yahoo(Personality):
    """At most a thousand messages per command, and the targets of a MOVE in another order than its sources."""

    greeting = b"[CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 ID MOVE NAMESPACE] IMAP4rev1 imapgate ready"
    before = "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 ID MOVE NAMESPACE"
    after = (
        "IMAP4rev1 ID MOVE NAMESPACE XYMHIGHESTMODSEQ UIDPLUS LITERAL+ CHILDREN UNSELECT IDLE OBJECTID LIST-EXTENDED "
        "SPECIAL-USE APPENDLIMIT=41697280 MESSAGELIMIT=1000"
    )
    wrong_password = b"[AUTHENTICATIONFAILED] LOGIN Invalid credentials"
    folders = (
        ("INBOX", ()),
        ("Archive", ("\\Archive",)),
        ("Bulk", ("\\Junk",)),
        ("Draft", ("\\Drafts",)),
        ("Sent", ("\\Sent",)),
        ("Trash", ("\\Trash",)),
    )
    message_limit = 1000
    connections = 5
    too_many = b"[LIMIT] LOGIN Rate limit hit."

    def copyuid_order(self, targets: tuple[int, ...]) -> tuple[int, ...]:
        return targets[::-1]


class NetEase(Personality):
    """Opens no folder before it knows who asks, and names no UIDNEXT."""

    greeting = b"Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5c])"
    before = after = "IMAP4rev1 XLIST SPECIAL-USE ID LITERAL+ STARTTLS XAPPLEPUSHSERVICE UIDPLUS X-CM-EXT-1"
    wrong_password = b"LOGIN Login error or password error"
    status_lacks = ("UIDNEXT",)
    folders = (
        ("INBOX", ()),
        (_wire("草稿箱"), ("\\Drafts",)),
        (_wire("已发送"), ("\\Sent",)),
        (_wire("已删除"), ("\\Trash",)),
        (_wire("垃圾邮件"), ("\\Junk",)),
    )

    def refusal(self, session: Any, name: str, arguments: list[Any]) -> bytes | None:
        if name in {"SELECT", "EXAMINE"} and not session.identified:
            return b"NO SELECT Unsafe Login. Please contact kefu@188.com for help"
        return super().refusal(session, name, arguments)


class OldCourier(Personality):
    """Everything lies below INBOX, purposes are not told, and there is no MOVE."""

    greeting = b"[CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE IDLE ACL ACL2=UNION] Courier-IMAP ready."
    before = after = (
        "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL ACL2=UNION"
    )
    wrong_password = b"Login failed."
    no_such_folder = b"Unable to open this mailbox."
    delimiter = "."
    prefix = "INBOX."
    tells_purposes = False
    folders = _named("INBOX.Sent", "INBOX.Drafts", "INBOX.Trash", "INBOX.spam")
    connections = 4
    too_many = b"Maximum connection limit reached for 127.0.0.1."


class HMailServer(Personality):
    """No UIDPLUS, no MOVE, no purposes, folders listed twice, and names in the language of its administrator."""

    greeting = b"IMAPrev1"
    before = after = "IMAP4 IMAP4rev1 CHILDREN IDLE QUOTA SORT ACL NAMESPACE RIGHTS=texk"
    wrong_password = b"Invalid user name or password."
    no_such_folder = b"Folder could not be found."
    delimiter = "."
    tells_purposes = False
    lists_twice = True
    folders = _named("Gesendete Elemente", _wire("Entwürfe"), "Papierkorb", "Junk-E-Mail")


ALL: tuple[type[Personality], ...] = (Gmail, Exchange, ICloud, Yahoo, NetEase, OldCourier, HMailServer)
