"""Subjects: what is left when replies and forwards of any language are taken off (after RFC 5256 section 2.1)."""

import re
import unicodedata

from webmail.mime.headers import decode

_REPLY = (
    "re|aw|antw|antwort|sv|vs|vá|válasz|r|rif|ref|réf|rép|ré|res|resp|odp|odpověď|răsp|ynt|cevap|atb|ats|bls|balas"
    "|απ|σχετ|απάντηση|ha|отв|ответ|відп|відповідь|отг|回复|回覆|答复|答覆|返信|답장|회신|השב|תשובה|تعقيب|رد|trả lời|ตอบ"
)
_FORWARD = (
    "fw|fwd|wg|weitergeleitet|tr|i|inoltra|rv|enc|doorst|vb|vl|vst|vid|továbbítás|pd|ilt|i̇lt|πρθ|fs|trs|redir|přep"
    "|пер|пересл|перес|转发|轉寄|轉發|転送|전달|הועבר|إعادة توجيه|chuyển tiếp|ส่งต่อ"
)


def _prefix(words: str) -> re.Pattern[str]:
    longest_first = "|".join(re.escape(word) for word in sorted(words.split("|"), key=len, reverse=True))
    return re.compile(
        rf"\s*(?:{longest_first})\s?(?:\[\d{{1,4}}\]|\(\d{{1,4}}\)|\^\d{{1,4}}|\d{{1,2}})?\s?[:：]\s*", re.IGNORECASE
    )


_ANY = _prefix(f"{_REPLY}|{_FORWARD}")
_PASSED_ON = _prefix(_FORWARD)
_TAG = re.compile(r"\s*(\[[^\[\]]{1,80}\])\s*")
_TRAILER = re.compile(r"\s*\((?:fwd|fw)\)\s*$", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LIMIT = 998


def _taken_apart(text: str) -> tuple[list[str], bool, str]:
    """The list tags before and among the prefixes of ``text``, whether one of these says "forwarded", and the rest."""
    tags: list[str] = []
    passed_on = False
    at = 0
    while True:
        if (found := _ANY.match(text, at)) is not None:
            passed_on = passed_on or _PASSED_ON.match(text, at) is not None
        elif (found := _TAG.match(text, at)) is not None and found.end() < len(text):
            if found[1] not in tags:
                tags.append(found[1])
        else:
            return tags, passed_on, text[at:]
        at = found.end()


def base_subject(subject: str | None) -> str:
    """The subject two messages of one conversation share: prefixes gone, list tags kept, case and width folded."""
    text = unicodedata.normalize("NFKC", decode(subject)[:_LIMIT])
    tags, _, rest = _taken_apart(_SPACE.sub(" ", text).strip())
    while (shorter := _TRAILER.sub("", rest)) != rest:
        rest = shorter
    return " ".join([*tags, rest.strip()]).strip().casefold()


def reply_subject(subject: str | None) -> str:
    """``subject`` with one "Re:" before it, and one "Fwd:" if it was passed on, whatever prefixes it came with."""
    tags, passed_on, rest = _taken_apart(decode(subject))
    return " ".join(["Re:", *(["Fwd:"] if passed_on else []), *tags, rest.strip()]).strip()


def forward_subject(subject: str | None) -> str:
    """``subject`` with one "Fwd:" before it and no other prefix."""
    tags, _, rest = _taken_apart(decode(subject))
    return " ".join(["Fwd:", *tags, rest.strip()]).strip()
