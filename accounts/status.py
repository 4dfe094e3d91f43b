"""How an account fares, in plain words: its state, when it was looked at, and how far a download is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from webmail.models import Download, SyncState
from webmail.pop3.importer import FAILURES_BEFORE_PAUSE

from .models import MailAccount

Status = SyncState.Status
MINUTE = timedelta(minutes=1)
POLL_RUNNING, POLL_IDLE = 2, 20
# Too short a time says nothing about the rate; in a long one the run may have waited.
MEASURED_SECONDS, FORGOTTEN_SECONDS, UNBROKEN_SECONDS = 2.0, 60.0, 600.0

Sample = tuple[float, int, int]


def state_of(account: MailAccount) -> tuple[str, str]:
    """How the account fares: (kind for the stylesheet, sentence)."""
    sync = getattr(account, "sync", None)
    download = getattr(account, "download", None) if account.is_local else None
    if account.paused:
        if download is not None and download.failures >= FAILURES_BEFORE_PAUSE and sync is not None and sync.sentence:
            return "blocked", f"Paused after {download.failures} failures in a row: {sync.sentence}"
        return "paused", "Paused: nothing is fetched or sent."
    if account.is_local and download is None:
        return "ok", "Its mail lives here only; nothing is downloaded any more."
    if sync is None or sync.status == Status.NEW:
        return "syncing", "Not yet looked at."
    sentence = sync.sentence or {
        Status.OK: "Up to date.",
        Status.SYNCING: "Catching up.",
        Status.WAITING: "Waiting for the server.",
        Status.BLOCKED: "Needs you.",
    }.get(Status(sync.status), "")
    return sync.status, sentence


def looked_at(account: MailAccount) -> str:
    """When the worker last went through the account, in words."""
    sync = getattr(account, "sync", None)
    if account.paused or account.is_local or sync is None or sync.last_pass_at is None:
        return ""
    return f"Last looked at {_ago(sync.last_pass_at)}."


@dataclass(frozen=True, slots=True)
class Fetching:
    """A POP3 download as a page shows it. ``percent`` and ``progress`` are for a run under way."""

    state: str
    sentence: str
    running: bool
    percent: int | None
    progress: str
    runs: str
    imported: str
    remark: str
    poll_seconds: int


def fetching(account: MailAccount) -> Fetching | None:
    """None for an account that downloads nothing. ``account`` comes with its sync state and download."""
    download = getattr(account, "download", None) if account.is_local else None
    if download is None:
        return None
    now = timezone.now()
    running = is_running(account, download)
    state, sentence = state_of(account)
    if running and not account.paused:
        state, sentence = "syncing", "Fetching mail."
    due = not account.paused and (next_run(account, download) or now) <= now
    return Fetching(
        state,
        sentence,
        running,
        _percent(download) if running else None,
        progress(download) if running else "",
        runs(account, download),
        f"{download.imported:,} message{'' if download.imported == 1 else 's'} fetched so far."
        if download.imported
        else "",
        download.remark,
        POLL_RUNNING if running or due else POLL_IDLE,
    )


def is_running(account: MailAccount, download: Download) -> bool:
    """A run that began and has not ended, and a worker that is still alive to end it."""
    sync = getattr(account, "sync", None)
    begun = download.started_at is not None and (
        download.finished_at is None or download.finished_at < download.started_at
    )
    return begun and sync is not None and sync.lease_until is not None and sync.lease_until > timezone.now()


def next_run(account: MailAccount, download: Download) -> datetime | None:
    """When the server is asked next; later than planned while a failure is waited out."""
    sync = getattr(account, "sync", None)
    if account.paused:
        return None
    waits = sync is not None and sync.status in {Status.WAITING, Status.BLOCKED}
    if sync is not None and waits and sync.due_at != SyncState.UNDER_WAY:
        return max(download.next_at, sync.due_at)
    return download.next_at


def runs(account: MailAccount, download: Download) -> str:
    """Last run and next run."""
    said = []
    if is_running(account, download):
        return f"Began {_ago(download.started_at)}." if download.started_at else ""
    if download.finished_at is not None:
        said.append(f"Last fetched {_ago(download.finished_at)}.")
    if (planned := next_run(account, download)) is not None:
        left = planned - timezone.now()
        when = "now" if left <= timedelta(0) else "in less than a minute" if left < MINUTE else f"in {_until(planned)}"
        said.append(f"Next time: {when}.")
    return " ".join(said)


def progress(download: Download) -> str:
    """Messages, octets, rate and the time that is left of the run under way."""
    if not download.messages_total:
        return "Comparing with the server."
    said = [f"{download.messages_done:,} of {download.messages_total:,} message{_plural(download.messages_total)}"]
    if download.octets_total:
        said.append(f"{_size(download.octets_done)} of {_size(download.octets_total)}")
    messages, octets = _rates(download)
    if octets:
        said.append(f"{_size(octets)} a second")
    elif messages:
        said.append(f"{messages:,.1f} messages a second")
    if octets and download.octets_total > download.octets_done:
        said.append(_left((download.octets_total - download.octets_done) / octets))
    elif messages and not octets and download.messages_total > download.messages_done:
        said.append(_left((download.messages_total - download.messages_done) / messages))
    return ", ".join(said)


def _rates(download: Download) -> tuple[float, float]:
    """Messages and octets a second: of the last minute if somebody has been looking, else of a run that is young."""
    key = f"fetching:{download.pk}"
    now = timezone.now().timestamp()
    current: Sample = (now, download.messages_done, download.octets_done)
    samples: list[Sample] = [
        each
        for each in cache.get(key, [])
        if now - each[0] < FORGOTTEN_SECONDS and each[1] <= current[1] and each[2] <= current[2]
    ]
    if not samples or now - samples[-1][0] >= 1.0:
        cache.set(key, [*samples, current], FORGOTTEN_SECONDS)
    first = samples[0] if samples else current
    if now - first[0] < MEASURED_SECONDS and download.started_at is not None:
        begun = download.started_at.timestamp()
        first = (begun, 0, 0) if now - begun < UNBROKEN_SECONDS else first
    if now - first[0] < MEASURED_SECONDS:
        return 0.0, 0.0
    since, messages, octets = first
    return (current[1] - messages) / (now - since), (current[2] - octets) / (now - since)


def _percent(download: Download) -> int | None:
    if not download.messages_total:
        return None
    if download.octets_total:
        share = download.octets_done / download.octets_total
    else:
        share = download.messages_done / download.messages_total
    return min(100, int(100 * share))


def _left(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{_plural(minutes)} left"
    hours = round(minutes / 60)
    return f"about {hours} hours left"


def _ago(when: datetime) -> str:
    return "just now" if timezone.now() - when < MINUTE else f"{_plain(timesince(when, depth=1))} ago"


def _until(when: datetime) -> str:
    return _plain(timeuntil(when, depth=1))


def _size(octets: float) -> str:
    return _plain(filesizeformat(octets))


def _plain(text: str) -> str:
    return text.replace("\xa0", " ")


def _plural(count: int) -> str:
    return "" if count == 1 else "s"
