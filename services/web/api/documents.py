"""What the API answers with. These structs are both what is written and what the OpenAPI document describes."""

from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec

from services.web.queries.articles import ArticleWithClaims
from services.web.queries.developments import Report, StoredDevelopment
from services.web.queries.feeds import Progress, StoredFeed
from shared.events import Alert, AlertEvidence, Claim, Decision, Matter
from shared.vocabulary import Aim, AlertKind, Certainty, Severity, Status, Topic

T = TypeVar("T")


def as_stored(kind: type[T], json: str) -> T:
    """Let JSON from the database stand in for a `kind`: it is written as it is, unknown fields included."""
    del kind
    return cast("T", msgspec.Raw(json.encode()))


class AlertList(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first. `next` is the address of the next page and `next_cursor` its cursor; null at the end."""

    alerts: tuple[Alert, ...]
    next: str | None = None
    next_cursor: str | None = None


class ArticleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a development, and why it joined. `grade` is Admiralty A to F."""

    id: str
    outlet: str
    outlet_country: str | None
    grade: str
    url: str | None
    title: str
    language: str | None
    published: datetime | None
    observed_at: datetime
    joined_at: datetime
    reason: str


class Development(msgspec.Struct, frozen=True, kw_only=True):
    """What several reports tell of one dyad: its reports as they joined, its alerts as they were raised.

    `state` holds what the development has reached: matters, names, parties.
    """

    id: str
    dyad: tuple[str, ...]
    severity: Severity
    opened_at: datetime
    last_report_at: datetime
    state: dict[str, Any]
    alerts: tuple[Alert, ...]
    articles: tuple[ArticleSummary, ...]


class ArticleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An article at its newest revision, with the tagger's decision and claims, best first.

    Evidence offsets of field "text" point into `text`, those of field "title" into `title`, in code points.
    """

    id: str
    revision: int
    feed_id: str
    outlet: str
    outlet_country: str | None
    grade: str
    url: str | None
    title: str
    text: str
    language: str | None
    published: datetime | None
    observed_at: datetime
    stored_at: datetime
    backfill: bool
    alerting: bool
    development_id: str | None
    rules_version: str
    decision: Decision
    claims: tuple[Claim, ...]


class FeedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A feed: `state` is new, healthy, failing or gone; `last_outcome` and `last_detail` say how the last poll went."""

    id: str
    name: str
    url: str
    site: str | None
    country: str | None
    language: str | None
    kind: str
    grade: str
    origin: str
    enabled: bool
    state: str
    polls: int
    failures: float
    interval_s: int | None
    added_at: datetime
    last_polled_at: datetime | None
    last_success_at: datetime | None
    last_outcome: str | None
    last_detail: str | None
    next_poll_at: datetime
    next_poll_reason: str


class FeedList(msgspec.Struct, frozen=True, kw_only=True):
    """All feeds, those in trouble first. Counts are of enabled feeds."""

    feeds: tuple[FeedDocument, ...]
    enabled: int
    polled: int
    unreachable: int
    next_poll_at: datetime | None


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What is legal about a subscription and hardly meant: too-wide, duplicate, shadowed or insecure."""

    code: str
    message: str


class SubscriptionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription. `channel.secret` is there once only: in the answer to the request that made it."""

    id: str
    name: str
    enabled: bool
    match: dict[str, Any]
    channel: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    remarks: tuple[Remark, ...] = ()


class SubscriptionList(msgspec.Struct, frozen=True, kw_only=True):
    """All subscriptions made through the API or the command line, by name."""

    subscriptions: tuple[SubscriptionDocument, ...]


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Alive or ready, or the reasons why not, by check."""

    status: str
    reasons: dict[str, str] = {}


def development_document(stored: StoredDevelopment) -> Development:
    """Write a development."""
    return Development(
        id=stored.id,
        dyad=stored.dyad,
        severity=Severity(stored.severity),
        opened_at=stored.opened_at,
        last_report_at=stored.last_report_at,
        state=as_stored(dict[str, Any], stored.state),
        alerts=tuple(as_stored(Alert, alert.body) for alert in stored.alerts),
        articles=tuple(_summary(report) for report in stored.reports),
    )


def _summary(report: Report) -> ArticleSummary:
    article = report.article
    return ArticleSummary(
        id=article.id,
        outlet=article.outlet,
        outlet_country=article.outlet_country,
        grade=article.grade,
        url=article.url,
        title=article.title,
        language=article.language,
        published=article.published,
        observed_at=article.observed_at,
        joined_at=report.joined_at,
        reason=report.reason,
    )


def article_document(stored: ArticleWithClaims) -> ArticleDocument:
    """Write an article with its claims."""
    fields = {name: getattr(stored.article, name) for name in type(stored.article).__dataclass_fields__}
    fields["decision"] = as_stored(Decision, stored.article.decision)
    return ArticleDocument(
        **fields,
        development_id=stored.development_id,
        claims=tuple(as_stored(Claim, claim.body) for claim in stored.claims),
    )


def feed_list(feeds: tuple[StoredFeed, ...], progress: Progress) -> FeedList:
    """Write all feeds."""
    return FeedList(
        feeds=tuple(
            FeedDocument(**{name: getattr(feed, name) for name in FeedDocument.__struct_fields__}) for feed in feeds
        ),
        enabled=progress.feeds,
        polled=progress.polled,
        unreachable=progress.unreachable,
        next_poll_at=progress.next_poll_at,
    )


EXAMPLE_ALERT = Alert(
    id="alert_mexample2h4k6m2p4r6t2v4x6z",
    development_id="dev_mexample2h4k6m2p4r6t2v4x6z",
    kind=AlertKind.RAISED,
    sequence=0,
    severity=Severity.P3,
    dyad=("KHM", "USA"),
    parties=("KHM", "USA"),
    matters=(
        Matter(topic=Topic.JOINT_EXERCISE, status=Status.UNDER_DISCUSSION, aim=Aim.RESUMED, parties=("KHM", "USA")),
    ),
    line="KHM-USA · defence ministers meet · discussed: resume joint drills",
    changes=("new development",),
    evidence=(
        AlertEvidence(
            article_id="art_mexample2h4k6m2p4r6t2v4x6z",
            outlet="Example Courier",
            url="https://news.example/drills",
            title="Ministers weigh a return to drills",
            topic=Topic.JOINT_EXERCISE,
            status=Status.UNDER_DISCUSSION,
            aim=Aim.RESUMED,
            parties=("KHM", "USA"),
            certainty=Certainty.REPORTED,
            field="text",
            start=27,
            end=61,
            quote="discussed resuming joint exercises",
            rule="joint-exercise/en/discuss",
        ),
    ),
    languages=("en",),
    reports=1,
    published=datetime(2024, 6, 4, 9, 10, tzinfo=UTC),
    raised_at=datetime(2024, 6, 4, 9, 12, tzinfo=UTC),
    rules_version="1",
)
