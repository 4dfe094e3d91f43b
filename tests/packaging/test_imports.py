"""Stages import one way, and each protocol has one place that speaks it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for top in ("webmail", "accounts") for path in (ROOT / top).rglob("*.py")]
# The demo's relay plays the mail transfer agent: it is another server, not a part of the product's mail handling.
ALONE = {
    "imapclient": ("webmail/imap/",),
    "imaplib": ("webmail/imap/",),
    "poplib": ("webmail/pop3/client.py",),
    "smtplib": ("webmail/outbox/smtp.py", "webmail/outbox/smtp_problems.py", "webmail/demo/"),
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def test_the_layers_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(("module", "homes"), ALONE.items())
def test_a_protocol_library_is_imported_in_one_place_only(module: str, homes: tuple[str, ...]) -> None:
    users = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if any(name == module or name.startswith(module + ".") for name in imported(path))
    ]
    assert [user for user in users if not user.startswith(homes)] == []


def test_what_reads_messages_knows_neither_the_database_nor_the_network() -> None:
    for path in (ROOT / "webmail/mime").rglob("*.py"):
        roots = {name.partition(".")[0] for name in imported(path)}
        assert not roots & {"socket", "ssl", "http", "urllib3", "accounts"}
        assert not any(name.startswith(("django.db", "webmail.models")) for name in imported(path))


def test_no_file_has_grown_past_two_ideas() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > 400 and "/migrations/" not in name} == {}
