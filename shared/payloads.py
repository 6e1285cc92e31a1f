"""The payloads of the events: what services tell one another, as immutable structs, and how their JSON is read.

Fields are only ever added, always with a default. `shared.events` is how everybody imports them.
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec

from shared.vocabulary import Aim, AlertKind, Certainty, Place, Severity, Status, Topic

T = TypeVar("T", bound=msgspec.Struct)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone; one without is refused, since nobody knows which moment it means."""


class BadEvent(Exception):  # noqa: N818 - the house name for data that goes to the dead letters
    """A record that can never be handled. `reason` is a metric label (few words), `detail` says what and where."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where an article was read. `country` is alpha-3 or a body, `language` BCP 47, `grade` Admiralty A to F."""

    feed_id: str
    name: str
    country: str | None = None
    language: str | None = None
    kind: str = "media"
    grade: str = "F"


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """One feed item at one revision. All text is plain (no markup); all times are aware UTC.

    `id` comes from the feed's identity and the item's identity, so it survives edits; `revision` counts edits
    from 0. `backfill` marks items that were old when first seen: stored, never announced.
    """

    id: str
    revision: int
    source: Source
    url: str | None
    title: str
    summary: str = ""
    content: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str | None = None
    published: Moment | None = None
    updated: Moment | None = None
    observed_at: Moment
    backfill: bool = False
    truncated: bool = False

    @property
    def text(self) -> str:
        """The body that is tagged and that evidence offsets of field "text" point into."""
        return self.content or self.summary


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The span that shows a claim: `quote == getattr(article, field)[start:end]`, offsets in code points.

    `field` is "title" or "text" (`Article.text`).
    """

    field: str
    start: int
    end: int
    quote: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of an article: topic, status, aim and parties, with all spans that show it, best first."""

    id: str
    topic: Topic
    status: Status
    aim: Aim | None = None
    parties: tuple[str, ...]
    place: Place
    certainty: Certainty = Certainty.REPORTED
    said_by: str | None = None
    year: int | None = None
    evidence: tuple[Evidence, ...]
    score: float
    rule: str
    reasons: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the article is news for a watcher, and why. `dyad` is sorted; `line` is the one-line alert text.

    `names` are people, exercises, bases and agreements, as canonical slugs or surnames: what clustering joins on.
    `topics` leads with the most important; `context` are topics told but not news of this dyad.
    """

    alert: bool
    score: float
    dyad: tuple[str, ...] = ()
    severity: Severity | None = None
    line: str = ""
    topics: tuple[Topic, ...] = ()
    context: tuple[Topic, ...] = ()
    names: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class TaggedArticle(msgspec.Struct, frozen=True, kw_only=True):
    """An article with its claims and decision. `article` is the article event's JSON, byte for byte."""

    article: msgspec.Raw
    claims: tuple[Claim, ...]
    decision: Decision
    rules_version: str

    def read_article(self) -> Article:
        """Decode the article inside; raises BadEvent like `decode`."""
        return read_json(bytes(self.article), Article, "article inside tagged article")


class AlertEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One quoted span behind an alert, with the article it stands in; offsets as in `Evidence`."""

    article_id: str
    outlet: str
    url: str | None
    title: str
    topic: Topic
    status: Status
    aim: Aim | None = None
    parties: tuple[str, ...]
    certainty: Certainty
    field: str
    start: int
    end: int
    quote: str
    rule: str


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert says of one topic: the status reached, and towards what."""

    topic: Topic
    status: Status
    aim: Aim | None = None
    parties: tuple[str, ...]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What subscribers are told. One development raises one alert; later changes are updates that refer to it.

    `sequence` is 0 for the first; `references` is the alert this one updates; `changes` are the reasons,
    in the words the store's decision used.
    """

    id: str
    development_id: str
    kind: AlertKind
    sequence: int
    references: str | None = None
    severity: Severity
    dyad: tuple[str, ...]
    parties: tuple[str, ...]
    matters: tuple[Matter, ...]
    line: str
    changes: tuple[str, ...]
    evidence: tuple[AlertEvidence, ...]
    languages: tuple[str, ...] = ()
    reports: int = 1
    published: Moment | None = None
    raised_at: Moment
    rules_version: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A marker the fetcher sends through every stage; each stage exports the newest `sent_at` it has seen."""

    sent_at: Moment
    sequence: int


@cache
def _decoder(payload: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(payload)


def read_json(value: bytes, payload: type[T], where: str) -> T:
    """Decode JSON into `payload`, or raise BadEvent (bad-encoding, bad-json, bad-schema) naming `where`."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadEvent("bad-encoding", f"{where}: not UTF-8 at byte {error.start}") from error
    try:
        data: T = _decoder(payload).decode(value)
    except msgspec.ValidationError as error:
        raise BadEvent("bad-schema", f"{where}: {error}") from error
    except msgspec.DecodeError as error:
        raise BadEvent("bad-json", f"{where}: {error}") from error
    except RecursionError as error:
        raise BadEvent("bad-json", f"{where}: nested too deep") from error
    return data
