"""`make bench-tag`: how fast one core tags, beside a bare automaton scan of the same text for the same literals.

Also: how long the tagger takes to start and how much memory it holds, what hostile texts of 10 to 200 KB cost for each
10 KB, and what 25,000 patterns more do to all that. Each figure is the best of several rounds, in CPU time of this
thread, tagging and scanning in turn, so that a busy machine spoils as little as possible. Nothing here is asserted.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

from ahocorasick_rs import AhoCorasick, MatchKind
from rich import box
from rich.console import Console
from rich.table import Table

from services.tagger.decide import Tagger, load_tagger, make_tagger, tag
from services.tagger.rules import compile_rules
from tests.bench.news_texts import DAY, FULL, SHORT, Item, hostile, make_items

ROUNDS = 5
GOLD = Path(__file__).resolve().parents[3] / "shared" / "gold"
SIZES = (10_000, 50_000, 200_000)
PATTERNS = 25_000
START = """
import resource, time
from services.tagger.decide import load_tagger
before = time.perf_counter()
load_tagger()
print(time.perf_counter() - before, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    """Measure, and print the tables."""
    console = Console(width=110)
    _print_start(console)
    started = time.process_time()
    tagger = load_tagger()
    console.print(f"rules and names: {time.process_time() - started:.2f} s of CPU, imports aside")
    texts = {
        "short items, as in feeds": make_items(2000, SHORT),
        "full articles, as in feeds": make_items(200, FULL),
        **_labelled(),
    }
    _print_rates(console, tagger, texts)
    _print_hostile(console, tagger)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"peak memory of all this: {peak:,.0f} MiB")
    _print_growth(console, tagger, texts["short items, as in feeds"])


def _print_start(console: Console) -> None:
    runs = [
        [float(figure) for figure in subprocess.check_output([sys.executable, "-c", START], text=True).split()]
        for _ in range(ROUNDS)
    ]
    wall, cpu, memory = (min(run[place] for run in runs) for place in range(3))
    console.print(f"start: {wall:.2f} s to load, {cpu:.2f} s of CPU with imports, {memory:.0f} MiB")


def _print_rates(console: Console, tagger: Tagger, texts: dict[str, list[Item]]) -> None:
    automaton = AhoCorasick(literals_of(tagger), matchkind=MatchKind.LeftmostLongest)
    table = Table(title=f"one core, best of {ROUNDS}", box=box.SIMPLE_HEAD)
    for heading in ("", "items", "letters", "first round/s", "items/s", "bare scan/s", "to scan"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for name, items in texts.items():
        first = timed(lambda item: _tag(tagger, item), items)
        tagging, scanning = best_of(
            items, lambda item: _tag(tagger, item), lambda item: _scan(automaton, item), rounds=ROUNDS
        )
        letters = sum(len(item.title) + len(item.text) for item in items) / len(items)
        table.add_row(
            name,
            f"{len(items):,}",
            f"{letters:,.0f}",
            *(f"{len(items) / seconds:,.0f}" for seconds in (first, tagging, scanning)),
            f"{scanning / tagging:.3f}",
        )
    console.print(table)


def _print_hostile(console: Console, tagger: Tagger) -> None:
    table = Table(title="hostile texts: ms for each 10 KB", box=box.SIMPLE_HEAD)
    for heading in ("", *(f"{size // 1000} KB" for size in SIZES)):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    names = sorted(tagger.names.readings)
    for name, write in hostile(sorted(tagger.matcher.all.literals), names).items():
        cells = []
        for size in SIZES:
            item = Item("", write(size))
            cost = min(timed(lambda item: _tag(tagger, item), [item]) for _ in range(2))
            cells.append(f"{cost * 1000 / (size / 10_000):,.1f}")
        table.add_row(name, *cells)
    console.print(table)


def _print_growth(console: Console, tagger: Tagger, items: list[Item]) -> None:
    """Tell what many more rules cost: words of their own, and each beside a word that the real rules have too."""
    folder = files("services.tagger.rules") / "en"
    sources = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}
    started = time.process_time()
    grown = make_tagger(compile_rules({**sources, "zz-invented.toml": invented_rules(PATTERNS)}))
    console.print(f"{PATTERNS:,} patterns more: {time.process_time() - started:.1f} s to compile")
    before, after = best_of(items, lambda item: _tag(tagger, item), lambda item: _tag(grown, item), rounds=ROUNDS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"a short item then takes {after / before:.2f} times as long; peak memory {peak:,.0f} MiB")


def invented_rules(patterns: int, each: int = 20) -> str:
    """Write a rule file of that many patterns, each of an invented word and one of the subject's."""
    beside = ("base", "drill*", "(army|navy)", "missile*", "<country>", "pact*")
    rules = []
    for start in range(0, patterns, each):
        numbers = range(start, min(start + each, patterns))
        listed = ", ".join(json.dumps(f"{_word(n)} ~4 {beside[n % len(beside)]}") for n in numbers)
        rules.append(f'[[rule]]\nid = "invented-{start}"\nany = [{listed}]\nstatus = "standing"\n')
    return 'topic = "joint-exercise"\n\n' + "\n".join(rules)


def _word(number: int) -> str:
    return "zo" + "".join("bdfgklmnpr"[int(digit)] + "aeiou"[int(digit) % 5] for digit in str(number))


def literals_of(tagger: Tagger) -> list[str]:
    """Return what the tagger looks for: every spelling of a name and every anchor."""
    return sorted({*tagger.names.readings, *tagger.matcher.all.literals})


def best_of(
    items: Sequence[Item], one: Callable[[Item], object], other: Callable[[Item], object], *, rounds: int
) -> tuple[float, float]:
    """Run both over all items in turn; return the sum of each item's best time, in seconds of CPU."""
    best = [[float("inf")] * len(items) for _ in (one, other)]
    for _ in range(rounds):
        for which, run in enumerate((one, other)):
            for number, item in enumerate(items):
                best[which][number] = min(best[which][number], timed(run, (item,)))
    return sum(best[0]), sum(best[1])


def timed(run: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Return the seconds of CPU that `run` takes for all items."""
    started = time.thread_time()
    for item in items:
        run(item)
    return time.thread_time() - started


def _tag(tagger: Tagger, item: Item) -> object:
    return tag(item.title, item.text, published=DAY, tagger=tagger)


def _scan(automaton: AhoCorasick, item: Item) -> object:
    return automaton.find_matches_as_indexes(item.title.lower()), automaton.find_matches_as_indexes(item.text.lower())


def _labelled() -> dict[str, list[Item]]:
    """Read the labelled items, where they are beside the checkout."""
    found: dict[str, list[Item]] = {}
    for name in ("rss_dev", "full_dev"):
        path = GOLD / f"{name}.jsonl"
        if path.is_file():
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            found[f"labelled: {name}"] = [Item(row.get("title", ""), row["text"]) for row in rows]
    return found


if __name__ == "__main__":
    main()
