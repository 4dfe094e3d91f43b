"""Who really sent a message: Authentication-Results (RFC 8601) of the server that is trusted, and of no other.

Anybody can write such a field into a mail. A receiving server adds its own above everything that was there, and above or
right below the Received line with which it took the mail; what stands further down, or names another server, says nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from webmail.mime.address import addresses
from webmail.mime.domains import aligned, ascii_form, organisation
from webmail.mime.words import to_text

Fields = list[tuple[str, bytes]]
NAMELESS = "-"  # among trusted names: a field that names no server, as Exchange Online writes it
VERIFIED, FAILED, UNKNOWN = "verified", "failed", "unknown"

_VALUE_LIMIT = 8_192
_FIELDS_READ = 10
_TOKENS = 1_500
_NAMES = 10
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([();="])|([^\s();="]+)', re.DOTALL)
_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BY = re.compile(r"\bby\s+([^\s;()]+)", re.IGNORECASE)
_WITH = re.compile(r"\bwith\s+([^\s;()]+)", re.IGNORECASE)
_NOT_GROUP = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|=\?[^?\s]*\?[bBqQ]\?[^?]*\?=')
_FROM = re.compile(r"\A\s*from\s", re.IGNORECASE)
# Hand-over inside one house (RFC 3848, and what delivery agents write).
_LOCAL = re.compile(r"(?:utf8)?lmtps?a?|local", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word counts: ``ids`` are authserv-ids, "*.example.org" for every name below a domain, or ``NAMELESS``.

    ``named``: it is known that this server marks every mail. Then its topmost field counts even right below the Received
    line with which it took the mail; otherwise it has to stand above, where no sender can write. ``several``: it writes a
    field for each method. ``hosts`` are the domains inside which the provider hands mail on.
    """

    ids: tuple[str, ...] = ()
    named: bool = True
    several: bool = False
    hosts: tuple[str, ...] = ()

    def believes(self, server: str) -> bool:
        return any(_fits(server, each) for each in self.ids)


def trusted_names(text: str) -> tuple[str, ...]:
    """The names in ``text``, which blanks or commas part. Raise ValueError, in words, for what can be none."""
    found = tuple(dict.fromkeys(text.replace(",", " ").lower().split()))
    if len(found) > _NAMES:
        raise ValueError(f"At most {_NAMES} names.")
    for each in found:
        if each != NAMELESS and not ascii_form(each.removeprefix("*.")):
            raise ValueError("Write names of servers such as mx.example.org, or *.example.org for all below a domain.")
    return found


def _fits(server: str, name: str) -> bool:
    if name == NAMELESS or not server:
        return name == NAMELESS and not server
    if name.startswith("*."):
        return server.endswith(name[1:])
    return server == name


@dataclass(frozen=True, slots=True)
class Result:
    """One method of a field: ``dkim=pass header.d=example.org``."""

    method: str
    result: str
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """The domain it speaks of; "" for none. Of an SPF result that of the envelope sender, never that of HELO."""
        found = self.properties
        match self.method:
            case "dkim":
                named = found.get("header.d") or found.get("header.i", "").rpartition("@")[2]
            case "spf":
                named = found.get("smtp.mailfrom") or found.get("smtp.mail") or ""
                named = named.strip("<>").rpartition("@")[2]
            case _:
                named = found.get("header.from", "").strip("<>").rpartition("@")[2]
        return ascii_form(named.lstrip("@"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """``result`` is verified, failed or unknown, by ``method`` for ``domain``; ``signed``: domains whose DKIM signature held.

    An unknown verdict says in ``method`` why: "untrusted" (no trusted server said anything), "senders" (not exactly one
    sender), "unproven".
    """

    result: str = UNKNOWN
    method: str = "untrusted"
    domain: str = ""
    signed: tuple[str, ...] = ()


def read(value: bytes | str) -> tuple[str, list[Result]] | None:
    """Server and results of one field; None where it cannot be read for certain. ("", …) where it names no server."""
    pieces = list(_pieces(to_text(value)[:_VALUE_LIMIT]))
    if not pieces or pieces[-1] is None:
        return None
    segments: list[list[_Token]] = [token for token in pieces if token is not None]
    first = segments[0]
    server = ""
    if not any(token.sign == "=" for token in first):
        if not first or len(first) > 2 or (len(first) == 2 and not first[1].text.isdigit()):
            return None
        server, segments = first[0].text.lower().rstrip("."), segments[1:]
    return server, [found for each in segments if (found := _result(each)) is not None]


class _Token(NamedTuple):
    text: str
    sign: str
    start: int
    end: int


def _pieces(text: str) -> Iterator[list[_Token] | None]:
    """The tokens between semicolons, without comments; at the end None where it is broken or too long."""
    at = count = 0
    tokens: list[_Token] = []
    while (found := _TOKEN.search(text, at)) is not None:
        quoted, sign, word = found.groups()
        at = found.end()
        count += 1
        if sign == "(":
            at = _after_comment(text, at)
        if at < 0 or sign in {'"', ")"} or count > _TOKENS:
            yield None
            return
        if sign == ";":
            yield tokens
            tokens = []
        elif sign != "(":
            said = word if word is not None else _ESCAPED.sub(r"\1", quoted) if quoted is not None else ""
            tokens.append(_Token(said, sign or "", found.start(), found.end()))
    yield tokens


def _after_comment(text: str, at: int) -> int:
    depth = 1
    for found in _COMMENT.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    return -1


def _result(tokens: list[_Token]) -> Result | None:
    if len(tokens) < 3 or tokens[0].sign or tokens[1].sign != "=" or tokens[2].sign:
        return None
    properties: dict[str, str] = {}
    at = 3
    while at + 2 < len(tokens):
        name, equals, value = tokens[at : at + 3]
        if name.sign or equals.sign != "=" or value.sign:
            at += 1
            continue
        at += 3
        said, end = [value.text], value.end
        # "a b"@example.org, or the padding of base64: what touches is one value.
        while at < len(tokens) and tokens[at].start == end:
            said.append(tokens[at].text or tokens[at].sign)
            end = tokens[at].end
            at += 1
        properties.setdefault(name.text.lower(), "".join(said))
    return Result(tokens[0].text.lower().partition("/")[0], tokens[2].text.lower(), properties)


def sender_domain(fields: Fields) -> str:
    """The domain of the one mailbox in the one From field, as A-labels; "" for none, several, a group or a trick."""
    values = [value for name, value in fields if name.lower() == "from"]
    if len(values) != 1:
        return ""
    found = addresses(values[0])
    if len(found) != 1:
        return ""
    written = to_text(values[0])
    local, at, domain = found[0].address.rpartition("@")
    # A group (RFC 5322 section 3.4), or an address that is there only once it is decoded.
    bare = _NOT_GROUP.sub("", written)
    if not local or not at or domain.lower() not in written.lower() or set(bare) & {":", ";"}:
        return ""
    return ascii_form(domain) if organisation(domain) else ""


def judge(fields: Fields, trust: Trust) -> Verdict:
    """The verdict over the whole header, from its top."""
    believed = _believed(fields, trust)
    if believed is None:
        return Verdict()
    passed = (each.domain for each in believed if each.method == "dkim" and each.result == "pass")
    signed = tuple(domain for domain in dict.fromkeys(passed) if domain)
    domain = sender_domain(fields)
    if not domain:
        return Verdict(method="senders", signed=signed)
    policy = [each for each in believed if each.method == "dmarc" and aligned(each.domain or domain, domain)]
    if any(each.result == "fail" for each in policy):
        return Verdict(FAILED, "dmarc", domain, signed)
    if policy and all(each.result == "pass" for each in policy):
        return Verdict(VERIFIED, "dmarc", domain, signed)
    return _by_alignment(believed, domain, signed)


def _by_alignment(believed: list[Result], domain: str, signed: tuple[str, ...]) -> Verdict:
    """Without a word about DMARC: a signature, else a server, of whom the sender's domain belongs to."""
    for method in ("dkim", "spf"):
        for each in believed:
            if each.method == method and each.result == "pass" and aligned(each.domain, domain):
                return Verdict(VERIFIED, method, each.domain, signed)
    return Verdict(method="unproven", domain=domain, signed=signed)


def _believed(fields: Fields, trust: Trust) -> list[Result] | None:
    """What trusted fields say, None where there is none. Of a method only the topmost field that speaks of it counts."""
    found: list[Result] | None = None
    certain = found_certain = True
    outside = looked_at = 0
    for name, value in fields:
        lowered = name.lower()
        if lowered == "received":
            line = to_text(value)[:_VALUE_LIMIT]
            certain = certain and _is_local(line)
            outside += not (_is_local(line) or _is_at(_without_comments(line), trust.hosts))
            if outside > 1 or not (certain or trust.named):
                break
        elif lowered == "authentication-results":
            looked_at += 1
            said = read(value)
            # A sender may have broken the server's own field, to have the next believed.
            if said is None or looked_at > _FIELDS_READ:
                break
            if not trust.believes(said[0]):
                continue
            if found is not None and not certain and (found_certain or not trust.several):
                break
            found_certain = certain
            known = {each.method for each in found or []}
            found = [*(found or []), *(each for each in said[1] if each.method not in known)]
    return found


def _is_local(received: str) -> bool:
    """Whether a Received line tells of a hand-over inside one machine or house, which no sender has part in.

    What a sender calls himself, and whom he writes to, stands in the line as well, and may open a comment or close one: a
    single word of another way, wherever it stands, is that of the server.
    """
    if not _FROM.match(received):
        return True
    said = [how for how in _WITH.findall(received) if how.lower() != "cipher"]
    return bool(_WITH.search(_without_comments(received))) and all(_LOCAL.fullmatch(how) for how in said)


def _is_at(received: str, hosts: tuple[str, ...]) -> bool:
    by = _BY.findall(received)
    host = by[-1].lower().rstrip(".") if by else ""
    return bool(host) and any(host == each or host.endswith(f".{each}") for each in hosts)


def _without_comments(text: str) -> str:
    out: list[str] = []
    depth = 0
    for piece in re.split(r"([()])", text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif not depth:
            out.append(piece)
    return " ".join(out)
