from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.fetcher.memory import Attempt, Poll
from services.fetcher.novelty import Remembered, Sighting
from services.fetcher.politeness import Gate
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


def poll(feed, *sightings, at=NOW, **extra):
    attempt = Attempt(at=at, outcome="fetched", detail="")
    return Poll(feed_id=feed, attempt=attempt, values={"polls": 1, "next_poll_at": at}, sightings=sightings, **extra)


async def by_name(state):
    return {feed.name: feed for feed in await state.feeds()}


async def test_file_is_brought_into_an_empty_database_due_at_once(bench):
    assert await bench.state.sync([source("a"), source("b")], NOW) == Synced(added=2)
    due = await bench.state.due(NOW)
    assert {one.url for one in due} == {"https://a.test/feed", "https://b.test/feed"}
    assert not any(one.polled for one in due)


async def test_the_same_file_again_changes_nothing(bench):
    await bench.state.sync([source("a")], NOW)
    assert await bench.state.sync([source("a")], NOW) == Synced()


async def test_description_follows_the_file_and_memory_stays(bench):
    await bench.state.sync([source("a")], NOW)
    feed = (await by_name(bench.state))["a"]
    await bench.state.remember(poll(feed.id, sighting("x")))
    assert await bench.state.sync([source("a", grade="A", country="KHM")], NOW) == Synced(changed=1)
    feed = (await by_name(bench.state))["a"]
    assert (feed.grade, feed.country, feed.polls) == ("A", "KHM", 1)
    assert await bench.state.memory(feed.id, ["x"]) == {"x": Remembered("d", 0)}


async def test_feed_with_an_id_of_its_own_keeps_its_memory_when_its_url_changes(bench):
    await bench.state.sync([source("a", id="my-feed")], NOW)
    await bench.state.sync([source("a", "https://elsewhere.test/new", id="my-feed")], NOW)
    (feed,) = await bench.state.feeds()
    assert (feed.id, feed.url) == ("my-feed", "https://elsewhere.test/new")


async def test_feed_taken_out_of_the_file_is_disabled_and_comes_back_with_its_memory(bench):
    await bench.state.sync([source("a"), source("b")], NOW)
    gone = (await by_name(bench.state))["b"]
    await bench.state.remember(poll(gone.id, sighting("x"), at=NOW + timedelta(days=9)))
    assert await bench.state.sync([source("a")], NOW) == Synced(disabled=1)
    assert not (await by_name(bench.state))["b"].enabled
    assert await bench.state.sync([source("a"), source("b")], NOW) == Synced(enabled=1)
    back = (await by_name(bench.state))["b"]
    assert (back.enabled, back.next_poll_at) == (True, NOW)
    assert await bench.state.memory(back.id, ["x"])


async def test_feeds_people_added_are_left_alone_by_the_file(bench):
    added = await bench.state.add([source("mine", "https://mine.test/")], "added", NOW)
    assert len(added) == 1
    assert await bench.state.sync([source("a")], NOW) == Synced(added=1)
    assert (await by_name(bench.state))["mine"].enabled
    await bench.state.sync([source("theirs", "http://www.mine.test")], NOW)
    feeds = await by_name(bench.state)
    assert feeds["mine"].enabled
    assert "theirs" not in feeds


async def test_known_feed_is_not_added_twice_in_whatever_spelling(bench):
    await bench.state.add([source("a")], "added", NOW)
    again = source("b", "http://www.a.test/feed/")
    assert await bench.state.missing([again]) == []
    assert await bench.state.add([again], "opml", NOW) == []


async def test_moving_a_feed_to_a_url_someone_added_keeps_both(bench):
    await bench.state.sync([source("a", id="one")], NOW)
    await bench.state.add([source("b")], "added", NOW)
    await bench.state.sync([source("a", "https://b.test/feed", id="one")], NOW)
    feeds = await by_name(bench.state)
    assert (feeds["a"].url, feeds["b"].url) == ("https://a.test/feed", "https://b.test/feed")


async def test_only_what_is_due_and_enabled_is_due_and_the_next_is_known(bench):
    await bench.state.sync([source("a"), source("b")], NOW)
    feed = (await by_name(bench.state))["a"]
    later = NOW + timedelta(hours=1)
    await bench.state.remember(replace(poll(feed.id), values={"next_poll_at": later}))
    assert [one.url for one in await bench.state.due(NOW)] == ["https://b.test/feed"]
    assert await bench.state.next_due(NOW) == later
    await bench.state.sync([source("a")], NOW)
    assert await bench.state.due(NOW) == []


async def test_items_are_updated_in_place_and_forgotten_long_after_they_left_the_feed(bench):
    await bench.state.sync([source("a")], NOW)
    feed = (await by_name(bench.state))["a"].id
    await bench.state.remember(poll(feed, sighting("stays"), sighting("leaves")))
    await bench.state.remember(poll(feed, sighting("stays", digest="e", revision=1)))
    assert await bench.state.memory(feed, ["stays", "leaves", "unknown"]) == {
        "stays": Remembered("e", 1),
        "leaves": Remembered("d", 0),
    }
    late = NOW + FORGET_AFTER + timedelta(days=1)
    await bench.state.remember(poll(feed, sighting("stays", digest="e", revision=1, sent=False), at=late))
    assert set(await bench.state.memory(feed, ["stays", "leaves"])) == {"stays"}


async def test_two_thousand_items_are_remembered_and_found(bench):
    await bench.state.sync([source("a")], NOW)
    feed = (await by_name(bench.state))["a"].id
    await bench.state.remember(poll(feed, *(sighting(f"i{n}") for n in range(2000))))
    assert len(await bench.state.memory(feed, [f"i{n}" for n in range(2000)])) == 2000


async def test_closed_gate_survives_and_is_forgotten_when_it_opens(bench):
    await bench.state.sync([source("a")], NOW)
    feed = (await by_name(bench.state))["a"].id
    gate = Gate(closed_until=NOW + timedelta(hours=1), reason="rate-limited: status 429")
    await bench.state.remember(poll(feed, host="a.test", gate=gate))
    assert await bench.state.closed_gates(NOW) == {"a.test": gate}
    assert await bench.state.closed_gates(NOW + timedelta(hours=2)) == {}


async def test_states_are_counted_those_without_feeds_included(bench):
    await bench.state.sync([source("a")], NOW)
    assert await bench.state.count_by_state() == {"new": 1, "healthy": 0, "failing": 0, "gone": 0}
