"""The web service: the API and the pages on one port, over the one database."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.web.app import build_app
from shared.asgi import listen, serve
from shared.clock import Clock, utc_now
from shared.metrics import Metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health

log = structlog.get_logger()


@asynccontextmanager
async def open_web(
    settings: Settings,
    *,
    engine: AsyncEngine,
    metrics: Metrics,
    health: Health,
    now: Clock = utc_now,
    sock: socket.socket | None = None,
) -> AsyncIterator[Service]:
    """Open the web service on `sock`, or on the host and port of the settings; yields the coroutine function to run.

    Raises PortTaken when the address cannot be listened on.
    """
    async with AsyncExitStack() as stack:
        if sock is None:
            sock = stack.enter_context(listen(settings.web_host, settings.web_port, setting="WEB_PORT"))
        serving = False
        health.checks["web"] = lambda: None if serving else "not serving"
        run_server = serve(build_app(engine=engine, metrics=metrics, health=health, now=now), sock)

        async def run(stop: asyncio.Event) -> None:
            nonlocal serving
            serving = True
            log.info("serving", what="API and page", address="{}:{}".format(*sock.getsockname()[:2]))
            try:
                await run_server(stop)
            finally:
                serving = False

        yield run
