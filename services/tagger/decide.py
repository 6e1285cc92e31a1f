"""One article in, its claims and the decision out: pure, and with a reason for everything that did not count."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from services.tagger.claims import Dropped, Read, build_claims
from services.tagger.drafts import Draft
from services.tagger.line import write_line
from services.tagger.marked import Marked, Passage
from services.tagger.matching import Candidates, Hit, Matcher, Number, Veto, build_matcher, match_sentence
from services.tagger.mentions import NameIndex, index_names
from services.tagger.parties import adjectives_of
from services.tagger.rules import Rules, load_rules
from services.tagger.text import Text, fold
from services.tagger.verdict import judge
from services.tagger.zones import SILENT, place_sentences
from shared.events import Claim, Decision, Evidence
from shared.gazetteer import Kind, load_gazetteer
from shared.identity import stable_id

LONG_TEXT = 1000
OPENING_SENTENCES = 3
NAMED_KINDS = frozenset({Kind.PERSON, Kind.BASE, Kind.EXERCISE, Kind.AGREEMENT, Kind.FORUM})


@dataclass(frozen=True)
class Tagger:
    """Rules and names compiled; immutable, so threads may share it."""

    matcher: Matcher
    names: NameIndex
    adjectives: Mapping[str, str]

    @property
    def version(self) -> str:
        """The rules version, which every tagged article carries."""
        return self.matcher.rules.version


@dataclass(frozen=True)
class Suppressed:
    """What matched and did not count, and why. Offsets point into the field as given."""

    field: str
    start: int
    end: int
    quote: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Tagging:
    """Everything the tagger says of one article."""

    claims: tuple[Claim, ...]
    decision: Decision
    suppressed: tuple[Suppressed, ...] = ()


@cache
def load_tagger() -> Tagger:
    """Compile the rules and names that come with the program, once; raises RulesError or the gazetteer's error."""
    return make_tagger(load_rules())


def make_tagger(rules: Rules) -> Tagger:
    """Make a tagger of `rules` and the names that come with the program; raises the gazetteer's error."""
    gazetteer = load_gazetteer()
    names = index_names(name for name in gazetteer.mentions if name.lang == "en")
    return Tagger(build_matcher(rules), names, adjectives_of(gazetteer))


def tag(
    title: str,
    text: str,
    *,
    published: date | None = None,
    tagger: Tagger,
    language: str | None = None,
    genre: str | None = None,
    article_id: str = "",
) -> Tagging:
    """Tag one article. `published` dates "2017" and "Tuesday"; `language` BCP 47, None means English."""
    if language and language.partition("-")[0].lower() != "en":
        return Tagging((), Decision(alert=False, score=0.0, reasons=("language-not-supported",)))
    folded = {"title": fold(title), "text": fold(text)}
    wanted = {name: tagger.matcher.candidates(part) for name, part in folded.items()}
    if not any(wanted.values()):
        return Tagging((), Decision(alert=False, score=0.0, reasons=("no-defence-words",)))
    found = tagger.names.find(tuple(folded.values()), published)
    reads = {
        name: Read(name, part, mentions, place_sentences(part, is_title=name == "title", has_title=bool(title)))
        for (name, part), mentions in zip(folded.items(), found, strict=True)
    }
    hits, vetoes = _match(wanted, reads, tagger.matcher)
    if not hits and not vetoes:
        return Tagging((), NOTHING)
    drafts, dropped = build_claims(hits, reads, tagger.matcher, published.year if published else None)
    claims = tuple(_claim(draft, folded, article_id) for draft in drafts)
    suppressed = tuple(_dropped(d, folded) for d in dropped) + tuple(_vetoed(v, folded) for v in vetoes)
    return Tagging(claims, _decide(drafts, reads, tagger, published, genre), suppressed)


NOTHING = Decision(alert=False, score=0.0, reasons=judge((), None).reasons)
"""What is decided where no rule matched."""


def _match(
    wanted: dict[str, dict[int, Candidates]], reads: dict[str, Read], matcher: Matcher
) -> tuple[list[Hit], list[Veto]]:
    tried: dict[str, dict[int, set[Number]]] = {name: {} for name in reads}
    for name, read in reads.items():
        likely = wanted[name]
        for number, placed in enumerate(read.placed):
            inside = read.inside(number)
            numbers, words = likely.get(number, (set(), None))
            for kind in {mention.kind for mention in inside}.intersection(matcher.by_kind):
                numbers.update(matcher.by_kind[kind])
            read.marked[number] = Marked(read.text, placed.sentence, inside, matcher.all, words)
            if numbers:
                tried[name][number] = numbers
    titles = list(reads["title"].marked.values())
    if titles and len(reads["text"].text.norm) > LONG_TEXT:
        # a full article says in its first sentences what it is about
        titles += [reads["text"].marked[number] for number in range(min(OPENING_SENTENCES, len(reads["text"].placed)))]
    item = Passage([marked for read in reads.values() for marked in read.marked.values()])
    opening = Passage(titles)
    hits: list[Hit] = []
    vetoes: list[Veto] = []
    for name, read in reads.items():
        for number, patterns in tried[name].items():
            found, taken_back = match_sentence(
                matcher, read.text, patterns, read.marked[number], item, opening, where=name, sentence=number
            )
            hits.extend(found)
            vetoes.extend(taken_back)
    return hits, vetoes


def _claim(draft: Draft, folded: dict[str, Text], article_id: str) -> Claim:
    evidence = []
    for quoted in draft.evidence:
        start, end = folded[quoted.field].original_span(quoted.span)
        evidence.append(
            Evidence(field=quoted.field, start=start, end=end, quote=folded[quoted.field].original[start:end])
        )
    identity = (article_id, draft.topic, draft.status, draft.aim or "", draft.place, *draft.parties)
    return Claim(
        id=stable_id("clm", *identity),
        topic=draft.topic,
        status=draft.status,
        aim=draft.aim,
        parties=draft.parties,
        place=draft.place,
        certainty=draft.certainty,
        said_by=draft.said_by,
        year=draft.year,
        evidence=tuple(evidence),
        score=draft.score,
        rule=draft.rule,
        reasons=draft.reasons,
    )


def _dropped(dropped: Dropped, folded: dict[str, Text]) -> Suppressed:
    hit = dropped.hit
    start, end = folded[hit.field].original_span(hit.span)
    return Suppressed(hit.field, start, end, folded[hit.field].original[start:end], hit.rule.id, dropped.reason)


def _vetoed(veto: Veto, folded: dict[str, Text]) -> Suppressed:
    start, end = folded[veto.field].original_span(veto.span)
    return Suppressed(veto.field, start, end, folded[veto.field].original[start:end], veto.rule.id, veto.reason)


def _decide(
    drafts: Sequence[Draft], reads: dict[str, Read], tagger: Tagger, published: date | None, genre: str | None
) -> Decision:
    verdict = judge(drafts, genre)
    return Decision(
        alert=verdict.alert,
        score=verdict.score,
        dyad=verdict.dyad,
        severity=verdict.severity,
        line=write_line(verdict, drafts, reads, tagger.matcher.rules.phrases, tagger.adjectives, published),
        topics=verdict.topics,
        context=verdict.context,
        names=_names(reads) if drafts else (),
        reasons=verdict.reasons,
    )


def _names(reads: dict[str, Read]) -> tuple[str, ...]:
    """Name the people, bases, exercises, agreements and forums that are told of, for joining reports of one matter."""
    found: dict[str, None] = {}
    for read in reads.values():
        for mention in read.mentions:
            if mention.kind not in NAMED_KINDS:
                continue
            if read.placed[read.text.sentence_index(mention.span.start)].zone not in SILENT:
                found.setdefault(re.sub(r"[^a-z0-9]+", "-", mention.name.name.lower()).strip("-"))
    return tuple(found)
