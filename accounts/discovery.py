"""Finding the servers of a domain by their usual names. Only greetings are read; no password is ever sent from here."""

import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import monotonic

from django.conf import settings

from webmail.errors import AskUser, Reason
from webmail.tls import tls_context

SECONDS = 3.0
# Looking a name up has no time limit of its own, so the whole search has one.
SECONDS_IN_ALL = 4.0
GREETING_OCTETS = 512

Place = tuple[str, int, str]


def incoming_places(domain: str) -> list[Place]:
    """In order of preference: implicit TLS (RFC 8314 section 3.2), then STARTTLS."""
    hosts = (f"imap.{domain}", f"mail.{domain}")
    return [(host, 993, "tls") for host in hosts] + [(host, 143, "starttls") for host in hosts]


def outgoing_places(domain: str, imap_host: str) -> list[Place]:
    """Implicit TLS (RFC 8314 section 3.3), then STARTTLS; the server that holds the mailbox may be both."""
    hosts = tuple(dict.fromkeys((f"smtp.{domain}", f"mail.{domain}", imap_host)))
    return [(host, 465, "tls") for host in hosts] + [(host, 587, "starttls") for host in hosts]


def discover_incoming(domain: str) -> Place:
    """Raise AskUser if nothing usable answers; its sentence says what was found instead."""
    found, faulty = _first_answering(incoming_places(domain), b"* OK")
    if found is not None:
        return found
    if faulty is not None:
        raise AskUser(
            Reason.CERTIFICATE,
            f"{faulty} answers for {domain}, but its certificate is not valid for that name, so no password was sent."
            " Enter the right servers under “More settings”.",
        )
    raise AskUser(
        Reason.HOST,
        f"No mail server was found for {domain}. Check the address, or enter the servers under “More settings”.",
    )


def discover_outgoing(domain: str, imap_host: str) -> Place | None:
    return _first_answering(outgoing_places(domain, imap_host), b"220")[0]


def _first_answering(places: Sequence[Place], greeting: bytes) -> tuple[Place | None, str | None]:
    """The first place in order that answers properly, and a host whose certificate is the only thing wrong."""
    executor = ThreadPoolExecutor(max_workers=len(places), thread_name_prefix="discovery")
    try:
        answers = [executor.submit(_answers, place, greeting) for place in places]
        return _best(places, answers, monotonic() + SECONDS_IN_ALL)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _best(places: Sequence[Place], answers: list[Future[bool]], until: float) -> tuple[Place | None, str | None]:
    faulty = None
    for place, answer in zip(places, answers, strict=True):
        wait([answer], timeout=max(0.0, until - monotonic()))
        if not answer.done():
            continue
        error = answer.exception()
        if error is None and answer.result():
            return place, None
        if isinstance(error, ssl.SSLCertVerificationError):
            faulty = faulty or place[0]
    return None, faulty


def _answers(place: Place, greeting: bytes) -> bool:
    """Whether a server of the wanted kind greets there. A certificate that cannot be verified raises."""
    host, port, security = place
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as plain:
            plain.settimeout(SECONDS)
            if security != "tls":
                return _greets(plain.recv, greeting)
            with tls_context(settings.TRUSTED_CA_FILE).wrap_socket(plain, server_hostname=host) as encrypted:
                return _greets(encrypted.recv, greeting)
    except ssl.SSLCertVerificationError:
        raise
    except (OSError, UnicodeError):
        return False


def _greets(receive: Callable[[int], bytes], greeting: bytes) -> bool:
    received = b""
    while len(received) < len(greeting):
        piece = receive(GREETING_OCTETS)
        if not piece:
            return False
        received += piece
    return received.upper().startswith(greeting)
