"""The tables the gazetteer is written in: cells between "|", several surfaces in a cell between ";", "#" for why.

The first line that is not a comment names the columns. A mistake is refused with its file, line and reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shared.failures import Refused


class GazetteerError(Refused, ValueError):
    """A mistake in a data file; the message says which file, which line and what is wrong with it."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its cells by column, and where it stands."""

    file: str
    line: int
    cells: dict[str, str]

    def error(self, reason: str) -> GazetteerError:
        """Make the error that refuses this line."""
        return GazetteerError(self.file, self.line, reason)

    def one(self, column: str) -> str:
        """Return the cell; raises GazetteerError when it is empty."""
        cell = self.cells[column]
        if not cell:
            raise self.error(f"{column} is empty")
        return cell

    def many(self, column: str) -> list[str]:
        """Return the parts of the cell, none for an empty one; raises GazetteerError on an empty or repeated part."""
        cell = self.cells[column]
        if not cell:
            return []
        parts = [part.strip() for part in cell.split(";")]
        if "" in parts:
            raise self.error(f"{column} has an empty part between ';'")
        if len(set(parts)) < len(parts):
            twice = next(part for part in parts if parts.count(part) > 1)
            raise self.error(f"{column} has {twice!r} twice")
        return parts

    def flag(self, column: str) -> bool:
        """Return whether the cell says yes; raises GazetteerError on anything but "yes" or nothing."""
        cell = self.cells[column]
        if cell not in {"", "yes"}:
            raise self.error(f"{column} is {cell!r}, neither 'yes' nor empty")
        return cell == "yes"


def first_day(row: Row, day: str) -> date:
    """Return the day, or the first day of the month or year; raises GazetteerError."""
    return _day(row, day, day + "-01-01"[3 * day.count("-") :] if day else day)


def last_day(row: Row, day: str) -> date:
    """Return the day, or the last day of the month or year; raises GazetteerError."""
    first = first_day(row, day)
    if day.count("-") == 2:  # noqa: PLR2004 - year, month and day are given
        return first
    months = first.year * 12 + (first.month if "-" in day else 12)
    return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)


def _day(row: Row, written: str, completed: str) -> date:
    try:
        return date.fromisoformat(completed)
    except ValueError:
        raise row.error(f"{written!r} is no day, month or year as YYYY-MM-DD, YYYY-MM or YYYY") from None


def read_table(file: str, text: str, columns: Sequence[str]) -> Iterator[Row]:
    """Read the rows of a table that must have exactly these columns; cells at the end of a line may be missing."""
    header: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if header is None:
            header = cells
            if header != list(columns):
                raise GazetteerError(file, number, f"columns are {' | '.join(cells)}, not {' | '.join(columns)}")
            continue
        if len(cells) > len(header):
            raise GazetteerError(file, number, f"{len(cells)} cells, but only {len(header)} columns")
        cells += [""] * (len(header) - len(cells))
        yield Row(file, number, dict(zip(header, cells, strict=True)))
    if header is None:
        raise GazetteerError(file, 1, "has no line that names the columns")
