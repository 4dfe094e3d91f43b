"""A TCP proxy that puts a distance between the product and its mail server.

Every octet is held back for the one-way delay in each direction, without limiting how many are under way. The TCP handshake
costs a round trip too. It is a process of its own (``python -m tests.bench.latency``), so that it does not take part in
what is measured; slow start and loss are not modelled.
"""

import asyncio
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from functools import partial

from webmail.demo.supervisor import BASE_DIR

HANDSHAKE = 3  # one-way delays until the first octet of the client can be at the server


class Distance:
    """Starts the proxy; ``ports`` maps each upstream port on loopback to the one that is far away."""

    def __init__(self, one_way_ms: float, upstream: Sequence[int]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.latency", str(one_way_ms), *map(str, upstream)],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("the proxy has no output")
        opened = self._process.stdout.readline().split()
        if len(opened) != len(upstream):
            raise RuntimeError("the latency proxy did not start")
        self.ports = dict(zip(upstream, map(int, opened), strict=True))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(5)


class _End(asyncio.Protocol):
    """One end of a relayed connection: what arrives here leaves at ``other`` after the delay."""

    def __init__(self, delay: float, not_before: float = 0.0) -> None:
        self.delay = delay
        self.not_before = not_before
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.under_way: deque[tuple[float, bytes | None]] = deque()
        self.waking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport.set_write_buffer_limits(high=1 << 30)

    def data_received(self, data: bytes) -> None:
        self._put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._put(None)

    def _put(self, data: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        due = max(loop.time() + self.delay, self.not_before)
        self.under_way.append((due, data))
        if self.delay == 0 and self.other is not None:
            self.deliver()
        elif self.waking is None and self.other is not None:
            self.waking = loop.call_at(due, self.deliver)

    def deliver(self) -> None:
        """Hand over everything whose time has come."""
        self.waking = None
        if self.other is None or self.other.transport is None:
            return
        loop = asyncio.get_running_loop()
        # Clocks wake a little early and late; half a millisecond early is closer than one late.
        now = loop.time() + 0.0005
        while self.under_way and self.under_way[0][0] <= now:
            data = self.under_way.popleft()[1]
            if data is None:
                self.other.transport.close()
            elif not self.other.transport.is_closing():
                self.other.transport.write(data)
        if self.under_way:
            self.waking = loop.call_at(self.under_way[0][0], self.deliver)


async def _relay(client: _End, port: int) -> None:
    server = _End(client.delay)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0.0, client.not_before - loop.time()))
    try:
        await loop.create_connection(lambda: server, "127.0.0.1", port)
    except OSError:
        if client.transport is not None:
            client.transport.abort()
        return
    server.other, client.other = client, server
    client.deliver()
    server.deliver()


async def serve(one_way: float, upstream: Sequence[int]) -> None:
    """Relay until standard input ends; print the ports opened. ``one_way`` in seconds."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def accept(port: int) -> _End:
        client = _End(one_way, loop.time() + HANDSHAKE * one_way)
        task = loop.create_task(_relay(client, port))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return client

    opened = []
    for port in upstream:
        server = await loop.create_server(partial(accept, port), "127.0.0.1", 0, backlog=256)
        opened.append(server.sockets[0].getsockname()[1])
    print(*opened, flush=True)
    # Whoever started the proxy may die without a word; its end of the pipe tells.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000, [int(port) for port in sys.argv[2:]]))
