"""Tagging rows of a JSON Lines file: one row in, one row out, in order, on all cores for big files."""

import multiprocessing
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.tagger.decide import Tagger, Tagging, load_tagger, tag

STREAM = "-"
_MONTH_OR_YEAR = re.compile(r"\d{4}(-\d{2})?")
ONE_PROCESS_ROWS = 400
"""Fewer rows than this are tagged sooner by this process than others are started."""
WINDOW_ROWS = 2_000
"""Rows handed to the processes at a time: what is read ahead, and so held in memory."""
CHUNK_ROWS = 50


class BadRow(ValueError):  # noqa: N818 - the house names data that cannot be used Bad…
    """A row that cannot be tagged; the message says why."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row to tag; unknown fields are ignored.

    `date` is the day of publication, YYYY-MM-DD, a time in ISO 8601, or YYYY-MM or YYYY where no more is known.
    """

    id: str | int
    text: str
    title: str = ""
    date: str | None = None


def read_row(line: bytes) -> Row:
    """Read a line; raises BadRow."""
    try:
        return msgspec.json.decode(line, type=Row)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRow(str(error)) from error


def read_day(written: str | None) -> date | None:
    """Return the day of a `date` field (of a month or year alone its first), None for none; raises BadRow."""
    if not written:
        return None
    completed = f"{written}-01-01"[: len("YYYY-MM-DD")] if _MONTH_OR_YEAR.fullmatch(written) else written
    try:
        return datetime.fromisoformat(completed).date()
    except ValueError:
        raise BadRow(f"date {written!r} is not YYYY-MM-DD - at `$.date`") from None


def tag_row(line: bytes, tagger: Tagger) -> bytes:
    """Tag one row; raises BadRow. The result is a line without its end."""
    row = read_row(line)
    tagging = tag(row.title, row.text, published=read_day(row.date), tagger=tagger)
    return msgspec.json.encode({"id": row.id, **as_row(tagging)})


def as_row(tagging: Tagging) -> dict[str, Any]:
    """Return the claims, each with its best evidence, and the decision: `evidence == <field>[start:end]`."""
    return {
        "claims": [
            {
                "topic": claim.topic,
                "status": claim.status,
                **({"aim": claim.aim} if claim.aim else {}),
                "parties": claim.parties,
                "place": claim.place,
                "evidence": claim.evidence[0].quote,
                "start": claim.evidence[0].start,
                "end": claim.evidence[0].end,
                "field": claim.evidence[0].field,
                "score": claim.score,
            }
            for claim in tagging.claims
        ],
        "alert": tagging.decision.alert,
    }


@dataclass(frozen=True)
class Outcome:
    """What became of a line: a tagged row, or the reason why not."""

    number: int
    tagged: bytes | None
    reason: str = ""


def tag_rows(in_path: str, out_path: str, *, tagger: Tagger | None = None) -> int:
    """Tag the rows of `in_path` into `out_path` ("-": standard input, standard output); return the exit code.

    A row that cannot be read is told on standard error with its line and reason and left out; the others are not
    affected; the exit code is then 1. With a `tagger` everything runs in this process. Raises click.ClickException
    when a file cannot be opened, or both are the same file.
    """
    bad = 0
    with ExitStack() as stack:
        source = stack.enter_context(_reading(in_path))
        sink = stack.enter_context(_writing(out_path, in_path))
        console = Console(stderr=True)
        known, lines = _count_ahead(in_path, source)
        outcomes = stack.enter_context(_tagged(lines, known, tagger))
        bar = stack.enter_context(_progress(console, known))
        for outcome in bar(outcomes):
            if outcome.tagged is None:
                bad += 1
                console.print(
                    f"{in_path}, line {outcome.number}: {outcome.reason}", markup=False, highlight=False, soft_wrap=True
                )
            else:
                sink.write(outcome.tagged + b"\n")
    return 1 if bad else 0


Lines = Iterable[tuple[int, bytes]]


def _count_ahead(in_path: str, source: BinaryIO) -> tuple[int | None, Lines]:
    """Return how many rows there are (None: not known ahead) and the numbered lines that are not blank."""
    known = None
    if in_path != STREAM:
        known = sum(1 for line in source if line.strip())
        source.seek(0)
    return known, ((number, line) for number, line in enumerate(source, 1) if line.strip())


@contextmanager
def _tagged(lines: Lines, known: int | None, tagger: Tagger | None) -> Iterator[Iterable[Outcome]]:
    cores = os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count()
    if tagger is not None or known is None or known < ONE_PROCESS_ROWS or cores == 1:
        ready = tagger or load_tagger()
        yield (_outcome(numbered, ready) for numbered in lines)
        return
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        yield (
            outcome
            for window in _windows(lines)
            for outcome in pool.imap(_outcome_in_worker, window, chunksize=CHUNK_ROWS)
        )


def _windows(lines: Lines) -> Iterator[Sequence[tuple[int, bytes]]]:
    iterator = iter(lines)
    while window := list(islice(iterator, WINDOW_ROWS)):
        yield window


def _outcome_in_worker(numbered: tuple[int, bytes]) -> Outcome:
    return _outcome(numbered, load_tagger())


def _outcome(numbered: tuple[int, bytes], tagger: Tagger) -> Outcome:
    number, line = numbered
    try:
        return Outcome(number, tag_row(line, tagger))
    except BadRow as error:
        return Outcome(number, None, str(error))


@contextmanager
def _reading(path: str) -> Iterator[BinaryIO]:
    if path == STREAM:
        yield sys.stdin.buffer
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below; only opening is what may fail here
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def _writing(path: str, in_path: str) -> Iterator[BinaryIO]:
    if path == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if in_path != STREAM and Path(path).exists() and Path(path).samefile(in_path):
        raise click.ClickException(f"{path} is both input and output; it would be emptied before it is read")
    try:
        file = Path(path).open("wb")  # noqa: SIM115 - closed below; only opening is what may fail here
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
    with file:
        yield file


@contextmanager
def _progress(console: Console, known: int | None) -> Iterator[Any]:
    columns = (TextColumn("tagging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield lambda outcomes: progress.track(outcomes, total=known)
