"""``manage.py verifyfolder``: does the mirror hold what the mail server holds, message by message and flag by flag?"""

from contextlib import closing

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import MailAccount
from accounts.sealed import CredentialsUnreadable
from webmail.errors import MailError
from webmail.imap.connection import MailConnection
from webmail.models import Folder
from webmail.sync import attention
from webmail.sync.foreground import open_connection
from webmail.sync.verify import Findings, verify


class Command(BaseCommand):
    help = (
        "Compare mirrored folders with their mail servers and say what differs. "
        "The exit code is 1 when something differs and was not repaired, 2 when a server could not be asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", help="address or number of one account; otherwise all IMAP accounts")
        parser.add_argument("--folder", help="name of one folder, as the server calls it; otherwise all")
        parser.add_argument("--repair", action="store_true", help="make the mirror what the server is")

    def handle(self, *, account: str | None, folder: str | None, repair: bool, **options: object) -> None:
        """Raise CommandError, whose return code is the exit code."""
        differs = unasked = compared = 0
        for each in _accounts(account):
            folders = Folder.objects.filter(account=each, selectable=True, hidden=False, uidvalidity__isnull=False)
            if folder is not None:
                folders = folders.filter(name=folder)
            try:
                with closing(open_connection(each)) as connection:
                    for one in folders.order_by("name"):
                        one.account = each
                        compared += 1
                        differs += bool(self._compare(connection, one, repair=repair))
            except (MailError, CredentialsUnreadable) as problem:
                unasked += 1
                self.stderr.write(f"{each.address}: {getattr(problem, 'sentence', problem)}")
        if folder is not None and not compared and not unasked:
            raise CommandError(f"There is no mirrored folder “{folder}”.", returncode=2)
        self.stdout.write(f"{compared:,} folders compared, {differs:,} differed" + (", repaired" if repair else ""))
        if unasked:
            raise CommandError(f"{unasked:,} accounts could not be asked.", returncode=2)
        if differs and not repair:
            raise CommandError("Run it again with --repair to make the mirror what the servers are.", returncode=1)

    def _compare(self, connection: MailConnection, folder: Folder, *, repair: bool) -> Findings:
        found = verify(connection, folder, repair=repair)
        if found:
            self.stdout.write(f"{folder.account.address} {folder.name}: {found}")
        if found.reset and repair:
            # The next pass gives every message its new uid.
            attention.ask(folder.account_id)
        return found


def _accounts(wanted: str | None) -> list[MailAccount]:
    accounts = MailAccount.objects.filter(kind=MailAccount.Kind.IMAP).select_related("user").order_by("pk")
    if wanted is None:
        return list(accounts)
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else None
    chosen = list(accounts.filter(pk=number) if number is not None else accounts.filter(address__iexact=wanted))
    if not chosen:
        raise CommandError(f"There is no IMAP account “{wanted}”.", returncode=2)
    return chosen
