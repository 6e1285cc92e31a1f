"""`attache eval`: how well the tagger does on labelled items."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from services.cli.tag_rows import BadRow as BadTagRow
from services.cli.tag_rows import as_row, read_day
from services.tagger.decide import load_tagger, tag
from services.tagger.evaluation import (
    BadRow,
    Counts,
    Evaluation,
    Fault,
    LabelledClaim,
    LabelledRow,
    Measure,
    Measures,
    Mistake,
    TaggedRow,
    evaluate_rows,
    read_labelled,
    read_tagged,
)
from shared.vocabulary import Topic

T = TypeVar("T", LabelledRow, TaggedRow)
MEASURES = ("relevant", "topic", "status", "parties")
EXCERPT = 150


@click.command("eval")
@click.argument("gold", type=click.Path(exists=True, dir_okay=False, allow_dash=False))
@click.option(
    "--predictions",
    type=click.Path(exists=True, dir_okay=False),
    help="Score these rows, as `attache tag --jsonl` wrote them, instead of tagging now.",
)
@click.option("--topics", is_flag=True, help="Add a table by topic.")
@click.option(
    "--errors", type=click.IntRange(0), default=0, metavar="N", help="Show the N weightiest mistakes by topic."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(gold: str, predictions: str | None, topics: bool, errors: int, as_json: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Score the tagger on the labelled rows of GOLD, one JSON object a line.

    A row has id, text, title (if any), date (if any), weight (if any), and the claims of annotator a, and of b where
    two read it. What each figure means is written in services/tagger/evaluation.py.
    """
    console = Console()
    rows = _read(gold, read_labelled)
    claims = _claims_of(predictions, rows) if predictions else _tag(gold, rows)
    evaluation = evaluate_rows(zip(rows, claims, strict=True))
    if as_json:
        click.echo(json.dumps(_as_json(evaluation), indent=2))
        return
    console.print(_total_table(Path(gold).name, evaluation, weighted=any(row.weight != 1 for row in rows)))
    if topics:
        console.print(_topic_table(evaluation))
    for line in _errors(evaluation.mistakes, errors):
        console.print(line)


def _read(path: str, read: Callable[[bytes], T]) -> list[T]:
    rows: dict[str, T] = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = read(line)
        except BadRow as error:
            raise click.ClickException(f"{path}, line {number}: {error}") from error
        if row.id in rows:
            raise click.ClickException(f"{path}, line {number}: id {row.id!r} stands in an earlier line")
        rows[row.id] = row
    if not rows:
        raise click.ClickException(f"{path}: has no rows")
    return list(rows.values())


def _claims_of(path: str, rows: Sequence[LabelledRow]) -> list[tuple[LabelledClaim, ...]]:
    tagged = {row.id: row.claims for row in _read(path, read_tagged)}
    missing = [row.id for row in rows if row.id not in tagged]
    if missing:
        raise click.ClickException(f"{path}: no prediction for {missing[0]!r} and {len(missing) - 1} other rows")
    return [tagged[row.id] for row in rows]


def _tag(path: str, rows: Sequence[LabelledRow]) -> list[tuple[LabelledClaim, ...]]:
    tagger = load_tagger()
    console = Console(stderr=True)
    found = []
    for row in track(rows, "tagging", console=console, transient=True, disable=not console.is_terminal):
        try:
            published = read_day(row.date)
        except BadTagRow as error:
            raise click.ClickException(f"{path}, row {row.id!r}: {error}") from error
        claims = as_row(tag(row.title, row.text, published=published, tagger=tagger))["claims"]
        found.append(msgspec.convert(claims, tuple[LabelledClaim, ...]))
    return found


def _total_table(name: str, evaluation: Evaluation, *, weighted: bool) -> Table:
    told = " (w: each row counted by its weight)" if weighted else ""
    table = _table(f"{name}: {evaluation.rows:,} rows{told}", "")
    for heading in ("P", "R", "F1", "right", "false", "missed"):
        table.add_column(heading, justify="right")
    for heading in ("wP", "wR", "wF1") if weighted else ():
        table.add_column(heading, justify="right")
    for name_ in MEASURES:
        measure: Measure = getattr(evaluation.total, name_)
        by_weight = _ratios(measure.weighted) if weighted else ()
        table.add_row(name_, *_ratios(measure.plain), *_cases(measure.plain), *by_weight)
    return table


def _topic_table(evaluation: Evaluation) -> Table:
    table = _table("By topic (status, parties: F1 where the topic is right or tolerated)", "topic", space=0)
    for heading in ("P", "R", "F1", "right", "false", "missed", "wF1", "status", "parties"):
        table.add_column(heading, justify="right")
    for topic in Topic:
        measures: Measures = evaluation.by_topic[topic]
        plain = measures.topic.plain
        if not (plain.right or plain.false or plain.missed):
            continue
        table.add_row(
            topic,
            *_ratios(plain, 2),
            *_cases(plain),
            _ratio(measures.topic.weighted.f1, 2),
            _ratio(measures.status.plain.f1, 2),
            _ratio(measures.parties.plain.f1, 2),
        )
    return table


def _table(title: str, first: str, *, space: int = 1) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, space, 0, 0))
    table.add_column(first, no_wrap=True)
    return table


def _ratios(counts: Counts, decimals: int = 3) -> tuple[str, str, str]:
    return _ratio(counts.precision, decimals), _ratio(counts.recall, decimals), _ratio(counts.f1, decimals)


def _ratio(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _cases(counts: Counts) -> tuple[str, str, str]:
    return f"{counts.right:,.0f}", f"{counts.false:,.0f}", f"{counts.missed:,.0f}"


def _errors(mistakes: Iterable[Mistake], limit: int) -> Iterable[Text]:
    if not limit:
        return
    groups: dict[tuple[Topic, Fault], list[Mistake]] = defaultdict(list)
    for mistake in mistakes:
        groups[mistake.topic, mistake.fault].append(mistake)
    for topic in Topic:
        for fault in Fault:
            group = groups.get((topic, fault), [])
            if not group:
                continue
            yield Text(f"\n{topic}: {fault} ({len(group):,})", style="bold")
            for mistake in sorted(group, key=lambda m: -m.row.weight)[:limit]:
                yield _line(mistake)


def _line(mistake: Mistake) -> Text:
    row = mistake.row
    told = " / ".join(part for part in (row.title, row.text) if part).replace("\n", " ")
    line = Text(f"  {row.id}", style="cyan")
    if row.weight != 1:
        line.append(f" weight {row.weight:g}", style="dim")
    if mistake.predicted:
        line.append(f"  predicted {mistake.predicted}")
    if mistake.wanted:
        line.append(f"  labelled {mistake.wanted}")
    return line.append(f"\n    {told[:EXCERPT]}{'…' if len(told) > EXCERPT else ''}", style="default")


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "rows": evaluation.rows,
        **{name: _measure(getattr(evaluation.total, name)) for name in MEASURES},
        "topics": {
            topic: {name: _measure(getattr(measures, name)) for name in MEASURES if name != "relevant"}
            for topic, measures in evaluation.by_topic.items()
        },
    }


def _measure(measure: Measure) -> dict[str, dict[str, float | None]]:
    return {
        kind: {
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "right": counts.right,
            "false": counts.false,
            "missed": counts.missed,
        }
        for kind, counts in (("plain", measure.plain), ("weighted", measure.weighted))
    }
