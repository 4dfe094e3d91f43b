"""A web server on loopback that answers for pictures as it is told, byte for byte."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

PIXELS = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
Script = Callable[[str], Iterable[bytes]]


def answer(body: bytes = PIXELS, status: str = "200 OK", **headers: str) -> bytes:
    fields = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class PictureServer:
    """``script`` gives the pieces of the answer for a path; ``asked`` keeps all requests."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _: [answer()])
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._closing = False
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closing = True
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head or len(head.partition(b"\r\n\r\n")[2]) < _announced(head):
                piece = connection.recv(4096)
                if not piece:
                    return
                head += piece
            self.asked.append(head.decode("latin-1"))
            for piece in self.script(head.split(b" ")[1].decode("latin-1")):
                if self._closing:
                    return
                connection.sendall(piece)


def _announced(head: bytes) -> int:
    found = re.search(rb"^content-length: (\d+)", head, re.IGNORECASE | re.MULTILINE)
    return int(found[1]) if found else 0


def dripping(pieces: Iterable[bytes], seconds: float) -> Iterable[bytes]:
    for piece in pieces:
        yield piece
        time.sleep(seconds)
