"""What is worth a second look about a sender: names that imitate, answers that go elsewhere, domains that look alike."""

import re
import unicodedata
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache

from webmail.mime.address import Address
from webmail.mime.domains import aligned, is_odd, looks_like, organisation, skeleton
from webmail.mime.headers import display_text

# What a note is called where it is stored; the words of the pages stand in webmail.views.senders.
NOBODY, SEVERAL, IN_NAME, OWN_NAME, KNOWN_NAME = "nobody", "several", "in-name", "own-name", "known-name"
REPLY_TO, LOOKS_LIKE, ODD_DOMAIN, FIRST = "reply-to", "looks-like", "odd-domain", "first"
RECEIPT = "receipt"  # and the address it is to go to, until the person has decided

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_BLANKS = re.compile(r"\s*([@.])\s*")
_WORD = re.compile(r"[\w']+")
_NAME_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Whom a person knows. ``names`` maps :func:`name_key` to the addresses of that name, ``domains`` skeletons to domains."""

    own: Set[str] = frozenset()
    own_names: Set[str] = frozenset()
    names: Mapping[str, Set[str]] = field(default_factory=dict)
    addresses: Set[str] = frozenset()
    domains: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    """``name`` so that imitations of it are equal: look-alike letters, order of words and signs make no difference.

    "" for a single word: too many people are called that.
    """
    words = sorted(_WORD.findall(skeleton(unicodedata.normalize("NFKC", display_text(name[:_NAME_LIMIT])))))
    return " ".join(words) if len(words) > 1 else ""


def domain_table(addresses: Set[str]) -> dict[str, str]:
    """The registered domains of ``addresses`` by their skeletons."""
    found = {organisation(address.rpartition("@")[2]) for address in addresses}
    return {looks_like(domain): domain for domain in sorted(found) if domain}


def notes(senders: list[Address], reply_to: list[Address], known: Acquaintance) -> list[list[str]]:
    """[[kind, detail, …], …] about the mailboxes of the From fields; each kind once, at most five."""
    if len(senders) != 1 or not senders[0].address:
        return [[SEVERAL if len(senders) > 1 else NOBODY]]
    name, address = senders[0]
    lowered = address.casefold()
    if lowered in known.own:
        return []
    found: list[list[str]] = []
    domain = lowered.rpartition("@")[2]
    inside = _ADDRESS.search(_BLANKS.sub(r"\1", unicodedata.normalize("NFKC", name[:_NAME_LIMIT])))
    if inside is not None and not aligned(inside[0].rpartition("@")[2], domain):
        found.append([IN_NAME, inside[0], address])
    elif key := name_key(name):
        if key in known.own_names:
            found.append([OWN_NAME, address])
        elif lowered not in known.addresses and (others := known.names.get(key)) and lowered not in others:
            found.append([KNOWN_NAME, display_text(name)[:_NAME_LIMIT], min(others)])
    if lowered not in known.addresses:
        if (alike := known.domains.get(looks_like(domain))) and alike != organisation(domain):
            found.append([LOOKS_LIKE, organisation(domain), alike])
        elif is_odd(domain):
            found.append([ODD_DOMAIN, organisation(domain) or domain[:253]])
    elsewhere = [
        each.address
        for each in reply_to
        if "@" in each.address
        and each.address.casefold() not in known.own | known.addresses
        and not aligned(each.address.rpartition("@")[2], domain)
    ]
    if elsewhere:
        found.append([REPLY_TO, elsewhere[0][:320], address])
    return found
