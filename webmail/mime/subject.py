"""Subjects: what is left when replies and forwards of any language are taken off (after RFC 5256 section 2.1)."""

import re
import unicodedata

from webmail.mime.headers import decode

_REPLY = (
    "re|aw|antw|antwort|sv|vs|vá|r|rif|ref|rép|rv|res|odp|ynt|cevap|atb|bls|balas|απ|σχετ|отв|ответ"
    "|відповідь|回复|回覆|答复|答覆|返信|답장|회신|השב|تعقيب|رد|trả lời"
)
_FORWARD = (
    "fw|fwd|wg|weitergeleitet|tr|i|inoltra|enc|doorst|vb|vl|vst|vid|továbbítás|pd|ilt|i̇lt|πρθ|fs"
    "|пер|пересл|转发|轉寄|轉發|転送|전달|הועבר|إعادة توجيه|chuyển tiếp"
)


def _prefix(words: str) -> re.Pattern[str]:
    longest_first = "|".join(re.escape(word) for word in sorted(words.split("|"), key=len, reverse=True))
    return re.compile(
        rf"\s*(?:{longest_first})\s?(?:\[\d{{1,4}}\]|\(\d{{1,4}}\)|\^\d{{1,4}}|\d{{1,2}})?\s?[:：]\s*", re.IGNORECASE
    )


_ANY = _prefix(f"{_REPLY}|{_FORWARD}")
_ANSWER = _prefix(_REPLY)
_PASSED_ON = _prefix(_FORWARD)
_TAG = re.compile(r"\s*(\[[^\[\]]{1,80}\])\s*")
_TRAILER = re.compile(r"\s*\((?:fwd|fw)\)\s*$", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_LIMIT = 998


def base_subject(subject: str | None) -> str:
    """The subject two messages of one conversation share: prefixes gone, list tags kept, case and width folded."""
    text = unicodedata.normalize("NFKC", decode(subject)[:_LIMIT])
    text = _SPACE.sub(" ", text).strip()
    tags: list[str] = []
    at = 0
    while True:
        if (found := _ANY.match(text, at)) is not None:
            at = found.end()
        elif (found := _TAG.match(text, at)) is not None and found.end() < len(text):
            if found[1] not in tags:
                tags.append(found[1])
            at = found.end()
        else:
            break
    rest = text[at:]
    while (shorter := _TRAILER.sub("", rest)) != rest:
        rest = shorter
    return " ".join([*tags, rest.strip()]).strip().casefold()


def _without(text: str, prefix: re.Pattern[str]) -> str:
    at = 0
    while (found := prefix.match(text, at)) is not None:
        at = found.end()
    return text[at:].strip()


def reply_subject(subject: str | None) -> str:
    """``subject`` with one "Re:" before it, whatever and however many reply prefixes it came with."""
    return f"Re: {_without(decode(subject), _ANSWER)}".strip()


def forward_subject(subject: str | None) -> str:
    """``subject`` with one "Fwd:" before it."""
    return f"Fwd: {_without(decode(subject), _PASSED_ON)}".strip()
