"""A tagged article as the store judges it: what it says of its dyad, when, in which words, and where."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from services.store.arcs import LEVEL, STOPS
from services.store.instruments import Kinds, instruments
from services.store.wording import terms
from shared.events import AlertEvidence, Article, BadEvent, Claim, Matter, TaggedArticle
from shared.vocabulary import Certainty, Place, Severity, Topic

UNSURE = frozenset({Certainty.INFERRED, Certainty.RUMOURED})
"""A claim so uncertain is shown as evidence but moves nothing (the writer's framing, unnamed sources)."""

PRINCIPAL_SCORE = 0.7
"""The score from which one claim raises an alert; below it no claim makes a country a principal party either."""

FIRST_YEAR, LAST_YEAR = 1900, 2200

SPANS_PER_CLAIM = 2
LONGEST_QUOTE = 600
"""A longer span shows nothing at a glance; it stays in the claim and is left out of the alert."""


@dataclass(frozen=True)
class Report:
    """`matters` has one entry per topic, the report's leading topic first; `sure` are the topics that may move a state.

    `speaks`: the tagger's decision was to alert, and the article is no backfill. `at` is when it was published, or
    observed if that is unknown or earlier, in aware UTC. `parties`: the dyad and who stands beside both of it.
    """

    article_id: str
    revision: int
    dyad: tuple[str, ...]
    topics: tuple[Topic, ...]
    matters: tuple[Matter, ...]
    sure: frozenset[Topic]
    parties: tuple[str, ...]
    names: frozenset[str]
    instruments: frozenset[str]
    title: str
    text: str
    speaks: bool
    at: datetime
    severity: Severity
    line: str
    evidence: tuple[AlertEvidence, ...]
    language: str | None
    published: datetime | None
    rules_version: str

    @cached_property
    def terms(self) -> frozenset[str]:
        """The content words of title and lead, found when first asked for: most articles have nothing to join."""
        return terms(self.title, self.text)


def read_report(article: Article, tagged: TaggedArticle, kinds: Kinds) -> Report:
    """Read what the store needs off an article and its claims; claims of other dyads and of the past are left out."""
    decision = tagged.decision
    news = [claim for claim in tagged.claims if claim.place is Place.NEWS]
    own = [claim for claim in news if _is_of(decision.dyad, claim)] or news
    topics = decision.topics or tuple(dict.fromkeys(claim.topic for claim in own))
    best = {topic: _best([claim for claim in own if claim.topic is topic]) for topic in topics}
    leading = [claim for claim in best.values() if claim is not None]
    joined = {
        party
        for claim in own
        if claim.score >= PRINCIPAL_SCORE and claim.certainty not in UNSURE and set(decision.dyad) < set(claim.parties)
        for party in claim.parties
    }
    ordered = sorted(own, key=lambda claim: (claim is not best.get(claim.topic), -claim.score, claim.id))
    context = sorted(
        (claim for claim in news if claim.topic in decision.context and claim not in own),
        key=lambda claim: (-claim.score, claim.id),
    )
    return Report(
        article_id=article.id,
        revision=article.revision,
        dyad=decision.dyad,
        topics=topics,
        matters=tuple(
            Matter(topic=claim.topic, status=claim.status, aim=claim.aim, parties=claim.parties) for claim in leading
        ),
        sure=frozenset(claim.topic for claim in leading if claim.certainty not in UNSURE),
        parties=tuple(sorted(joined | set(decision.dyad))),
        names=frozenset(decision.names),
        instruments=instruments(decision.names, kinds),
        title=article.title,
        text=article.text,
        speaks=decision.alert and not article.backfill,
        at=report_time(article),
        severity=decision.severity or Severity.P4,
        line=decision.line or article.title,
        evidence=tuple(found for claim in (*ordered, *context) for found in _shown(article, claim)),
        language=article.language or article.source.language,
        published=article.published,
        rules_version=tagged.rules_version,
    )


def report_time(article: Article) -> datetime:
    """Return when the article was published, or observed where that is unknown or earlier."""
    return min(article.published, article.observed_at) if article.published else article.observed_at


def check_times(article: Article) -> None:
    """Raise BadEvent for a time no database and no calendar arithmetic can be trusted with."""
    for name in ("published", "updated", "observed_at"):
        moment: datetime | None = getattr(article, name)
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise BadEvent("does-not-fit", f"article {article.id}: {name} is {moment.isoformat()}")


def _is_of(dyad: tuple[str, ...], claim: Claim) -> bool:
    pair, parties = set(dyad), set(claim.parties)
    return bool(parties) and (pair <= parties or parties <= pair)


def _best(claims: list[Claim]) -> Claim | None:
    """Pick the surest statement of a topic; of equals the one that goes furthest."""
    return max(
        claims,
        key=lambda claim: (
            claim.certainty not in UNSURE,
            claim.score,
            len(LEVEL) if claim.status in STOPS else LEVEL[claim.status],
            claim.id,
        ),
        default=None,
    )


def _shown(article: Article, claim: Claim) -> tuple[AlertEvidence, ...]:
    return tuple(
        AlertEvidence(
            article_id=article.id,
            outlet=article.source.name,
            url=article.url,
            title=article.title,
            topic=claim.topic,
            status=claim.status,
            aim=claim.aim,
            parties=claim.parties,
            certainty=claim.certainty,
            field=span.field,
            start=span.start,
            end=span.end,
            quote=span.quote,
            rule=claim.rule,
        )
        for span in [span for span in claim.evidence if len(span.quote) <= LONGEST_QUOTE][:SPANS_PER_CLAIM]
    )
