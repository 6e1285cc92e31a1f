"""Feeds for the bench, and the server that hands them out on loopback addresses of their own."""

import time
from collections.abc import Sequence
from email.utils import format_datetime
from html import escape
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.events import Article


def write_feeds(articles: Sequence[Article], count: int) -> list[bytes]:
    """Write the articles as `count` RSS feeds, dealt out in turn."""
    return [_feed(articles[number::count], number) for number in range(count)]


def _feed(articles: Sequence[Article], number: int) -> bytes:
    items = "".join(
        f"<item><title>{escape(a.title)}</title><guid isPermaLink='false'>{a.id}</guid><link>{a.url}</link>"
        f"<pubDate>{format_datetime(a.observed_at)}</pubDate><description>{escape(escape(a.text))}</description></item>"
        for a in articles
    )
    head = f"<title>Bench {number}</title><link>https://example.org</link><language>en</language>"
    return f"<rss version='2.0'><channel>{head}{items}</channel></rss>".encode()


class FeedServer:
    """Serves `/0` to `/n`."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self.bodies = bodies
        self.first_asked: float | None = None
        """When the first feed was asked for, by time.perf_counter."""

    def write_sources(self, path: Path, port: int) -> Path:
        """Write the feeds as a sources file, each feed on its own host of the loopback range."""
        path.write_text(
            "\n".join(
                f'[[feed]]\nname = "Bench {n}"\nurl = "http://127.0.0.{n + 1}:{port}/{n}"\nkind = "wire"\ngrade = "B"\n'
                'country = "SGP"\nlanguage = "en"\n'
                for n in range(len(self.bodies))
            )
        )
        return path

    def app(self) -> Starlette:
        """Build the server."""

        async def feed(request: Request) -> Response:
            if self.first_asked is None:
                self.first_asked = time.perf_counter()
            return Response(self.bodies[int(request.path_params["number"])], media_type="application/rss+xml")

        return Starlette(routes=[Route("/{number}", feed)])
