"""F58: slow, endless, packed, of the wrong type, redirected inwards: no server gets more out of us than a request."""

import gzip
import itertools
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.servers.picture_server import PIXELS, PictureServer, answer, dripping
from webmail import resolver
from webmail.outside import address, request
from webmail.outside.address import Refused
from webmail.outside.gate import Gate
from webmail.outside.pictures import Picture, fetch, kind_of

LIMIT = 100_000
NAME = "pictures.example.org"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureServer]:
    """Reached as pictures.example.org; the check of addresses lets loopback pass, for these tests only."""
    server = PictureServer()
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(resolver, "addresses", lambda host, *_: here if host.endswith(NAME) else inside)
    monkeypatch.setattr(address, "is_public", lambda each: each == "127.0.0.1")
    yield server
    server.close()


def get(path: str = "/a.png", seconds: float = 3.0) -> Picture:
    return fetch(f"http://{NAME}{path}", limit=LIMIT, seconds=seconds)


def test_a_picture_is_asked_for_without_saying_who_asks(server: PictureServer) -> None:
    assert get("/a.png?x=1#y") == Picture("image/png", PIXELS)
    line, *fields = server.asked[0].strip().split("\r\n")
    assert line == "GET /a.png?x=1 HTTP/1.1"
    names = {field.partition(":")[0].lower(): field.partition(": ")[2] for field in fields}
    assert set(names) == {"host", "accept-encoding", "connection", "user-agent", "accept"}
    assert (names["host"], names["accept-encoding"]) == (NAME, "identity")


def test_redirects_are_followed_three_times_and_judged_each_time(server: PictureServer) -> None:
    def hops(path: str) -> list[bytes]:
        number = int(path.strip("/") or 0)
        return [answer(b"", "302 Found", Location=f"/{number - 1}")] if number else [answer()]

    server.script = hops
    assert get("/3").content == PIXELS
    with pytest.raises(Refused, match="too many redirects"):
        get("/4")


@pytest.mark.parametrize(
    "location",
    [
        *(
            "http://router.example.net/",
            "http://10.0.0.1/",
            "http://127.0.0.1:6379/",
            "http://[::1]/",
            "file:///etc/passwd",
        ),
        *(
            "http://localhost/",
            "//router.example.net/x.png",
            f"http://{NAME}:22/",
            "gopher://x.example.org/",
            "http://[",
        ),
        *("https://list-manage.example/track/open.php?u=1", "http://a.doubleclick.net/x.gif"),
    ],
)
def test_a_redirect_inwards_or_to_a_tracker_is_not_followed(server: PictureServer, location: str) -> None:
    server.script = lambda _: [answer(b"", "302 Found", Location=location)]
    with pytest.raises(Refused):
        get()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>", {}),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {"Content_Type": "image/svg+xml"}),
        (b"<?xml version='1.0'?><svg/>", {"Content_Type": "image/png"}),
        (b"", {"Content_Type": "image/png"}),
        (b"RIFF\0\0\0\0WAVE", {"Content_Type": "image/webp"}),
        (b"\0\0\0\x20ftypisom" + b"\0" * 30, {"Content_Type": "image/avif"}),
        (gzip.compress(PIXELS, mtime=0), {"Content_Encoding": "gzip"}),
        (PIXELS, {"Content_Encoding": "br"}),
    ],
)
def test_only_pictures_pass_and_nothing_is_unpacked(
    server: PictureServer, body: bytes, headers: dict[str, str]
) -> None:
    server.script = lambda _: [answer(body, **headers)]
    with pytest.raises(Refused):
        get()


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial", "304 Not Modified", "403 No", "404 No", "500 Oh"])
def test_only_a_plain_success_counts(server: PictureServer, status: str) -> None:
    server.script = lambda _: [answer(PIXELS, status)]
    with pytest.raises(Refused):
        get()


def test_what_is_too_large_is_given_up_at_the_limit(server: PictureServer) -> None:
    sent = itertools.count()

    def endless(_: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n" + PIXELS
        while True:
            next(sent)
            yield b"\0" * 10_000

    server.script = endless
    with pytest.raises(Refused, match="larger"):
        get()
    assert next(sent) < 2_000
    server.script = lambda _: [answer(b"", Content_Length="10000000000")]
    with pytest.raises(Refused, match="larger"):
        get()
    server.script = lambda _: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n" + b"\0" * LIMIT * 2]
    with pytest.raises(Refused, match="larger"):
        get()


@pytest.mark.parametrize(
    "script",
    [
        lambda _: dripping([b"H", b"T", b"T", b"P"] + [b"/"] * 100, 0.1),
        lambda _: dripping([b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 90], 0.1),
        lambda _: dripping([answer(PIXELS, Content_Length="5000"), *[b"\0"] * 100], 0.1),
        lambda _: dripping([b"HTTP/1.1 200 OK\r\n\r\n" + PIXELS, *[b"\0"] * 100], 0.1),
        lambda _: dripping([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"0"] * 100], 0.1),
        lambda _: dripping([b"", b""], 5.0),
    ],
    ids=["status", "headers", "body", "body-without-length", "chunk-size", "silence"],
)
def test_time_is_up_however_the_bytes_are_spread(server: PictureServer, script: object) -> None:
    server.script = script  # type: ignore[assignment]
    begin = time.monotonic()
    with pytest.raises(Refused):
        get(seconds=0.6)
    assert time.monotonic() - begin < 2.5


def test_what_is_cut_short_is_no_picture(server: PictureServer) -> None:
    server.script = lambda _: [answer(PIXELS, Content_Length="100")]
    with pytest.raises(Refused, match="cut short"):
        get()


@pytest.mark.parametrize(
    "answer", [b"", b"\0\0\0", b"HTTP/1.1 999999 x\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 200\r\n" * 300]
)
def test_what_is_no_answer_is_refused(server: PictureServer, answer: bytes) -> None:
    server.script = lambda _: [answer]
    with pytest.raises(Refused):
        get()


def test_tls_is_spoken_for_the_name_and_with_the_address_that_was_checked(
    server: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []

    class Context:
        def wrap_socket(self, wrapped: socket.socket, *, server_hostname: str) -> socket.socket:
            names.append((server_hostname, wrapped.getpeername()[0]))
            raise ssl.SSLCertVerificationError("not its certificate")

    monkeypatch.setattr(request, "tls_context", lambda _: Context())
    with pytest.raises(Refused, match="certificate"):
        fetch(f"https://{NAME}/a.png", limit=LIMIT, seconds=3.0)
    assert names == [(NAME, "127.0.0.1")]
    assert server.asked == []


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"GIF87a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0", "image/bmp"),
        (b"\0\0\1\0\1\0" + b"\1" * 20, "image/x-icon"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"<svg", ""),
        (b"\0\0\1\0\0\0" + b"\1" * 20, ""),
        (b"BMW is a car and not a picture at all", ""),
        (b"%PDF-1.4", ""),
    ],
)
def test_types_are_told_by_the_first_octets(start: bytes, kind: str) -> None:
    assert kind_of(start + b"\0" * 30) == kind


def test_the_gate_lets_in_so_many_and_nobody_waits() -> None:
    gate = Gate(most=3, each=2)
    with gate.entered(1) as first, gate.entered(1) as second, gate.entered(1) as third, gate.entered(2) as other:
        assert (first, second, third, other) == (True, True, False, True)
        with gate.entered(3) as full:
            assert not full
    with gate.entered(3) as again:
        assert again
