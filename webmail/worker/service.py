"""The worker: waits for the clock, the sockets of parked connections and the database, and gives accounts their turn.

The rows are the queue: an account is due when its SyncState says so. Threads exist only for accounts that are active;
the others wait in IDLE, all in one selector. Kill the process at any point: leases end, rows are as they were left,
and the next worker goes on from there.
"""

import logging
import selectors
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

from webmail.errors import MailError
from webmail.events.signal import DatabaseSignal
from webmail.outbox.deliver import drain
from webmail.search import index
from webmail.sync import bulk_run
from webmail.transfer import carry
from webmail.transfer import run as transfers

from . import crowd, lease, upkeep
from .job import Parked, run_account
from .outbox import Outbox

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

THREADS = 16
TICK_SECONDS = 0.05  # how long a click can wait for the worker to notice it where the database has no descriptor
RENEW_SECONDS = 20.0
UPKEEP_SECONDS = 600.0
STOP_SECONDS = 4.0
AWAY_SECONDS = 1.0
CLOSERS = 8


class Worker:
    def __init__(self, *, threads: int = THREADS) -> None:
        self.name = lease.worker_name()
        self.threads = threads
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="account")
        self.outbox_pool = ThreadPoolExecutor(2, thread_name_prefix="outbox")
        self.transfer_pool = ThreadPoolExecutor(1, thread_name_prefix="transfer")
        self.index_pool = ThreadPoolExecutor(1, thread_name_prefix="index")
        self.selector = selectors.DefaultSelector()
        self.parked: dict[int, Parked] = {}
        self.running: dict[int, Future[Parked | None]] = {}
        self.hosts: dict[int, str] = {}  # of the accounts that are running
        self.lost: set[int] = set()
        self.bulk_pool = ThreadPoolExecutor(1, thread_name_prefix="bulk")
        self.bulk: Future[object] | None = None
        self.carry_pool = ThreadPoolExecutor(1, thread_name_prefix="carry")
        self.carry: Future[object] | None = None
        self.looks = Outbox()
        self.outbox: Future[object] | None = None
        self.transfer: Future[object] | None = None
        self.upkeep: Future[object] | None = None
        self.index: Future[object] | None = None
        self.signal: DatabaseSignal | None = None
        self.watched: int | None = None
        self.told: set[int] = set()  # accounts whose server has told something, until they have their turn
        self.look_at = self.renew_at = self.upkeep_at = 0.0

    def stop(self) -> None:
        self.stopping.set()

    def run(self) -> None:
        """Work until ``stop``; the leases are given back at the end."""
        self.signal = DatabaseSignal()
        logger.info("worker %s starts", self.name)
        try:
            while not self.stopping.is_set():
                try:
                    self._turn(self.signal)
                except Exception:
                    # The database may be away for a while; what is due stays due.
                    logger.exception("the worker could not do its work")
                    connections.close_all()
                    self.stopping.wait(AWAY_SECONDS)
        finally:
            self._shut_down()

    def _turn(self, signal: DatabaseSignal) -> None:
        self._watch(signal)
        self._wait()
        now = time.monotonic()
        self._collect()
        for account_id in list(self.told):
            parked = self.parked.get(account_id)
            if parked is None or self._has_room(parked.host):
                self._start(account_id, parked.host if parked is not None else "")
                self.told.discard(account_id)
        if signal.changed() or now >= self.look_at:
            self.look_at = now + self._look()
        if now >= self.renew_at:
            self.renew_at = now + RENEW_SECONDS
            self._renew()
        if now >= self.upkeep_at and (self.upkeep is None or self.upkeep.done()):
            self.upkeep_at = now + UPKEEP_SECONDS
            self.upkeep = self.outbox_pool.submit(_with_database, upkeep.run)

    def _watch(self, signal: DatabaseSignal) -> None:
        """The signal's descriptor, which is another one after its connection was lost."""
        descriptor = signal.fileno()
        if descriptor == self.watched:
            return
        if self.watched is not None:
            self.selector.unregister(self.watched)
        self.watched = None
        if descriptor is not None:
            self.selector.register(descriptor, selectors.EVENT_READ, None)
            self.watched = descriptor

    def _wait(self) -> None:
        """Note the accounts whose parked connection has something to say."""
        for key, _ in self.selector.select(TICK_SECONDS):
            if key.data is None:
                continue
            parked = self.parked.get(key.data)
            if parked is None:
                continue
            try:
                if parked.listen():
                    self.told.add(key.data)
            except MailError:
                self.told.add(key.data)

    def _look(self) -> float:
        """Start what is due; return for how many seconds nothing will be."""
        try:
            close_old_connections()
            free, full = self.threads - len(self.running), self._full_hosts()
            due = lease.claim_due(self.name, self.running.keys(), free, full=full, each=max(1, free * 3 // 4))
            for account_id, host in due.items():
                self._start(account_id, host, claimed=True)
            if self.outbox is None or self.outbox.done():
                self.outbox = self.outbox_pool.submit(_with_database, self.looks.look, self.name, self.stopping.is_set)
            if self.bulk is None or self.bulk.done():
                self.bulk = self.bulk_pool.submit(_with_database, bulk_run.run_due, self.stopping.is_set)
            if self.carry is None or self.carry.done():
                self.carry = self.carry_pool.submit(_with_database, carry.run_due, self.stopping.is_set)
            if self.transfer is None or self.transfer.done():
                work = transfers.run_due
                self.transfer = self.transfer_pool.submit(_with_database, work, self.name, self.stopping.is_set)
            if self.index is None or self.index.done():
                self.index = self.index_pool.submit(
                    _with_database, index.work, self.stopping.is_set, self.stopping.wait
                )
            waited_for = lease.next_due(self.name, self.running.keys(), self._full_hosts())
            return min(1.0, max(TICK_SECONDS, waited_for))
        except Exception:
            # The database may be away for a while; what is due stays due.
            logger.exception("the worker could not look for work")
            connections.close_all()
            return 2.0

    def _full_hosts(self) -> list[str]:
        """Servers whose accounts have their share of the threads: one that is slow, or down, leaves some to the others."""
        busy = Counter(host for account_id, host in self.hosts.items() if account_id in self.running)
        return [host for host, count in busy.items() if host and count >= max(1, self.threads * 3 // 4)]

    def _has_room(self, host: str) -> bool:
        return len(self.running) < self.threads and host not in self._full_hosts()

    def _start(self, account_id: int, host: str, *, claimed: bool = False) -> None:
        if account_id in self.running or self.stopping.is_set():
            return
        ours = claimed or lease.claim(self.name, account_id)
        parked = self._unpark(account_id)
        if not ours:
            if parked is not None:
                parked.connection.close()
            return
        self.lost.discard(account_id)
        self.hosts[account_id] = host
        should_stop = self._stopper(account_id)
        self.running[account_id] = self.pool.submit(_with_database, run_account, account_id, parked, should_stop)

    def _stopper(self, account_id: int) -> Callable[[], bool]:
        return lambda: self.stopping.is_set() or account_id in self.lost

    def _collect(self) -> None:
        for account_id in [pk for pk, future in self.running.items() if future.done()]:
            future = self.running.pop(account_id)
            self.hosts.pop(account_id, None)
            parked = None
            try:
                parked = future.result()
            except Exception:
                logger.exception("account %s: its turn ended badly", account_id)
            if parked is None or self.stopping.is_set():
                with suppress(Exception):
                    lease.release(self.name, account_id)
                if parked is not None:
                    parked.connection.close()
                continue
            self.parked[account_id] = parked
            self.selector.register(parked.connection.fileno(), selectors.EVENT_READ, account_id)
            try:
                if parked.listen():
                    self.told.add(account_id)
            except MailError:
                # Lost between going to sleep and being watched.
                self.told.add(account_id)

    def _unpark(self, account_id: int) -> Parked | None:
        parked = self.parked.pop(account_id, None)
        if parked is not None:
            with suppress(KeyError, ValueError):
                self.selector.unregister(parked.connection.fileno())
        return parked

    def _renew(self) -> None:
        try:
            lost = lease.renew(self.name, set(self.parked) | set(self.running))
            transfers.renew(self.name)
            carry.renew()
        except Exception:
            logger.exception("leases could not be renewed")
            return
        self.lost |= lost
        crowded = {account_id for account_id, parked in self.parked.items() if crowd.at(parked.host)}
        unwanted = (lost | crowded | upkeep.unwanted(set(self.parked))) & self.parked.keys()
        _close([parked for account_id in unwanted if (parked := self._unpark(account_id)) is not None])
        for account_id in unwanted:
            lease.release(self.name, account_id)

    def _shut_down(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.outbox_pool.shutdown(wait=False, cancel_futures=True)
        self.transfer_pool.shutdown(wait=False, cancel_futures=True)
        self.index_pool.shutdown(wait=False, cancel_futures=True)
        self.bulk_pool.shutdown(wait=False, cancel_futures=True)
        self.carry_pool.shutdown(wait=False, cancel_futures=True)
        for future in [
            *self.running.values(),
            self.outbox,
            self.transfer,
            self.bulk,
            self.carry,
            self.upkeep,
            self.index,
        ]:
            if future is not None:
                with suppress(Exception):
                    future.result(timeout=max(0.0, deadline - time.monotonic()))
        if not drain(max(0.0, deadline - time.monotonic())):
            logger.warning("a message is still being sent; if it is cut short, its state says so")
        for closing in _close(list(self.parked.values())):
            closing.join(max(0.0, deadline - time.monotonic()))
        with suppress(Exception):
            lease.release(self.name)
        if self.signal is not None:
            self.signal.close()
        self.selector.close()
        logger.info("worker %s has stopped", self.name)


def _close(parked: list[Parked]) -> list[threading.Thread]:
    """Say goodbye on connections that nobody needs, on threads: a server that does not answer takes seconds for each, and the
    leases of the accounts at work have to be renewed meanwhile.
    """

    def work() -> None:
        while parked:
            with suppress(IndexError):
                parked.pop().connection.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(CLOSERS, len(parked)))]
    for thread in threads:
        thread.start()
    return threads


def _with_database(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
