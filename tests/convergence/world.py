"""One person's account on the real server behind the proxy, the worker driven by hand, and everybody who looks on."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Identity, MailAccount, Security, User
from tests.convergence.bounds import ANSWER_SECONDS, TURN_SECONDS, Bounds
from tests.convergence.steps import Killed, Plan, Steps
from tests.servers.fault_proxy import FaultProxy
from tests.servers.mailbox import Mailbox
from tests.servers.smtp_sink import SmtpSink
from webmail.demo.dovecot import Dovecot
from webmail.models import Folder, OutgoingMessage, SyncState
from webmail.outbox import deliver, queue
from webmail.sync import bulk_run, flags
from webmail.worker.job import Parked, run_account

TURNS_TO_SETTLE = 6
State = OutgoingMessage.State


@dataclass
class Party:
    """A person with one account, a signed-in browser and the worker's part for the account."""

    mailbox: Mailbox
    account: MailAccount
    client: Client
    bounds: Bounds
    parked: Parked | None = None
    answers: list[bytes] = field(default_factory=list)

    @property
    def user(self) -> User:
        return self.account.user

    def get(self, url: str, headers: dict[str, str] | None = None) -> Any:
        with self.bounds.of(url, ANSWER_SECONDS):
            return self._kept(self.client.get(url, headers=headers))

    def post(self, url: str, data: dict[str, object] | None = None, headers: dict[str, str] | None = None) -> Any:
        with self.bounds.of(url, ANSWER_SECONDS):
            return self._kept(self.client.post(url, data or {}, headers=headers))

    def _kept(self, response: Any) -> Any:
        """Every answer is looked through for what belongs to somebody else."""
        content = b"".join(response.streaming_content) if response.streaming else response.content
        self.answers.append(content)
        response.text_seen = content.decode("utf-8", "replace")
        return response

    def drop(self) -> None:
        if self.parked is not None:
            self.parked.connection.close()
            self.parked = None


class World:
    """``ada`` is the one under test, ``eve`` somebody else on the same server (``alone``: nobody). Close it at the end."""

    def __init__(self, dovecot: Dovecot, sink: SmtpSink, *, hide: tuple[str, ...] = (), alone: bool = False) -> None:
        self.sink = sink
        self.hidden = hide
        self.steps = Steps()
        self.bounds = Bounds()
        self.proxy = FaultProxy("127.0.0.1", dovecot.ports.imap, hide=hide).__enter__()
        self.ada = self._party(dovecot, "ada")
        self.eve = self.ada if alone else self._party(dovecot, "eve")

    def close(self) -> None:
        self.ada.drop()
        self.eve.drop()
        self.proxy.__exit__()

    def _party(self, dovecot: Dovecot, name: str) -> Party:
        unique = f"{name}-{secrets.token_hex(5)}"
        mailbox = Mailbox(dovecot, f"{unique}@{dovecot.domain}", secrets.token_urlsafe(9))
        dovecot.add_user(mailbox.address, mailbox.password)
        user = User.objects.create(username=unique)
        account = MailAccount.objects.create(
            user=user,
            address=mailbox.address,
            username=mailbox.address,
            password=mailbox.password,
            imap_host=self.proxy.host,
            imap_port=self.proxy.port,
            imap_security=Security.PLAIN,
            smtp_host=self.sink.host,
            smtp_port=self.sink.port,
            smtp_security=Security.STARTTLS,
        )
        Identity.objects.create(account=account, name=name.title(), address=mailbox.address, is_default=True)
        SyncState.objects.create(account=account)
        client = Client(raise_request_exception=True)
        client.force_login(user)
        return Party(mailbox, MailAccount.objects.select_related("user").get(pk=account.pk), client, self.bounds)

    @property
    def state(self) -> str:
        """What the worker last noted of the account."""
        noted = SyncState.objects.get(account=self.ada.account)
        return f"{noted.status} {noted.sentence} {noted.detail}"

    def turn(self, party: Party | None = None, plan: Plan = (), *, whole: bool = True) -> bool:
        """One turn of the worker for the account; True if it came to rest, False if it failed or was killed.

        ``whole``: it is time to ask after all folders, whatever was told of them.
        """
        party = party or self.ada
        party.mailbox.repair()
        parked, party.parked = party.parked, None
        if parked is not None and whole:
            parked.whole_at = timezone.now()
        try:
            SyncState.objects.filter(account=party.account).update(last_pass_at=None)
            with self.bounds.of("a turn", TURN_SECONDS), self.steps.counted(plan):
                bulk_run.run_due(lambda: False)
                party.parked = run_account(party.account.pk, parked, lambda: False)
        except Killed:
            # Nobody closes the connections of a dead process but the system.
            self.proxy.cut_all()
            return False
        return SyncState.objects.filter(account=party.account, last_pass_at__isnull=False, failures=0).exists()

    def deliver(self, plan: Plan = ()) -> None:
        """What the outbox's worker does, with the time to take mail back gone by."""
        now = timezone.now()
        own = OutgoingMessage.objects.filter(account=self.ada.account)
        own.filter(state=State.QUEUED).update(send_after=now - timedelta(seconds=1))
        own.filter(state=State.SENDING).update(lease_until=now - timedelta(seconds=1))
        try:
            with self.steps.counted(plan):
                deliver.settle_abandoned()
                queue.freeze_due()
                for pk in list(
                    own.filter(state=State.QUEUED).exclude(raw="").order_by("pk").values_list("pk", flat=True)
                ):
                    claimed = deliver.claim(pk)
                    if claimed is not None:
                        deliver.deliver(claimed)
        except Killed:
            pass

    def age(self) -> None:
        """The person stopped typing a while ago, and thought better of nothing."""
        OutgoingMessage.objects.update(updated_at=timezone.now() - timedelta(minutes=1))

    def give_up_on_answers(self) -> None:
        """A while after an APPEND the server has carried out what it ever will."""
        begun = OutgoingMessage.objects.filter(sent_copy_begun_at__isnull=False)
        begun.update(sent_copy_begun_at=timezone.now() - timedelta(minutes=10))

    def settle(self) -> None:
        """Faults have stopped: what is waiting is carried out, then the mirror is brought up to date once."""
        self.proxy.rules.clear()
        self.age()
        self._rest()
        self.deliver()
        self._rest()
        self.give_up_on_answers()
        self._rest()
        # A session that listens may be told of a folder a moment later than LIST in it could have shown it.
        self.ada.drop()
        self._rest()
        if not self.tells_of_flags:
            # Then flags are read folder by folder, a few in each pass, and none again within seconds.
            flags._scanned.clear()
            for _ in range(Folder.objects.filter(account=self.ada.account).count()):
                self._rest()

    @property
    def tells_of_flags(self) -> bool:
        """Whether the server numbers the changes of flags (RFC 7162)."""
        return not {"CONDSTORE", "QRESYNC"} <= set(self.hidden)

    def _rest(self) -> None:
        for _ in range(TURNS_TO_SETTLE):
            if self.turn():
                return
        raise AssertionError(f"the account does not come to rest: {self.state}")
