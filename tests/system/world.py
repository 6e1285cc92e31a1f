"""A local world for system tests: feeds on many loopback hosts, a webhook receiver, and the real `attache run`."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import combinations
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).resolve().parents[2]
COUNTRIES = (
    ("Japan", "JPN"), ("Poland", "POL"), ("Kenya", "KEN"), ("Chile", "CHL"), ("Norway", "NOR"), ("Finland", "FIN"),
    ("Greece", "GRC"), ("Egypt", "EGY"), ("Brazil", "BRA"), ("Canada", "CAN"), ("Sweden", "SWE"), ("Vietnam", "VNM"),
    ("Indonesia", "IDN"), ("Australia", "AUS"), ("Italy", "ITA"), ("Spain", "ESP"), ("Portugal", "PRT"), ("Romania", "ROU"),
    ("Bulgaria", "BGR"), ("Estonia", "EST"), ("Latvia", "LVA"), ("Lithuania", "LTU"), ("Denmark", "DNK"), ("Belgium", "BEL"),
)  # fmt: skip
DYADS = tuple(combinations(COUNTRIES, 2))


@dataclass(frozen=True)
class Item:
    """One numbered item; `dyad` is what it must alert on, None where it must not."""

    number: int
    title: str
    text: str
    dyad: tuple[str, ...] | None


def numbered_items(count: int, *, every: int = 10) -> tuple[Item, ...]:
    """Make `count` items of which each `every`-th tells of an agreement between two countries of its own."""
    items = []
    for number in range(count):
        if number % every == 0:
            (one, code_one), (two, code_two) = DYADS[number // every]
            title = f"{one} and {two} sign defence cooperation agreement"
            text = f"{one} and {two} signed a defence cooperation agreement on Monday. Report number {number}."
            items.append(Item(number, title, text, tuple(sorted((code_one, code_two)))))
        else:
            title = f"Council minutes {number}"
            items.append(Item(number, title, f"The town council heard report number {number} on its budget.", None))
    return tuple(items)


@dataclass
class World:
    """What the outside sees: how often each feed was asked for, and every webhook received."""

    items: tuple[Item, ...]
    feeds: int
    step: int
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    port: int = 0
    requests: Counter[int] = field(default_factory=Counter)
    hooks: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hook_status: Callable[[int], int] = lambda _count: 200

    def items_of(self, feed: int) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.number % self.feeds == feed)

    def feed_url(self, feed: int) -> str:
        return f"http://127.0.0.{feed + 1}:{self.port}/feed/{feed}"

    async def feed(self, request: web.Request) -> web.Response:
        number = int(request.match_info["feed"])
        self.requests[number] += 1
        self.asked.set()
        shown = self.items_of(number)[: self.step * self.requests[number]]
        entries = "".join(
            f"<item><title>{item.title}</title><guid isPermaLink='false'>item-{item.number}</guid>"
            f"<pubDate>{format_datetime(self.started)}</pubDate><description>{item.text}</description></item>"
            for item in reversed(shown)
        )
        body = (
            f"<rss version='2.0'><channel><title>Feed {number}</title><language>en</language>{entries}</channel></rss>"
        )
        return web.Response(text=body, content_type="application/rss+xml")

    def routes(self, app: web.Application) -> None:
        """Add routes of a special world."""

    async def hook(self, request: web.Request) -> web.Response:
        self.hooks.append((request.headers["webhook-id"], await request.json()))
        return web.Response(status=self.hook_status(len(self.hooks)))

    def write_settings(self, folder: Path) -> dict[str, str]:
        """Write the feed and subscription files into `folder` and return the environment that points at them."""
        feeds = folder / "feeds.toml"
        feeds.write_text(
            "".join(
                f'[[feed]]\nname = "Feed {n}"\nurl = "{self.feed_url(n)}"\nkind = "wire"\ngrade = "B"\nlanguage = "en"\n'
                f'country = "SGP"\n\n'
                for n in range(self.feeds)
            )
        )
        subscriptions = folder / "subscriptions.toml"
        subscriptions.write_text(
            '[[subscription]]\nid = "all-agreements"\nname = "All agreements"\ntopics = ["defence-agreement"]\n'
            f'channel = {{ webhook = "http://127.0.0.1:{self.port}/hook", '
            'secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" }\n'
        )
        return {
            "DATA_DIR": str(folder / "data"),
            "FEEDS_FILE": str(feeds),
            "SUBSCRIPTIONS_FILE": str(subscriptions),
            "ALLOW_NETWORKS": "127.0.0.0/8",
            "ALLOW_PORTS": str(self.port),
            "POLL_FLOOR_SECONDS": "0.5",
            "POLL_CEILING_SECONDS": "1",
            "WEB_PORT": "0",
            "OPS_PORT": "0",
        }


@asynccontextmanager
async def open_world(world: World) -> AsyncIterator[World]:
    """Serve the world on all loopback addresses until the block ends."""
    app = web.Application()
    app.router.add_get("/feed/{feed}", world.feed)
    app.router.add_post("/hook", world.hook)
    world.routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", 0)
    await site.start()
    world.port = runner.addresses[0][1]
    try:
        yield world
    finally:
        await runner.cleanup()


async def start(env: dict[str, str], *args: str, log: Path) -> asyncio.subprocess.Process:
    """Start the real `attache` with `args`, its output appended to `log`."""
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", *args,
            cwd=ROOT, env={**_bare_environment(), **env}, stdout=out, stderr=out,
        )  # fmt: skip


def _bare_environment() -> dict[str, str]:
    kept = {"PATH", "LANG", "HOME", "SSL_CERT_FILE", "COVERAGE_PROCESS_START"}
    return {name: value for name, value in os.environ.items() if name in kept} | {"PYTHONUNBUFFERED": "1"}


def dyad_of(payload: dict[str, object]) -> tuple[str, ...]:
    """Read the dyad of a received webhook."""
    data = json.loads(json.dumps(payload["data"]))
    return tuple(sorted(data["dyad"]))
