"""Secrets of a local installation are made once, kept private, and never override what is given."""

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from webmail.demo.secrets import DemoState, load_local_secrets, passphrase


@pytest.fixture(autouse=True)
def an_empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    # Set before deleted: so that what the test puts there is taken away again.
    for name in ("SECRET_KEY", "CREDENTIAL_KEYS"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)


def test_they_are_made_once_and_readable_for_the_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_local_secrets(create=True)
    key = os.environ["SECRET_KEY"]
    assert len(key) >= 50
    Fernet(os.environ["CREDENTIAL_KEYS"])
    assert (tmp_path / "var/secrets.env").stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("SECRET_KEY")
    load_local_secrets(create=True)
    assert os.environ["SECRET_KEY"] == key


def test_other_commands_use_them_and_make_none(tmp_path: Path) -> None:
    load_local_secrets(create=False)
    assert "SECRET_KEY" not in os.environ
    assert not (tmp_path / "var").exists()


def test_a_given_secret_is_neither_replaced_nor_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "given-by-the-operator")
    load_local_secrets(create=True)
    assert os.environ["SECRET_KEY"] == "given-by-the-operator"
    assert "SECRET_KEY" not in (tmp_path / "var/secrets.env").read_text()


def test_demo_passwords_survive_a_restart_and_differ(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    first = DemoState(path).password("admin")
    assert DemoState(path).password("admin") == first
    assert DemoState(path).password("ida") != first
    assert path.stat().st_mode & 0o777 == 0o600
    assert len({passphrase() for _ in range(50)}) == 50
