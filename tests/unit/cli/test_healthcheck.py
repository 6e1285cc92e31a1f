import asyncio
import os

import pytest
from prometheus_client import CollectorRegistry

from services.cli.healthcheck import main
from shared.asgi import listen, serve
from shared.telemetry import Health, ops_app


@pytest.fixture
async def health(monkeypatch: pytest.MonkeyPatch):
    health, stop = Health(), asyncio.Event()
    with listen("127.0.0.1", 0, setting="OPS_PORT") as sock:
        monkeypatch.setitem(os.environ, "OPS_PORT", str(sock.getsockname()[1]))
        serving = asyncio.create_task(serve(ops_app(CollectorRegistry(), health), sock)(stop))
        yield health
        stop.set()
        await serving


async def test_a_ready_service_is_healthy(health: Health):
    assert await asyncio.to_thread(main) is None


async def test_one_that_is_not_says_why(health: Health):
    health.checks["log"] = lambda: "broker away"
    said = await asyncio.to_thread(main)
    assert said is not None
    assert "503" in said
    assert "broker away" in said


async def test_nobody_there_is_unhealthy_not_a_crash(monkeypatch: pytest.MonkeyPatch):
    with listen("127.0.0.1", 0, setting="OPS_PORT") as sock:
        monkeypatch.setitem(os.environ, "OPS_PORT", str(sock.getsockname()[1]))
    said = await asyncio.to_thread(main)
    assert said is not None
    assert "refused" in said
