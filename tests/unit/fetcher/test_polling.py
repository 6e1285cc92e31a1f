from datetime import UTC, datetime, timedelta

import pytest

from services.fetcher.feed.articles import MAX_CATEGORIES, MAX_CONTENT_CHARS, MAX_WORD_CHARS, Harvest, articles_of
from services.fetcher.feed.document import ParsedFeed, ParsedItem, Text
from services.fetcher.memory import Feed
from services.fetcher.novelty import News, Remembered, Sighting
from services.fetcher.polling import messages_of, validators_lied
from services.fetcher.results import Read
from services.fetcher.schedule import Wishes
from shared.events import MAX_EVENT_BYTES, Source
from shared.http import Fetched

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SOURCE = Source(feed_id="feed_x", name="X")


def feed(**extra):
    known = {
        "id": "feed_x", "url": "https://x.test/", "name": "X", "kind": "wire", "grade": "B", "origin": "added",
        "enabled": True, "added_at": NOW, "identity_policy": "guid", "state": "healthy", "next_poll_at": NOW,
        "next_poll_reason": "",
    }  # fmt: skip
    return Feed(**{**known, **extra})


def article_of(item):
    return articles_of(ParsedFeed("rss", items=(item,)), SOURCE, NOW).found[0].article


@pytest.mark.parametrize("letter", ["\U0001f6a2", '"', "\\", "\n", "\u2028", "\x7f", "\ufffd"])
def test_largest_article_a_feed_can_hold_fits_the_log(letter):
    words = Text("a" + letter * (MAX_CONTENT_CHARS * 2) + "z")
    item = ParsedItem(
        guid="1",
        link="https://x.test/" + "a" * 3_900,
        title=words,
        summary=words,
        content=words,
        authors=("a" + letter * 1_000,) * 50,
        categories=("a" + letter * (MAX_WORD_CHARS * 2),) * (MAX_CATEGORIES * 2),
    )
    (message,) = messages_of([article_of(item)], feed(), now=NOW, token=lambda n: "0" * 2 * n)
    assert len(message.value) < MAX_EVENT_BYTES


def test_message_is_keyed_by_article_so_that_its_revisions_stay_in_order():
    article = article_of(ParsedItem(guid="1", title=Text("T")))
    tokens = iter(["a" * 32, "b" * 16])
    (message,) = messages_of([article], feed(), now=NOW, token=lambda n: next(tokens))
    headers = dict(message.headers)
    assert message.key == article.id
    assert headers["ce_id"] == f"{article.id}.0".encode()
    assert headers["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01".encode()


@pytest.mark.parametrize(
    ("audit", "stored", "sent", "news", "lied"),
    [
        (True, '"a"', '"a"', True, True),
        (True, '"a"', '"b"', True, False),
        (True, '"a"', '"a"', False, False),
        (False, '"a"', '"a"', True, False),
        (True, None, None, True, False),
    ],
)
def test_validators_lied_if_an_audit_finds_news_under_the_old_ones(audit, stored, sent, news, lied):
    article = article_of(ParsedItem(guid="1", title=Text("T")))
    answer = Fetched(url="u", status=200, etag=sent, body=b"", received_bytes=0, fresh_for=timedelta(0))
    result = Read(answer, Harvest((), {}, "guid", 0), Wishes(), "", audit)
    found = News((Sighting("a", Remembered("d", 0), article),)) if news else News(())
    assert validators_lied(feed(etag=stored), result, found) is lied
