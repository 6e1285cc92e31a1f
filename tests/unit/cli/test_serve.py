"""One service as a process: when it waits, when it gives up, and what it says meanwhile."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.cli import serve
from services.cli.serve import Parts, patient
from shared.eventlog import Unavailable
from shared.metrics import process_metrics
from shared.settings import BadSettings, Settings
from shared.telemetry import Health


class Opening:
    """Opens a service once `troubles` are used up; `hang` never opens it."""

    def __init__(self, *troubles: Exception, hang: bool = False) -> None:
        self.troubles = list(troubles)
        self.hang = hang
        self.begun = asyncio.Event()
        self.closed = False
        self.ran = False
        self.told: list[dict[str, str]] = []
        self.health = Health()

    @asynccontextmanager
    async def __call__(self):
        self.told.append(self.health.troubles())
        self.begun.set()
        if self.troubles:
            raise self.troubles.pop(0)
        try:
            if self.hang:
                await asyncio.Event().wait()
            yield self.run
        finally:
            self.closed = True

    async def run(self, stop: asyncio.Event) -> None:
        self.told.append(self.health.troubles())
        self.ran = True
        await stop.wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(serve, "OPEN_AGAIN", timedelta(milliseconds=1))


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def test_a_service_waits_for_infrastructure_and_says_why_once():
    away = "database: nobody listens"
    opening, stop = (
        Opening(Unavailable(away), Unavailable(away), Unavailable("schema 0001, needs 0002")),
        asyncio.Event(),
    )
    with capture_logs() as lines:
        task = asyncio.create_task(patient("store", opening, opening.health)(stop))
        await until(lambda: opening.ran)
        stop.set()
        await task
    assert opening.told == [
        {"opening": "starting"}, {"opening": away}, {"opening": away}, {"opening": "schema 0001, needs 0002"}, {},
    ]  # fmt: skip
    assert [line["reason"] for line in lines if line["event"] == "waiting"] == [away, "schema 0001, needs 0002"]
    assert opening.closed


async def test_a_stop_while_it_waits_or_opens_is_obeyed_at_once():
    for opening in (Opening(*[Unavailable("away")] * 10_000), Opening(hang=True)):
        stop = asyncio.Event()
        task = asyncio.create_task(patient("store", opening, opening.health)(stop))
        await opening.begun.wait()
        stop.set()
        await asyncio.wait_for(task, 20)
        assert not opening.ran
    assert opening.closed, "what was half open is closed"


async def test_what_waiting_does_not_mend_ends_it():
    opening = Opening(BadSettings("no"))
    with pytest.raises(BadSettings, match="no"):
        await patient("store", opening, opening.health)(asyncio.Event())


async def test_trouble_of_a_running_service_is_not_taken_for_one_of_opening():
    opening = Opening()

    async def fails(stop):
        raise Unavailable("gave up")

    opening.run = fails  # type: ignore[method-assign]  # a service of another kind
    with pytest.raises(Unavailable, match="gave up"):
        await patient("store", opening, opening.health)(asyncio.Event())


@pytest.mark.parametrize("url", ["sqlite:///data/log.db", "memory:"])
def test_a_log_of_one_process_is_refused_with_what_to_set(url):
    parts = Parts(Settings(log_url=url), process_metrics("store"))
    with pytest.raises(BadSettings, match=r"kafka://host:port, or start all five in one process with `attache run`"):
        parts.log()
