"""Claims to a decision: is it news for a watcher, about which pair, how grave, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.tagger.drafts import Draft
from services.tagger.zones import Zone
from shared.vocabulary import CONTEXT_TOPICS, Certainty, Place, Severity, Status, Topic

ALERT_SCORE = 0.7

STATE_CHANGES = frozenset(
    {
        Status.AGREED_SIGNED,
        Status.BEGUN,
        Status.RESUMED,
        Status.EXPANDED,
        Status.SUSPENDED,
        Status.CANCELLED_ENDED,
    }
)
GRAVE = frozenset(
    {
        Topic.BASING_ACCESS,
        Topic.FORCE_PRESENCE,
        Topic.STATUS_OF_FORCES,
        Topic.DEFENCE_AGREEMENT,
        Topic.ALLIANCE_GUARANTEE,
        Topic.RESTRICTION_EMBARGO,
    }
)
PRACTICE = frozenset(
    {
        Topic.JOINT_EXERCISE,
        Topic.TRAINING_CAPACITY,
        Topic.MILITARY_EDUCATION,
        Topic.PORT_CALL,
        Topic.JOINT_PATROL,
        Topic.ARMS_SALE,
        Topic.MILITARY_AID,
        Topic.DEFENCE_INDUSTRY,
        Topic.INTELLIGENCE_CYBER,
    }
)


@dataclass(frozen=True)
class Verdict:
    """The decision without its line: `main` are the news claims of the dyad, best first; `beside` all other news."""

    alert: bool
    score: float
    dyad: tuple[str, ...]
    severity: Severity | None
    topics: tuple[Topic, ...]
    context: tuple[Topic, ...]
    main: tuple[Draft, ...]
    beside: tuple[Draft, ...]
    reasons: tuple[str, ...]


def judge(drafts: Sequence[Draft], genre: str | None = None) -> Verdict:
    """Judge the claims of one article. Opinion, context topics and background never raise an alert alone."""
    news = [d for d in drafts if d.place is Place.NEWS]
    own = [d for d in news if d.topic not in CONTEXT_TOPICS]
    dyad = _dyad(own or news)
    ranked = sorted(own, key=_rank)
    main = [d for d in ranked if _about(d, dyad)]
    beside = [d for d in ranked if not _about(d, dyad)]
    context = [d for d in news if d.topic in CONTEXT_TOPICS]
    best = max(own, key=lambda d: d.score, default=None)
    score = best.score if best else 0.0
    alert = score >= ALERT_SCORE and genre != "opinion"
    topics = _distinct([d for d in main if not d.dateline])
    beside.sort(key=lambda d: d.topic not in GRAVE)
    return Verdict(
        alert=alert,
        score=score,
        dyad=dyad,
        severity=min((_severity(d) for d in main), default=Severity.P4) if own else None,
        topics=topics,
        context=tuple(t for t in _distinct([d for d in [*beside, *context] if not d.dateline]) if t not in topics),
        main=tuple(main),
        beside=tuple(beside),
        reasons=_reasons(drafts, news, best, genre),
    )


def _reasons(drafts: Sequence[Draft], news: Sequence[Draft], best: Draft | None, genre: str | None) -> tuple[str, ...]:
    if best is None:
        if news:
            return ("context-only",)
        return ("background-only",) if drafts else ("no-claims",)
    reasons = [f"{best.topic} {best.status} in {best.zone}: {best.score:g}"]
    if best.score < ALERT_SCORE:
        reasons.append(f"below {ALERT_SCORE:g}")
    elif genre == "opinion":
        reasons.append("opinion")
    return tuple(reasons)


def _dyad(news: Sequence[Draft]) -> tuple[str, ...]:
    weights: dict[tuple[str, ...], float] = {}
    for draft in news:
        if len(draft.parties) == 2 and not draft.dateline:  # noqa: PLR2004 - a pair
            weights[draft.parties] = weights.get(draft.parties, 0.0) + draft.score * len(draft.evidence)
    best = max(news, key=lambda d: d.score, default=None)
    if weights and best is not None:
        pair = max(weights, key=lambda parties: weights[parties])
        if weights[pair] >= best.score or set(pair) <= set(best.parties):
            return pair
    return best.parties if best else ()


def _about(draft: Draft, dyad: tuple[str, ...]) -> bool:
    parties = set(draft.parties)
    return bool(parties) and (parties <= set(dyad) or set(dyad) <= parties)


def _rank(draft: Draft) -> tuple[bool, int, bool, float, int]:
    first = draft.evidence[0]
    return (
        draft.zone not in {Zone.HEADLINE, Zone.LEAD},
        -len(draft.evidence),
        draft.certainty in {Certainty.INFERRED, Certainty.RUMOURED},
        -draft.score,
        first.span.start,
    )


def _distinct(drafts: Sequence[Draft]) -> tuple[Topic, ...]:
    return tuple(dict.fromkeys(draft.topic for draft in drafts))


def _severity(draft: Draft) -> Severity:
    if draft.status in STATE_CHANGES and draft.certainty is not Certainty.RUMOURED:
        if draft.topic in GRAVE:
            return Severity.P1
        if draft.topic in PRACTICE:
            return Severity.P2
    if draft.status in {Status.STANDING, Status.CRITICISED}:
        return Severity.P4
    return Severity.P3
