"""Who gives mail addresses to everybody."""

from webmail.mime.domains import organisation


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Behind the addresses of these stand people, not one sender.
FREEMAIL = _words(
    "126.com 163.com aol.com bluewin.ch comcast.net duck.com fastmail.com fastmail.fm free.fr freenet.de gmail.com "
    "gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.com hotmail.co.uk hotmail.de hotmail.fr "
    "hotmail.it icloud.com laposte.net libero.it live.com live.de live.fr live.nl mac.com mail.com mail.ru mailbox.org "
    "mailfence.com me.com msn.com naver.com orange.fr outlook.com outlook.de outlook.fr pm.me posteo.de posteo.net "
    "proton.me protonmail.com protonmail.ch qq.com rediffmail.com rocketmail.com seznam.cz sina.com t-online.de "
    "tuta.com tutanota.com tutanota.de virgilio.it wanadoo.fr web.de wp.pl yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de "
    "yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com"
)


def organisation_of(address: str) -> str:
    """The registered domain of a mail address; "" where there is none, and where it says nothing about who writes."""
    domain = organisation(address.rpartition("@")[2]) if "@" in address else ""
    return "" if domain in FREEMAIL else domain
