"""`attache fetcher`, `tagger`, `store`, `notifier`, `web`: one service in a process of its own, as often as wanted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
from rich.console import Console

from services.cli.serve import Parts, serve
from shared.process import Service


@click.command()
def fetcher() -> None:
    """Poll the feeds; replicas share them."""
    from services.fetcher.service import open_fetcher

    @asynccontextmanager
    async def opened(p: Parts) -> AsyncIterator[Service]:
        async with (
            p.log() as eventlog,
            p.database() as engine,
            open_fetcher(p.settings, eventlog=eventlog, engine=engine, metrics=p.metrics, health=p.health) as service,
        ):
            yield service.run

    serve("fetcher", opened)


@click.command()
def tagger() -> None:
    """Tag articles with claims and decision; replicas share the partitions."""
    from services.tagger.service import open_tagger

    @asynccontextmanager
    async def opened(p: Parts) -> AsyncIterator[Service]:
        async with (
            p.log() as eventlog,
            open_tagger(p.settings, eventlog=eventlog, metrics=p.metrics, health=p.health) as service,
        ):
            yield service

    serve("tagger", opened)


@click.command()
def store() -> None:
    """Store tagged articles and raise alerts; replicas share the partitions."""
    from services.store.service import open_store

    @asynccontextmanager
    async def opened(p: Parts) -> AsyncIterator[Service]:
        async with (
            p.log() as eventlog,
            p.database() as engine,
            open_store(p.settings, eventlog=eventlog, engine=engine, metrics=p.metrics, health=p.health) as service,
        ):
            yield service

    serve("store", opened)


@click.command()
def notifier() -> None:
    """Deliver alerts to subscribers; replicas share the deliveries. Without a subscription alerts are printed."""
    from services.notifier.service import open_notifier

    @asynccontextmanager
    async def opened(p: Parts) -> AsyncIterator[Service]:
        async with (
            p.log() as eventlog,
            p.database() as engine,
            open_notifier(
                p.settings,
                eventlog=eventlog,
                engine=engine,
                metrics=p.metrics,
                health=p.health,
                console=Console(),
                terminal_default=True,
            ) as service,
        ):
            yield service

    serve("notifier", opened)


@click.command()
def web() -> None:
    """Serve the page and the API; replicas hold nothing of their own."""
    from services.web.service import open_web

    @asynccontextmanager
    async def opened(p: Parts) -> AsyncIterator[Service]:
        async with (
            p.database() as engine,
            open_web(p.settings, engine=engine, metrics=p.metrics, health=p.health) as service,
        ):
            yield service

    serve("web", opened)
