"""Fetchers that share their feeds: each polled by one of them, each host asked by one at a time, none left behind."""

import asyncio
from collections import Counter
from datetime import timedelta

from services.fetcher.hosts import LEASE, Hosts


async def test_what_is_due_is_polled_once_whoever_polls_it(bench):
    bench.server.answers |= {f"/{n}": bench.rss(f"Item {n}") for n in range(40)}
    bench.feeds(*(bench.server.url(f"/{n}", host=n + 1) for n in range(40)))
    async with bench.fetcher("one") as one, bench.fetcher("two") as two:
        summaries = await asyncio.gather(one.poll_due_once(), two.poll_due_once())
        again = await one.poll_due_once()
    assert [len(bench.server.requests[f"/{n}"]) for n in range(40)] == [1] * 40
    assert sum(summary.outcomes["fetched"] for summary in summaries) == 40
    assert all(summary.outcomes["fetched"] for summary in summaries)
    assert again.outcomes["fetched"] == 0
    assert len(await bench.articles()) == 40


async def test_a_host_is_asked_by_one_fetcher_at_a_time(bench):
    asking: Counter[str] = Counter()
    met = []

    async def answer(request):
        agent = request.headers["User-Agent"]
        asking[agent] += 1
        met.append({one for one, count in asking.items() if count})
        await asyncio.sleep(0.01)
        asking[agent] -= 1
        return bench.rss(request.path)

    bench.server.answers |= dict.fromkeys((f"/{n}" for n in range(12)), answer)
    bench.feeds(*(bench.server.url(f"/{n}") for n in range(12)))
    stop = asyncio.Event()
    async with bench.fetcher("one") as one, bench.fetcher("two") as two, asyncio.TaskGroup() as group:
        group.create_task(one.run(stop))
        group.create_task(two.run(stop))
        async with asyncio.timeout(60):
            while not all(feed.polls for feed in await bench.state.feeds()):
                await asyncio.sleep(0.02)
        stop.set()
    assert max(map(len, met)) == 1
    assert len(bench.server.requests) == 12


async def test_feeds_of_a_fetcher_that_died_are_polled_by_another_within_a_minute(bench):
    bench.server.answers["/feed"] = bench.rss("One")
    bench.feeds(bench.server.url("/feed"))
    async with bench.fetcher("two") as two:
        dead = Hosts(bench.engine, replica="one", token="gone")
        await dead.take(["127.0.0.1"], bench.clock(), timedelta(0))
        assert (await two.poll_due_once()).outcomes == {}
        bench.clock.move(seconds=LEASE.total_seconds())
        assert (await two.poll_due_once()).outcomes == {"fetched": 1}
    assert timedelta(seconds=60) > LEASE


async def test_a_fetcher_that_comes_back_under_its_name_polls_its_feeds_at_once(bench):
    bench.server.answers["/feed"] = bench.rss("One")
    bench.feeds(bench.server.url("/feed"))
    await Hosts(bench.engine, replica="one", token="before").take(["127.0.0.1"], bench.clock(), timedelta(0))
    bench.clock.move(seconds=2)
    async with bench.fetcher("one") as one:
        assert (await one.poll_due_once()).outcomes == {"fetched": 1}


async def test_a_fetcher_that_stops_leaves_its_hosts_to_others_at_once(bench, monkeypatch):
    monkeypatch.setattr("services.fetcher.service.WIND_UP", timedelta(0))
    asked, release = asyncio.Event(), asyncio.Event()

    async def hang(_request):
        asked.set()
        await release.wait()
        return bench.rss("One")

    bench.server.answers["/feed"] = hang
    bench.feeds(bench.server.url("/feed"))
    stop = asyncio.Event()
    async with bench.fetcher("two") as two:
        async with bench.fetcher("one") as one:
            running = asyncio.create_task(one.run(stop))
            await asked.wait()
            assert (await two.poll_due_once()).outcomes == {}
            stop.set()
            await running
        release.set()
        bench.clock.move(seconds=2)
        assert (await two.poll_due_once()).outcomes == {"fetched": 1}


async def test_silence_one_fetcher_was_asked_for_is_kept_by_another_that_was_running_already(bench):
    bench.server.answers |= {"/limited": (429, {"Retry-After": "7200"}), "/other": bench.rss("B")}
    bench.feeds(bench.server.url("/limited"), bench.server.url("/other"))
    async with bench.fetcher("two") as two:
        async with bench.fetcher("one") as one:
            outcomes = (await one.poll_due_once()).outcomes
        bench.clock.move(hours=1)
        asked = len(bench.server.requests["/other"])
        assert outcomes["rate-limited"] == 1
        assert (await two.poll_due_once()).outcomes["host-closed"] >= 1
        assert len(bench.server.requests["/other"]) == asked


async def test_a_poll_that_takes_longer_than_a_lease_keeps_its_host(bench):
    release = asyncio.Event()

    async def slow(_request):
        await release.wait()
        return bench.rss("One")

    bench.server.answers["/feed"] = slow
    bench.feeds(bench.server.url("/feed"))
    stop = asyncio.Event()
    async with bench.fetcher("one") as one, bench.fetcher("two") as two, asyncio.TaskGroup() as group:
        group.create_task(one.run(stop))
        while not bench.server.requests["/feed"]:
            await asyncio.sleep(0.01)
        for _ in range(3):
            bench.clock.move(seconds=LEASE.total_seconds() / 2)
            one._woken.set()
            await asyncio.sleep(0.1)
            assert (await two.poll_due_once()).outcomes == {}
        release.set()
        async with asyncio.timeout(20):
            while not (await bench.feed()).polls:
                await asyncio.sleep(0.01)
        stop.set()
    assert len(bench.server.requests["/feed"]) == 1
