"""The mail transfer agent behind the demo's submission service: local mail goes to LMTP, the rest into a directory.

Nothing ever leaves the machine: a message for a foreign address is kept as one ``.eml`` per recipient, so that a person
trying the product can write to anybody and look at what would have been sent.
"""

import asyncio
import re
import smtplib
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 64 * 1024 * 1024
START_SECONDS = 5.0
LMTP_SECONDS = 30.0


class _Handler:
    def __init__(self, relay: "Relay") -> None:
        self.relay = relay

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content or b""
        sender = envelope.mail_from or ""
        local = [address for address in envelope.rcpt_tos if self.relay.is_local(address)]
        foreign = [address for address in envelope.rcpt_tos if not self.relay.is_local(address)]
        if local:
            refusal = await asyncio.to_thread(self.relay.deliver, sender, local, content)
            if refusal:
                return refusal
        for address in foreign:
            await asyncio.to_thread(self.relay.keep, sender, address, content)
        return "250 2.0.0 OK"


def _reply(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} " + re.sub(r"\s+", " ", text)


class Relay:
    """An SMTP server on a loopback port, in a thread of this process.

    ``lmtp`` is the (host, port) that takes mail for ``domain``; ``outbound`` is where foreign copies are kept.
    """

    def __init__(self, *, host: str, port: int, lmtp: tuple[str, int], domain: str, outbound: Path) -> None:
        self.host = host
        self.port = port
        self.lmtp = lmtp
        self.domain = domain.lower()
        self.outbound = outbound
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None

    def is_local(self, address: str) -> bool:
        return address.lower().rpartition("@")[2] == self.domain

    def deliver(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Hand the message to LMTP (RFC 2033); returns the refusal of the last recipient, or an empty string."""
        try:
            with smtplib.LMTP(*self.lmtp, local_hostname="localhost", timeout=LMTP_SECONDS) as client:
                refused = client.sendmail(sender, list(recipients), content)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPResponseException as error:
            return _reply(error.smtp_code, error.smtp_error)
        except OSError:
            return "451 4.4.1 The mailbox is not reachable"
        if not refused:
            return ""
        return _reply(*list(refused.values())[-1])

    def keep(self, sender: str, recipient: str, content: bytes) -> None:
        self.outbound.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^A-Za-z0-9@._+-]", "_", recipient)[:120]
        head = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {recipient}\r\n".encode()
        name = f"{time.time():.6f}-{uuid.uuid4().hex[:8]}-{safe}.eml"
        (self.outbound / name).write_bytes(head + content)

    def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        self._thread = threading.Thread(target=self._serve, name="demo-relay", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the demo relay did not start")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(START_SECONDS)

    def _serve(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loop = loop
        handler = _Handler(self)

        def protocol() -> SMTP:
            return SMTP(handler, hostname="localhost", data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, loop=loop)

        try:
            server = loop.run_until_complete(loop.create_server(protocol, self.host, self.port))
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
