"""A browser as far as timing goes: one connection kept alive, cookies, the headers htmx sends. It adds about 0.2 ms."""

import gzip
import html
import http.client
import re
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Answer:
    """``seconds`` go from sending the request until the last octet; nothing is decoded in that time."""

    path: str
    status: int
    location: str
    raw: bytes
    zipped: bool
    seconds: float

    @property
    def text(self) -> str:
        return (gzip.decompress(self.raw) if self.zipped else self.raw).decode("utf-8", "replace")

    def expect(self, *words: str) -> "Answer":
        """An error page is quick to serve: raise AssertionError unless this is the answer that was asked for."""
        text = self.text if words else ""
        missing = [word for word in words if word not in text]
        if self.status != 200 or missing:
            said = " ".join(html.unescape(TAG.sub(" ", self.text)).split())
            raise AssertionError(f"{self.path} answered {self.status} without {missing}: {said[:600]}")
        return self


class Visitor:
    def __init__(self, url: str) -> None:
        self.origin = url
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)
        self._cookies: dict[str, str] = {}
        self.page = "/"

    def get(self, path: str) -> Answer:
        """A page of its own."""
        return self._request("GET", path, {"Accept": "text/html"})

    def fragment(self, path: str) -> Answer:
        """What htmx asks for inside a page."""
        return self._request("GET", path, self._htmx())

    def act(self, path: str, fields: Sequence[tuple[str, object]]) -> Answer:
        """A form that htmx sends."""
        return self._request("POST", path, {**self._htmx(), "X-CSRFToken": self.token}, fields)

    def submit(self, path: str, fields: Sequence[tuple[str, object]]) -> Answer:
        """A form that the browser sends by itself."""
        return self._request("POST", path, {}, [*fields, ("csrfmiddlewaretoken", self.token)])

    def follow(self, path: str) -> Answer:
        """A page, after the redirects to it; the seconds of all of them."""
        seconds = 0.0
        for _ in range(5):
            answer = self.get(path)
            seconds += answer.seconds
            if answer.status not in {301, 302, 303}:
                self.page = path
                return Answer(path, answer.status, "", answer.raw, answer.zipped, seconds)
            path = answer.location
        raise AssertionError(f"{path} redirects in a circle")

    @property
    def token(self) -> str:
        return self._cookies.get("csrftoken", "")

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def close(self) -> None:
        self._connection.close()

    def _htmx(self) -> dict[str, str]:
        return {"Accept": "text/html", "HX-Request": "true", "HX-Current-URL": self.origin + self.page}

    def _request(
        self, method: str, path: str, headers: dict[str, str], fields: Sequence[tuple[str, object]] | None = None
    ) -> Answer:
        headers = {**headers, "Accept-Encoding": "gzip", "Origin": self.origin}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(list(fields))
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self._connection.sock is None:
            self._connection.connect()
        started = time.perf_counter()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A connection the server let go of between two clicks; a browser opens another one too.
            self._connection.close()
            started = time.perf_counter()
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
        raw = answer.read()
        seconds = time.perf_counter() - started
        self._keep_cookies(answer)
        zipped = answer.headers.get("Content-Encoding") == "gzip"
        return Answer(path, answer.status, answer.headers.get("Location", ""), raw, zipped, seconds)

    def _keep_cookies(self, answer: http.client.HTTPResponse) -> None:
        for header in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = header.partition("=")
            value = rest.partition(";")[0]
            if value in {"", '""'} or "max-age=0" in rest.lower():
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = value
