"""The notifier: consume alerts into deliveries, and dispatch these, side by side; neither ever waits for the other."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.dispatch import Dispatcher
from services.notifier.intake import Intake
from services.notifier.repository import Repository
from services.notifier.senders import Sender
from services.notifier.senders.email import EmailSender
from services.notifier.senders.terminal import TerminalSender
from services.notifier.senders.webhook import WebhookSender
from services.notifier.subscriptions import Subscriptions
from shared.clock import Clock, utc_now
from shared.consume import Stage, consume
from shared.eventlog import EventLog
from shared.events import Alert
from shared.http import open_http
from shared.metrics import Metrics
from shared.process import Service
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import ALERTS

NAME = "notifier"


@asynccontextmanager
async def open_notifier(  # noqa: PLR0913 - what a service is given, each by name
    settings: Settings,
    *,
    eventlog: EventLog,
    engine: AsyncEngine,
    metrics: Metrics,
    health: Health,
    now: Clock = utc_now,
    draw: Callable[[], float] = random.random,
    console: Console | None = None,
    terminal_default: bool = False,
) -> AsyncIterator[Service]:
    """Open the notifier. `terminal_default`: without any subscription, every alert is printed to `console`.

    Raises BadSettings listing every mistake of the subscriptions file, or for an SMTP_URL that is none.
    """
    repository = Repository(engine)
    subscriptions = Subscriptions(repository, settings.subscriptions_file, terminal_default=terminal_default)
    await subscriptions.load()
    async with open_senders(settings, console=console) as senders:
        dispatcher = Dispatcher(repository, subscriptions, senders, metrics, now=now, draw=draw)
        intake = Intake(repository, subscriptions, now=now, on_new=dispatcher.wake)
        stage = Stage(name=NAME, topic=ALERTS, group=NAME, expects=(Alert,), handle=intake.take)
        health.checks[NAME] = lambda: dispatcher.trouble

        async def run(stop: asyncio.Event) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    consume(eventlog, stage, stop=stop, metrics=metrics, now=now, draw=draw, health=health)
                )
                group.create_task(dispatcher.run(stop))

        yield run


@asynccontextmanager
async def open_senders(settings: Settings, *, console: Console | None = None) -> AsyncIterator[dict[str, Sender]]:
    """Open one sender for each channel; raises BadSettings for an SMTP_URL that is none."""
    email = EmailSender(settings.smtp_url, settings.mail_from)
    async with open_http(settings) as http:
        yield {"webhook": WebhookSender(http), "email": email, "terminal": TerminalSender(console)}
