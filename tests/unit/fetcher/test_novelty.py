from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.feed.articles import Found, digest
from services.fetcher.novelty import MAX_REVISIONS, Remembered, sort_out
from shared.events import Article, Source

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOURCE = Source(feed_id="feed_x", name="X")


def found(name="a", title="Title", published=NOW, updated=None, aliases=()):
    article = Article(
        id=name, revision=0, source=SOURCE, url=None, title=title, published=published, updated=updated, observed_at=NOW
    )
    return Found(article, digest(article), aliases)


def memory_of(*items, revision=0):
    return {item.article.id: Remembered(item.digest, revision) for item in items}


def test_unknown_item_is_new_and_the_same_item_again_is_known():
    item = found()
    first = sort_out([item], {}, last_success_at=NOW - HOUR, now=NOW)
    assert (first.new, first.articles) == (1, (item.article,))
    again = sort_out([item], memory_of(item), last_success_at=NOW, now=NOW)
    assert (again.known, again.articles) == (1, ())
    assert again.sightings[0].article_id == "a"


def test_edited_item_is_the_next_revision():
    news = sort_out([found(title="Edited")], memory_of(found(), revision=3), last_success_at=NOW - HOUR, now=NOW)
    assert news.updated == 1
    assert news.articles[0].revision == 4
    assert not news.articles[0].backfill


def test_item_that_never_stops_changing_is_dropped_and_counted():
    memory = memory_of(found(), revision=MAX_REVISIONS)
    news = sort_out([found(title="Again")], memory, last_success_at=NOW, now=NOW)
    assert (news.dropped, news.articles) == (1, ())
    assert news.sightings[0].memory == memory["a"]


def test_item_under_a_new_id_with_the_same_words_is_known():
    old = found("old")
    news = sort_out([found("new", aliases=("old",))], memory_of(old), last_success_at=NOW, now=NOW)
    assert (news.known, news.new) == (1, 0)
    assert news.sightings[0].article_id == "new"


def test_alias_with_other_words_is_another_item():
    news = sort_out(
        [found("new", title="Other", aliases=("old",))], memory_of(found("old")), last_success_at=NOW, now=NOW
    )
    assert news.new == 1


def test_first_poll_takes_two_days_as_news_and_the_rest_as_backfill():
    items = [found("recent", published=NOW - 47 * HOUR), found("old", published=NOW - 49 * HOUR)]
    news = sort_out(items, {}, last_success_at=None, now=NOW)
    assert {article.id: article.backfill for article in news.articles} == {"recent": False, "old": True}
    assert (news.new, news.backfill) == (1, 1)


def test_later_item_dated_long_before_the_last_success_is_backfill_and_a_late_one_is_news():
    items = [found("late", published=NOW - 24 * HOUR), found("archive", published=NOW - 30 * HOUR)]
    news = sort_out(items, {}, last_success_at=NOW - HOUR, now=NOW)
    assert {article.id: article.backfill for article in news.articles} == {"late": False, "archive": True}


def test_after_a_long_outage_everything_since_the_last_success_is_news():
    news = sort_out([found(published=NOW - 100 * HOUR)], {}, last_success_at=NOW - 120 * HOUR, now=NOW)
    assert news.new == 1


def test_undated_item_is_never_backfill():
    assert sort_out([found(published=None)], {}, last_success_at=None, now=NOW).new == 1


def test_edit_of_an_old_item_is_news_by_the_date_of_the_edit():
    item = found(title="Edited", published=NOW - 200 * HOUR, updated=NOW)
    news = sort_out([item], memory_of(found()), last_success_at=NOW - HOUR, now=NOW)
    assert not news.articles[0].backfill


def test_articles_leave_oldest_first():
    news = sort_out([found("newest"), found("oldest")], {}, last_success_at=None, now=NOW)
    assert [article.id for article in news.articles] == ["oldest", "newest"]


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_every_item_is_counted_once_and_a_second_look_finds_nothing_new(shown, held):
    items = [found(name, title=f"Title {name}") for name in shown]
    memory = memory_of(*(found(name, title=f"Title {name}") for name in held))
    news = sort_out(items, memory, last_success_at=NOW - HOUR, now=NOW)
    assert news.new + news.updated + news.known + news.backfill + news.dropped == len(items) == len(news.sightings)
    after = memory | {s.article_id: s.memory for s in news.sightings}
    assert sort_out(items, after, last_success_at=NOW, now=NOW).articles == ()


def test_nothing_but_revision_and_backfill_is_changed_on_the_way():
    item = found(published=NOW - 100 * HOUR)
    sent = sort_out([item], {}, last_success_at=None, now=NOW).articles[0]
    assert msgspec.structs.replace(sent, backfill=False) == item.article
