"""`make bench`: items per second of each stage alone and of the whole, as ratios to two baselines of the same run.

The baselines are a bare aiosqlite insert of the same text (what storing alone must cost) and a bare automaton scan of
it for as many terms as the rules have anchors (what looking alone must cost). Absolute figures belong to the machine; the ratios
are what to compare. Nothing here is asserted.
"""

import asyncio
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from shared.telemetry import set_up_logs
from tests.bench.baselines import insert_bare, scan_bare
from tests.bench.corpus import make_articles
from tests.bench.stages import STAGES, embedded

ITEMS = 4000
REPEATS = 3


def main() -> None:
    """Measure, and print the table."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    set_up_logs(level=logging.WARNING)
    console = Console()
    articles = make_articles(items)
    rates: dict[str, list[float]] = {}
    jobs: list[tuple[str, Callable[[Path], Awaitable[float]]]] = [
        ("bare aiosqlite insert", lambda folder: insert_bare(folder, articles)),
        ("bare automaton scan", lambda _folder: scan_bare(articles)),
        *((name, lambda folder, run=run: run(folder, articles)) for name, run in STAGES.items()),
        ("embedded pipeline, feed to alert", lambda folder: embedded(folder, articles)),
    ]
    for name, job in jobs:
        for number in range(REPEATS):
            with console.status(f"{name}: {number + 1} of {REPEATS}"), tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                seconds = asyncio.run(_timed(job, Path(folder)))
                rates.setdefault(name, []).append(items / (seconds or (time.perf_counter() - started)))
    _print(console, items, rates)


async def _timed(job: Callable[[Path], Awaitable[float]], folder: Path) -> float:
    return await job(folder)


def _print(console: Console, items: int, rates: dict[str, list[float]]) -> None:
    best = {name: max(each) for name, each in rates.items()}
    insert, scan = best["bare aiosqlite insert"], best["bare automaton scan"]
    table = Table(title=f"{items:,} items, best of {REPEATS}", box=box.SIMPLE_HEAD)
    for heading in ("", "items/s", "to insert", "to scan", "spread"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for name, rate in best.items():
        spread = (max(rates[name]) - min(rates[name])) / max(rates[name])
        table.add_row(name, f"{rate:,.0f}", f"{rate / insert:.3f}", f"{rate / scan:.4f}", f"{spread:.0%}")
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    console.print(f"peak memory: {peak:,.0f} MiB in this process, {children:,.0f} MiB in its largest worker")


if __name__ == "__main__":
    main()
