"""`attache run`: all five services in one process."""

import asyncio
import logging
import os
from contextlib import suppress
from datetime import timedelta
from functools import partial

import click
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.drain import drain
from services.cli.embedded import open_embedded
from services.cli.reports import alerts_table, feeds_report, pipeline_table, read_alerts
from services.web.queries.feeds import all_feeds
from shared.clock import utc_now
from shared.eventlog import Unavailable
from shared.process import pause, run_until_stopped
from shared.settings import Settings
from shared.telemetry import set_up_logs

LOOK_EVERY = timedelta(seconds=0.5)


@click.command()
@click.option("--once", is_flag=True, help="Poll each due feed once, drain, print a summary and exit.")
def run(once: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Run fetcher, tagger, store, notifier and web in this process, with SQLite under ./data.

    Settings come from the environment: DATA_DIR, WEB_PORT, OPS_PORT, FEEDS_FILE, SUBSCRIPTIONS_FILE and more
    (README, "Settings"). Only one process may use a data folder at a time.
    """
    settings = Settings.from_env(os.environ)
    set_up_logs(settings.log_format, level=logging.getLevelNamesMapping()[settings.log_level.upper()])
    console = Console()
    asyncio.run(_once(settings, console) if once else _always(settings, console))


async def _always(settings: Settings, console: Console) -> None:
    async with open_embedded(settings, console=console) as attache:
        console.print(
            f"Attaché is running: page [bold]{attache.page_url}[/], metrics {attache.ops_url}/metrics, "
            f"data in {settings.data_dir}. Ctrl-C stops it."
        )
        report = partial(report_first_round, attache.engine, console)
        await run_until_stopped(*attache.services, report, grace=settings.grace)
    console.print("Stopped; nothing is lost.")


async def report_first_round(engine: AsyncEngine, console: Console, stop: asyncio.Event) -> None:
    """Print how the feeds fared once each was polled, then wait for `stop`. A database that is away only delays it."""
    while not stop.is_set():
        with suppress(Unavailable):  # the services say so
            if await _all_polled(engine):
                console.print(await feeds_report(engine, width_of=console))
                break
        await pause(stop, LOOK_EVERY)
    await stop.wait()


async def _all_polled(engine: AsyncEngine) -> bool:
    feeds = await all_feeds(engine)
    return bool(feeds) and all(feed.polls for feed in feeds if feed.enabled)


async def _once(settings: Settings, console: Console) -> None:
    stop = asyncio.Event()
    async with open_embedded(settings, polling=False) as attache:
        before = {alert.id for alert in await read_alerts(attache.engine)}

        async def poll_and_drain(_stop: asyncio.Event) -> None:
            with console.status("polling each due feed once"):
                await attache.fetcher.poll_due_once()
            with console.status("tagging, storing, delivering"):
                await drain(attache.eventlog, attache.engine, attache.metrics, now=utc_now)
            console.print(await feeds_report(attache.engine, width_of=console))
            alerts = [alert for alert in await read_alerts(attache.engine) if alert.id not in before]
            if alerts:
                console.print(alerts_table(alerts))
            console.print(pipeline_table(attache.metrics))

        await run_until_stopped(*attache.services, poll_and_drain, grace=settings.grace, stop=stop)
