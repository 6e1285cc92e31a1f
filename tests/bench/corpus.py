"""Articles to measure with: the demo's stories told over and over, each with a number of its own."""

from datetime import UTC, datetime

from services.cli.demo_feeds.stories import load_stories
from shared.events import Article, Source
from shared.identity import stable_id


def make_articles(count: int, *, first: int = 0) -> tuple[Article, ...]:
    """Make `count` distinct articles, numbered from `first`; about one in six has something to tag."""
    _, stories = load_stories()
    now = datetime.now(UTC)
    source = Source(feed_id="bench", name="Bench", language="en", kind="wire", grade="B")
    return tuple(
        Article(
            id=stable_id("art", "bench", str(number)),
            revision=0,
            source=source,
            url=f"https://example.org/{number}",
            title=story.title,
            content=f"{story.text}\n\nReport number {number}.",
            language="en",
            published=now,
            observed_at=now,
        )
        for number in range(first, first + count)
        for story in (stories[number % len(stories)],)
    )
