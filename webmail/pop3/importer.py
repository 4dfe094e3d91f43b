"""A maildrop's messages, fetched into the account's local folder, each exactly once."""

from collections.abc import Callable

from webmail.models import Download


def run_import(download: Download, should_stop: Callable[[], bool]) -> None:
    raise NotImplementedError
