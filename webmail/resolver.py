"""Names looked up within a time limit."""

import socket
import threading
from queue import Empty, SimpleQueue
from typing import Any


def addresses(host: str, port: int, timeout: float) -> list[Any]:
    """What getaddrinfo says; it knows no time limit: a resolver that does not answer would hold its caller for half a minute.

    Raise OSError, or ValueError for what is no name.
    """
    answer: SimpleQueue[list[Any] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError, OverflowError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=timeout)
    except Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "the resolver does not answer") from None
    if isinstance(found, Exception):
        raise found
    return found
