"""`attache feeds check URL`: fetch and read a feed now, tell what was found or what is wrong; nothing is stored."""

import asyncio
import os
import sys
from datetime import timedelta

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.fetcher.feed.articles import Harvest, articles_of
from services.fetcher.feed.document import NotAFeed, ParsedFeed
from services.fetcher.feed.text import one_line
from services.fetcher.parsing import ParserPool
from services.fetcher.polling import ACCEPT, POLL_DEADLINE
from services.fetcher.sources import feed_id
from shared.clock import utc_now
from shared.events import Source
from shared.http import Failed, Fetched, NotModified, open_http
from shared.settings import Settings
from shared.telemetry import printable

SHOWN_ITEMS = 10


@click.command()
@click.argument("url")
def check(url: str) -> None:
    """Fetch URL once as the fetcher would, and print what it holds; exit code 1 with the reason if it is no feed."""
    found = asyncio.run(_check(Settings.from_env(os.environ), url))
    if isinstance(found, str):
        click.echo(f"{url}: {printable(found)}", err=True)
        sys.exit(1)
    _tell(*found)


async def _check(settings: Settings, url: str) -> tuple[Fetched, ParsedFeed, Harvest] | str:
    async with open_http(settings) as http, ParserPool(workers=1) as parser:
        answer = await http.fetch(url, deadline=POLL_DEADLINE, headers={"Accept": ACCEPT})
        if isinstance(answer, Failed | NotModified):
            return answer.reason if isinstance(answer, Failed) else "not modified, although nothing was asked of it"
        try:
            parsed = await parser.parse(
                answer.body,
                content_type=answer.content_type,
                url=answer.url,
                content_location=answer.content_location,
                content_language=answer.content_language,
            )
        except NotAFeed as failure:
            return f"not-a-feed: {failure}"
    return answer, parsed, articles_of(parsed, Source(feed_id=feed_id(answer.url), name=url), utc_now())


def _tell(answer: Fetched, parsed: ParsedFeed, harvest: Harvest) -> None:
    console = Console()
    console.print(Text(one_line(parsed.title) or "(no title)", "bold"))
    about = [f"{parsed.format} {parsed.version}".strip(), parsed.language or "language not stated", parsed.encoding]
    about += [f"{len(parsed.items)} items", f"{answer.received_bytes:,} bytes received, {len(answer.body):,} inflated"]
    console.print(Text(" · ".join(about)))
    for hop in answer.redirects:
        console.print(Text(f"{hop.status} → {hop.url}", "dim"))
    hints = {"fresh for": answer.fresh_for, "ttl": parsed.hints.ttl}
    told = [f"{name} {_words(length)}" for name, length in hints.items() if length]
    validators = [name for name, value in (("ETag", answer.etag), ("Last-Modified", answer.last_modified)) if value]
    console.print(Text(" · ".join([*told, f"validators: {' and '.join(validators) or 'none'}"]), "dim"))
    for warning in parsed.warnings:
        console.print(Text(f"warning: {printable(warning)}", "yellow"))
    for reason, count in harvest.dropped.items():
        console.print(Text(f"{count} items would be left out: {reason}", "yellow"))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=True)
    table.add_column("published (UTC)", no_wrap=True)
    table.add_column("title", ratio=1, overflow="fold")
    table.add_column("text", justify="right", no_wrap=True)
    for found in harvest.found[:SHOWN_ITEMS]:
        article = found.article
        when = f"{article.published:%Y-%m-%d %H:%M}" if article.published else "-"
        table.add_row(when, Text(article.title), f"{len(article.text):,} chars")
    if harvest.found:
        console.print(table)
    if len(harvest.found) > SHOWN_ITEMS:
        console.print(f"… and {len(harvest.found) - SHOWN_ITEMS} more")


def _words(length: timedelta) -> str:
    return str(timedelta(seconds=round(length.total_seconds())))
