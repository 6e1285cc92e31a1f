"""The parser pool: what it promises when parsing takes too long, too much, or fails."""

import asyncio
import os
import signal
from datetime import timedelta

import pytest

from services.fetcher.feed.document import NotAFeed
from services.fetcher.feed.parse import parse
from services.fetcher.parsing import ParserPool

FEED = b"<rss version='2.0'><channel><title>T</title><ttl>5</ttl><item><guid>1</guid><pubDate>2025-01-01</pubDate></item></channel></rss>"
SLOW = b"<rss><channel>" + b"<item><title>a & b</titl></item>" * 30_000 + b"</channel>"


async def test_answer_is_the_parsers_own():
    async with ParserPool() as pool:
        assert await pool.parse(FEED, url="https://a.example/") == parse(FEED, url="https://a.example/")


async def test_refusal_comes_through_by_name():
    async with ParserPool(workers=1) as pool:
        with pytest.raises(NotAFeed) as refused:
            await pool.parse(b"<html></html>")
        assert refused.value.reason == "html"
        assert (await pool.parse(FEED)).items


async def test_worker_that_hangs_is_replaced():
    async with ParserPool(workers=1, wall_limit=timedelta(seconds=3)) as pool:
        await pool.parse(FEED)
        os.kill(pool._idle[0].pid, signal.SIGSTOP)
        with pytest.raises(NotAFeed, match="too-slow"):
            await pool.parse(FEED)
        assert (await pool.parse(FEED)).items


async def test_worker_that_computes_too_long_is_stopped_by_the_system():
    async with ParserPool(workers=1, cpu_limit=timedelta(seconds=1)) as pool:
        with pytest.raises(NotAFeed) as refused:
            await pool.parse(b"<rss><channel><title>" + b"&" * 20_000_000)
        assert refused.value.reason == "too-slow"
        assert (await pool.parse(FEED)).items


async def test_worker_that_dies_costs_one_feed():
    async with ParserPool(workers=1) as pool:
        await pool.parse(FEED)
        os.kill(pool._idle[0].pid, signal.SIGKILL)
        with pytest.raises(NotAFeed, match="parser-failed"):
            await pool.parse(FEED)
        assert (await pool.parse(FEED)).items


async def test_cancelled_request_leaves_no_stale_answer():
    async with ParserPool(workers=1) as pool:
        await pool.parse(FEED)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.parse(SLOW), timeout=0.02)
        feed = await pool.parse(FEED)
        assert feed.title is not None
        assert feed.title.value == "T"


async def test_body_over_the_limit_is_refused_without_a_worker():
    async with ParserPool() as pool:
        with pytest.raises(NotAFeed, match="too-large"):
            await pool.parse(b"x" * 25_000_001)
        assert pool._idle == []
