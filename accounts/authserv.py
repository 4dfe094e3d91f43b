"""Whose Authentication-Results are believed for the mail of an account: what was named for it, or what is known."""

from dataclasses import replace

from webmail.mime.authentication import NAMELESS, Trust, trusted_names
from webmail.mime.domains import organisation

from .models import MailAccount, ProviderPreset
from .servers import EVERYBODY, domain_of

# By the registered domain of the server that mail is read from.
_GOOGLE = Trust(("mx.google.com",), hosts=("google.com",))
_MICROSOFT = Trust((NAMELESS,), hosts=("outlook.com", "office365.com"))
_APPLE = Trust(("*.icloud.com",), several=True, hosts=("icloud.com", "me.com", "apple.com"))
_YAHOO = Trust(("*.yahoo.com",), hosts=("yahoo.com",))
_YANDEX = Trust(("*.yandex.net",), hosts=("yandex.net",))
KNOWN = {
    "gmail.com": _GOOGLE,
    "googlemail.com": _GOOGLE,
    "office365.com": _MICROSOFT,
    "outlook.com": _MICROSOFT,
    "me.com": _APPLE,
    "icloud.com": _APPLE,
    "fastmail.com": Trust(("*.messagingengine.com",), hosts=("messagingengine.com", "internal")),
    "messagingengine.com": Trust(("*.messagingengine.com",), hosts=("messagingengine.com", "internal")),
    "yahoo.com": _YAHOO,
    "aol.com": _YAHOO,
    "gmx.net": Trust(("gmx.net",), hosts=("gmx.net",)),
    "gmx.com": Trust(("gmx.net", "gmx.com"), hosts=("gmx.net", "gmx.com")),
    "web.de": Trust(("web.de",), hosts=("web.de",)),
    "zoho.com": Trust(("mx.zohomail.com",), hosts=("zoho.com", "zohomail.com")),
    "yandex.com": _YANDEX,
    "yandex.ru": _YANDEX,
    "mail.ru": Trust(("*.mail.ru",), hosts=("mail.ru",)),
}


def trust_of(account: MailAccount) -> Trust:
    """What was set for the account, else for its domain in a preset, else what is known of its provider.

    Otherwise the names below the registered domain of its own server, but only where no sender can write.
    """
    home = organisation(_incoming(account))
    known = KNOWN.get(home, Trust())
    if named := _set(account.authserv_id) or _preset(account):
        return replace(known, ids=named, named=True)
    if known.ids or not home:
        return known
    return Trust((home, f"*.{home}"), named=False)


def _incoming(account: MailAccount) -> str:
    download = getattr(account, "download", None) if account.is_local else None
    return download.host if download is not None else account.imap_host


def _preset(account: MailAccount) -> tuple[str, ...]:
    domain = domain_of(account.address)
    found = dict(
        ProviderPreset.objects.filter(domain__in=[domain, EVERYBODY])
        .exclude(authserv_id="")
        .values_list("domain", "authserv_id")
    )
    return _set(found.get(domain) or found.get(EVERYBODY, ""))


def _set(text: str) -> tuple[str, ...]:
    try:
        return trusted_names(text)
    except ValueError:
        return ()
