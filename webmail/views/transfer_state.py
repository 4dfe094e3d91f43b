"""A transfer in words and numbers."""

from dataclasses import dataclass

from django.utils import timezone

from webmail.models import Transfer, TransferFolder

State = Transfer.State
TONES = {State.DONE: "ok", State.FAILED: "blocked", State.CANCELLED: "paused", State.RUNNING: "syncing"}
ESTIMATE_AFTER = 5.0  # seconds


@dataclass(frozen=True)
class Progress:
    """``tone`` is for the stylesheet; ``percent`` is None where the end is not known; sums are over all folders."""

    tone: str
    sentence: str
    percent: int | None
    left: str
    folders: list[TransferFolder]
    total: int
    copied: int
    skipped: int
    failed: int
    unnamed: int
    complete: bool
    can_go_on: bool


def progress(transfer: Transfer) -> Progress:
    folders = list(transfer.folders.all())
    total, copied, skipped, failed = (
        sum(getattr(folder, name) for folder in folders) for name in ("total", "copied", "skipped", "failed")
    )
    settled = copied + skipped + failed
    complete = transfer.state == State.DONE and not failed and settled >= total
    return Progress(
        tone="waiting"
        if transfer.state == State.DONE and not complete
        else TONES.get(State(transfer.state), "waiting"),
        sentence=_sentence(transfer, settled, failed, max(0, total - settled)),
        percent=_percent(transfer, settled, total),
        left=_left(transfer) if transfer.state == State.RUNNING else "",
        folders=folders,
        total=max(total, settled),
        copied=copied,
        skipped=skipped,
        failed=failed,
        unnamed=max(0, failed - len(transfer.failures)),
        complete=complete,
        can_go_on=not transfer.active and not complete and _has_source(transfer),
    )


def _has_source(transfer: Transfer) -> bool:
    return bool(transfer.file) if transfer.kind == Transfer.Kind.UPLOAD else transfer.source_id is not None


def _sentence(transfer: Transfer, settled: int, failed: int, gone: int) -> str:
    if transfer.state == State.WAITING:
        if transfer.sentence:
            return f"Waiting: {transfer.sentence}"
        return "Waiting for its turn." if not settled else "Goes on in a moment."
    if transfer.state == State.RUNNING:
        return "Under way. You can leave this page; it goes on."
    if transfer.state == State.FAILED:
        return f"Stopped: {transfer.sentence or 'it could not be finished.'}"
    if transfer.state == State.CANCELLED:
        return "Stopped by you. What was copied stays."
    return _end(failed, gone)


def _end(failed: int, gone: int) -> str:
    if failed:
        return "Done, but not everything could be copied."
    return f"Done, but {gone} had gone from the source before their turn." if gone else "Done."


def _percent(transfer: Transfer, settled: int, total: int) -> int | None:
    if transfer.state == State.DONE:
        return 100
    if transfer.kind == Transfer.Kind.COPY:
        return min(100, settled * 100 // total) if total else None
    return min(100, transfer.octets_done * 100 // transfer.octets_total) if transfer.octets_total else None


def _left(transfer: Transfer) -> str:
    """Roughly, from the octets so far."""
    if transfer.started_at is None or not transfer.octets_done or not transfer.octets_total:
        return ""
    elapsed = (timezone.now() - transfer.started_at).total_seconds()
    remaining = max(0, transfer.octets_total - transfer.octets_done)
    if elapsed < ESTIMATE_AFTER or not remaining:
        return ""
    seconds = elapsed * remaining / transfer.octets_done
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minute{'s' if minutes != 1 else ''} left"
    return f"about {round(minutes / 60)} hours left"
