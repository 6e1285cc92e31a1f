"""A world whose webhook receiver checks what it is sent, and whose feeds say no more than the test has released."""

import asyncio
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from email.utils import format_datetime
from hashlib import sha256

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from tests.system.world import DYADS, Item, World

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SHOWN_BEHIND = 5
"""How many items already stored a feed still shows, as feeds do."""


@dataclass(frozen=True)
class Arrival:
    """One verified request: which delivery, of which alert and development, and the alert's place in it."""

    webhook_id: str
    alert_id: str
    development_id: str
    sequence: int
    kind: str
    dyad: tuple[str, ...]


def paired_items(count: int, *, every: int = 20) -> tuple[Item, ...]:
    """Make `count` numbered items; each `every`-th begins a matter between two countries of its own, and the item half
    as far behind it says that the matter went on.
    """
    items = []
    for number in range(count):
        place = number % every
        if place in {0, every // 2}:
            (one, code_one), (two, code_two) = DYADS[number // every]
            does, did = ("discuss", "discussed") if place == 0 else ("sign", "signed")
            title = f"{one} and {two} {does} defence cooperation agreement"
            text = f"{one} and {two} {did} a defence cooperation agreement on Monday. Report number {number}."
            items.append(Item(number, title, text, tuple(sorted((code_one, code_two)))))
        else:
            text = f"The town council heard report number {number} on its budget."
            items.append(Item(number, f"Council minutes {number}", text, None))
    return tuple(items)


def number_of(text: str) -> int:
    """Return the number an item's text tells."""
    found = re.search(r"report number (\d+)", text, re.IGNORECASE)
    assert found, text
    return int(found.group(1))


@dataclass
class CheckedWorld(World):
    """Releases items as told; a feed shows those released and not yet `settled`.

    Every `fail_every`-th webhook is refused, no delivery more than once: the second retry is only after minutes.
    """

    released: int = 0
    settled: set[int] = field(default_factory=set)
    fail_every: int = 9
    arrivals: list[Arrival] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def release(self, count: int) -> None:
        """Let the feeds show the next `count` items."""
        self.released = min(self.released + count, len(self.items))

    async def feed(self, request: web.Request) -> web.Response:
        number = int(request.match_info["feed"])
        self.requests[number] += 1
        self.asked.set()
        mine = [item for item in self.items_of(number) if item.number < self.released]
        old = [item for item in mine if item.number in self.settled]
        shown = [*old[-SHOWN_BEHIND:], *(item for item in mine if item.number not in self.settled)]
        tag = '"' + sha256(repr([item.number for item in shown]).encode()).hexdigest()[:16] + '"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        entries = "".join(
            f"<item><title>{item.title}</title><guid isPermaLink='false'>item-{item.number}</guid>"
            f"<pubDate>{format_datetime(self.started)}</pubDate><description>{item.text}</description></item>"
            for item in reversed(shown)
        )
        body = (
            f"<rss version='2.0'><channel><title>Feed {number}</title><language>en</language>{entries}</channel></rss>"
        )
        return web.Response(text=body, content_type="application/rss+xml", headers={"ETag": tag})

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            Webhook(SECRET).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.forged.append(str(error))
            return web.Response(status=400)
        payload, webhook_id = json.loads(body), request.headers["webhook-id"]
        self.hooks.append((webhook_id, payload))
        if len(self.hooks) % self.fail_every == 0 and webhook_id not in self.refused:
            self.refused.add(webhook_id)
            return web.Response(status=503)
        data = payload["data"]
        self.arrivals.append(
            Arrival(
                webhook_id=webhook_id,
                alert_id=data["id"],
                development_id=data["development_id"],
                sequence=data["sequence"],
                kind=data["kind"],
                dyad=tuple(sorted(data["dyad"])),
            )
        )
        await asyncio.sleep(0)
        return web.Response(status=204)

    def repeats(self) -> int:
        """Count deliveries that were taken more than once."""
        return len(self.arrivals) - len({arrival.webhook_id for arrival in self.arrivals})

    def ids_of_alerts(self) -> dict[str, set[str]]:
        """Return every id under which each alert was sent, refused attempts included."""
        ids: defaultdict[str, set[str]] = defaultdict(set)
        for webhook_id, payload in self.hooks:
            ids[payload["data"]["id"]].add(webhook_id)  # type: ignore[index]  # JSON
        return ids
