"""The single values a condition may hold: read into the house's words, or refused with a suggestion."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from shared.gazetteer import Form, Kind, load_gazetteer
from shared.vocabulary import BODIES, Aim, AlertKind, Severity, Status, Topic

E = TypeVar("E", bound=StrEnum)

LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
TEXT_CHARS = 200
DYAD_PARTIES = 2


class Refused(Exception):  # noqa: N818 - an answer within parsing, turned into a Mistake
    """A value that cannot stand: why, and what to write instead where that is known."""

    def __init__(self, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


def value_of(kind: str, written: object) -> Any:
    """Read one value of a condition's key (in the singular); raises Refused."""
    if not isinstance(written, str):
        raise Refused(f"must be a text, not {written!r}"[:120])
    return READERS[kind](written)


def suggest_key(key: str, keys: Sequence[str]) -> str | None:
    """Return "did you mean …?" for a key, where one is near."""
    near = difflib.get_close_matches(key.lower(), keys, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(keys)}"


def _word(kind: type[E], what: str) -> Callable[[str], E]:
    def read(written: str) -> E:
        try:
            return kind(written)
        except ValueError:
            words = [str(member) for member in kind]
            raise Refused(f"{what} {written[:60]!r} unknown", _suggest(written, words)) from None

    return read


def _suggest(written: str, words: Sequence[str]) -> str:
    plain = re.sub(r"[\s_]+", "-", written.strip().casefold())
    folded = {word.casefold(): word for word in words}
    near = difflib.get_close_matches(plain, folded, n=1, cutoff=0.6)
    return f"did you mean {folded[near[0]]!r}?" if near else f"one of {', '.join(words)}"


def _party(written: str) -> str:
    gazetteer = load_gazetteer()
    if gazetteer.is_party(written):
        return written
    meant = written.strip().upper()
    code = meant if gazetteer.is_party(meant) else _codes_by_name().get(written.strip().casefold())
    raise Refused(
        f"party {written[:60]!r} unknown",
        f"did you mean {code!r}?" if code else f"use an ISO 3166-1 alpha-3 code or {', '.join(sorted(BODIES))}",
    )


@cache
def _codes_by_name() -> dict[str, str]:
    return {
        mention.surface.casefold(): mention.codes[0]
        for mention in reversed(load_gazetteer().mentions)
        if mention.kind in {Kind.COUNTRY, Kind.BODY} and mention.form is Form.NAME
    }


def _dyad(written: str) -> str:
    parts = [part.strip() for part in re.split(r"[-\u2010-\u2015]", written)]
    if len(parts) != DYAD_PARTIES:
        raise Refused(f"dyad {written[:60]!r} must be two codes joined by '-'", "such as 'KHM-USA'")
    first, second = sorted(_party(part) for part in parts)
    if first == second:
        raise Refused(f"dyad {written!r} names one party twice")
    return f"{first}-{second}"


def _language(written: str) -> str:
    if LANGUAGE.fullmatch(written):
        return written
    raise Refused(f"language {written[:60]!r} is no BCP 47 tag", "such as 'en', 'km' or 'zh-Hans'")


def _text(written: str) -> str:
    if len(written) > TEXT_CHARS:
        raise Refused(f"text of {len(written)} characters, the limit is {TEXT_CHARS}")
    if not any(unicodedata.category(letter)[0] in "LN" for letter in written):
        raise Refused(f"text {written!r} has neither a letter nor a digit to look for")
    return " ".join(written.split())


READERS: dict[str, Callable[[str], Any]] = {
    "topic": _word(Topic, "topic"),
    "status": _word(Status, "status"),
    "aim": _word(Aim, "aim"),
    "kind": _word(AlertKind, "kind"),
    "min_severity": _word(Severity, "severity"),
    "party": _party,
    "dyad": _dyad,
    "language": _language,
    "text": _text,
}
