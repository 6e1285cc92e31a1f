"""Keeping processes running as compose's `restart: unless-stopped` does, and remembering how each of them ended."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.world import start

AGAIN_SECONDS = 0.1
AGAIN_CAP_SECONDS = 5.0
LOG_TAIL = 3000


@dataclass(frozen=True)
class Ended:
    """How one process of a kept one ended: `by` is our doing (kill, stop, a failpoint's name), or None for its own."""

    name: str
    code: int
    by: str | None
    log: Path
    at: float = field(default_factory=time.monotonic)

    @property
    def is_a_crash(self) -> bool:
        """Whether it ended otherwise than we made it."""
        wanted = {None: None, "stop": 0}.get(self.by, -signal.SIGKILL)
        return self.code != wanted


class Kept:
    """One process that is started again whenever it ends, until it is stopped or taken away."""

    def __init__(self, name: str, args: tuple[str, ...], env: Mapping[str, str], log: Path, ends: list[Ended]) -> None:
        self.name = name
        self.log = log
        self.kills = 0
        self._args = args
        self._env = dict(env)
        self._ends = ends
        self._once: dict[str, str] = {}
        self._by: str | None = None
        self._by_next: str | None = None
        self._wanted = True
        self._process: asyncio.subprocess.Process | None = None
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self.task = asyncio.create_task(self._keep(), name=f"keep {name}")

    async def _keep(self) -> None:
        crashes = 0
        while self._wanted:
            self._by, self._by_next = self._by_next, None
            env, self._once = {**self._env, **self._once}, {}
            self._process = await start(env, *self._args, log=self.log)
            self._started.set()
            code = await self._process.wait()
            self._started.clear()
            end = Ended(self.name, code, self._by, self.log)
            self._ends.append(end)
            self._by = None
            self._ended.set()
            self._ended = asyncio.Event()
            crashes = crashes + 1 if end.is_a_crash else 0
            if end.is_a_crash:
                await asyncio.sleep(min(AGAIN_SECONDS * 2**crashes, AGAIN_CAP_SECONDS))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def kill(self, **env: str) -> None:
        """SIGKILL it; it comes back under its name, once with `env` beside its own."""
        await self._started.wait()
        self._once = env
        self._by_next = env.get("FAILPOINTS")
        await self._end("kill", signal.SIGKILL)
        self.kills += 1

    async def die_at(self, failpoint: str, *, within: float) -> None:
        """Kill it and let it come back with a failpoint armed; return once it died there and is back without."""
        await self.kill(FAILPOINTS=failpoint)
        await self._started.wait()
        async with asyncio.timeout(within):
            await self._ended.wait()
        end = next(end for end in reversed(self._ends) if end.name == self.name)
        assert end.by == failpoint, end
        await self._started.wait()

    async def stop(self) -> float:
        """SIGTERM it for good; return how many seconds it took to go."""
        await self._started.wait()
        self._wanted = False
        began = time.monotonic()
        await self._end("stop", signal.SIGTERM)
        return time.monotonic() - began

    async def take_away(self) -> None:
        """SIGKILL it for good."""
        await self._started.wait()
        self._wanted = False
        await self._end("kill", signal.SIGKILL)

    async def restart(self) -> float:
        """SIGTERM it; it comes back under its name. Return how many seconds it took to go."""
        await self._started.wait()
        began = time.monotonic()
        await self._end("stop", signal.SIGTERM)
        return time.monotonic() - began

    async def _end(self, by: str, number: signal.Signals) -> None:
        ended = self._ended
        self._by = by
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        await ended.wait()


class Supervisor:
    """The processes of one installation. `crashes` are the ends that were not our doing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ends: list[Ended] = []
        self.kept: dict[str, Kept] = {}

    def keep(self, name: str, *args: str, env: Mapping[str, str]) -> Kept:
        """Start `attache` with `args` and keep it running under `name`."""
        kept = Kept(name, args, env, self._folder / f"{name}.log", self.ends)
        self.kept[name] = kept
        return kept

    def __getitem__(self, name: str) -> Kept:
        return self.kept[name]

    def running(self) -> Iterator[Kept]:
        """Every process that is to run."""
        return (kept for kept in self.kept.values() if not kept.task.done())

    @property
    def crashes(self) -> list[Ended]:
        return [end for end in self.ends if end.is_a_crash]

    def check(self) -> None:
        """Fail with the log's tail when a process ended by itself."""
        if self.crashes:
            end = self.crashes[0]
            raise AssertionError(
                f"{end.name} ended by itself with {end.code} ({len(self.crashes)} such ends):\n"
                + end.log.read_text(errors="replace")[-LOG_TAIL:]
            )
        for kept in self.kept.values():
            if kept.task.done():
                kept.task.result()


@asynccontextmanager
async def open_supervisor(folder: Path) -> AsyncIterator[Supervisor]:
    """Keep processes for the block; whatever still runs afterwards is killed."""
    supervisor = Supervisor(folder)
    try:
        yield supervisor
    finally:
        await asyncio.gather(*(kept.take_away() for kept in supervisor.running()), return_exceptions=True)
        for kept in supervisor.kept.values():
            kept.task.cancel()
        await asyncio.gather(*(kept.task for kept in supervisor.kept.values()), return_exceptions=True)
