"""Builders for tagged articles: every test says only what it is about."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.store.intake import Arrival, Known, take_in
from services.store.reports import read_report
from shared.events import Article, Claim, Decision, Evidence, Source, TaggedArticle
from shared.vocabulary import Certainty, Place, Severity, Status, Topic

KINDS = {"angkor-sentinel": "exercise", "golden-dragon": "exercise", "ream-naval-base": "base", "aukus": "agreement"}
MONDAY = datetime(2024, 6, 3, 8, tzinfo=UTC)


def a_claim(topic, status, parties, *, number=0, **fields):
    fields = {"place": Place.NEWS, "certainty": Certainty.REPORTED, "score": 1.0, **fields}
    return Claim(
        id=f"claim_{number}_{topic}_{status}",
        topic=Topic(topic),
        status=Status(status),
        parties=tuple(parties),
        evidence=(Evidence(field="title", start=0, end=4, quote="Four"),),
        rule=f"en/{topic}/1",
        **fields,
    )


def an_arrival(  # noqa: PLR0913 - a builder has one argument per thing a test may be about
    number=1,
    *,
    matters=(("joint-exercise", "under-discussion"),),
    claims=None,
    dyad=("KHM", "USA"),
    hours=0.0,
    names=("Austin",),
    title="Four words of title",
    text="",
    alert=True,
    severity="P3",
    revision=0,
    line=None,
    language="en",
    backfill=False,
    context=(),
    topics=None,
    traceparent=None,
):
    """One article; `matters` are pairs of topic and status, each a claim of the whole dyad, the first leading."""
    at = MONDAY + timedelta(hours=hours)
    if claims is None:
        claims = tuple(a_claim(topic, status, dyad, number=n) for n, (topic, status) in enumerate(matters))
    article = Article(
        id=number if isinstance(number, str) else f"art_{number}",
        revision=revision,
        source=Source(feed_id="feed_1", name="Harbour Wire", language=language),
        url=None,
        title=title,
        content=text,
        published=at,
        observed_at=at + timedelta(minutes=5),
        backfill=backfill,
    )
    decision = Decision(
        alert=alert,
        score=1.0 if alert else 0.3,
        dyad=dyad,
        severity=Severity(severity) if severity else None,
        line=line or f"{'–'.join(dyad)} · {title}",
        topics=topics if topics is not None else tuple(dict.fromkeys(claim.topic for claim in claims)),
        context=context,
        names=names,
    )
    tagged = TaggedArticle(
        article=msgspec.Raw(msgspec.json.encode(article)), claims=claims, decision=decision, rules_version="test-1"
    )
    return Arrival(article, tagged, traceparent)


class World:
    """The store without a database: what a batch finds is what the batches before it left."""

    def __init__(self):
        self.revisions, self.memberships, self.developments, self.alerts = {}, {}, {}, []

    def take(self, *arrivals):
        intake = take_in(arrivals, Known(self.revisions, self.memberships, self.developments), KINDS, now=MONDAY)
        self.revisions |= {one.article.id: one.article.revision for one in intake.articles.values()}
        self.memberships |= {one.article_id: one.development_id for one in intake.memberships.values()}
        self.developments |= intake.developments
        self.alerts += [sent.alert for sent in intake.sent]
        return intake


@pytest.fixture(scope="session")
def arrival():
    return an_arrival


@pytest.fixture(scope="session")
def claim():
    return a_claim


@pytest.fixture(scope="session")
def report():
    def build(*args, **kwargs):
        one = an_arrival(*args, **kwargs)
        return read_report(one.article, one.tagged, KINDS)

    return build


@pytest.fixture
def world():
    return World()


@pytest.fixture(scope="session")
def new_world():
    return World
