"""Secrets of a local installation: made once, kept in ``var/`` for the owner's eyes only.

Only the standard library and cryptography are imported: this runs before Django's settings, which need the secrets.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

BASE_DIR = Path(__file__).resolve().parent.parent.parent
WORDS = """
amber anchor apple autumn basil beacon birch bridge candle canyon cedar cherry clover copper coral
cotton ember falcon fern fjord garden ginger glacier harbour hazel island ivory jasmine juniper
kettle lantern lemon linen maple meadow mirror morning olive orchid pebble pepper pine plum poppy
river saffron sailor silver spruce stone summer thistle timber velvet violet walnut willow winter
""".split()  # noqa: SIM905 - readable as prose


def var_directory() -> Path:
    return Path(os.environ.get("VAR_DIR") or BASE_DIR / "var")


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    scratch.replace(path)


def _assignments(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.removeprefix("export ").partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def load_local_secrets(*, create: bool) -> None:
    """Put SECRET_KEY and CREDENTIAL_KEYS of ``var/secrets.env`` into the environment, where nothing else set them.

    ``create`` makes and keeps what is missing. The environment and ``.env`` always win.
    """
    path = var_directory() / "secrets.env"
    kept = _assignments(path)
    given = {**_assignments(BASE_DIR / ".env"), **os.environ}
    makers = {
        "SECRET_KEY": lambda: secrets.token_urlsafe(50),
        "CREDENTIAL_KEYS": lambda: Fernet.generate_key().decode(),
    }
    missing = {name: make() for name, make in makers.items() if not given.get(name) and name not in kept}
    if create and missing:
        kept.update(missing)
        _write_private(path, "".join(f"{name}={value}\n" for name, value in kept.items()))
    for name in makers:
        if not given.get(name) and name in kept:
            os.environ[name] = kept[name]


def passphrase() -> str:
    """Easy to type, 2^38 possibilities: enough for an installation that listens on loopback only."""
    return "-".join([*(secrets.choice(WORDS) for _ in range(5)), str(secrets.randbelow(9000) + 1000)])


class DemoState:
    """What the demonstration has to remember between runs: passwords, ports and whether the mailbox was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def password(self, name: str) -> str:
        passwords = self.values.setdefault("passwords", {})
        if name not in passwords:
            passwords[name] = passphrase()
            self.save()
        return str(passwords[name])

    def ports(self) -> dict[str, int]:
        return {str(name): int(port) for name, port in self.values.get("ports", {}).items()}

    def set_ports(self, ports: Mapping[str, int]) -> None:
        self.values["ports"] = dict(ports)
        self.save()

    def save(self) -> None:
        _write_private(self.path, json.dumps(self.values, indent=1))
