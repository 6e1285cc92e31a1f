"""The one line of an alert: who, what was done or talked about, what is denied."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from services.tagger.claims import Read
from services.tagger.drafts import Draft
from services.tagger.mentions import Mention, between
from services.tagger.verdict import Verdict
from shared.gazetteer import Kind
from shared.vocabulary import Aim, Certainty, Place, Status, Topic

FAMILY_NAME_FIRST = frozenset({"CHN", "HKG", "KHM", "KOR", "LAO", "MMR", "PRK", "SGP", "TWN", "VNM"})
RANKS = ("head-of-state", "king", "president", "prime-minister", "senate-president", "defence-minister")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EN_DASH = "\u2013"
MOST_PEOPLE = 4
MOST_MATTERS = 5
VERBS: tuple[tuple[str, frozenset[Status]], ...] = (
    ("agreed", frozenset({Status.AGREED_SIGNED})),
    ("begun", frozenset({Status.BEGUN})),
    ("resumed", frozenset({Status.RESUMED})),
    ("expanded", frozenset({Status.EXPANDED})),
    ("suspended", frozenset({Status.SUSPENDED})),
    ("ended", frozenset({Status.CANCELLED_ENDED})),
    ("discussed", frozenset({Status.UNDER_DISCUSSION})),
    ("proposed", frozenset({Status.PROPOSED})),
    ("completed", frozenset({Status.CONCLUDED})),
    ("criticised", frozenset({Status.CRITICISED})),
    ("in place", frozenset({Status.STANDING})),
)
AIM_VERBS = {Aim.RESUMED: "resume", Aim.EXPANDED: "expand", Aim.SUSPENDED: "suspend", Aim.CANCELLED_ENDED: "end"}
AHEAD = frozenset({Status.AGREED_SIGNED, Status.PROPOSED, Status.UNDER_DISCUSSION})
CONTACTS = frozenset({Topic.SENIOR_MEETING, Topic.DIALOGUE_FORUM})


def write_line(
    verdict: Verdict,
    drafts: Sequence[Draft],
    reads: Mapping[str, Read],
    phrases: Mapping[str, Mapping[str, str]],
    adjectives: Mapping[str, str],
    published: date | None,
) -> str:
    """Write the line of an article that has news of a pair; "" where there is none.

    `adjectives`: how each party's things are called, by code, as `parties.adjectives_of` gives them.
    """
    if not verdict.main:
        return ""
    writer = _Writer(drafts, reads, phrases, adjectives)
    parts = [writer.contact(verdict)]
    parts += [f"{verb}: {matters}" for verb, matters in writer.matters(verdict.main)]
    parts += writer.denials(verdict)
    said = [part for part in parts if part]
    when = _when(verdict.main[0], reads, published)
    if when and said:
        said[0] = f"{said[0]}, {when}"
    return " · ".join([EN_DASH.join(verdict.dyad), *said]) + "."


class _Writer:
    def __init__(
        self,
        drafts: Sequence[Draft],
        reads: Mapping[str, Read],
        phrases: Mapping[str, Mapping[str, str]],
        adjectives: Mapping[str, str],
    ) -> None:
        self.drafts = drafts
        self.reads = reads
        self.phrases = phrases
        self.adjectives = adjectives

    def contact(self, verdict: Verdict) -> str:
        """Say who meets whom, or that a forum takes place."""
        meeting = next((d for d in verdict.main if d.topic is Topic.SENIOR_MEETING), None)
        if meeting is None:
            return self._forum(verdict)
        if meeting.status is Status.DENIED:
            return ""
        people = self._people(meeting, verdict.dyad)
        verb = "meets" if meeting.status in {Status.CONCLUDED, Status.BEGUN, Status.STANDING} else "to meet"
        if meeting.status in {Status.SUSPENDED, Status.CANCELLED_ENDED}:
            verb = "no longer meets"
        if not people:
            return "defence talks" if verb == "meets" else "defence talks planned"
        host = people[0]
        others = [p for p in people[1:] if p.codes != host.codes]
        whom = ", ".join(self._display(p) for p in others) or self._officials(verdict.dyad, host)
        return f"{self._display(host)} {verb} {whom}"

    def _forum(self, verdict: Verdict) -> str:
        forum = next((d for d in verdict.main if d.topic is Topic.DIALOGUE_FORUM), None)
        if forum is None or forum.status is Status.DENIED:
            return ""
        called_off = forum.status in {Status.SUSPENDED, Status.CANCELLED_ENDED}
        ending = "called off" if called_off else "planned" if forum.status in AHEAD else ""
        return f"{self._phrase(forum)} {ending}".strip()

    def matters(self, main: Sequence[Draft]) -> list[tuple[str, str]]:
        """Group what is told by how far it has come, each group in the order of the text."""
        told = [
            d
            for d in main
            if d.topic not in CONTACTS and d.status is not Status.DENIED and d.certainty is not Certainty.RUMOURED
        ]
        solid = [d for d in told if d.topic is not Topic.RELATIONS_SHIFT]
        moving = [d for d in solid or told if d.status is not Status.STANDING] or solid or told
        groups: list[tuple[str, str]] = []
        seen: set[Topic] = set()
        for verb, statuses in VERBS:
            chosen = sorted((d for d in moving if d.status in statuses and d.topic not in seen), key=_position)
            seen.update(d.topic for d in chosen)
            own: dict[str, list[Draft]] = {}
            for draft in chosen:
                own.setdefault(self._verb(draft) or verb, []).append(draft)
            groups += [(word, ", ".join(self._list(those)[:MOST_MATTERS])) for word, those in own.items()]
        return groups

    def _verb(self, draft: Draft) -> str:
        """Return the topic's own word for how far it has come ("delivered"), "" where the usual one will do."""
        return self.phrases.get(str(draft.topic), {}).get(f"={draft.status}", "")

    def denials(self, verdict: Verdict) -> list[str]:
        """Say who of the pair denies what; a denial about a third party counts where one of the pair makes it."""
        said = []
        for draft in (*verdict.main, *verdict.beside):
            if draft.status is Status.DENIED and set(draft.parties) & set(verdict.dyad):
                sides = sorted(draft.sides & set(draft.parties))
                who = sides[0] if sides else self._subject(draft)
                said.append(f"{who} denies {self._phrase(draft, denier=who)}")
        return said

    def _list(self, drafts: Sequence[Draft]) -> list[str]:
        words: list[str] = []
        written: set[Aim] = set()
        for draft in drafts:
            phrase = self._phrase(draft)
            verb = AIM_VERBS.get(draft.aim) if draft.aim and not self._form(draft) else None
            if verb and draft.aim and draft.aim not in written:
                phrase = f"{verb} {phrase}"
                written.add(draft.aim)
            stopped = next((d.year for d in self.drafts if _stopped_before(d, draft)), None)
            phrase = f"{phrase} (stopped {stopped})" if stopped else phrase
            if phrase not in words:
                words.append(phrase)
        return words

    def _phrase(self, draft: Draft, denier: str = "") -> str:
        variants = self.phrases.get(str(draft.topic), {})
        quote = self._sentence_words(draft)
        key = next((k for k in variants if k and k[0] != "=" and re.search(rf"\b{re.escape(k)}", quote)), "")
        phrase = variants.get(key) or variants.get("") or str(draft.topic).replace("-", " ")
        phrase = (self._form(draft) or self._usual_form(draft)).replace("{matter}", phrase)
        others = [code for code in draft.parties if code != denier]
        owner = self._owner(draft)
        phrase = phrase.replace("{owner}", self._adjective(owner) if owner else "military")
        phrase = phrase.replace("{other}", self._adjective(others[0]) if denier and others else "")
        return " ".join(phrase.split())

    def _form(self, draft: Draft) -> str:
        """Return the topic's own way to say what is aimed at ("more {matter}"), "" where a plain verb will do."""
        return self.phrases.get(str(draft.topic), {}).get(f"=to {draft.aim}", "") if draft.aim else ""

    def _usual_form(self, draft: Draft) -> str:
        """Return how the topic's words stand: bare beside a verb of its own, else in the topic's usual form."""
        return "{matter}" if self._verb(draft) else self.phrases.get(str(draft.topic), {}).get("=", "{matter}")

    def _sentence_words(self, draft: Draft) -> str:
        first = draft.evidence[0]
        text = self.reads[first.field].text
        return text.low[max(first.span.start - 12, 0) : first.span.end]

    def _owner(self, draft: Draft) -> str | None:
        """Find whose it is: the country named right before the words ("American military schools")."""
        first = draft.evidence[0]
        read = self.reads[first.field]
        for mention in reversed(read.mentions):
            if mention.is_actor and 0 <= first.span.start - mention.span.end <= 3:  # noqa: PLR2004 - "'s "
                return mention.codes[0]
        return None

    def _subject(self, draft: Draft) -> str:
        first = draft.evidence[0]
        read = self.reads[first.field]
        sentence = read.text.sentences[read.text.sentence_index(first.span.start)]
        for mention in between(read.mentions, sentence):
            if mention.is_actor and mention.codes[0] in draft.parties:
                return mention.codes[0]
        return draft.parties[0]

    def _people(self, draft: Draft, dyad: tuple[str, ...]) -> list[Mention]:
        found: dict[str, Mention] = {}
        for quoted in draft.evidence:
            read = self.reads[quoted.field]
            sentence = read.text.sentences[read.text.sentence_index(quoted.span.start)]
            for mention in between(read.mentions, sentence):
                if mention.kind is Kind.PERSON and set(mention.codes) & set(dyad):
                    found.setdefault(mention.name.name, mention)
        people = list(found.values())[:MOST_PEOPLE]
        return people[:1] + sorted(people[1:], key=_rank_of)

    def _display(self, person: Mention) -> str:
        name = person.name.name
        if set(person.codes) & FAMILY_NAME_FIRST:
            return name
        return name.split()[-1]

    def _officials(self, dyad: tuple[str, ...], host: Mention) -> str:
        other = next((code for code in dyad if code not in host.codes), "")
        return f"{self._adjective(other)} officials" if other else "counterparts"

    def _adjective(self, code: str) -> str:
        return self.adjectives.get(code, code)


def _rank_of(person: Mention) -> int:
    role = person.name.role or ""
    return RANKS.index(role) if role in RANKS else len(RANKS)


def _position(draft: Draft) -> tuple[bool, int]:
    first = min(draft.evidence, key=lambda e: (e.field != "title", e.span.start))
    return first.field != "title", first.span.start


def _stopped_before(old: Draft, new: Draft) -> bool:
    return (
        old.place is Place.BACKGROUND
        and old.topic is new.topic
        and old.status in {Status.SUSPENDED, Status.CANCELLED_ENDED}
        and old.year is not None
        and bool(set(old.parties) & set(new.parties))
    )


def _when(draft: Draft, reads: Mapping[str, Read], published: date | None) -> str:
    """Date the line: the weekday the text names, resolved by the publication date; else that date."""
    first = draft.evidence[0]
    text = reads[first.field].text
    sentence = text.sentences[text.sentence_index(first.span.start)]
    words = text.norm[sentence.start : sentence.end]
    weekday = next((day for day in WEEKDAYS if re.search(rf"\b{day}\b", words)), None)
    if published is None:
        return weekday or ""
    day = published
    if weekday is not None:
        back = (published.weekday() - WEEKDAYS.index(weekday)) % 7
        ahead = draft.status in {Status.AGREED_SIGNED, Status.PROPOSED} and draft.aim is Aim.BEGUN
        day = published + timedelta(days=(7 - back) % 7) if ahead else published - timedelta(days=back)
    return f"{day.day} {day:%b %Y}"
