"""Which part of an item a sentence belongs to: what counts fully, what counts as background, what not at all."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from services.tagger.text import Span, Text

LEAD_SENTENCES = 3
LEAD_CHARACTERS = 700
MAX_HEADLINE_WORDS = 16
MIN_HEADLINE_WORDS = 4


class Zone(StrEnum):
    """Parts of an item, in the words of reasons."""

    HEADLINE = "headline"
    LEAD = "lead"
    BODY = "body"
    GLUED_HEADLINE = "glued-headline"
    INLINE_HEADLINE = "inline-headline"
    BIOGRAPHY = "biography"
    ANNIVERSARY = "anniversary"
    BOILERPLATE = "boilerplate"


SILENT = frozenset({Zone.GLUED_HEADLINE, Zone.INLINE_HEADLINE, Zone.BIOGRAPHY, Zone.ANNIVERSARY, Zone.BOILERPLATE})
"""Zones from which nothing is claimed; what matched there is kept as suppressed."""

_BIOGRAPHY = re.compile(
    r"\b(?:graduat(?:ed|ing|e)\s+(?:from|in|of)|(?:was|were)\s+born|born\s+in\s+(?:18|19|20)\d\d|alma\s+mater|served\s+as\s+(?:a|an)\s"
    r"|began\s+(?:his|her)\s+career|(?:his|her)\s+(?:late\s+)?(?:father|mother|widow)\s+(?:was|served)|cadets?\s+from\s+\w+\s+to\s+graduate"
    r"|before\s+(?:taking|entering|assuming)\s+office|commissioned\s+(?:as\s+an?\s+)?(?:officer|lieutenant|ensign)|rose\s+through\s+the\s+ranks"
    r"|enlisted\s+in|biography|obituar)",
    re.IGNORECASE,
)
_ANNIVERSARY = re.compile(
    r"\b(?:\d+(?:st|nd|rd|th)\s+anniversary|anniversary\s+of|centenary|commemorat\w+|memorial\s+(?:day|service|ceremony)"
    r"|remembrance\s+(?:day|sunday)|d-?day\s+landings?|victory\s+day\s+parade|war\s+museum|wreath(?:-|\s)laying)",
    re.IGNORECASE,
)
_ACT_TODAY = re.compile(
    r"\b(?:met|meets|meet|meeting|signs?|signed|agreed?|talks|launch\w*|deploy\w*|deliver\w*|announc\w+|drills?|exercises?)\b",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"^(?:read\s+(?:also|more|next)|also\s+read|related(?:\s+(?:stories|articles|coverage))?\s*:|see\s+also|sign\s+up|subscribe|follow\s+us"
    r"|copyright|all\s+rights\s+reserved|click\s+here|more\s+on\s+this|the\s+views\s+expressed|this\s+article\s+(?:was|is|originally)|get\s+our\b"
    r"|advertisement|recommended\s+stories|newsletter|about\s+the\s+author|photo\s*:|image\s*:|watch\s*:|video\s*:|tags?\s*:|cookies?\b)",
    re.IGNORECASE,
)
_PAST_YEAR = re.compile(
    r"\b(?:in|since|during|from|until|of|by|before|after|between|on)\s+(?:(?:early|late|mid|the\s+(?:early|late|mid)|the|jan\.?|feb\.?|mar\.?|apr\.?|jun\.?|jul\.?|aug\.?|sept?\.?|oct\.?|nov\.?|dec\.?|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|spring|summer|autumn|fall|winter)[\s-]+(?:\d{1,2},?\s+)?(?:of\s+)?)?((?:19|20)\d\d)(?:s\b)?(?!\s*-\w)",
    re.IGNORECASE,
)
_AGO = re.compile(
    r"\b(?:(?:(?:\d+|two|three|four|five|six|seven|eight|nine|ten|many|several|some|few|a\s+few)\s+(?:years?|decades?|months)|a\s+(?:year|decade|century|month))\s+(?:ago|earlier|before)"
    r"|last\s+(?:year|(?:january|february|march|april|may|june|july|august|september|october|november|december)\b)|decades-old|in\s+the\s+past|over\s+the\s+past\s+\w+\s+years|for\s+(?:years|decades)|during\s+the\s+cold\s+war"
    r"|after\s+world\s+war|in\s+the\s+(?:19|20)\d0s|previously|formerly|in\s+recent\s+years|historically|back\s+in)",
    re.IGNORECASE,
)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|would|said|says|told|announced|according|could|may|might|been|this|these|that)\b",
    re.IGNORECASE,
)


class Placed:
    """A sentence, and its zone once somebody asks."""

    def __init__(self, layout: "_Layout", number: int, sentence: Span) -> None:
        self.sentence = sentence
        self._layout = layout
        self._number = number

    @cached_property
    def zone(self) -> Zone:
        """Which part of the item it belongs to."""
        return self._layout.zone(self._number, self.sentence)


def place_sentences(text: Text, *, is_title: bool = False, has_title: bool = False) -> tuple[Placed, ...]:
    """Give each sentence of `text` its zone. In the body, `has_title` says that the headline stands elsewhere."""
    layout = _Layout(text=text, is_title=is_title, has_title=has_title)
    return tuple(Placed(layout, number, sentence) for number, sentence in enumerate(text.sentences))


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """What the zones of one text have in common."""

    text: Text
    is_title: bool
    has_title: bool

    def zone(self, number: int, sentence: Span) -> Zone:
        if self.is_title:
            return Zone.HEADLINE
        glued = self.text.glued_headline
        if number == 0 and glued and glued.covers(sentence):
            return Zone.GLUED_HEADLINE
        paragraph = max(bisect_right(self._paragraph_starts, sentence.start) - 1, 0)
        return _zone(
            self.text.norm[sentence.start : sentence.end],
            number - (1 if glued else 0),
            sentence,
            inline=_is_inline_headline(self.text, paragraph),
            has_title=self.has_title,
        )

    @cached_property
    def _paragraph_starts(self) -> list[int]:
        return [paragraph.start for paragraph in self.text.paragraphs]


def _zone(words: str, number: int, sentence: Span, *, inline: bool, has_title: bool) -> Zone:
    if inline:
        return Zone.INLINE_HEADLINE
    if _BOILERPLATE.search(words):
        return Zone.BOILERPLATE
    if _BIOGRAPHY.search(words):
        return Zone.BIOGRAPHY
    if _ANNIVERSARY.search(words) and not _ACT_TODAY.search(words):
        return Zone.ANNIVERSARY
    lead = LEAD_SENTENCES - 1 if has_title else LEAD_SENTENCES
    if number < lead and sentence.start < LEAD_CHARACTERS:
        return Zone.LEAD
    return Zone.BODY


def _is_inline_headline(text: Text, index: int) -> bool:
    """Tell whether a line is another story's headline: short, inside the article, no final stop, no finite verb."""
    if index == 0 or len(text.paragraphs) < 3:  # noqa: PLR2004 - a first line or a two-line item has no inline links
        return False
    line = text.norm[text.paragraphs[index].start : text.paragraphs[index].end].strip()
    words = line.split()
    if not MIN_HEADLINE_WORDS <= len(words) <= MAX_HEADLINE_WORDS or line[-1] in ".!?:;,\"'":
        return False
    return not _FINITE.search(line)


def past_year(words: str, year_now: int | None) -> int | None:
    """Return the past year a clause is about, if it names one; "since 2014" and "in 2017" count, names do not."""
    years = [int(m.group(1)) for m in _PAST_YEAR.finditer(words)]
    if not years:
        return None
    latest = max(years)
    if year_now is not None:
        return latest if latest < year_now else None
    return latest if latest < 2100 else None  # noqa: PLR2004 - all years the expression can find


_RELATIVE_PAST = re.compile(r"^\s*(?:that|which)\s+(?:was|were|had)\s", re.IGNORECASE)
_RELATIVE_INSIDE = re.compile(r"\w\s(?:that|which)\s(?:was|were|had)\s", re.IGNORECASE)
_DATELINE = re.compile(
    r"^(?:after|before|fresh\s+from|having)\s+(?:attending|leaving|visiting|taking\s+part\s+in|addressing)\b",
    re.IGNORECASE,
)


def is_relative_past(clause: str, words: str) -> bool:
    """Tell whether a clause, or the words of a hit, add an older fact to a noun ("… that was rebuilt with help")."""
    return _RELATIVE_PAST.match(clause) is not None or _RELATIVE_INSIDE.search(words) is not None


def is_dateline(sentence: str) -> bool:
    """Tell whether a sentence opens with where someone has come from ("After attending …")."""
    return _DATELINE.match(sentence) is not None


def is_long_ago(words: str) -> bool:
    """Tell whether a clause says by itself that it speaks of the past ("decades ago", "last year")."""
    return _AGO.search(words) is not None
