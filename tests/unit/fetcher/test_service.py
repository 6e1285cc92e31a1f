import asyncio
import re
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.fetcher.schedule import AUDIT_EVERY
from services.fetcher.sources import BadSources
from shared.eventlog import Unavailable
from shared.events import Article, Heartbeat
from shared.topics import HEARTBEAT_KEY

RSS = {"Content-Type": "application/rss+xml"}


async def test_items_become_articles_and_are_remembered(bench):
    bench.server.answers["/feed"] = bench.rss("One", "Two")
    summary = await bench.poll()
    assert summary.outcomes == {"fetched": 1}
    assert summary.items["new"] == 2
    articles = await bench.articles()
    assert {article.title for article in articles} == {"One", "Two"}
    assert articles[0].source.name == "Feed 0"
    assert articles[0].text == f"Text of {articles[0].title}."
    feed = await bench.feed()
    assert (feed.state, feed.polls, feed.last_outcome) == ("healthy", 1, "fetched")


async def test_event_carries_a_deterministic_id_and_a_trace_of_its_own(bench):
    bench.server.answers["/feed"] = bench.rss("One", "Two")
    with capture_logs() as logs:
        await bench.poll()
    events = await bench.events()
    assert {line["trace_id"] for line in logs if "article" in line} == {event.trace_id for event in events}
    assert all(event.id == f"{event.data.id}.0" for event in events)
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", event.traceparent) for event in events)
    assert len({event.trace_id for event in events}) == 2


async def test_same_bytes_twice_give_no_new_event(bench):
    bench.server.answers["/feed"] = bench.rss("One", "Two")
    await bench.poll()
    summary = await bench.poll()
    assert summary.items["known"] == 2
    assert len(await bench.articles()) == 2


async def test_order_of_items_does_not_matter(bench):
    bench.server.answers["/feed"] = bench.rss("One", "Two", "Three")
    await bench.poll()
    bench.server.answers["/feed"] = bench.rss("Three", "One", "Two")
    await bench.poll()
    assert len(await bench.articles()) == 3


async def test_edited_item_is_sent_again_as_revision_1(bench):
    bench.server.answers["/feed"] = bench.rss("One")
    await bench.poll()
    bench.server.answers["/feed"] = bench.rss("One", body="Another text of {}.")
    await bench.poll()
    first, second = await bench.events()
    assert (first.data.id, first.data.revision, second.data.revision) == (second.data.id, 0, 1)
    assert second.id == f"{first.data.id}.1"
    await bench.poll()
    assert len(await bench.articles()) == 2


async def test_crash_between_append_and_remember_repeats_but_never_loses(bench):
    bench.server.answers["/feed"] = lambda request: (
        (304, {}) if "If-None-Match" in request.headers else (200, {**RSS, "ETag": '"v1"'}, bench.rss("One", "Two"))
    )
    bench.log.crash_after_append = True
    with pytest.raises(ExceptionGroup) as crash:
        await bench.poll()
    assert crash.group_contains(bench.killed)
    feed = await bench.feed()
    assert (feed.etag, feed.polls) == (None, 0)
    bench.log.crash_after_append = False
    await bench.poll()
    events = await bench.events()
    assert len(events) == 4
    assert len({event.id for event in events}) == 2
    assert (await bench.feed()).etag == '"v1"'
    await bench.poll()
    assert len(await bench.events()) == 4


async def test_validators_are_not_saved_while_the_log_refuses_the_items(bench):
    bench.server.answers["/feed"] = (200, {**RSS, "ETag": '"v1"', "Last-Modified": "then"}, bench.rss("One"))
    bench.log.unavailable = True
    with pytest.raises(Unavailable):
        await bench.poll()
    feed = await bench.feed()
    assert (feed.etag, feed.last_modified, feed.polls) == (None, None, 0)
    bench.log.unavailable = False
    await bench.poll()
    feed = await bench.feed()
    assert (feed.etag, feed.last_modified) == ('"v1"', "then")


async def test_validators_are_sent_back_kept_on_304_replaced_and_cleared(bench):
    bench.server.answers["/feed"] = (200, {**RSS, "ETag": '"v1"', "Last-Modified": "odd  date"}, bench.rss("One"))
    await bench.poll()
    bench.server.answers["/feed"] = (304, {})
    summary = await bench.poll()
    asked = bench.server.requests["/feed"][-1]
    assert (asked["If-None-Match"], asked["If-Modified-Since"]) == ('"v1"', "odd  date")
    assert summary.outcomes == {"not-modified": 1}
    assert (await bench.feed()).etag == '"v1"'
    bench.server.answers["/feed"] = (304, {"ETag": '"v2"'})
    await bench.poll()
    assert (await bench.feed()).etag == '"v2"'
    bench.server.answers["/feed"] = (200, RSS, bench.rss("One"))
    await bench.poll()
    feed = await bench.feed()
    assert (feed.etag, feed.last_modified) == (None, None)


async def test_lying_validators_are_found_out_by_the_audit(bench):
    bench.server.answers["/feed"] = (200, {**RSS, "ETag": '"same"'}, bench.rss("One"))
    await bench.poll()
    bench.server.answers["/feed"] = lambda request: (
        (304, {}) if "If-None-Match" in request.headers else (200, {**RSS, "ETag": '"same"'}, bench.rss("Two", "One"))
    )
    await bench.poll()
    assert len(await bench.articles()) == 1
    bench.clock.move(days=AUDIT_EVERY.days)
    with capture_logs() as logs:
        await bench.poll()
    assert [line["hidden"] for line in logs if line["event"] == "validators-lie"] == [1]
    assert len(await bench.articles()) == 2


async def test_web_page_instead_of_a_feed_is_a_failure_and_saves_no_validators(bench):
    bench.server.answers["/feed"] = (
        200,
        {"Content-Type": "text/html", "ETag": '"page"'},
        b"<!doctype html><title>Hi</title>",
    )
    summary = await bench.poll()
    assert summary.outcomes == {"not-a-feed": 1}
    feed = await bench.feed()
    assert (feed.state, feed.etag) == ("failing", None)
    assert "web page" in feed.last_detail


async def test_feed_without_items_is_a_success_and_an_empty_body_is_not(bench):
    bench.server.answers["/feed"] = bench.rss()
    assert (await bench.poll()).outcomes == {"fetched": 1}
    bench.server.answers["/feed"] = (200, RSS, b"")
    assert (await bench.poll()).outcomes == {"not-a-feed": 1}


async def test_poisoned_feeds_do_not_disturb_their_neighbours(bench):
    bombs = {
        "/html": b"<html></html>",
        "/nul": b"\x00" * 1000,
        "/cut": bench.rss("Cut")[:150],
        "/nested": b"<rss>" + b"<a>" * 50_000,
        "/bomb": b"<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><rss><channel><title>&b;</title></channel></rss>",
    }
    bench.server.answers |= {**bombs, "/feed": bench.rss("Well")}
    bench.feeds(*(bench.server.url(path, host=n + 2) for n, path in enumerate(bombs)), bench.server.url("/feed"))
    summary = await bench.poll()
    assert sum(summary.outcomes.values()) == len(bombs) + 1
    assert "Well" in {article.title for article in await bench.articles()}
    assert all(feed.polls == 1 and feed.next_poll_at > feed.last_polled_at for feed in await bench.state.feeds())


async def test_first_poll_marks_old_items_as_backfill(bench):
    bench.server.answers["/feed"] = bench.rss("Old", published=bench.clock() - timedelta(days=3))
    summary = await bench.poll()
    assert summary.items["backfill"] == 1
    assert [article.backfill for article in await bench.articles()] == [True]


async def test_failed_polls_back_off_are_kept_in_the_history_and_end_with_the_first_success(bench):
    bench.server.answers["/feed"] = (404, {})
    for _ in range(3):
        await bench.poll()
    feed = await bench.feed()
    assert (feed.state, feed.failures, feed.last_outcome) == ("failing", 3.0, "http-4xx")
    assert [attempt.http_status for attempt in await bench.state.attempts(feed.id)] == [404, 404, 404]
    bench.server.answers["/feed"] = bench.rss("One")
    bench.clock.move(days=30)
    await bench.poll()
    feed = await bench.feed()
    assert (feed.state, feed.failures) == ("healthy", 0)


async def test_history_is_kept_to_thirty_polls(bench):
    bench.server.answers["/feed"] = (404, {})
    for _ in range(33):
        bench.clock.move(days=1)
        await bench.poll()
    assert len(await bench.state.attempts((await bench.feed()).id)) == 30


async def test_gone_feed_is_left_alone_for_a_month(bench):
    bench.server.answers["/feed"] = (410, {})
    await bench.poll()
    feed = await bench.feed()
    assert feed.state == "gone"
    assert feed.next_poll_at > bench.clock() + timedelta(days=29)
    bench.clock.move(days=40)
    bench.server.answers["/feed"] = bench.rss("Back")
    await bench.poll()
    assert (await bench.feed()).state == "healthy"


async def test_429_closes_the_host_for_all_its_feeds_also_after_a_restart(bench):
    bench.feeds(bench.server.url("/limited"), bench.server.url("/other"), bench.server.url("/elsewhere", host=2))
    bench.server.answers |= {
        "/limited": (429, {"Retry-After": "7200"}),
        "/other": bench.rss("B"),
        "/elsewhere": bench.rss("C"),
    }
    async with bench.opened() as fetcher:
        await fetcher.poll_due_once()
    bench.clock.move(hours=1)
    before = len(bench.server.requests["/other"])
    summary = await bench.poll()
    assert summary.outcomes["host-closed"] >= 1
    assert len(bench.server.requests["/other"]) == before
    assert len(bench.server.requests["/elsewhere"]) == 2
    bench.clock.move(hours=2)
    bench.server.answers["/limited"] = bench.rss("A")
    summary = await bench.poll()
    assert summary.outcomes == {"fetched": 3}


async def test_dead_network_is_one_line_and_no_feed_is_blamed(bench):
    bench.feeds(*(f"http://h{n}.invalid/feed" for n in range(30)))
    with capture_logs() as logs:
        summary = await bench.poll()
    told = [line for line in logs if line["log_level"] != "debug" and line["event"] != "feeds-file"]
    assert summary.outcomes == {"dns": 30}
    assert len([line for line in told if line["event"] == "network-down"]) == 1
    assert len(told) <= 5
    feeds = await bench.state.feeds()
    assert all(feed.polls == 1 and feed.last_success_at is None for feed in feeds)
    assert sum(feed.failures for feed in feeds) <= 4


async def test_run_polls_every_feed_once_without_a_network_and_says_so_in_one_line(bench):
    urls = [f"http://h{n}.invalid/feed" for n in range(12)]
    bench.feeds(*urls, bench.server.url("/feed"), poll_floor=timedelta(seconds=30))  # none is due twice meanwhile
    bench.server.answers["/feed"] = (404, {})
    stop = asyncio.Event()
    with capture_logs() as logs:
        async with bench.opened() as fetcher:
            running = asyncio.create_task(fetcher.run(stop))
            await until(lambda: all_polled(bench))
            stop.set()
            await running
    assert [line["event"] for line in logs].count("network-down") <= 1
    assert bench.counted("attache_fetcher_polls_total", outcome="dns") == 12


async def test_dead_feed_is_told_once_not_at_every_poll(bench):
    bench.server.answers["/feed"] = (404, {})
    with capture_logs() as logs:
        for _ in range(5):
            await bench.poll()
        bench.server.answers["/feed"] = bench.rss("One")
        await bench.poll()
    told = [line for line in logs if line["event"] == "poll" and line["log_level"] != "debug"]
    assert [(line["outcome"], line["log_level"]) for line in told] == [("http-4xx", "warning"), ("fetched", "info")]


async def test_run_polls_what_becomes_due_and_sends_heartbeats(bench):
    bench.server.answers["/feed"] = bench.rss("One")
    stop = asyncio.Event()
    async with bench.opened() as fetcher:
        running = asyncio.create_task(fetcher.run(stop))
        await until(lambda: all_polled(bench))
        assert fetcher.trouble() is None
        stop.set()
        await running
    events = await bench.events()
    assert {type(event.data) for event in events} == {Article, Heartbeat}
    assert bench.counted("attache_heartbeat_last_seen_timestamp_seconds", stage="fetcher") > 0
    beats = {record.partition async for record in bench.log.scan("articles") if record.key == HEARTBEAT_KEY}
    assert beats == set(range(await bench.log.partitions("articles")))


async def test_run_pauses_while_the_log_is_away_and_loses_nothing(bench):
    bench.server.answers["/feed"] = bench.rss("One")
    bench.log.unavailable = True
    stop = asyncio.Event()
    async with bench.opened() as fetcher:
        running = asyncio.create_task(fetcher.run(stop))
        await until(lambda: _is_true(fetcher.trouble() is not None))
        assert "away" in fetcher.trouble()
        bench.log.unavailable = False
        await until(lambda: all_polled(bench))
        stop.set()
        await running
    assert [article.title for article in await bench.articles()] == ["One"]


async def test_mistake_of_ours_ends_the_service_loudly(bench, monkeypatch):
    bench.server.answers["/feed"] = bench.rss("One")
    monkeypatch.setattr("services.fetcher.poller.sort_out", lambda *a, **k: 1 / 0)
    async with bench.opened() as fetcher:
        with pytest.raises(ExceptionGroup) as crash:
            await fetcher.run(asyncio.Event())
    assert crash.group_contains(ZeroDivisionError)


async def test_stop_does_not_wait_for_a_hanging_host(bench, monkeypatch):
    monkeypatch.setattr("services.fetcher.service.WIND_UP", timedelta(0))
    asked, release = asyncio.Event(), asyncio.Event()

    async def hang(_request):
        asked.set()
        await release.wait()
        return bench.rss("Late")

    bench.server.answers["/feed"] = hang
    stop = asyncio.Event()
    async with bench.opened() as fetcher:
        running = asyncio.create_task(fetcher.run(stop))
        await asked.wait()
        stop.set()
        await running
    release.set()
    assert (await bench.feed()).polls == 0


async def test_feeds_file_with_mistakes_is_refused_before_anything_starts(bench):
    bench.feeds("ftp://x.test")
    with pytest.raises(BadSources, match=r"feeds\.toml:3"):
        async with bench.opened():
            pass


async def test_metrics_count_polls_items_and_bytes(bench):
    bench.server.answers["/feed"] = body = bench.rss("One", "Two")
    await bench.poll()
    assert bench.counted("attache_fetcher_polls_total", outcome="fetched") == 1
    assert bench.counted("attache_fetcher_items_total", outcome="new") == 2
    assert bench.counted("attache_fetcher_received_bytes_total") == len(body)
    assert bench.counted("attache_stage_events_total", stage="fetcher", outcome="handled") == 2
    assert bench.counted("attache_fetcher_feeds", state="healthy") == 1
    assert bench.metrics.registry.get_sample_value("attache_fetcher_feeds", {"state": "gone"}) == 0


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.01)


async def all_polled(bench):
    return all(feed.polls for feed in await bench.state.feeds())


async def _is_true(value):
    return value
