"""The services as processes of their own: the whole pipeline, catching up with a backlog, and their memory."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

from shared.asgi import listen, serve
from shared.eventlog.open import open_log
from shared.events import Article
from shared.topics import ARTICLES
from tests.bench.corpus import make_articles
from tests.bench.feeds import FeedServer, write_feeds
from tests.bench.kafka_stages import fill
from tests.bench.stages import article_message
from tests.servers import free_port
from tests.system.supervisor import Kept, Supervisor, open_supervisor
from tests.system.world import start

FEEDS = 20
LOOK_SECONDS = 0.1
SAMPLE_SECONDS = 1.0
PRODUCED = 2000
SERVICES = ("fetcher", "tagger", "store", "notifier", "web")


@dataclass(frozen=True)
class CatchUp:
    """How a backlog was dealt with: seconds, and resident memory in bytes at a quarter, at the end and at most."""

    seconds: float
    at_a_quarter: int
    at_the_end: int
    peak: int


@dataclass
class Processes:
    """Services on one log and database, started as they are needed."""

    supervisor: Supervisor
    env: dict[str, str]
    ports: dict[str, int] = field(default_factory=dict)

    def keep(self, service: str) -> Kept:
        """Start a service."""
        self.ports[service] = free_port()
        own = {"OPS_PORT": str(self.ports[service]), "WEB_PORT": str(free_port()), "REPLICA": f"{service}-1"}
        return self.supervisor.keep(service, service, env={**self.env, **own})

    async def sample(self, service: str, sample: str) -> float:
        """Return one sample of a service's metrics, 0 while there is none."""
        text = await self._ask(service, "metrics") or ""
        found = re.search(rf"^{re.escape(sample)} (\S+)", text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    async def until_ready(self, service: str) -> None:
        """Wait until a service says that it is ready."""
        while '"ready"' not in (await self._ask(service, "readyz") or ""):
            self.supervisor.check()
            await asyncio.sleep(LOOK_SECONDS)

    async def _ask(self, service: str, path: str) -> str | None:
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://127.0.0.1:{self.ports[service]}/{path}") as answer,
            ):
                return await answer.text()
        except aiohttp.ClientError:
            return None


@asynccontextmanager
async def open_processes(folder: Path, log_url: str, database_url: str, **env: str) -> AsyncIterator[Processes]:
    """Migrate the database, and end what was started with the block."""
    settings = {"DATA_DIR": str(folder), "LOG_URL": log_url, "DB_URL": database_url, "LOG_LEVEL": "warning", **env}
    migrated = await start(settings, "migrate", log=folder / "migrate.log")
    if await migrated.wait() != 0:
        raise RuntimeError((folder / "migrate.log").read_text())
    async with open_supervisor(folder) as supervisor:
        yield Processes(supervisor, settings)


async def pipeline(
    folder: Path, log_url: str, database_url: str, articles: Sequence[Article]
) -> tuple[float, dict[str, int]]:
    """Serve the articles as feeds to five processes; return seconds from the first request to the last row.

    Also returns each process's peak memory in bytes.
    """
    sock = listen("0.0.0.0", 0, setting="none")
    server, port = FeedServer(write_feeds(articles, FEEDS)), sock.getsockname()[1]
    sources = server.write_sources(folder / "sources.toml", port)
    allowed = {"FEEDS_FILE": str(sources), "ALLOW_NETWORKS": "127.0.0.0/8", "ALLOW_PORTS": str(port)}
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve(server.app(), sock)(stop))
    async with open_processes(folder, log_url, database_url, **allowed) as processes:
        kept = {service: processes.keep(service) for service in SERVICES[1:]}
        for service in kept:
            await processes.until_ready(service)
        kept["fetcher"] = processes.keep("fetcher")
        connection = await asyncpg.connect(database_url)
        while await connection.fetchval("SELECT count(*) FROM article") < len(articles):
            processes.supervisor.check()
            await asyncio.sleep(LOOK_SECONDS)
        assert server.first_asked is not None
        seconds = time.perf_counter() - server.first_asked
        await connection.close()
        peaks = {service: memory(kept[service].pid, "VmHWM") for service in SERVICES}
    stop.set()
    await serving
    return seconds, peaks


async def append_backlog(log_url: str, count: int, told: Callable[[int], None]) -> None:
    """Append `count` articles, a few thousand at a time so that they need not all be held."""
    async with open_log(log_url) as log:
        for first in range(0, count, PRODUCED):
            made = make_articles(min(PRODUCED, count - first), first=first)
            await fill(log, ARTICLES.name, [article_message(article) for article in made])
            told(first + len(made))


async def catch_up(processes: Processes, service: str, count: int, told: Callable[[int], None]) -> CatchUp:
    """Start a service before a backlog of `count` records; return when it has dealt with all."""
    kept = processes.keep(service)
    sample = f'attache_stage_events_total{{outcome="handled",stage="{service}"}}'
    began, quarter, done, resident = 0.0, 0, 0, 0
    while done < count:
        await asyncio.sleep(SAMPLE_SECONDS)
        processes.supervisor.check()
        done = int(await processes.sample(service, sample))
        told(done)
        if not began and done:
            began, already = time.perf_counter(), done
        resident = memory(kept.pid, "VmRSS") if done else 0
        if not quarter and done >= count / 4:
            quarter = resident
    seconds = (time.perf_counter() - began) * count / max(count - already, 1)
    peak = memory(kept.pid, "VmHWM")
    await kept.stop()
    return CatchUp(seconds, quarter, resident, peak)


def memory(pid: int, what: str) -> int:
    """Return VmRSS (resident now) or VmHWM (at most so far) of a process, in bytes."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0
