"""The filter form of the alerts page: read leniently, for people edit addresses, and told back to them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from services.web.cursor import BadCursor, Cursor, read_cursor
from services.web.queries.alerts import AlertFilter
from shared.subscriptions.values import Refused, value_of
from shared.vocabulary import Severity, Status, Topic

E = TypeVar("E", bound=StrEnum)
MAX_WORDS = 10
MAX_TEXT = 200
FIELDS = ("topic", "party", "dyad", "status", "severity", "q")


@dataclass(frozen=True)
class FilterForm:
    """What the form shows: the filter, its fields as query parameters, and what could not be understood."""

    wanted: AlertFilter
    fields: tuple[tuple[str, str], ...]
    text: str
    after: Cursor | None
    ignored: tuple[str, ...]

    def query(self, **more: str) -> str:
        """Return the fields as a query string, with `more` in place of or beside them."""
        kept = [(key, value) for key, value in self.fields if key not in more]
        return urlencode([*kept, *((key, value) for key, value in more.items() if value)])


def read_form(parameters: Sequence[tuple[str, str]]) -> FilterForm:
    """Read the form's parameters. Blank ones are no filter; ones that mean nothing are left out and named."""
    ignored: list[str] = []
    fields: list[tuple[str, str]] = []

    def several(name: str) -> Iterable[str]:
        return (value.strip() for key, value in parameters if key == name and value.strip())

    def words(name: str, kind: type[E]) -> tuple[E, ...]:
        found: list[E] = []
        for value in several(name):
            try:
                found.append(kind(value))
                fields.append((name, value))
            except ValueError:
                ignored.append(f"{name} {value[:60]!r}")
        return tuple(found)

    def codes(name: str) -> tuple[str, ...]:
        found: list[str] = []
        for value in several(name):
            try:
                found.append(value_of(name, value.upper()))
                fields.append((name, found[-1]))
            except Refused:
                ignored.append(f"{name} {value[:60]!r}")
        return tuple(found)

    text = " ".join(next(iter(several("q")), "").replace("\x00", " ").split())[:MAX_TEXT]
    severities = words("severity", Severity)
    wanted = AlertFilter(
        topics=words("topic", Topic),
        statuses=words("status", Status),
        parties=codes("party"),
        dyads=tuple((first, second) for first, second in (dyad.split("-") for dyad in codes("dyad"))),
        severity=max(severities, key=list(Severity).index) if severities else None,
        words=tuple(text.split()[:MAX_WORDS]),
    )
    if text:
        fields.append(("q", text))
    return FilterForm(wanted, tuple(fields), text, _cursor(several("cursor"), ignored), tuple(ignored))


def _cursor(written: Iterable[str], ignored: list[str]) -> Cursor | None:
    for value in written:
        try:
            return read_cursor(value)
        except BadCursor:
            ignored.append("the place in the list")
    return None
