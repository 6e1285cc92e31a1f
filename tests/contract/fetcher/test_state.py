import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.fetcher.memory import Attempt, Poll
from services.fetcher.novelty import Remembered, Sighting
from services.fetcher.sources import Source, feed_id
from services.fetcher.state import FORGET_AFTER, Synced
from shared.events import Article
from shared.events import Source as ArticleSource

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def source(name, url=None, **extra):
    url = url or f"https://{name}.test/feed"
    return Source(**{"id": feed_id(url), "name": name, "url": url, "kind": "wire", "grade": "B", **extra})


def sighting(name, *, digest="d", revision=0, sent=True):
    article = Article(
        id=name, revision=revision, source=ArticleSource(feed_id="f", name="F"), url=None, title="T", observed_at=NOW
    )
    return Sighting(name, Remembered(digest, revision), article if sent else None)


def poll(feed, *sightings, at=NOW, nth=1, values=None, **extra):
    """A feed's `nth` poll."""
    attempt = Attempt(at=at, outcome="fetched", detail="")
    values = {"polls": nth, "next_poll_at": at, **(values or {})}
    return Poll(feed_id=feed, polls_before=nth - 1, attempt=attempt, values=values, sightings=sightings, **extra)


async def by_name(state):
    return {feed.name: feed for feed in await state.feeds()}


async def test_file_is_brought_into_an_empty_database_due_at_once(state):
    assert await state.sync([source("a"), source("b")], NOW) == Synced(added=2)
    due = await state.due(NOW)
    assert {one.url for one in due} == {"https://a.test/feed", "https://b.test/feed"}
    assert not any(one.polled for one in due)


async def test_the_same_file_again_changes_nothing(state):
    await state.sync([source("a")], NOW)
    assert await state.sync([source("a")], NOW) == Synced()


async def test_description_follows_the_file_and_memory_stays(state):
    await state.sync([source("a")], NOW)
    feed = (await by_name(state))["a"]
    await state.remember(poll(feed.id, sighting("x")))
    assert await state.sync([source("a", grade="A", country="KHM")], NOW) == Synced(changed=1)
    feed = (await by_name(state))["a"]
    assert (feed.grade, feed.country, feed.polls) == ("A", "KHM", 1)
    assert await state.memory(feed.id, ["x"]) == {"x": Remembered("d", 0)}


async def test_feed_with_an_id_of_its_own_keeps_its_memory_when_its_url_changes(state):
    await state.sync([source("a", id="my-feed")], NOW)
    await state.sync([source("a", "https://elsewhere.test/new", id="my-feed")], NOW)
    (feed,) = await state.feeds()
    assert (feed.id, feed.url) == ("my-feed", "https://elsewhere.test/new")


async def test_feed_taken_out_of_the_file_is_disabled_and_comes_back_with_its_memory(state):
    await state.sync([source("a"), source("b")], NOW)
    gone = (await by_name(state))["b"]
    await state.remember(poll(gone.id, sighting("x"), at=NOW + timedelta(days=9)))
    assert await state.sync([source("a")], NOW) == Synced(disabled=1)
    assert not (await by_name(state))["b"].enabled
    assert await state.sync([source("a"), source("b")], NOW) == Synced(enabled=1)
    back = (await by_name(state))["b"]
    assert (back.enabled, back.next_poll_at) == (True, NOW)
    assert await state.memory(back.id, ["x"])


async def test_feeds_people_added_are_left_alone_by_the_file(state):
    added = await state.add([source("mine", "https://mine.test/")], "added", NOW)
    assert len(added) == 1
    assert await state.sync([source("a")], NOW) == Synced(added=1)
    assert (await by_name(state))["mine"].enabled
    await state.sync([source("theirs", "http://www.mine.test")], NOW)
    feeds = await by_name(state)
    assert feeds["mine"].enabled
    assert "theirs" not in feeds


async def test_known_feed_is_not_added_twice_in_whatever_spelling(state):
    await state.add([source("a")], "added", NOW)
    again = source("b", "http://www.a.test/feed/")
    assert await state.missing([again]) == []
    assert await state.add([again], "opml", NOW) == []


async def test_moving_a_feed_to_a_url_someone_added_keeps_both(state):
    await state.sync([source("a", id="one")], NOW)
    await state.add([source("b")], "added", NOW)
    await state.sync([source("a", "https://b.test/feed", id="one")], NOW)
    feeds = await by_name(state)
    assert (feeds["a"].url, feeds["b"].url) == ("https://a.test/feed", "https://b.test/feed")


async def test_only_what_is_due_and_enabled_is_due_and_the_next_is_known(state):
    await state.sync([source("a"), source("b")], NOW)
    feed = (await by_name(state))["a"]
    later = NOW + timedelta(hours=1)
    await state.remember(poll(feed.id, values={"next_poll_at": later}))
    assert [one.url for one in await state.due(NOW)] == ["https://b.test/feed"]
    assert await state.next_due(NOW) == later
    await state.sync([source("a")], NOW)
    assert await state.due(NOW) == []


async def test_items_are_updated_in_place_and_forgotten_long_after_they_left_the_feed(state):
    await state.sync([source("a")], NOW)
    feed = (await by_name(state))["a"].id
    await state.remember(poll(feed, sighting("stays"), sighting("leaves")))
    await state.remember(poll(feed, sighting("stays", digest="e", revision=1), nth=2))
    assert await state.memory(feed, ["stays", "leaves", "unknown"]) == {
        "stays": Remembered("e", 1),
        "leaves": Remembered("d", 0),
    }
    late = NOW + FORGET_AFTER + timedelta(days=1)
    await state.remember(poll(feed, sighting("stays", digest="e", revision=1, sent=False), at=late, nth=3))
    assert set(await state.memory(feed, ["stays", "leaves"])) == {"stays"}


async def test_two_thousand_items_are_remembered_and_found(state):
    await state.sync([source("a")], NOW)
    feed = (await by_name(state))["a"].id
    await state.remember(poll(feed, *(sighting(f"i{n}") for n in range(2000))))
    assert len(await state.memory(feed, [f"i{n}" for n in range(2000)])) == 2000


async def test_states_are_counted_those_without_feeds_included(state):
    await state.sync([source("a")], NOW)
    assert await state.count_by_state() == {"new": 1, "healthy": 0, "failing": 0, "gone": 0}


async def test_a_poll_that_was_overtaken_changes_nothing(state):
    """One that lost its lease (stopped for a minute, say) remembers after another has polled the feed."""
    await state.sync([source("a")], NOW)
    feed = (await by_name(state))["a"].id
    assert await state.remember(poll(feed, sighting("x", digest="new", revision=2), values={"etag": "new"}))
    assert not await state.remember(poll(feed, sighting("x", digest="old", revision=1), values={"etag": "old"}))
    assert await state.memory(feed, ["x"]) == {"x": Remembered("new", 2)}
    assert (await state.feed(feed)).etag == "new"
    assert len(await state.attempts(feed)) == 1


async def test_a_feed_that_moves_belongs_to_its_new_host(state):
    await state.sync([source("a", id="my-feed")], NOW)
    await state.sync([source("a", "https://www.elsewhere.test/new", id="my-feed")], NOW)
    assert (await state.feed("my-feed")).host == "elsewhere.test"


@pytest.mark.parametrize("round_", range(3))
async def test_fetchers_that_start_at_once_bring_the_file_in_once(state, other_state, round_):
    sources = [source(f"n{n}") for n in range(40)]
    synced = await asyncio.gather(*(one.sync(sources, NOW) for one in (state, other_state, state, other_state)))
    assert sorted(one.added for one in synced) == [0, 0, 0, 40]
    added = await asyncio.gather(*(one.add([source("mine")], "added", NOW) for one in (state, other_state)))
    assert sorted(map(len, added)) == [0, 1]
    assert await state.sync(sources, NOW) == Synced()
