"""`attache feeds`: the feeds that are read, how each does, and adding more."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console

from services.cli.feeds_check import check
from services.cli.feeds_parse import parse
from services.cli.feeds_tables import card, feeds_table, history
from services.cli.opening import current_database
from services.fetcher.memory import STATES, Attempt, Feed
from services.fetcher.opml import BadOpml, Imported, read_opml, write_opml
from services.fetcher.sources import GRADES, KINDS, Source, feed_id, load_sources, url_fault
from services.fetcher.sources import check as check_source
from services.fetcher.state import FeedState
from shared.clock import utc_now
from shared.settings import Settings
from shared.telemetry import printable

R = TypeVar("R")

SHOWN_SKIPPED = 20


@click.group()
def feeds() -> None:
    """List, show, check, add, import, export and parse feeds.

    Settings come from the environment: DATA_DIR or DB_URL say where the feeds are, FEEDS_FILE which list a new
    database starts with. All of this may be used while Attaché runs; what is added is polled within seconds.
    """


feeds.add_command(check)
feeds.add_command(parse)


@feeds.command(name="list")
@click.option("--state", type=click.Choice(STATES), help="Only feeds in this state.")
def list_feeds(state: str | None) -> None:
    """Show every feed: how it does, and when it is asked next, and why."""

    async def read(store: FeedState) -> list[Feed]:
        return await store.feeds()

    found = _run(read)
    console = Console()
    console.print(feeds_table([feed for feed in found if state is None or feed.state == state], utc_now()))
    counts = Counter(feed.state if feed.enabled else "disabled" for feed in found)
    console.print(f"{len(found)} feeds: " + (", ".join(f"{n} {word}" for word, n in counts.most_common()) or "none"))


@feeds.command()
@click.argument("wanted", metavar="ID|URL|NAME")
def show(wanted: str) -> None:
    """Show one feed with its recent polls. Its URL, its name or the beginning of its id will do."""

    async def read(store: FeedState) -> tuple[Feed, list[Attempt]] | list[Feed]:
        found = _find(wanted, await store.feeds())
        return (found[0], await store.attempts(found[0].id)) if len(found) == 1 else found

    found = _run(read)
    if isinstance(found, list):
        _refuse(f"no feed is {wanted!r}" if not found else f"{wanted!r} fits {len(found)} feeds: {_names(found)}")
    feed, attempts = found
    console = Console()
    console.print(card(feed, utc_now()))
    if not attempts:
        console.print("Not polled yet.")
        return
    console.print(history(attempts))


@feeds.command()
@click.argument("url")
@click.option("--name", help="What to call it; else the host's name.")
@click.option("--country", help="ISO 3166-1 alpha-3, or NATO, EU, UN, ASEAN, AU.")
@click.option("--language", help="BCP 47, such as en or zh-Hans; used where the feed does not say.")
@click.option("--kind", type=click.Choice(KINDS), default="media", show_default=True)
@click.option("--grade", type=click.Choice(list(GRADES)), default="F", show_default=True, help="Admiralty reliability.")
def add(url: str, name: str | None, country: str | None, language: str | None, kind: str, grade: str) -> None:
    """Add a feed by its URL; it is polled at once if Attaché runs, else at its next start."""
    if (reason := url_fault(url)) is not None:
        _refuse(f"url: {reason}")
    row = {"name": name or _host(url), "url": url, "country": country, "language": language, "kind": kind}
    source = check_source({key: value for key, value in {**row, "grade": grade}.items() if value})
    if isinstance(source, tuple):
        _refuse("; ".join(map(str, source)))

    async def write(store: FeedState) -> list[Source]:
        return await store.add([source], "added", utc_now())

    if not _run(write):
        _refuse(f"this feed is there already (see: attache feeds show {url})")
    click.echo(f"Added {source.name} as {source.id}. `attache feeds check {url}` shows what it holds.")


@feeds.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Tell what would be added, and add nothing.")
def import_opml(file: Path, dry_run: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Add the feeds of an OPML FILE (or - for standard input); those already there are left as they are."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        imported = read_opml(raw)
    except BadOpml as failure:
        _refuse(f"{file}: {failure}")

    async def write(store: FeedState) -> list[Source]:
        if not dry_run:
            return await store.add(imported.sources, "opml", utc_now())
        return await store.missing(imported.sources)

    _tell_import(file, imported, _run(write), dry_run=dry_run)


@feeds.command()
@click.option("--opml", is_flag=True, default=True, help="As OPML 2.0 (the only format).")
def export(opml: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Write all enabled feeds to standard output as OPML, which `attache feeds import` and feed readers take."""
    del opml

    async def read(store: FeedState) -> list[Feed]:
        return await store.feeds()

    document = write_opml((feed.source for feed in _run(read) if feed.enabled), now=utc_now())
    click.echo(document.decode("utf-8"), nl=False)


def _run(work: Callable[[FeedState], Coroutine[Any, Any, R]]) -> R:
    """Run `work` on the feeds of the configured database; a new database starts with the feeds file's."""
    return asyncio.run(_with_state(work))


async def _with_state(work: Callable[[FeedState], Coroutine[Any, Any, R]]) -> R:
    settings = Settings.from_env(os.environ)
    async with current_database(settings) as engine:
        store = FeedState(engine)
        if not await store.feeds():
            await store.sync(load_sources(settings.feeds_file), utc_now())
        return await work(store)


def _refuse(reason: str) -> NoReturn:
    click.echo(f"attache: {reason}", err=True)
    sys.exit(1)


def _tell_import(file: Path, imported: Imported, added: list[Source], *, dry_run: bool) -> None:
    for one in imported.skipped[:SHOWN_SKIPPED]:
        click.echo(f"{file}:{one.line}: {printable(one.name)}: left out: {printable(one.reason)}", err=True)
    if len(imported.skipped) > SHOWN_SKIPPED:
        click.echo(f"{file}: {len(imported.skipped) - SHOWN_SKIPPED} more left out", err=True)
    there = len(imported.sources) - len(added)
    verb = "Would add" if dry_run else "Added"
    click.echo(f"{verb} {len(added)} feeds; {there} were there already; {len(imported.skipped)} left out.")
    if dry_run:
        for source in added:
            click.echo(f"  {printable(source.name)}  {source.url}")


def _find(wanted: str, found: list[Feed]) -> list[Feed]:
    exact = [feed for feed in found if wanted in {feed.id, feed.url} or feed.name.casefold() == wanted.casefold()]
    if exact or url_fault(wanted) is None:
        return exact or [feed for feed in found if feed.id == feed_id(wanted)]
    return [feed for feed in found if feed.id.startswith(wanted) or wanted.casefold() in feed.name.casefold()]


def _names(found: list[Feed]) -> str:
    return ", ".join(feed.name for feed in found[:5]) + (" …" if len(found) > 5 else "")  # noqa: PLR2004 - a handful


def _host(url: str) -> str:
    return url.split("/")[2].removeprefix("www.")
