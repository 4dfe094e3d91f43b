"""Which servers may be asked: public addresses only, whatever a name in a mail resolves to."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from webmail import resolver

# The usual ports of web servers and those beside them; behind any other may stand a service that takes our request for
# a command of its own.
PORTS = frozenset({80, 443, 8080, 8443})
LONGEST = 2_000
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_IN_PATH = "!$%&'()*+,-./:;=?@[]_~#"
# What is_global lets through, or has let through in older versions of Python.
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Transition addresses stand for an IPv4 one, which would have to be judged in their place.
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"),
    )
]
_UNICAST = ipaddress.ip_network("2000::/3")


class Refused(Exception):
    """Not to be asked, or not a fit answer; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask: ``host`` as named, for Host, SNI and certificate; ``path`` with the query."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver writes it, is one of the public Internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.version == 6 and (found.scope_id or found not in _UNICAST):
        return False
    special = found.is_private or found.is_reserved or found.is_loopback or found.is_link_local or found.is_multicast
    return found.is_global and not special and not any(found in network for network in _NEVER)


def target(url: str) -> Target:
    """Raise Refused for what is no plain http or https address on a usual port."""
    if len(url) > LONGEST:
        raise Refused("the address is too long")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        name = host if ":" in host else host.encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        raise Refused("the address makes no sense") from None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
        raise Refused("not an address of a picture")
    tls = parts.scheme == "https"
    port = (443 if tls else 80) if port is None else port
    if port not in PORTS:
        raise Refused(f"port {port}")
    if ":" in name or not _NAME.fullmatch(name) or "." not in name.rstrip("."):
        # Numbers pass as names here; the resolver reads them as it always does and the result is judged.
        raise Refused("not the name of a public host")
    path = quote(parts.path or "/", safe=_IN_PATH) + (f"?{quote(parts.query, safe=_IN_PATH)}" if parts.query else "")
    return Target(tls, name.rstrip("."), port, path)


def looked_up(goal: Target, timeout: float) -> list[Any]:
    """What getaddrinfo says of its host. Raise Refused when any address is not public, OSError when there is none.

    A name with one public and one private address is a trap, not a server.
    """
    found = resolver.addresses(goal.host, goal.port, timeout)
    if not found:
        raise Refused("the name has no address")
    for *_, address in found:
        if not is_public(str(address[0])):
            raise Refused(f"{goal.host} is at {address[0]}")
    return found
