"""``python -m tests.bench.handing_in``: queued messages sent by the worker, then the same octets by smtplib.

In a process and on a database of its own; the result is one line of JSON.
"""

import argparse
import json
import smtplib
import ssl
import sys
import time
from datetime import timedelta

from tests.bench.fill import PASSWORD

SENDER = "sender@example.test"
TEXT = "Dear all,\n\n" + "The engine weaves algebraical patterns just as the loom weaves flowers and leaves. " * 40
LOOK_SECONDS = 60.0  # it ends as soon as nothing is under way


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.handing_in", description=__doc__)
    parser.add_argument("port", type=int, help="TLS from the start")
    parser.add_argument("messages", type=int)
    options = parser.parse_args()
    import django  # noqa: PLC0415 - only in the process that has the settings for it

    django.setup()
    raws = queue_messages(options.port, options.messages)
    ours = worker_sends(options.messages)
    plain = smtplib_sends(options.port, raws)
    octets = sum(map(len, raws))
    print(json.dumps({"messages": options.messages, "octets": octets, "ours": ours, "plain": plain}))
    return 0


def queue_messages(port: int, count: int) -> list[bytes]:
    """Written, checked and frozen as Send does it, and due at once; returns their bytes."""
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import Identity, MailAccount, Security, User  # noqa: PLC0415
    from webmail.models import OutgoingMessage, SyncState  # noqa: PLC0415
    from webmail.outbox import drafts, queue  # noqa: PLC0415

    call_command("migrate", interactive=False, verbosity=0)
    account = MailAccount.objects.create(
        user=User.objects.create(username="bench"),
        address=SENDER,
        username=SENDER,
        password=PASSWORD,
        imap_host="localhost",
        smtp_host="localhost",
        smtp_port=port,
        smtp_security=Security.TLS,
    )
    Identity.objects.create(account=account, name="Sender", address=SENDER, is_default=True)
    SyncState.objects.create(account=account)
    for number in range(count):
        given = drafts.Fields(
            to=f"reader{number}@example.test, second@example.test", subject=f"Number {number}", text=TEXT, plain=True
        )
        draft = drafts.new_draft(account.user, account, given)
        queue.enqueue(draft, token=draft.token)
    OutgoingMessage.objects.update(send_after=timezone.now() - timedelta(seconds=1))
    return [row.raw.read() for row in OutgoingMessage.objects.order_by("pk")]


def worker_sends(count: int) -> float:
    """Seconds from the worker's first look until the last message is recorded as sent."""
    from webmail.models import OutgoingMessage  # noqa: PLC0415
    from webmail.outbox import deliver  # noqa: PLC0415
    from webmail.worker.database import hold_little  # noqa: PLC0415
    from webmail.worker.outbox import Outbox  # noqa: PLC0415

    hold_little()
    rows, outbox = OutgoingMessage.objects.all(), Outbox()
    started = time.perf_counter()
    while rows.filter(state__in=["queued", "sending"]).exists():
        outbox.look("bench", lambda: False)
        deliver.drain(LOOK_SECONDS)
    seconds = time.perf_counter() - started
    sent = rows.filter(state="sent").count()
    if sent != count:
        raise RuntimeError(f"{sent} of {count} messages were sent: {rows.exclude(state='sent').first()}")
    return seconds


def smtplib_sends(port: int, raws: list[bytes]) -> float:
    """Seconds of ``sendmail`` in a loop over one connection; connecting and signing in do not count."""
    from django.conf import settings  # noqa: PLC0415

    context = ssl.create_default_context(cafile=settings.TRUSTED_CA_FILE)
    with smtplib.SMTP_SSL("localhost", port, context=context) as client:
        client.login(SENDER, PASSWORD)
        started = time.perf_counter()
        for number, raw in enumerate(raws):
            client.sendmail(SENDER, [f"reader{number}@example.test", "second@example.test"], raw)
        return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
