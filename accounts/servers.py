"""Which servers an address belongs to: the administrator's word first, guesses last.

A password goes only to a server that this module named: from a preset, remembered on this device, typed, from the table
of providers, or found by name in the address's own domain with a verified certificate.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from django.conf import settings

from webmail.errors import AskUser, Reason
from webmail.imap.types import Endpoint

from .discovery import discover_incoming, discover_outgoing
from .models import MailAccount, ProviderPreset, sign_in_key
from .providers import files_sent, provider_of

EVERYBODY = "*"


class Origin(StrEnum):
    PRESET = "preset"
    REMEMBERED = "remembered"
    TYPED = "typed"
    PROVIDER = "provider"
    DISCOVERED = "discovered"


@dataclass(frozen=True, slots=True)
class Typed:
    """What the person entered under "More settings"; None and "" mean left open."""

    imap: Endpoint | None = None
    smtp: Endpoint | None = None
    username: str = ""
    smtp_username: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a mailbox is read and handed in. ``smtp`` is None when no outgoing server could be found."""

    origin: Origin
    imap: Endpoint
    smtp: Endpoint | None
    username: str
    smtp_username: str = ""
    saves_sent: bool = False
    hint: str = ""
    typed_ignored: bool = False


def endpoint(host: str, port: int, security: str) -> Endpoint:
    return Endpoint(host, port, security, settings.TRUSTED_CA_FILE)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def find_servers(address: str, typed: Typed, remembered: Found | None = None) -> Found:
    """Raise AskUser (reason HOST or UNSUPPORTED) if no server is known, none is found, or none is allowed.

    May look names up and connect, for a few seconds in all; no password is sent.
    """
    found = _find(address, typed, remembered)
    if found.origin == Origin.PRESET:
        found = replace(found, typed_ignored=_differs(typed, found))
    elif typed.smtp is not None:
        found = replace(found, smtp=typed.smtp)
    return replace(
        found,
        username=typed.username or found.username,
        smtp_username=typed.smtp_username or found.smtp_username,
        saves_sent=found.saves_sent or (found.smtp is not None and files_sent(found.smtp.host)),
    )


def find_outgoing(address: str, incoming_host: str) -> Endpoint | None:
    """Where mail of this address is handed in when nobody has said so. May look names up for a few seconds."""
    domain = domain_of(address)
    preset = _preset(domain, address) or _preset(EVERYBODY, address)
    return preset.smtp if preset is not None else _outgoing(domain, incoming_host)


def hint_for(address: str) -> str:
    """What somebody whose sign-in was refused has to know about this provider; "" when there is nothing."""
    domain = domain_of(address)
    preset = _preset(domain, address) or _preset(EVERYBODY, address)
    if preset is not None:
        return preset.hint
    provider = provider_of(domain)
    return provider.hint if provider is not None else ""


def _find(address: str, typed: Typed, remembered: Found | None) -> Found:
    domain = domain_of(address)
    if (preset := _preset(domain, address)) is not None:
        return preset
    everybody = _preset(EVERYBODY, address)
    typing_counts = settings.ALLOW_ANY_SERVER and everybody is None and typed.imap is not None
    if remembered is not None and not typing_counts and _still_allowed(remembered):
        return remembered
    if everybody is not None:
        return everybody
    if not settings.ALLOW_ANY_SERVER:
        raise AskUser(
            Reason.UNSUPPORTED,
            f"Mail of {domain} cannot be read here. Ask the administrator of this site to add its servers.",
        )
    if typed.imap is not None:
        return Found(Origin.TYPED, typed.imap, typed.smtp or _outgoing(domain, typed.imap.host), address)
    return _provider(domain, address) or _discovered(domain, address)


def _preset(domain: str, address: str) -> Found | None:
    preset = ProviderPreset.objects.filter(domain__iexact=domain).first()
    if preset is None:
        return None
    local, _, own_domain = address.rpartition("@")
    username = preset.username_template
    for name, value in (("{address}", address), ("{local}", local), ("{domain}", own_domain)):
        username = username.replace(name, value)
    return Found(
        Origin.PRESET,
        endpoint(preset.imap_host.lower(), preset.imap_port, preset.imap_security),
        endpoint(preset.smtp_host.lower(), preset.smtp_port, preset.smtp_security) if preset.smtp_host else None,
        username,
        saves_sent=preset.saves_sent,
        hint=preset.hint,
    )


def _still_allowed(remembered: Found) -> bool:
    """The cookie may be older than the administrator's decision; who already has an account here keeps it."""
    if settings.ALLOW_ANY_SERVER:
        return True
    return MailAccount.objects.filter(sign_in_key=sign_in_key(remembered.imap, remembered.username)).exists()


def _provider(domain: str, address: str) -> Found | None:
    provider = provider_of(domain)
    if provider is None:
        return None
    if provider.unusable:
        raise AskUser(Reason.UNSUPPORTED, provider.unusable)
    return Found(
        Origin.PROVIDER,
        endpoint(*provider.imap),
        endpoint(*provider.smtp),
        address,
        saves_sent=provider.saves_sent,
        hint=provider.hint,
    )


def _discovered(domain: str, address: str) -> Found:
    imap = endpoint(*discover_incoming(domain))
    return Found(Origin.DISCOVERED, imap, _outgoing(domain, imap.host), address)


def _outgoing(domain: str, imap_host: str) -> Endpoint | None:
    provider = provider_of(domain)
    if provider is not None and not provider.unusable:
        return endpoint(*provider.smtp)
    found = discover_outgoing(domain, imap_host)
    return endpoint(*found) if found is not None else None


def _differs(typed: Typed, found: Found) -> bool:
    return (typed.imap is not None and typed.imap != found.imap) or (
        typed.smtp is not None and typed.smtp != found.smtp
    )
