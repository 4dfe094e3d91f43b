"""The product as somebody's browser sees it: sign in, find one's way through the lists, click."""

import re
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.bench.fill import PASSWORD
from tests.bench.letters import LAST_WORD
from tests.bench.visitor import TAG, Answer, Visitor

ROW = re.compile(r"/folder/(\d+)/conversation/(\d+)/")
NEXT = re.compile(r"[?&;]after=([A-Za-z0-9_-]+)")
FRAME = re.compile(r'src="(/message/\d+/body/[^"]*)"')
FOLDER = re.compile(r'href="/folder/(\d+)/"[^>]*>(.*?)</a>', re.DOTALL)
ROWS_PER_PAGE = 50
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class FirstSignIn:
    """Seconds. ``checks``: until the form was answered; from there, ``rows``: until a page with any rows had arrived,
    ``usable``: until one full of rows had."""

    checks: float
    rows: float
    usable: float


@dataclass
class Page:
    """One page of a list: subjects by conversation, and the address of the rows after it."""

    rows: dict[int, str]
    after: str

    @classmethod
    def of(cls, answer: Answer) -> "Page":
        text = answer.text
        starts: dict[int, int] = {}
        for match in ROW.finditer(text):
            starts.setdefault(int(match.group(2)), match.start())
        ends = [*starts.values(), len(text)][1:]
        rows = {pk: TAG.sub(" ", text[start:end]) for (pk, start), end in zip(starts.items(), ends, strict=False)}
        after = NEXT.findall(text)
        return cls(rows, after[-1] if after else "")


class MailboxVisitor:
    """``inbox`` and ``archive`` are known after ``sign_in``."""

    def __init__(self, url: str) -> None:
        self.visitor = Visitor(url)
        self.inbox = 0
        self.archive = 0

    def sign_in(self, address: str, seconds: float = 120.0) -> FirstSignIn:
        """For the first time: the inbox does not exist here yet. Raise TimeoutError when it does not fill up."""
        self.visitor.get("/sign-in/").expect("password")
        answer = self.visitor.submit("/sign-in/", [("address", address), ("password", PASSWORD)])
        if answer.status != 302:
            answer.expect("never")
        started = time.perf_counter()
        first_rows = passed = 0.0
        rows: dict[int, str] = {}
        while len(rows) < ROWS_PER_PAGE:
            if passed:
                time.sleep(POLL_SECONDS)
            page = self.visitor.follow("/").expect()
            rows = Page.of(page).rows
            passed = time.perf_counter() - started
            if rows and not first_rows:
                first_rows = passed
            if passed > seconds:
                raise TimeoutError(f"no page full of rows within {seconds:.0f} s: {TAG.sub(' ', page.text)[:300]}")
        matched = ROW.search(page.text)
        self.inbox = int(matched.group(1)) if matched else 0
        self.visitor.page = f"/folder/{self.inbox}/"
        return FirstSignIn(answer.seconds, first_rows, passed)

    def find_archive(self) -> None:
        for pk, label in FOLDER.findall(self.sidebar().text):
            if "Archive" in label:
                self.archive = int(pk)
                return
        raise AssertionError("the sidebar has no Archive")

    def sidebar(self) -> Answer:
        return self.visitor.fragment(f"/sidebar/?folder={self.inbox}").expect(f"/folder/{self.inbox}/")

    def list(self, after: str = "") -> Answer:
        """The list as a click on the folder asks for it, or the rows that scrolling asks for."""
        answer = self.visitor.fragment(f"/folder/{self.inbox}/" + (f"?after={after}" if after else "")).expect()
        self._check_full(answer)
        return answer

    def whole_page(self) -> Answer:
        answer = self.visitor.get(f"/folder/{self.inbox}/").expect()
        self._check_full(answer)
        return answer

    def open(self, conversation: int, subject: str) -> float:
        """Seconds until the letter can be read: the reader, then the frames in it."""
        path = f"/folder/{self.inbox}/conversation/{conversation}/"
        reader = self.visitor.fragment(path).expect(subject)
        text, seconds = reader.text, reader.seconds
        for frame in FRAME.findall(text):
            body = self.visitor.get(frame).expect()
            text += body.text
            seconds += body.seconds
        if LAST_WORD not in text:
            raise AssertionError(f"{path} does not show the letter: {TAG.sub(' ', text)[:400]}")
        return seconds

    def search(self, text: str) -> float:
        """Seconds until the first page of hits is here; an empty one does not count."""
        answer = self.visitor.fragment(f"/search/?{urlencode({'q': text})}").expect("/search/conversation/")
        return answer.seconds

    def act(self, verb: str, conversation: int, **fields: object) -> float:
        path = f"/folder/{self.inbox}/{verb}/"
        return self.visitor.act(path, [("conversation", conversation), *fields.items()]).expect().seconds

    @staticmethod
    def _check_full(answer: Answer) -> None:
        rows = Page.of(answer).rows
        if len(rows) != ROWS_PER_PAGE:
            raise AssertionError(f"{answer.path} has {len(rows)} rows")
