"""Bad input of every kind among good: the good comes through, the bad is named, nothing falls over."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import msgspec
from aiohttp import web

from shared.eventlog import Message
from shared.eventlog.open import open_log
from shared.events import Article, Event, Source, encode
from shared.topics import ARTICLES
from tests.system.world import World, numbered_items, open_world, start

GOOD = 20


def _article(number: int, title: str) -> Message:
    now = datetime.now(UTC)
    article = Article(
        id=f"art_{number}", revision=0, source=Source(feed_id="t", name="T", language="en"), url=None,
        title=title, content="Nothing of note.", language="en", published=now, observed_at=now,
    )  # fmt: skip
    return encode(Event(id=article.id, source="test", subject=article.id, time=now, data=article), key=article.id)


def _with(message: Message, *, value: bytes | None = None, **headers: str) -> Message:
    kept = [(n, v) for n, v in message.headers if n not in headers]
    return Message(
        message.key,
        message.value if value is None else value,
        (*kept, *((n, v.encode()) for n, v in headers.items())),
    )


def _bad_records() -> dict[str, Message]:
    good = _article(900, "Good")
    fields = msgspec.json.decode(good.value)
    return {
        "bad-json": _with(good, value=good.value[: len(good.value) // 2]),
        "bad-schema": _with(good, value=json.dumps({**fields, "revision": "one"}).encode()),
        "unknown-version": _with(good, ce_type="attache.article.fetched.v99"),
        "unknown-type": _with(good, ce_type="org.example.weather"),
        "bad-encoding": _with(good, value=good.value.replace(b"Good", b"G\xff\xfed")),
        "too-large": _with(good, value=json.dumps({**fields, "title": "T" * 5_000_000}).encode()),
    }


async def test_bad_records_die_one_by_one_byte_for_byte_and_their_neighbours_are_stored(tmp_path: Path):
    async with open_world(World(numbered_items(GOOD), feeds=1, step=GOOD)) as world:
        env = {**world.write_settings(tmp_path), "COLUMNS": "200"}
        assert await (await start(env, "run", "--once", log=tmp_path / "first")).wait() == 0
        bad = _bad_records()
        mixed = [
            m
            for pair in zip(bad.values(), (_article(n, f"Neighbour {n}") for n in range(10)), strict=False)
            for m in pair
        ]
        async with open_log(f"sqlite:///{tmp_path}/data/log.db", owner=False) as log:
            await log.append(ARTICLES.name, mixed)
        assert await (await start(env, "run", "--once", log=tmp_path / "second")).wait() == 0, (
            tmp_path / "second"
        ).read_text()
        async with open_log(f"sqlite:///{tmp_path}/data/log.db", owner=False) as log:
            letters = [record async for record in log.scan("articles.dead")]
        listing = tmp_path / "list"
        assert await (await start(env, "dead-letters", "list", log=listing)).wait() == 0
    assert [letter.value for letter in letters] == [message.value for message in bad.values()]
    assert [letter.header("dlq.error.reason") for letter in letters] == [reason.encode() for reason in bad]
    assert all(reason in listing.read_text() for reason in bad)
    titles = _titles(tmp_path / "data" / "attache.db")
    assert {f"Neighbour {n}" for n in range(len(bad))} <= titles
    assert {item.title for item in world.items} <= titles


async def test_bad_feeds_are_classified_and_good_ones_beside_them_are_read(tmp_path: Path):
    world = BadFeeds(numbered_items(GOOD), feeds=1, step=GOOD)
    async with open_world(world):
        env = {**world.write_settings(tmp_path), "COLUMNS": "250"}
        feeds = tmp_path / "feeds.toml"
        rows = "".join(
            f'[[feed]]\nname = "{name}"\nurl = "http://127.0.0.{n + 2}:{world.port}/bad/{name}"\nkind = "wire"\n'
            'grade = "F"\ncountry = "SGP"\nlanguage = "en"\n\n'
            for n, name in enumerate(world.bodies)
        )
        feeds.write_text(feeds.read_text() + rows)
        said = tmp_path / "said"
        assert await asyncio.wait_for((await start(env, "run", "--once", log=said)).wait(), 90) == 0, said.read_text()
        shown = tmp_path / "shown"
        assert await (await start(env, "feeds", "list", log=shown)).wait() == 0
    assert {item.title for item in world.items} <= _titles(tmp_path / "data" / "attache.db")
    outcomes = _outcomes(tmp_path / "data" / "attache.db")
    assert outcomes["html"] == "not-a-feed", outcomes
    assert outcomes["nothing"] == "not-a-feed", outcomes
    assert outcomes["huge-title"] == "fetched", outcomes
    assert outcomes["invalid-utf8"] == "fetched", outcomes
    assert all(len(title) <= 1000 for title in _titles(tmp_path / "data" / "attache.db"))
    assert any("caf" in title for title in _titles(tmp_path / "data" / "attache.db"))


class BadFeeds(World):
    """The world, and beside its good feed a few that are none."""

    @property
    def bodies(self) -> dict[str, tuple[str, bytes]]:
        rss = "<rss version='2.0'><channel><title>T</title><item><title>%s</title><guid>%s</guid><pubDate>%s</pubDate></item></channel></rss>"
        date = format_datetime(self.started)
        return {
            "html": (
                "text/html",
                b"<!doctype html><html><head><title>Sorry</title></head><body>Not here</body></html>",
            ),
            "nothing": ("application/rss+xml", b""),
            "huge-title": ("application/rss+xml", (rss % ("T" * 5_000_000, "huge", date)).encode()),
            "invalid-utf8": (
                "application/rss+xml",
                (rss % ("caf@ talks", "latin", date)).encode().replace(b"@", b"\xe9"),
            ),
        }

    def routes(self, app: web.Application) -> None:
        """Add the bad feeds."""

        async def bad(request: web.Request) -> web.Response:
            kind, body = self.bodies[request.match_info["name"]]
            return web.Response(body=body, content_type=kind)

        app.router.add_get("/bad/{name}", bad)


def _titles(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {title for (title,) in connection.execute("SELECT title FROM article")}


def _outcomes(database: Path) -> dict[str, str]:
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT name, last_outcome FROM feed").fetchall())
