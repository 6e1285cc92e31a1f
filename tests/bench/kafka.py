"""`make bench-kafka`: our stages on a real Kafka and PostgreSQL, as ratios to the client alone and to COPY.

Both servers run on this machine, the database as durable as an operator has it (fsync on). The same records are used
throughout one run. Absolute figures belong to the machine; the ratios are what to compare. Nothing here is asserted.
"""

import argparse
import asyncio
import logging
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from services.tagger.decide import load_tagger
from shared.eventlog import Message
from shared.events import Article
from shared.settings import Settings
from shared.telemetry import set_up_logs
from tests.bench.corpus import make_articles
from tests.bench.kafka_baselines import copy_alone, hop_alone
from tests.bench.kafka_stages import hop_without_tagging, nothing_found, store, tagger
from tests.bench.processes import CatchUp, append_backlog, catch_up, open_processes, pipeline
from tests.bench.stages import article_message, tagged_message
from tests.servers.kafka import Broker, open_broker
from tests.servers.postgresql import Server, open_server

ITEMS, BACKLOG, REPEATS = 20_000, 200_000, 2
HOP, COPY = "aiokafka alone", "COPY alone"
PIPELINE = "five processes, feed to rows"


@dataclass(frozen=True)
class Bench:
    """The servers, and the records of this run in the two forms they have on the log."""

    broker: Broker
    server: Server
    articles: tuple[Article, ...]
    fetched: list[Message]
    tagged: list[Message]

    def settings(self) -> Settings:
        """Name a log and a database that nothing has used yet."""
        database = self.server.url(self.server.new_database())
        return Settings.from_env(
            {"LOG_URL": f"kafka://{self.broker.address}/b{uuid.uuid4().hex[:8]}", "DB_URL": database}
        )


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="make bench-kafka", description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--backlog", type=int, default=BACKLOG, help="0 leaves catching up out")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    asked = parser.parse_args()
    set_up_logs(level=logging.WARNING)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a new broker's first group is told of as an error
    console = Console()
    with _servers(console, asked.items) as bench:
        rates = _measure(console, bench, asked.repeats)
        with tempfile.TemporaryDirectory() as folder, console.status(PIPELINE):
            used = bench.settings()
            seconds, peaks = asyncio.run(pipeline(Path(folder), used.log_url, used.db_url, bench.articles))
        rates[PIPELINE] = [asked.items / seconds]
        _print(console, asked, rates)
        caught = _catch_up(console, bench, asked.backlog) if asked.backlog else {}
        _print_memory(console, asked.backlog, caught, peaks)


@contextmanager
def _servers(console: Console, items: int) -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_broker(Path(folder)) as broker,
        open_server(settings=()) as server,
    ):
        with console.status(f"tagging {items:,} articles beforehand"):
            load_tagger()
            articles = make_articles(items)
            bench = Bench(
                broker, server, articles, [article_message(a) for a in articles], [tagged_message(a) for a in articles]
            )
        yield bench


def _measure(console: Console, bench: Bench, repeats: int) -> dict[str, list[float]]:
    one_batch = len(bench.tagged)
    jobs: dict[str, Callable[[Settings], Awaitable[float]]] = {
        HOP: lambda used: hop_alone(used.log_url, bench.fetched, bench.tagged),
        "our hop, nothing tagged": lambda used: hop_without_tagging(used, bench.fetched, nothing_found()),
        "tagger: log to log": lambda used: tagger(used, bench.fetched),
        COPY: lambda used: copy_alone(used.db_url, bench.tagged, batch=one_batch),
        "COPY, 200 articles at a time": lambda used: copy_alone(used.db_url, bench.tagged, batch=200),
        "store: log to SQL, outbox": lambda used: store(used, bench.tagged),
    }
    rates: dict[str, list[float]] = {}
    for name, job in jobs.items():
        for number in range(repeats):
            with console.status(f"{name}: {number + 1} of {repeats}"):
                seconds = asyncio.run(_run(job, bench.settings()))
            rates.setdefault(name, []).append(len(bench.articles) / seconds)
    return rates


async def _run(job: Callable[[Settings], Awaitable[float]], settings: Settings) -> float:
    return await job(settings)


def _catch_up(console: Console, bench: Bench, count: int) -> dict[str, CatchUp]:
    used = bench.settings()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )

    async def run(folder: Path, progress: Progress) -> dict[str, CatchUp]:
        def bar(what: str) -> Callable[[int], None]:
            task = progress.add_task(what, total=count)
            return lambda done: progress.update(task, completed=done)

        await append_backlog(used.log_url, count, bar("appending the backlog"))
        async with open_processes(folder, used.log_url, used.db_url) as processes:
            return {
                service: await catch_up(processes, service, count, bar(f"{service} catching up"))
                for service in ("tagger", "store")
            }

    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        return asyncio.run(run(Path(folder), progress))


def _print(console: Console, asked: argparse.Namespace, rates: dict[str, list[float]]) -> None:
    best = {name: max(each) for name, each in rates.items()}
    table = Table(title=f"{asked.items:,} items, best of {asked.repeats}", box=box.SIMPLE_HEAD)
    for heading in ("", "items/s", "to aiokafka", "to COPY", "spread"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for name, rate in best.items():
        spread = f"{1 - min(rates[name]) / rate:.0%}" if len(rates[name]) > 1 else ""
        table.add_row(name, f"{rate:,.0f}", f"{rate / best[HOP]:.3f}", f"{rate / best[COPY]:.3f}", spread)
    console.print(table)
    slower = min((HOP, COPY), key=best.__getitem__)
    share = best[PIPELINE] / best[slower]
    console.print(f"The whole pipeline has {share:.3f} of the slower of the two ({slower}); the goal is 1/3.")


def _print_memory(console: Console, backlog: int, caught: dict[str, CatchUp], peaks: dict[str, int]) -> None:
    if caught:
        table = Table(title=f"catching up with {backlog:,} records", box=box.SIMPLE_HEAD)
        for heading in ("", "items/s", "MiB at 25 %", "MiB at the end", "MiB at most"):
            table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
        for service, one in caught.items():
            memory = (one.at_a_quarter, one.at_the_end, one.peak)
            table.add_row(service, f"{backlog / one.seconds:,.0f}", *(f"{size / 2**20:,.0f}" for size in memory))
        console.print(table)
    told = ", ".join(f"{service} {size / 2**20:,.0f}" for service, size in peaks.items())
    console.print(f"peak memory in the pipeline, MiB: {told}")


if __name__ == "__main__":
    main()
