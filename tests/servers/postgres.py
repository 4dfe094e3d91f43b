"""A private PostgreSQL cluster in a temporary directory: ``python -m tests.servers.postgres COMMAND...``.

The command runs with DATABASE_URL pointing at the cluster, which is thrown away afterwards. The exit code is the command's.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from webmail.demo.unprivileged import Unprivileged

START_SECONDS = 30.0
STOP_SECONDS = 10.0
USER = "webmail"


def binaries() -> Path | None:
    """Debian keeps the server's programs outside PATH; the newest version wins."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


class Postgres:
    """Context manager; ``url`` is for DATABASE_URL. PostgreSQL refuses to run as root, so root's runs as ``nobody``."""

    def __init__(self) -> None:
        found = binaries()
        if found is None:
            raise SystemExit("The database tests need PostgreSQL: apt-get install postgresql")
        self._binaries = found
        self._user = Unprivileged()
        self.directory = Path(tempfile.mkdtemp(prefix="webmail-pg-"))
        self._user.own(self.directory)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._password = secrets.token_urlsafe(16)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self._password}@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> "Postgres":
        password_file = self.directory / "password"
        password_file.write_text(self._password)
        self._user.own(password_file)
        data = self.directory / "data"
        subprocess.run(
            [
                str(self._binaries / "initdb"),
                *("-D", str(data), "-U", USER, "--pwfile", str(password_file), "--auth", "scram-sha-256"),
                *("-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **self._user.process(),
        )
        # Nothing has to survive a crash here.
        settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}
        settings |= {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.directory)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(data), "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                cwd="/",
                **self._user.process(),
            )
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(
            [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        ).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("PostgreSQL did not start: " + (self.directory / "log").read_text()[-500:])
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": disconnects clients first
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(STOP_SECONDS)
        shutil.rmtree(self.directory, ignore_errors=True)


def main() -> int:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with Postgres() as cluster:
        return subprocess.run(sys.argv[1:], env={**os.environ, "DATABASE_URL": cluster.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
