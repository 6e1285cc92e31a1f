"""Running one service as a process: its ops port first, then log and database as soon as they can be had."""

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.opening import current_database, log_of
from shared import asgi, failpoints
from shared.backoff import delay
from shared.eventlog import EventLog, Unavailable
from shared.metrics import Metrics, process_metrics
from shared.process import Service, pause, run_until_stopped
from shared.settings import BadSettings, Settings, without_password
from shared.telemetry import Health, ops_app, set_up_logs

log = structlog.get_logger()

OPEN_AGAIN = timedelta(seconds=1)
OPEN_AGAIN_CAP = timedelta(seconds=10)


@dataclass(frozen=True)
class Parts:
    """What a service may be opened with."""

    settings: Settings
    metrics: Metrics
    health: Health = field(default_factory=Health)

    def log(self) -> AbstractAsyncContextManager[EventLog]:
        """Open the log. Raises BadSettings for one that several processes cannot share."""
        if not self.settings.log_url.startswith("kafka:"):
            raise BadSettings(
                f"LOG_URL={without_password(self.settings.log_url)!r} belongs to one process at a time, and a service "
                "in a process of its own shares its log with the others: set LOG_URL=kafka://host:port, or start all "
                "five in one process with `attache run`"
            )
        return log_of(self.settings, metrics=self.metrics)

    def database(self) -> AbstractAsyncContextManager[AsyncEngine]:
        """Open the database. Raises Unavailable until it has been migrated."""
        return current_database(self.settings)


Opener = Callable[[Parts], AbstractAsyncContextManager[Service]]


def serve(name: str, opener: Opener) -> None:
    """Run the service `name` until SIGTERM or SIGINT. Settings come from the environment (README, "Settings").

    The ops port answers from the first moment. While log or database are away, or the database is not yet migrated,
    the service waits, is not ready, and says why. Raises BadSettings, SchemaTooNew and their like at once.
    """
    settings = Settings.from_env(os.environ)
    set_up_logs(settings.log_format, level=logging.getLevelNamesMapping()[settings.log_level.upper()])
    failpoints.arm(settings.failpoints)
    asyncio.run(_serve(name, opener, settings))


async def _serve(name: str, opener: Opener, settings: Settings) -> None:
    parts = Parts(settings, process_metrics(name))
    with asgi.listen(settings.ops_host, settings.ops_port, setting="OPS_PORT") as ops_socket:
        address = "{}:{}".format(*ops_socket.getsockname()[:2])
        log.info("starting", service=name, replica=settings.replica_name, ops=f"http://{address}")
        ops = asgi.serve(ops_app(parts.metrics.registry, parts.health), ops_socket)
        await run_until_stopped(ops, patient(name, lambda: opener(parts), parts.health), grace=settings.grace)
    log.info("stopped", service=name)


def patient(name: str, opened: Callable[[], AbstractAsyncContextManager[Service]], health: Health) -> Service:
    """Return a service that opens another as soon as that can be done, and runs it. Not ready until then.

    A reason to wait is logged when it is a new one. Trouble while it runs is the opened service's own to wait out.
    """
    reason: str | None = "starting"
    health.checks["opening"] = lambda: reason

    async def run(stop: asyncio.Event) -> None:
        nonlocal reason
        attempts = 0
        while not stop.is_set():
            try:
                async with _until(stop) as in_time, opened() as service:
                    in_time()
                    reason = None
                    log.info("running", service=name)
                    await service(stop)
                    return
            except Unavailable as trouble:
                if reason is None:
                    raise
                if str(trouble) != reason:
                    log.warning("waiting", service=name, reason=str(trouble))
                reason = str(trouble)
                await pause(stop, delay(attempts, base=OPEN_AGAIN, cap=OPEN_AGAIN_CAP, draw=random.random()))  # noqa: S311 - jitter
                attempts += 1

    return run


@asynccontextmanager
async def _until(stop: asyncio.Event) -> AsyncIterator[Callable[[], object]]:
    """Give the block up when `stop` is set, unless the function it is given was called before."""
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as limit:
            watch = asyncio.create_task(stop.wait())
            watch.add_done_callback(lambda task: None if task.cancelled() else limit.reschedule(0))
            try:
                yield watch.cancel
            finally:
                watch.cancel()
