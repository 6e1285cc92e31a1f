"""The compose file's own services as bare processes: its commands, its environment, its health checks."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port
from tests.servers.compose import ROOT, load, ours
from tests.system.world import World, numbered_items, open_world, start

HEALTHY_WITHIN_SECONDS = 90


@dataclass
class Stack:
    """The services of ours that compose would run, each with the environment it would have, at home on this machine."""

    folder: Path
    world: World
    services: Mapping[str, Mapping[str, Any]]
    log_url: str
    db_url: str
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {name: free_port() for name in (*self.services, "page")}
        del self.ports["migrate"]

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.ports['page']}"

    @property
    def nowhere(self) -> Path:
        """Where a service would keep files of its own, which it cannot in a read-only container."""
        return self.folder / "nowhere"

    def environment(self, name: str) -> dict[str, str]:
        """What compose says, with hosts, ports and mounts as they are here."""
        here = {"LOG_URL": self.log_url, "DB_URL": self.db_url, "WEB_PORT": str(self.ports["page"])}
        here["OPS_PORT"] = str(self.ports.get(name, 0))
        said = {
            n: v.replace("/run/secrets", str(self.folder / "secrets"))
            for n, v in self.services[name]["environment"].items()
        }
        said = {n: v.replace("/etc/attache", str(self.folder / "config")) for n, v in said.items()}
        return said | {n: v for n, v in here.items() if n in said} | {"DATA_DIR": str(self.nowhere)}

    async def up(self) -> None:
        """Start in the order that compose keeps, and return once every health check of ours succeeds."""
        log = self.folder / "migrate.log"
        migrated = await start(self.environment("migrate"), *self.services["migrate"]["command"], log=log)
        assert await asyncio.wait_for(migrated.wait(), 60) == 0, log.read_text()
        for name, service in self.services.items():
            if name != "migrate":
                self.processes[name] = await start(
                    self.environment(name), *service["command"], log=self.folder / f"{name}.log"
                )
        async with asyncio.timeout(HEALTHY_WITHIN_SECONDS):
            waiting = set(self.processes)
            while waiting:
                for name in sorted(waiting):
                    assert self.processes[name].returncode is None, self.said(name)
                    if (await asyncio.to_thread(self.health_check, name)).returncode == 0:
                        waiting.discard(name)

    def health_check(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run the health check that the compose file gives."""
        kind, program, *args = self.services[name]["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "python")
        return subprocess.run(
            [sys.executable, *args], cwd=ROOT, env={"PATH": os.environ["PATH"], **self.environment(name)},
            check=False, capture_output=True, text=True,
        )  # fmt: skip

    def said(self, name: str) -> str:
        return f"{name}: {(self.folder / f'{name}.log').read_text()[-3000:]}"

    async def down(self) -> None:
        """Stop as compose does: SIGTERM, and SIGKILL for what is late."""
        for process in self.processes.values():
            if process.returncode is None:
                process.terminate()
        for name, process in self.processes.items():
            try:
                await asyncio.wait_for(process.wait(), float(self.services[name]["stop_grace_period"].rstrip("s")))
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def _open_stack(folder: Path, log_url: str, db_url: str) -> AsyncIterator[Stack]:
    async with open_world(World(numbered_items(200), feeds=2, step=4)) as world:
        for part in ("config", "secrets"):
            (folder / part).mkdir()
        (folder / "secrets" / "database_password").write_text("unused where the server trusts us")
        wished = world.write_settings(folder / "config")
        env = {
            "ATTACHE_LOCAL": "./deploy/local",
            "FEEDS_FILE": "/etc/attache/feeds.toml",
            "HEARTBEAT_SECONDS": "1",
            **{
                name: wished[name]
                for name in ("ALLOW_NETWORKS", "ALLOW_PORTS", "POLL_FLOOR_SECONDS", "POLL_CEILING_SECONDS")
            },
        }
        stack = Stack(folder, world, ours(load(env)), log_url, db_url)
        try:
            yield stack
        finally:
            await stack.down()


@pytest.fixture
async def stack(tmp_path: Path, kafka_url: str, postgresql_url: str) -> AsyncIterator[Stack]:
    """The five services, not started yet, with a world of feeds and a webhook receiver around them."""
    async with _open_stack(tmp_path, kafka_url, postgresql_url) as opened:
        yield opened
