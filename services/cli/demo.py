"""`attache demo`: the whole pipeline, offline, on bundled sample stories, checked against what they must alert."""

import asyncio
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import click
from rich.console import Console

from services.cli.demo_feeds.server import DemoFeeds
from services.cli.demo_feeds.stories import FIRST_DAY
from services.cli.drain import drain
from services.cli.embedded import open_embedded
from services.cli.reports import alerts_table, read_alerts
from shared.asgi import listen, serve
from shared.clock import Clock, utc_now
from shared.events import Alert
from shared.process import Service, run_until_stopped
from shared.settings import Settings
from shared.telemetry import set_up_logs
from shared.vocabulary import AlertKind

LOOPBACK = "127.0.0.1"
DAYS = 2


class DemoClock:
    """A clock that stands in the evening of a demo day and goes on from there at the usual speed."""

    def __init__(self, real: Clock) -> None:
        self._real = real
        self.move_to(1)

    def move_to(self, day: int) -> None:
        """Set the clock to 18:00 UTC of the first or second day."""
        self._start = datetime.combine(FIRST_DAY + timedelta(days=day - 1), datetime.min.time(), UTC)
        self._start += timedelta(hours=18)
        self._since = self._real()

    def __call__(self) -> datetime:
        """Return the demo's present moment."""
        return self._start + (self._real() - self._since)


@click.command()
@click.option("--once", is_flag=True, help="Exit after the table instead of serving the page until Ctrl-C.")
def demo(once: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Play two days of sample news through the whole pipeline and show the alerts as a table and as the page.

    Nothing leaves this machine. The stories were written for this demo: outlets and events are invented. Exit code 1
    if the alerts are not exactly those the stories call for.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attache-demo-")))
        feeds = DemoFeeds()
        sock = stack.enter_context(listen(LOOPBACK, 0, setting="none (a free port is taken)"))
        port = sock.getsockname()[1]
        settings = _settings(Settings.from_env(os.environ), folder, feeds, port)
        set_up_logs(settings.log_format, level=logging.WARNING)
        console = Console()
        faults = asyncio.run(_play(settings, feeds, serve(feeds.app(), sock), console, once=once))
    raise SystemExit(1 if faults else 0)


def _settings(base: Settings, folder: Path, feeds: DemoFeeds, port: int) -> Settings:
    sources = folder / "sources.toml"
    sources.write_text(
        "\n".join(
            f'[[feed]]\nname = "{o.name}"\nurl = "http://{LOOPBACK}:{port}/{o.id}"\ncountry = "{o.country}"\n'
            f'language = "en"\nkind = "{o.kind}"\ngrade = "{o.grade}"\n'
            for o in feeds.outlets
        ),
        "utf-8",
    )
    return replace(
        base,
        data_dir=folder,
        log_url=f"sqlite:///{folder}/log.db",
        db_url=f"sqlite:///{folder}/attache.db",
        feeds_file=sources,
        subscriptions_file=None,
        allow_networks=(ip_network(f"{LOOPBACK}/32"),),
        allow_ports=(port,),
        poll_floor=timedelta(seconds=1),
        poll_ceiling=timedelta(hours=1),
    )


async def _play(settings: Settings, feeds: DemoFeeds, feed_server: Service, console: Console, *, once: bool) -> int:
    clock = DemoClock(utc_now)
    stop = asyncio.Event()
    async with open_embedded(settings, polling=False, now=clock) as attache:

        async def script(stop: asyncio.Event) -> None:
            console.print(
                f"[bold]Attaché demo[/]: {len(feeds.stories)} sample stories from {len(feeds.outlets)} invented "
                f"outlets, played as {FIRST_DAY:%-d} and {FIRST_DAY + timedelta(days=1):%-d %B %Y}."
            )
            for day in range(1, DAYS + 1):
                feeds.day = day
                clock.move_to(day)
                with console.status(f"day {day}: polling, tagging, storing"):
                    await attache.fetcher.poll_due_once()
                    await drain(attache.eventlog, attache.engine, attache.metrics, now=clock)
            alerts = await read_alerts(attache.engine)
            console.print(alerts_table(alerts))
            faults.extend(_faults(feeds, alerts))
            _verdict(console, feeds, alerts, faults)
            if not once:
                console.print(
                    f"The page: [bold]{attache.page_url}[/]  ·  metrics: {attache.ops_url}/metrics  ·  Ctrl-C ends."
                )
                await stop.wait()

        faults: list[str] = []
        await run_until_stopped(*attache.services, feed_server, script, grace=settings.grace, stop=stop)
    return len(faults)


def _faults(feeds: DemoFeeds, alerts: Sequence[Alert]) -> list[str]:
    told = [(story.expect, story.update) for story in feeds.stories if story.expect]
    wanted = Counter({(dyad, "raised"): 1 for dyad, _ in told})
    wanted.update((dyad, "updated") for dyad, update in told if update)
    got = Counter(("-".join(alert.dyad).lower(), str(alert.kind)) for alert in alerts)
    return [
        f"{dyad} {kind}: {got[dyad, kind]} instead of {wanted[dyad, kind]}"
        for dyad, kind in sorted(wanted | got)
        if got[dyad, kind] != wanted[dyad, kind]
    ]


def _verdict(console: Console, feeds: DemoFeeds, alerts: Sequence[Alert], faults: Sequence[str]) -> None:
    noise = sum(story.expect is None for story in feeds.stories)
    raised = sum(alert.kind is AlertKind.RAISED for alert in alerts)
    if faults:
        console.print("[bold red]Not what the stories call for:[/] " + "; ".join(faults))
        return
    console.print(
        f"As the stories call for: {raised} developments alerted once each, {len(alerts) - raised} updated a day "
        f"later, nothing for the {noise} noise items."
    )
