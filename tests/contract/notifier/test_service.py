"""The whole notifier: alerts on a real log, a real database, a real receiver."""

import asyncio
import io
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from rich.console import Console
from standardwebhooks import Webhook as Verifier

from services.notifier.sample import sample_alert
from services.notifier.service import open_notifier
from shared.clock import utc_now
from shared.eventlog.memory import MemoryLog
from shared.events import Alert, Event, encode
from shared.metrics import Metrics
from shared.settings import BadSettings, Settings
from shared.subscriptions import new_secret
from shared.telemetry import Health
from shared.topics import ALERTS

SECRET = new_secret(bytes(range(32)))


class Receiver:
    """Takes webhooks; `arrived` is set when `expected` are there."""

    def __init__(self) -> None:
        self.port = 0
        self.expected = 1
        self.lines: list[str] = []
        self.arrived = asyncio.Event()

    async def hook(self, request: web.Request) -> web.Response:
        document = Verifier(SECRET).verify(await request.read(), dict(request.headers))
        self.lines.append(document["data"]["line"])
        if len(self.lines) == self.expected:
            self.arrived.set()
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    await runner.cleanup()


@pytest.fixture
def settings(receiver: Receiver, tmp_path: Path) -> Settings:
    file = tmp_path / "subscriptions.toml"
    file.write_text(
        '[[subscription]]\nname = "Exercises"\ntopic = "joint-exercise"\n'
        f'channel = {{ webhook = "http://127.0.0.1:{receiver.port}/hook", secret = "{SECRET}" }}\n'
    )
    return Settings(subscriptions_file=file, allow_networks=(ip_network("127.0.0.0/8"),), allow_ports=(receiver.port,))


async def append(eventlog: MemoryLog, *alerts: Alert) -> None:
    events = [
        Event(id=alert.id, source="test", subject=alert.development_id, time=alert.raised_at, data=alert)
        for alert in alerts
    ]
    await eventlog.append(ALERTS.name, [encode(event, key=event.subject) for event in events])


async def test_an_alert_sent_three_times_arrives_once_and_its_update_after_it(engine, receiver, settings):
    eventlog, metrics, health, stop = MemoryLog(), Metrics(CollectorRegistry()), Health(), asyncio.Event()
    raised = msgspec.structs.replace(sample_alert(utc_now()), line="raised")
    updated = msgspec.structs.replace(raised, id="alr_update", sequence=1, line="updated")
    receiver.expected = 2
    await append(eventlog, raised, raised, updated)
    async with open_notifier(settings, eventlog=eventlog, engine=engine, metrics=metrics, health=health) as run:
        running = asyncio.ensure_future(run(stop))
        await append(eventlog, raised)
        await receiver.arrived.wait()
        stop.set()
        await running
    assert receiver.lines == ["raised", "updated"]
    assert health.troubles() == {}
    labels = {"channel": "webhook", "outcome": "delivered"}
    assert metrics.registry.get_sample_value("attache_notifier_deliveries_total", labels) == 2


async def test_what_was_not_sent_before_a_stop_is_sent_after_it(engine, receiver, settings):
    eventlog = MemoryLog()
    metrics = Metrics(CollectorRegistry())
    await append(eventlog, msgspec.structs.replace(sample_alert(utc_now()), line="raised"))
    stopped = asyncio.Event()
    stopped.set()
    for stop in (stopped, asyncio.Event()):
        async with open_notifier(settings, eventlog=eventlog, engine=engine, metrics=metrics, health=Health()) as run:
            running = asyncio.ensure_future(run(stop))
            if stop is not stopped:
                await receiver.arrived.wait()
                stop.set()
            await running
    assert receiver.lines == ["raised"]


async def test_a_broken_subscriptions_file_is_refused_before_anything_starts(engine, settings):
    settings.subscriptions_file.write_text("[[subscription]]\n")
    parts = {"eventlog": MemoryLog(), "engine": engine, "metrics": Metrics(CollectorRegistry()), "health": Health()}
    with pytest.raises(BadSettings, match="name: missing"):
        async with open_notifier(settings, **parts):
            pass


async def test_without_subscriptions_alerts_are_printed_if_that_was_asked_for(engine):
    out = io.StringIO()
    eventlog, stop = MemoryLog(), asyncio.Event()
    printed = asyncio.Event()

    class Listening(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*objects, **options)
            printed.set()

    await append(eventlog, sample_alert(utc_now()))
    async with open_notifier(
        Settings(),
        eventlog=eventlog,
        engine=engine,
        metrics=Metrics(CollectorRegistry()),
        health=Health(),
        console=Listening(file=out, width=100),
        terminal_default=True,
    ) as run:
        running = asyncio.ensure_future(run(stop))
        await printed.wait()
        stop.set()
        await running
    assert "TEST, not news" in out.getvalue()
