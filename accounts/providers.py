"""Well-known mail providers: their servers and what a person has to know to sign in there."""

from dataclasses import dataclass
from typing import TypedDict

APP_PASSWORD = "Use an app password: {name} does not accept the usual one from mail programs."  # noqa: S105
SWITCH_ON = "IMAP has to be allowed in the settings of {name} first."


@dataclass(frozen=True, slots=True)
class Provider:
    """``imap`` and ``smtp`` are (host, port, security); ``unusable`` says why a password can never work."""

    name: str
    domains: tuple[str, ...]
    imap: tuple[str, int, str] = ("", 0, "")
    smtp: tuple[str, int, str] = ("", 0, "")
    username: str = "{address}"
    saves_sent: bool = False
    advice: str = ""
    unusable: str = ""

    @property
    def hint(self) -> str:
        return self.advice.format(name=self.name)


class Places(TypedDict):
    imap: tuple[str, int, str]
    smtp: tuple[str, int, str]


def _tls(imap: str, smtp: str) -> Places:
    return {"imap": (imap, 993, "tls"), "smtp": (smtp, 465, "tls")}


def _starttls(imap: str, smtp: str) -> Places:
    return {"imap": (imap, 993, "tls"), "smtp": (smtp, 587, "starttls")}


PROVIDERS = (
    Provider(
        "Gmail",
        ("gmail.com", "googlemail.com"),
        **_tls("imap.gmail.com", "smtp.gmail.com"),
        saves_sent=True,
        advice=APP_PASSWORD,
    ),
    Provider(
        "Outlook.com",
        ("outlook.com", "outlook.de", "outlook.fr", "hotmail.com", "hotmail.de", "hotmail.fr", "live.com", "msn.com"),
        unusable="Outlook.com accepts no passwords from mail programs any more, so its mail cannot be read here.",
    ),
    Provider(
        "Microsoft 365",
        ("office365.com",),
        **_starttls("outlook.office365.com", "smtp.office365.com"),
        saves_sent=True,
        advice="Most organisations have switched off passwords for mail programs; the administrator can tell.",
    ),
    Provider(
        "iCloud",
        ("icloud.com", "me.com", "mac.com"),
        **_starttls("imap.mail.me.com", "smtp.mail.me.com"),
        advice=APP_PASSWORD,
    ),
    Provider(
        "Yahoo",
        ("yahoo.com", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.co.uk", "ymail.com", "rocketmail.com"),
        **_tls("imap.mail.yahoo.com", "smtp.mail.yahoo.com"),
        advice=APP_PASSWORD,
    ),
    Provider("AOL", ("aol.com", "aim.com"), **_tls("imap.aol.com", "smtp.aol.com"), advice=APP_PASSWORD),
    Provider(
        "Fastmail",
        ("fastmail.com", "fastmail.fm"),
        **_tls("imap.fastmail.com", "smtp.fastmail.com"),
        advice=APP_PASSWORD,
    ),
    Provider(
        "GMX",
        ("gmx.net", "gmx.de", "gmx.at", "gmx.ch"),
        **_tls("imap.gmx.net", "mail.gmx.net"),
        advice=SWITCH_ON,
    ),
    Provider("GMX", ("gmx.com", "gmx.co.uk"), **_tls("imap.gmx.com", "mail.gmx.com"), advice=SWITCH_ON),
    Provider("WEB.DE", ("web.de",), **_starttls("imap.web.de", "smtp.web.de"), advice=SWITCH_ON),
    Provider("mail.com", ("mail.com", "email.com"), **_tls("imap.mail.com", "smtp.mail.com"), advice=SWITCH_ON),
    Provider("T-Online", ("t-online.de",), **_tls("secureimap.t-online.de", "securesmtp.t-online.de")),
    Provider("freenet", ("freenet.de",), **_starttls("mx.freenet.de", "mx.freenet.de")),
    Provider("Posteo", ("posteo.de", "posteo.net"), **_tls("posteo.de", "posteo.de")),
    Provider("mailbox.org", ("mailbox.org",), **_tls("imap.mailbox.org", "smtp.mailbox.org")),
    Provider("Zoho", ("zoho.com", "zohomail.com"), **_tls("imap.zoho.com", "smtp.zoho.com"), advice=SWITCH_ON),
    Provider("Orange", ("orange.fr", "wanadoo.fr"), **_tls("imap.orange.fr", "smtp.orange.fr")),
    Provider("Free", ("free.fr",), **_tls("imap.free.fr", "smtp.free.fr")),
    Provider("La Poste", ("laposte.net",), **_tls("imap.laposte.net", "smtp.laposte.net")),
    Provider("Libero", ("libero.it",), **_tls("imapmail.libero.it", "smtp.libero.it")),
    Provider("Seznam", ("seznam.cz", "email.cz"), **_tls("imap.seznam.cz", "smtp.seznam.cz"), advice=SWITCH_ON),
    Provider(
        "Mail.ru",
        ("mail.ru", "inbox.ru", "list.ru", "bk.ru"),
        **_tls("imap.mail.ru", "smtp.mail.ru"),
        advice=APP_PASSWORD,
    ),
    Provider(
        "Yandex",
        ("yandex.ru", "yandex.com", "ya.ru"),
        **_tls("imap.yandex.com", "smtp.yandex.com"),
        advice=APP_PASSWORD,
    ),
    Provider("QQ Mail", ("qq.com", "foxmail.com"), **_tls("imap.qq.com", "smtp.qq.com"), advice=APP_PASSWORD),
    Provider("NetEase", ("163.com",), **_tls("imap.163.com", "smtp.163.com"), advice=APP_PASSWORD),
    Provider("NetEase", ("126.com",), **_tls("imap.126.com", "smtp.126.com"), advice=APP_PASSWORD),
    Provider(
        "Proton Mail",
        ("proton.me", "protonmail.com", "pm.me"),
        unusable="Proton Mail can be read through Proton Bridge only: enter the Bridge's servers under “More settings”.",
    ),
    Provider(
        "Tuta",
        ("tuta.com", "tutanota.com", "tutanota.de"),
        unusable="Tuta offers no IMAP, so its mail cannot be read here.",
    ),
)

_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}


def provider_of(domain: str) -> Provider | None:
    return _BY_DOMAIN.get(domain)


def files_sent(smtp_host: str) -> bool:
    """Whether what is handed in there stands in the mailbox's Sent by itself, whatever the domain of the address."""
    host = smtp_host.lower().rstrip(".")
    return any(provider.saves_sent and provider.smtp[0] == host for provider in PROVIDERS)
