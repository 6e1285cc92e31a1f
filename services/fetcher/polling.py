"""One poll's dealings with the outside: ask the host, read what it answers, make events of what is new."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from services.fetcher.feed.articles import Harvest, articles_of
from services.fetcher.feed.document import Hints, NotAFeed
from services.fetcher.memory import Feed
from services.fetcher.novelty import News
from services.fetcher.outcomes import NOT_A_FEED, Failure
from services.fetcher.parsing import ParserPool
from services.fetcher.results import Read, Result, Unchanged
from services.fetcher.schedule import Wishes, audit_due
from shared.eventlog import Message
from shared.events import Article, Event, Source, encode
from shared.http import Answer, Failed, Fetched, HttpClient, NotModified

ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
POLL_DEADLINE = timedelta(seconds=30)
EVENT_SOURCE = "attache/fetcher"


async def ask(feed: Feed, http: HttpClient, parser: ParserPool, now: datetime) -> Result:
    """Fetch and read a feed, conditionally unless an audit is due."""
    audit = audit_due(feed.last_full_at, now)
    answer = await http.fetch(
        feed.url,
        etag=None if audit else feed.etag,
        last_modified=None if audit else feed.last_modified,
        deadline=POLL_DEADLINE,
        headers={"Accept": ACCEPT},
    )
    if isinstance(answer, Failed):
        return Failure(str(answer.kind), answer.detail, answer.status, answer.retry_after)
    if isinstance(answer, NotModified):
        return Unchanged(answer, Wishes(fresh_for=answer.fresh_for), "; ".join(_moved(answer)))
    try:
        parsed = await parser.parse(
            answer.body,
            content_type=answer.content_type,
            url=answer.url,
            content_location=answer.content_location,
            content_language=answer.content_language,
        )
    except NotAFeed as refusal:
        return Failure(NOT_A_FEED, str(refusal), answer.status)
    harvest = await asyncio.to_thread(articles_of, parsed, _event_source(feed), now, policy=feed.identity_policy)
    remarks = [f"{parsed.format} {parsed.version}".strip(), *parsed.warnings, *_dropped(harvest), *_moved(answer)]
    return Read(answer, harvest, _wishes(answer, parsed.hints), "; ".join(remarks), audit)


def _moved(answer: Answer) -> list[str]:
    """Say where a feed has moved for good; a person decides whether to follow, the redirect is followed meanwhile."""
    return [f"moved permanently to {answer.moved_to}"] if answer.moved_to else []


def validators_lied(feed: Feed, result: Read, news: News) -> bool:
    """Tell whether an audit found what a conditional request would have hidden: news under the validators of old."""
    if not result.audit or not news.articles:
        return False
    stored, sent = (feed.etag, feed.last_modified), (result.answer.etag, result.answer.last_modified)
    return any(stored) and stored == sent


def messages_of(
    articles: Sequence[Article], feed: Feed, *, now: datetime, token: Callable[[int], str]
) -> list[Message]:
    """Write articles as events, each with a trace of its own (W3C Trace Context); `token(n)` gives 2n hex digits."""
    return [_message(article, feed, now, f"00-{token(16)}-{token(8)}-01") for article in articles]


def _message(article: Article, feed: Feed, now: datetime, traceparent: str) -> Message:
    event = Event(
        id=f"{article.id}.{article.revision}",
        source=EVENT_SOURCE,
        subject=feed.id,
        time=now,
        data=article,
        traceparent=traceparent,
    )
    return encode(event, key=article.id)


def _event_source(feed: Feed) -> Source:
    return Source(
        feed_id=feed.id,
        name=feed.name,
        country=feed.country,
        language=feed.language,
        kind=feed.kind,
        grade=feed.grade,
    )


def _wishes(answer: Fetched, hints: Hints) -> Wishes:
    return Wishes(answer.fresh_for, hints.ttl, hints.skip_hours, hints.skip_days)


def _dropped(harvest: Harvest) -> list[str]:
    return [f"{count} items dropped: {reason}" for reason, count in harvest.dropped.items()]
