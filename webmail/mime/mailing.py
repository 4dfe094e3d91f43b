"""What mail in bulk says about itself: its list (RFC 2919, RFC 2369) and the way out of it (RFC 8058)."""

import re
from dataclasses import asdict, dataclass
from urllib.parse import unquote

from webmail.mime.authentication import Fields
from webmail.mime.charset import storable
from webmail.mime.headers import decode, display_text
from webmail.mime.html import link
from webmail.mime.words import to_text

_URL = re.compile(r"<([^<>]{1,2000})>")
_TAG = re.compile(r"(?:^|;)\s*([a-z]{1,2})\s*=\s*([^;]{0,20000})", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_COVERED = {"list-unsubscribe", "list-unsubscribe-post"}
_URLS = 10
_QUERY = 2_000


@dataclass(frozen=True, slots=True)
class Mailing:
    """``id`` names the list, ``name`` is for people; ``one_click``: ``url`` may be asked by POST without a further question."""

    id: str = ""
    name: str = ""
    archive: str = ""
    post: str = ""
    url: str = ""
    mail: str = ""
    one_click: bool = False

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    @property
    def can_leave(self) -> bool:
        return bool(self.url or self.mail)

    def to_json(self) -> dict[str, str | bool]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, obj: object) -> "Mailing":
        """Of whatever a column holds."""
        if not isinstance(obj, dict):
            return cls()
        texts = {name: str(obj.get(name, "")) for name in ("id", "name", "archive", "post", "url", "mail")}
        return cls(**texts, one_click=obj.get("one_click") is True)


def read(fields: Fields, signed: tuple[str, ...]) -> Mailing:
    """``signed`` are domains whose DKIM signature held, as a trusted server says; without them nothing is one click."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        lowered = name.lower()
        if lowered.startswith("list-") or lowered == "dkim-signature":
            found.setdefault(lowered, []).append(to_text(value))
    ways = [target for value in found.get("list-unsubscribe", []) for target in _targets(value)]
    web = [target for target in ways if target.lower().startswith(("https://", "http://"))]
    https = next((target for target in web if target.lower().startswith("https://")), "")
    identity = first_of(found, "list-id")
    return Mailing(
        id=_list_id(identity),
        name=_list_name(identity),
        archive=next(
            (each for each in _targets(first_of(found, "list-archive")) if each.lower().startswith("http")), ""
        ),
        post=_mailbox(next(iter(_mails(_targets(first_of(found, "list-post")))), "")),
        url=https or next(iter(web), ""),
        mail=next(iter(_mails(ways)), ""),
        one_click=bool(https) and _one_click(found, signed),
    )


def first_of(found: dict[str, list[str]], name: str) -> str:
    return found.get(name, [""])[0]


def _targets(value: str) -> list[str]:
    targets = (link(_SPACE.sub("", each)) for each in _URL.findall(value)[:_URLS])
    return [target for target in targets if target]


def _mails(targets: list[str]) -> list[str]:
    return [target for target in targets if target.lower().startswith("mailto:")]


def _mailbox(target: str) -> str:
    return target[len("mailto:") :].partition("?")[0]


def _list_id(value: str) -> str:
    bracketed = _URL.findall(value)
    return display_text(_SPACE.sub("", bracketed[-1] if bracketed else value)).lower()[:255]


def _list_name(value: str) -> str:
    name = decode(value.partition("<")[0]).strip().strip('"').strip()
    return display_text(name)[:200] or _list_id(value)


def _one_click(found: dict[str, list[str]], signed: tuple[str, ...]) -> bool:
    """RFC 8058 section 4: one field of each, and a signature that holds covers both.

    Of several signatures of a domain every one has to cover them: which of them held cannot be told for certain.
    """
    posts = found.get("list-unsubscribe-post", [])
    if len(found.get("list-unsubscribe", [])) != 1 or len(posts) != 1:
        return False
    if _SPACE.sub("", posts[0]).lower() != "list-unsubscribe=one-click":
        return False
    covering: dict[str, bool] = {}
    for value in found.get("dkim-signature", [])[:20]:
        tags = {name.lower(): _SPACE.sub("", said) for name, said in _TAG.findall(value)}
        names = set(tags.get("h", "").lower().split(":"))
        domain = tags.get("d", "").lower()
        covering[domain] = covering.get(domain, True) and names >= _COVERED
    return any(covering.get(domain, False) for domain in signed)


def mailto(target: str) -> tuple[str, str, str]:
    """Address, subject and body of a mailto address (RFC 6068), each on bounded lines; other fields are not heeded."""
    to, _, query = target.partition(":")[2].partition("?")
    fields: dict[str, str] = {}
    for pair in query[:_QUERY].split("&")[:20]:
        name, _, value = pair.partition("=")
        fields.setdefault(unquote(name).lower(), unquote(value))
    subject = " ".join(display_text(fields.get("subject", "")).split())[:500]
    return unquote(to).strip()[:320], subject, storable(fields.get("body", ""))[:_QUERY]
