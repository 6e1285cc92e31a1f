"""`attache dead-letters`: see what could not be handled, and send it round again. Works while `attache run` runs."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.opening import log_of
from shared.clock import utc_now
from shared.deadletters import PREFIX, note, requeued_marker, requeued_message
from shared.eventlog import EventLog, Record
from shared.settings import Settings
from shared.telemetry import printable
from shared.topics import DEAD_LETTERS, dead_letters_of

T = TypeVar("T")

SOURCES = tuple(spec.name.removesuffix(dead_letters_of("")) for spec in DEAD_LETTERS)
REQUEUE_RECORDS = 200
DUMP_BYTES = 2048
DUMP_WIDTH = 16
DETAIL_CHARS = 160
WHERE_HELP = "WHERE is a place as `list` shows it, such as articles.dead/0@17."

topic_option = click.option("--topic", type=click.Choice(SOURCES), help="Only records of this topic.")
reason_option = click.option("--reason", help="Only records that died for this reason, such as bad-json.")


@dataclass(frozen=True)
class Letter:
    """A dead letter, its topic, and when it was requeued (RFC 3339), if it was."""

    record: Record
    source: str
    requeued_at: str | None

    @property
    def reason(self) -> str:
        """Why it died, in the words of the metric."""
        return note(self.record, "error.reason")

    def without_value(self) -> "Letter":
        """Return the letter for a list, which may be long and shows no values."""
        return replace(self, record=replace(self.record, value=b""))


@click.group()
def dead_letters() -> None:
    """List, show and requeue the records that could not be handled."""


@dead_letters.command("list")
@topic_option
@reason_option
def list_(topic: str | None, reason: str | None) -> None:
    """List dead letters, oldest first, with the reason of each, and count them."""

    async def collect(log: EventLog) -> list[Letter]:
        return [letter.without_value() async for letter in _letters(log, topic) if reason in {None, letter.reason}]

    found = _with_log(collect)
    console = Console()
    if found:
        console.print(_table(found))
    click.echo(_count(found))


@dead_letters.command(epilog=WHERE_HELP)
@click.argument("where")
@click.option("--raw", is_flag=True, help="Write the value's bytes and nothing else, for a file or another program.")
def show(where: str, raw: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Show one dead letter whole: why it died, its headers, its value."""

    async def find(log: EventLog) -> Letter:
        return (await _at(log, [where]))[0]

    letter = _with_log(find)
    if raw:
        if _is_terminal():
            raise click.UsageError("--raw writes bytes that a terminal may obey; redirect it to a file")
        click.echo(letter.record.value, nl=False)
        return
    click.echo("\n".join(_shown(letter)))


@dead_letters.command(epilog=WHERE_HELP)
@click.argument("where", nargs=-1)
@topic_option
@reason_option
@click.option("--all", "everything", is_flag=True, help="Every dead letter not requeued yet.")
def requeue(where: tuple[str, ...], topic: str | None, reason: str | None, everything: bool) -> None:  # noqa: FBT001
    """Append dead letters to their topics again, each once, with key, value, headers and event id as they were.

    Do so when what made them die is mended. A record that dies again becomes a new dead letter.
    """
    if where and (topic or reason or everything):
        raise click.UsageError("give places, or --topic, --reason, --all; not both")
    if not (where or topic or reason or everything):
        raise click.UsageError("say which: places as `list` shows them, --topic, --reason, or --all")

    async def run(log: EventLog) -> tuple[int, int]:
        if where:
            return await _requeue(log, await _at(log, where))
        done = skipped = 0
        batch: list[Letter] = []
        async for letter in _letters(log, topic):
            if reason in {None, letter.reason}:
                batch.append(letter)
            if len(batch) == REQUEUE_RECORDS:
                more_done, more_skipped = await _requeue(log, batch)
                done, skipped, batch = done + more_done, skipped + more_skipped, []
        last_done, last_skipped = await _requeue(log, batch)
        return done + last_done, skipped + last_skipped

    done, skipped = _with_log(run)
    before = f"; {skipped:,} had been requeued before and {_were(skipped)} left alone" if skipped else ""
    click.echo(f"Requeued {_records(done)}{before}.")


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _with_log(work: Callable[[EventLog], Coroutine[Any, Any, T]]) -> T:
    async def visit() -> T:
        async with log_of(Settings.from_env(os.environ), owner=False) as log:
            return await work(log)

    return asyncio.run(visit())


async def _letters(log: EventLog, source: str | None) -> AsyncIterator[Letter]:
    for name in (source,) if source else SOURCES:
        topic = dead_letters_of(name)
        requeued = {
            place: note(record, "requeued_at")
            async for record in log.scan(topic)
            if (place := note(record, "requeued"))
        }
        async for record in log.scan(topic):
            if not note(record, "requeued"):
                yield Letter(record, name, requeued.get(record.where))


async def _at(log: EventLog, places: Sequence[str]) -> list[Letter]:
    wanted = dict.fromkeys(places)
    found = {letter.record.where: letter async for letter in _letters(log, None) if letter.record.where in wanted}
    if missing := [place for place in wanted if place not in found]:
        raise click.ClickException(f"no dead letter at {', '.join(map(printable, missing))}")
    return [found[place] for place in wanted]


async def _requeue(log: EventLog, letters: Sequence[Letter]) -> tuple[int, int]:
    """Append what was not requeued yet, then its markers: a crash between requeues twice, never not at all."""
    due = [letter for letter in letters if letter.requeued_at is None]
    for source in dict.fromkeys(letter.source for letter in due):
        records = [letter.record for letter in due if letter.source == source]
        await log.append(source, [requeued_message(record) for record in records])
        await log.append(dead_letters_of(source), [requeued_marker(record, at=utc_now()) for record in records])
    return len(due), len(letters) - len(due)


def _table(letters: Sequence[Letter]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, leading=1)
    table.add_column("where\nstage", no_wrap=True)
    table.add_column("reason\ndetail", overflow="fold", ratio=1)
    table.add_column("failed at (UTC)\nrequeued at", no_wrap=True)
    for letter in letters:
        detail = note(letter.record, "error.detail")
        cells = (
            (letter.record.where, note(letter.record, "stage")),
            (letter.reason, detail if len(detail) <= DETAIL_CHARS else detail[: DETAIL_CHARS - 1] + "…"),
            (_minute(note(letter.record, "failed_at")), _minute(letter.requeued_at or "")),
        )
        table.add_row(*(Text("\n".join(map(printable, lines))) for lines in cells))
    return table


def _count(letters: Sequence[Letter]) -> str:
    if not letters:
        return "No dead letters."
    reasons = Counter(letter.reason for letter in letters)
    requeued = sum(letter.requeued_at is not None for letter in letters)
    told = ", ".join(f"{printable(reason)} {count:,}" for reason, count in reasons.most_common())
    return f"{len(letters):,} dead letter{'' if len(letters) == 1 else 's'}: {told}. Requeued: {requeued:,}."


def _shown(letter: Letter) -> list[str]:
    record = letter.record
    source = {name: note(record, f"source.{name}") for name in ("topic", "partition", "offset", "timestamp")}
    kind, value = _form(record.value)
    lines = [
        f"where     {record.where}",
        f"from      {source['topic']}/{source['partition']}@{source['offset']}, appended {source['timestamp']}",
        f"stage     {note(record, 'stage')}, failed {note(record, 'failed_at')}",
        f"reason    {letter.reason}",
        f"detail    {note(record, 'error.detail')}",
        f"requeued  {letter.requeued_at or 'no'}",
        f"key       {record.key}",
        "headers",
        *(f"  {name}: {_header(raw)}" for name, raw in record.headers if not name.startswith(PREFIX)),
        f"value     {len(record.value):,} bytes, {kind}",
        *(f"  {line}" for line in value),
    ]
    return [printable(line) for line in lines]


def _form(value: bytes) -> tuple[str, list[str]]:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start:,}", _dump(value)
    try:
        parsed = json.loads(text)
        return "JSON", json.dumps(parsed, indent=2, ensure_ascii=False).splitlines()
    except (ValueError, RecursionError):
        return "not JSON", text.split("\n")


def _dump(value: bytes) -> list[str]:
    lines = []
    for start in range(0, min(len(value), DUMP_BYTES), DUMP_WIDTH):
        part = value[start : start + DUMP_WIDTH]
        letters = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{3 * DUMP_WIDTH - 1}}  {letters}")
    if len(value) > DUMP_BYTES:
        lines.append(f"… and {len(value) - DUMP_BYTES:,} bytes more (--raw writes them all)")
    return lines


def _header(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
