"""What a person enters about a POP3 account."""

from typing import Any

from accounts.models import MailAccount
from tests.servers.mailbox import Mailbox


def entered(mailbox: Mailbox, **changes: Any) -> dict[str, Any]:
    """What a person enters who knows the servers."""
    ports = mailbox.server.ports
    return {
        "address": mailbox.address,
        "password": mailbox.password,
        "pop_host": "localhost",
        "pop_security": "tls",
        "pop_port": ports.pop3s,
        "username": "",
        "policy": "keep",
        "days": 14,
        "begin": "all",
        "folder_name": "Inbox",
        "every_minutes": 10,
        "smtp_host": "localhost",
        "smtp_port": ports.submissions,
        "smtp_security": "tls",
        **changes,
    }


def edited(local: MailAccount, mailbox: Mailbox, **changes: Any) -> dict[str, Any]:
    data = entered(mailbox, username=mailbox.address, password="", folder=local.download.folder_id)
    del data["address"], data["folder_name"]
    return {**data, **changes}
