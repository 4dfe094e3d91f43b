"""Courier's IMAP server on a loopback port. Its sign-in, which belongs to the whole machine, is played by a few lines here.

Courier hands a connection over after the sign-in: ``imapd`` runs with the person's Maildir and answers LOGIN itself.
"""

import contextlib
import re
import secrets
import socket
import subprocess
import threading
from pathlib import Path

from tests.servers.unpacked import environment, unpacked_tree
from webmail.demo.unprivileged import Unprivileged

PROGRAM = "usr/bin/imapd"
WATCHER = "usr/libexec/gam_server"
FOLDERS = ("Sent", "Drafts", "Trash")
CAPABILITIES = (
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL ACL2=UNION"
)
_LOGIN = re.compile(rb'(\S+) LOGIN "?([^" ]*)"? "?([^" ]*)"?\r\n\Z', re.IGNORECASE)


class Courier:
    """``start()``, ``add_user()``, ``stop()``; ``directory`` must be reachable for the unprivileged user."""

    host = "127.0.0.1"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self._user = Unprivileged()
        self._passwords: dict[str, str] = {}
        self._listener: socket.socket | None = None
        self._tree = directory
        self._sessions: list[subprocess.Popen[bytes]] = []
        # Under a name of its own the watcher of files is nobody else's.
        self._watcher = f"webmail-{secrets.token_hex(6)}"

    def start(self) -> None:
        self._tree = unpacked_tree(PROGRAM, self.directory)
        self._user.own(self.directory)
        watcher = [str(self._tree / WATCHER), "--notimeout", self._watcher]
        self._sessions.append(
            subprocess.Popen(
                watcher,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment(self._tree),
                **self._user.process(),
            )
        )
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """End what was started here, and nothing else."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for session in self._sessions:
            session.kill()
            session.wait()

    def add_user(self, address: str, password: str) -> None:
        maildir = self._maildir(address)
        self._run("usr/bin/maildirmake.courier", str(maildir))
        for name in FOLDERS:
            self._run("usr/bin/maildirmake.courier", "-f", name, str(maildir))
        self._passwords[address] = password

    def _maildir(self, address: str) -> Path:
        return self.directory / address.replace("/", "_")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._tree / program), *arguments],
            check=True,
            cwd="/",
            env=environment(self._tree),
            **self._user.process(),
        )

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        """Until the sign-in; no octet of what follows it may be read here."""
        with contextlib.suppress(OSError), connection:
            connection.sendall(b"* OK [CAPABILITY " + CAPABILITIES.encode() + b"] Courier-IMAP ready.\r\n")
            while line := _line(connection):
                tag = line.split()[0]
                login = _LOGIN.match(line)
                if login is None:
                    known = b"* CAPABILITY " + CAPABILITIES.encode() + b"\r\n" + tag + b" OK CAPABILITY completed\r\n"
                    connection.sendall(known if b"CAPABILITY" in line.upper() else tag + b" BAD Invalid command\r\n")
                elif self._passwords.get(login[2].decode()) != login[3].decode():
                    connection.sendall(tag + b" NO Login failed.\r\n")
                else:
                    self._hand_over(connection, tag.decode(), login[2].decode())
                    return

    def _hand_over(self, connection: socket.socket, tag: str, address: str) -> None:
        session = {
            "AUTHENTICATED": address,
            "AUTHADDR": address,
            "AUTHOPTIONS": "",
            "TCPREMOTEIP": "127.0.0.1",
            "TCPREMOTEPORT": "1",
            "IMAPLOGINTAG": tag,
            "PROTOCOL": "IMAP",
            "IMAP_CAPABILITY": CAPABILITIES,
            "IMAP_KEYWORDS": "1",
            "IMAP_USELOCKS": "1",
            "IMAP_ENHANCEDIDLE": "1",
            "IMAP_IDLE_TIMEOUT": "60",
            "GAM_CLIENT_ID": self._watcher,
            "IMAP_EMPTYTRASH": "",
            "IMAP_TRASHFOLDERNAME": "Trash",
        }
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(self._tree / PROGRAM), "."],
                stdin=connection.fileno(),
                stdout=connection.fileno(),
                stderr=log,
                cwd=self._maildir(address),
                env=environment(self._tree) | session,
                **self._user.process(),
            )
        self._sessions.append(process)
        process.wait()


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        octet = connection.recv(1)
        if not octet:
            return b""
        line += octet
    return line
