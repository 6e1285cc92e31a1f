"""All five services in one process: opened in order, closed in reverse, sharing one log, database and registry."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.opening import database_of, log_of
from services.fetcher.service import Fetcher, open_fetcher
from services.notifier.service import open_notifier
from services.store.service import open_store
from services.tagger.service import open_tagger
from services.web.service import open_web
from shared import failpoints
from shared.asgi import listen, serve
from shared.clock import Clock, utc_now
from shared.database.migrate import ensure_schema
from shared.eventlog import EventLog
from shared.eventlog.pruning import pruning
from shared.metrics import Metrics, process_metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health, ops_app


@dataclass(frozen=True)
class Embedded:
    """The opened parts: `services` to run, `fetcher` to poll by hand, and the addresses that answer."""

    services: tuple[Service, ...]
    fetcher: Fetcher
    eventlog: EventLog
    engine: AsyncEngine
    metrics: Metrics
    page_url: str
    ops_url: str


@asynccontextmanager
async def open_embedded(
    settings: Settings, *, polling: bool = True, console: Console | None = None, now: Clock = utc_now
) -> AsyncIterator[Embedded]:
    """Open everything `settings` names. Without `polling` the fetcher only polls when `Embedded.fetcher` is told to.

    Raises PortTaken, LogInUse, BadDatabaseUrl and their like before anything is started.
    """
    async with AsyncExitStack() as stack:
        web_socket = stack.enter_context(listen(settings.web_host, settings.web_port, setting="WEB_PORT"))
        ops_socket = stack.enter_context(listen(settings.ops_host, settings.ops_port, setting="OPS_PORT"))
        failpoints.arm(settings.failpoints)
        metrics, health = process_metrics("all"), Health()
        eventlog = await stack.enter_async_context(log_of(settings, metrics=metrics))
        engine = await stack.enter_async_context(database_of(settings))
        await ensure_schema(engine)
        enter = stack.enter_async_context
        fetcher = await enter(
            open_fetcher(settings, eventlog=eventlog, engine=engine, metrics=metrics, health=health, now=now)
        )
        tagger = await enter(open_tagger(settings, eventlog=eventlog, metrics=metrics, health=health, now=now))
        store = await enter(
            open_store(settings, eventlog=eventlog, engine=engine, metrics=metrics, health=health, now=now)
        )
        notifier = await enter(
            open_notifier(
                settings,
                eventlog=eventlog,
                engine=engine,
                metrics=metrics,
                health=health,
                now=now,
                console=console,
                terminal_default=console is not None,
            )
        )
        web = await enter(open_web(settings, engine=engine, metrics=metrics, health=health, now=now, sock=web_socket))
        ops = serve(ops_app(metrics.registry, health), ops_socket)
        pipeline = (tagger, store, notifier, web, ops, pruning(eventlog, now=now))
        yield Embedded(
            services=(fetcher.run, *pipeline) if polling else pipeline,
            fetcher=fetcher,
            eventlog=eventlog,
            engine=engine,
            metrics=metrics,
            page_url=f"http://{_shown(settings.web_host)}:{web_socket.getsockname()[1]}",
            ops_url=f"http://{_shown(settings.ops_host)}:{ops_socket.getsockname()[1]}",
        )


def _shown(host: str) -> str:
    return "localhost" if host in {"127.0.0.1", "0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
