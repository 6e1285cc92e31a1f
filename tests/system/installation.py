"""An installation as compose starts it, as bare processes: broker, database, migration, and the services under a supervisor."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.eventlog import Record
from shared.eventlog.open import open_log
from shared.topics import DEAD_LETTERS
from tests.servers import Missing, free_port
from tests.servers.kafka import Broker, open_broker
from tests.servers.postgresql import Server, open_server
from tests.system.receiver import CheckedWorld, number_of
from tests.system.supervisor import Kept, Supervisor, open_supervisor
from tests.system.world import open_world, start

SERVICES = ("fetcher", "tagger", "store", "notifier", "web")
LOOK_SECONDS = 0.3


@dataclass
class Installation:
    """What a test holds in hand. Numbers of items stored are looked up again and again; `stored` is the newest look."""

    world: CheckedWorld
    broker: Broker
    server: Server
    supervisor: Supervisor
    env: dict[str, str]
    database: str
    ports: dict[str, int] = field(default_factory=dict)
    stored: list[int] = field(default_factory=list)
    looks: int = 0

    def keep(self, service: str, replica: str = "1", **env: str) -> Kept:
        """Start a replica of a service; its ops port stays the same over restarts."""
        name = f"{service}-{replica}"
        own = {"REPLICA": name, "OPS_PORT": str(self.port(name)), "WEB_PORT": str(self.port(f"{name} page"))}
        return self.supervisor.keep(name, service, env={**self.env, **own, **env})

    def port(self, of: str) -> int:
        """Return a port that stays with what it is for."""
        return self.ports.setdefault(of, free_port())

    async def sql(self, statement: str) -> list[list[Any]] | None:
        """Return the rows of a statement, or None while the database is away."""
        try:
            wrapped = "SELECT json_agg(t) FROM (" + statement + ") t"  # noqa: S608 - the test's own words
            said = await asyncio.to_thread(self.server.sql, wrapped, self.database)
        except subprocess.CalledProcessError:
            return None
        rows: list[dict[str, Any]] | None = json.loads(said) if said else None
        return [list(row.values()) for row in rows or []]

    async def look(self) -> None:
        """Look up what is stored, and let the feeds forget it."""
        rows = await self.sql("SELECT text FROM article")
        if rows is not None:
            self.stored = [number_of(text) for (text,) in rows]
            self.world.settled.update(self.stored)
            self.looks += 1

    async def watch(self) -> None:
        """Look again and again, until cancelled; a process that ended by itself ends the watch."""
        while True:
            await self.look()
            self.supervisor.check()
            await asyncio.sleep(LOOK_SECONDS)

    async def ready(self, name: str) -> dict[str, str]:
        """Return why a replica is not ready, by check; nothing when it is."""
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://127.0.0.1:{self.port(name)}/readyz", timeout=aiohttp.ClientTimeout(5)) as answer,
            ):
                told: dict[str, str] = (await answer.json()).get("reasons", {})
                return told
        except (aiohttp.ClientError, TimeoutError) as error:
            return {"ops": repr(error)}

    async def until_ready(self, *names: str, within: float) -> None:
        """Wait until replicas are ready, or `within` seconds are over: outages are part of the game."""
        end = time.monotonic() + within
        for name in names:
            while time.monotonic() < end and await self.ready(name):
                await asyncio.sleep(LOOK_SECONDS)

    async def sample(self, name: str, sample: str) -> float:
        """Return a sample of a replica's metrics, as the exposition writes it; 0 where it does not answer."""
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://127.0.0.1:{self.port(name)}/metrics", timeout=aiohttp.ClientTimeout(5)) as answer,
            ):
                lines = (await answer.text()).splitlines()
        except (aiohttp.ClientError, TimeoutError):
            return 0.0
        return next((float(line.split()[-1]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    async def records(self, *topics: str) -> list[Record]:
        """Return every record of the topics."""
        async with open_log(self.env["LOG_URL"], owner=False) as log:
            return [record for topic in topics for record in [one async for one in log.scan(topic)]]

    async def dead(self) -> list[Record]:
        """Return all dead letters."""
        return await self.records(*(spec.name for spec in DEAD_LETTERS))

    async def until(self, condition: Callable[[], bool], what: str, *, within: float) -> float:
        """Wait for a condition over what is looked up; return after how many seconds it held."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < within, f"not within {within} s: {what}; {self.summary()}"
            self.supervisor.check()
            await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def summary(self) -> str:
        """Say in a line how far things are."""
        return (
            f"released {self.world.released}, stored {len(self.stored)}, taken webhooks {len(self.world.arrivals)}"
            f" ({self.world.repeats()} again), ends {len(self.supervisor.ends)}"
        )

    @property
    def unfinished(self) -> int:
        """How many released items were not stored at the newest look."""
        return self.world.released - len(set(self.stored))


@asynccontextmanager
async def open_installation(folder: Path, world: CheckedWorld, **env: str) -> AsyncIterator[Installation]:
    """Serve `world`, start a broker and a database of this test's own, and migrate; services are the test's to start.

    Skips the test where the servers cannot be had; with CI=true that is a failure.
    """
    async with AsyncExitStack() as stack:
        (folder / "broker").mkdir()
        try:
            broker = await asyncio.to_thread(stack.enter_context, open_broker(folder / "broker"))
            server = await asyncio.to_thread(stack.enter_context, open_server())
        except Missing as why:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(why))
        database = server.new_database()
        await stack.enter_async_context(open_world(world))
        settings = {
            **world.write_settings(folder),
            "LOG_URL": f"kafka://{broker.address}",
            "DB_URL": server.url(database),
            "POLL_FLOOR_SECONDS": "1",
            "POLL_CEILING_SECONDS": "2",
            "HEARTBEAT_SECONDS": "5",
            **env,
        }
        migrated = await start(settings, "migrate", log=folder / "migrate.log")
        assert await migrated.wait() == 0, (folder / "migrate.log").read_text()
        supervisor = await stack.enter_async_context(open_supervisor(folder))
        yield Installation(world, broker, server, supervisor, settings, database)
