"""The administrator sets downloads up for anybody, sees how each one fares and pays no query per row."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import MailAccount, User
from webmail.models import Conversation, Download, Folder, LedgerEntry, Message, StoredContent, SyncState

pytestmark = pytest.mark.django_db
LISTS = ["accounts_mailaccount", "webmail_download", "webmail_ledgerentry", "webmail_storedcontent"]


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="administrators-own"))
    return client


def somebody(number: int) -> MailAccount:
    user = User.objects.create(username=f"user-{number}", email=f"u{number}@example.test")
    account = MailAccount.objects.create(
        user=user,
        kind="pop3",
        address=f"old{number}@example.test",
        username=f"u{number}",
        password="very-secret-mail-password",
    )
    SyncState.objects.create(account=account, status="waiting", sentence="The mailbox is in use.", failures=3)
    folder = Folder.objects.create(account=account, name="INBOX", special_use="inbox", uidvalidity=1, uidnext=2)
    Download.objects.create(
        account=account,
        host="pop.example.test",
        folder=folder,
        imported=1204,
        finished_at=timezone.now() - timedelta(minutes=3, seconds=5),
        next_at=timezone.now() + timedelta(hours=2),
    )
    message = Message.objects.create(
        account=account,
        folder=folder,
        shown_in=folder,
        conversation=Conversation.objects.create(user=user),
        message_key=number,
        internaldate=timezone.now(),
        subject="what the mail says",
    )
    content = StoredContent(message=message, sha256="0" * 64, size=3)
    content.file.save("x", ContentFile(b"abc"))
    LedgerEntry.objects.create(account=account, uidl=f"u{number}", size=3, fetched_at=timezone.now(), message=message)
    return account


def entered(user: User, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "pop3",
        "user": user.pk,
        "address": "old@example.test",
        "username": "old",
        "new_password": "given",
        "position": 0,
        "imap_host": "",
        "imap_port": 993,
        "imap_security": "tls",
        "smtp_host": "",
        "smtp_port": 465,
        "smtp_security": "tls",
        "download-TOTAL_FORMS": 1,
        "download-INITIAL_FORMS": 0,
        "download-0-host": "POP.example.test.",
        "download-0-port": 995,
        "download-0-security": "tls",
        "download-0-policy": "keep",
        "download-0-days": 14,
        "download-0-every_minutes": 10,
        "download-0-next_at_0": "2026-01-01",
        "download-0-next_at_1": "00:00:00",
        **changes,
    }


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_for_ten_rows_and_for_twenty(
    administrator: Client, name: str, django_assert_max_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(25) as caught:
            assert administrator.get(reverse(f"admin:{name}_changelist")).status_code == 200
        return len(caught)

    for number in range(10):
        somebody(number)
    before = queries()
    for number in range(10, 20):
        somebody(number)
    assert queries() == before


def test_no_page_shows_a_secret_or_what_the_mail_says(administrator: Client) -> None:
    account = somebody(1)
    account.refresh_from_db()
    content = StoredContent.objects.get()
    pages = [reverse(f"admin:{name}_changelist") for name in LISTS]
    pages += [
        reverse("admin:accounts_mailaccount_change", args=[account.pk]),
        reverse("admin:webmail_ledgerentry_change", args=[LedgerEntry.objects.get().pk]),
        reverse("admin:webmail_storedcontent_change", args=[content.pk]),
    ]
    for page in pages:
        answer = administrator.get(page)
        assert answer.status_code == 200
        html = answer.content.decode()
        for secret in ("very-secret-mail-password", account.password.token, "what the mail says"):
            assert secret not in html, page


def test_the_list_says_when_it_ran_when_it_runs_and_why_it_does_not(administrator: Client) -> None:
    somebody(1)
    page = administrator.get(reverse("admin:webmail_download_changelist")).content.decode()
    for said in ("u1@example.test", "pop.example.test", "3 minutes ago", "1204", "The mailbox is in use.", "in 1 hour"):
        assert said in page


def test_a_download_is_set_up_for_somebody(administrator: Client) -> None:
    user = User.objects.create(username="new-one")
    start = administrator.get(reverse("admin:webmail_download_add"))
    assert start.headers["Location"].endswith("/mailaccount/add/?kind=pop3")
    form = administrator.get(start.headers["Location"])
    assert form.context["adminform"].form.initial["kind"] == "pop3"
    assert administrator.post(reverse("admin:accounts_mailaccount_add"), entered(user)).status_code == 302
    account = MailAccount.objects.get(user=user)
    assert (account.is_local, account.signs_in, account.password.reveal()) == (True, False, "given")
    assert account.download.host == "pop.example.test"
    assert account.download.next_at <= timezone.now()
    assert account.identities.get().is_default
    assert account.folders.filter(special_use="inbox", uidvalidity__isnull=False).exists()
    assert SyncState.objects.get(account=account).due_at <= timezone.now()


@pytest.mark.parametrize(
    "changes",
    [
        {"download-0-host": ""},
        {"download-0-host": "pop\r\nserver"},
        {"download-0-port": 70000},
        {"download-0-port": 0},
        {"download-0-tag": "two words"},
        {"download-0-days": 0},
        {"download-0-every_minutes": 0},
        {"kind": "imap", "imap_host": "imap.example.test"},
        {"kind": "imap", "imap_host": "", "download-0-host": "", "download-TOTAL_FORMS": 0},
        {"signs_in": "on"},
    ],
)
def test_what_cannot_be_is_refused(administrator: Client, changes: dict[str, Any]) -> None:
    user = User.objects.create(username="new-one")
    answer = administrator.post(reverse("admin:accounts_mailaccount_add"), entered(user, **changes))
    assert answer.status_code == 200
    assert not MailAccount.objects.exists()


def test_the_same_maildrop_is_not_set_up_twice_for_one_person(administrator: Client) -> None:
    account = somebody(1)
    data = entered(account.user, username=account.username)
    assert administrator.post(reverse("admin:accounts_mailaccount_add"), data).status_code == 200
    other = User.objects.create(username="other")
    assert administrator.post(reverse("admin:accounts_mailaccount_add"), {**data, "user": other.pk}).status_code == 302


def test_a_download_can_be_changed_and_files_into_folders_of_its_account_only(administrator: Client) -> None:
    account, stranger = somebody(1), somebody(2)
    theirs = Folder.objects.get(account=stranger)
    archive = Folder.objects.create(account=account, name="Archive", special_use="archive")
    url = reverse("admin:accounts_mailaccount_change", args=[account.pk])
    data = entered(account.user, new_password="", username=account.username)
    data |= {
        "download-0-host": "pop.elsewhere.example",
        "download-INITIAL_FORMS": 1,
        "download-0-account": account.pk,
        "download-0-every_minutes": 60,
    }
    answer = administrator.post(url, data)
    assert "never shown to another" in answer.content.decode()
    data["new_password"] = "of-elsewhere"
    assert administrator.post(url, {**data, "download-0-folder": theirs.pk}).status_code == 200
    assert administrator.post(url, {**data, "download-0-folder": archive.pk, "kind": "imap"}).status_code == 302
    assert LedgerEntry.objects.get(account=account).uidl == ""
    assert LedgerEntry.objects.get(account=stranger).uidl == "u2"
    account.refresh_from_db()
    assert (account.kind, account.download.every_minutes, account.download.folder) == ("pop3", 60, archive)
    assert account.password.reveal() == "of-elsewhere"
    assert account.download.imported == 1204


def test_a_download_that_is_set_up_anew_elsewhere_needs_the_password(administrator: Client) -> None:
    account = somebody(1)
    account.download.delete()
    url = reverse("admin:accounts_mailaccount_change", args=[account.pk])
    data = entered(account.user, new_password="", username=account.username)
    assert "never shown to another" in administrator.post(url, data).content.decode()
    assert administrator.post(url, data | {"new_password": "of-elsewhere"}).status_code == 302


def act(client: Client, account: MailAccount, action: str) -> str:
    data = {"action": action, "_selected_action": [account.pk]}
    return client.post(reverse("admin:webmail_download_changelist"), data, follow=True).content.decode()


def test_a_download_is_run_now_paused_and_resumed(administrator: Client) -> None:
    account = somebody(1)
    assert "1 run now." in act(administrator, account, "run_now")
    assert Download.objects.get().next_at <= timezone.now()
    assert SyncState.objects.get().failures == 0
    act(administrator, account, "pause")
    account.refresh_from_db()
    assert account.paused
    assert "1 are paused." in act(administrator, account, "run_now")
    Download.objects.update(next_at=timezone.now() + timedelta(hours=2))
    act(administrator, account, "resume")
    account.refresh_from_db()
    assert not account.paused
    assert Download.objects.get().next_at <= timezone.now()


@pytest.mark.parametrize("name", ["webmail_ledgerentry", "webmail_storedcontent"])
def test_what_follows_from_the_import_is_only_looked_at(administrator: Client, name: str) -> None:
    somebody(1)
    model = LedgerEntry if name == "webmail_ledgerentry" else StoredContent
    assert administrator.get(reverse(f"admin:{name}_add")).status_code == 403
    row = model.objects.get()
    assert administrator.post(reverse(f"admin:{name}_change", args=[row.pk]), {"size": 9}).status_code == 403
    assert administrator.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_staff_without_the_right_cannot_act(client: Client) -> None:
    account = somebody(1)
    client.force_login(User.objects.create_user("helper", password="x" * 12, is_staff=True))
    data = {"action": "run_now", "_selected_action": [account.pk]}
    assert client.post(reverse("admin:webmail_download_changelist"), data).status_code == 403
    assert client.get(reverse("admin:webmail_download_add")).status_code in {302, 403}


def test_deleting_an_account_or_a_person_takes_what_is_stored_and_loads_no_message(
    administrator: Client, django_capture_on_commit_callbacks: Any, django_assert_max_num_queries: Any
) -> None:
    first, second, third = somebody(1), somebody(2), somebody(3)
    names = [str(content.file.name) for content in StoredContent.objects.order_by("pk")]
    account_url = reverse("admin:accounts_mailaccount_delete", args=[first.pk])
    person_url = reverse("admin:accounts_user_delete", args=[second.user_id])
    for url in (account_url, person_url):
        with django_assert_max_num_queries(15):
            page = administrator.get(url).content.decode()
        assert "messages here: 1" in page
        assert "what the mail says" not in page
        with django_capture_on_commit_callbacks(execute=True):
            assert administrator.post(url, {"post": "yes"}).status_code == 302
    assert User.objects.filter(pk=first.user_id).exists()
    assert not User.objects.filter(pk=second.user_id).exists()
    assert MailAccount.objects.get() == third
    assert [default_storage.exists(name) for name in names] == [False, False, True]
    data = {"action": "delete_selected", "_selected_action": [third.pk], "post": "yes"}
    with django_capture_on_commit_callbacks(execute=True):
        administrator.post(reverse("admin:accounts_mailaccount_changelist"), data)
    assert not MailAccount.objects.exists()
    assert not default_storage.exists(names[2])
