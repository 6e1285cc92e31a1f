"""Reading alerts: one, a page of those that pass a filter, all of them in pages, and who appears in them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.web.cursor import Cursor
from shared.database.engine import reading
from shared.database.tables.store import alert, alert_matter, alert_party, article, development_article
from shared.events import Alert, AlertEvidence, Matter
from shared.vocabulary import AlertKind, Severity, Status, Topic

PAGE = 50
EXPORT_PAGE = 500


@dataclass(frozen=True)
class AlertFilter:
    """What an alert must show. Between the fields: all of them; within a field: one of its values.

    `topics` and `statuses` are looked for in one and the same matter. `dyads` are pairs of parties that are both
    involved. `severity` means at least. `languages` are BCP 47, matching their regions, of any report of the
    development. `words` must each stand in the alert's line or in the title or text of one of those reports,
    without regard to case. `since` is included, `until` is not.
    """

    topics: tuple[Topic, ...] = ()
    statuses: tuple[Status, ...] = ()
    parties: tuple[str, ...] = ()
    dyads: tuple[tuple[str, str], ...] = ()
    severity: Severity | None = None
    kinds: tuple[AlertKind, ...] = ()
    languages: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every alert passes."""
        return self == AlertFilter()


@dataclass(frozen=True)
class StoredAlert:
    """An alert's row. `body` is the alert event's JSON as it was stored, fields of newer versions included."""

    id: str
    development_id: str
    raised_at: datetime
    sequence: int
    body: str

    def read(self) -> Alert:
        """Decode the alert; matters and evidence in words that only a newer version knows are left out."""
        try:
            return msgspec.json.decode(self.body, type=Alert)
        except msgspec.ValidationError:
            return _read_known_parts(self.body)

    @property
    def cursor(self) -> Cursor:
        """The place after this alert."""
        return Cursor(self.raised_at, self.sequence, self.id)


@dataclass(frozen=True)
class AlertPage:
    """Alerts, newest first, and the cursor of the next page if there is one."""

    alerts: tuple[StoredAlert, ...]
    next: Cursor | None


COLUMNS = (alert.c.id, alert.c.development_id, alert.c.raised_at, alert.c.sequence, alert.c.body)
PLACE = (alert.c.raised_at, alert.c.sequence, alert.c.id)


async def page_of_alerts(
    engine: AsyncEngine, wanted: AlertFilter, *, limit: int = PAGE, after: Cursor | None = None
) -> AlertPage:
    """Return up to `limit` alerts that pass, newest first, starting after the cursor."""
    query = select(*COLUMNS).where(*_conditions(wanted))
    if after is not None:
        query = query.where(tuple_(*PLACE) < tuple_(after.raised_at, after.sequence, after.id))
    query = query.order_by(*(column.desc() for column in PLACE)).limit(limit + 1)
    async with reading(engine, "reading alerts") as connection:
        rows = (await connection.execute(query)).all()
    found = tuple(_stored(row) for row in rows[:limit])
    return AlertPage(found, found[-1].cursor if len(rows) > limit else None)


async def all_alerts(
    engine: AsyncEngine, wanted: AlertFilter, *, limit: int | None = None, after: Cursor | None = None
) -> AsyncIterator[StoredAlert]:
    """Yield every alert that passes (at most `limit`), newest first, holding one page of them at a time."""
    left = limit
    while True:
        size = EXPORT_PAGE if left is None else min(EXPORT_PAGE, left)
        page = await page_of_alerts(engine, wanted, limit=size, after=after)
        for one in page.alerts:
            yield one
        left = None if left is None else left - len(page.alerts)
        if page.next is None or left == 0:
            return
        after = page.next


async def one_alert(engine: AsyncEngine, alert_id: str) -> StoredAlert | None:
    """Return the alert, or None."""
    async with reading(engine, "reading an alert") as connection:
        row = (await connection.execute(select(*COLUMNS).where(alert.c.id == alert_id))).one_or_none()
    return None if row is None else _stored(row)


async def alerts_of_development(connection: AsyncConnection, development_id: str) -> tuple[StoredAlert, ...]:
    """Return a development's alerts in the order they were raised."""
    query = select(*COLUMNS).where(alert.c.development_id == development_id).order_by(alert.c.sequence)
    return tuple(_stored(row) for row in (await connection.execute(query)).all())


async def alert_counts(engine: AsyncEngine, development_ids: Sequence[str]) -> dict[str, int]:
    """Return how many alerts each development has raised so far."""
    query = (
        select(alert.c.development_id, func.count())
        .where(alert.c.development_id.in_(development_ids))
        .group_by(alert.c.development_id)
    )
    async with reading(engine, "counting alerts") as connection:
        return {row[0]: row[1] for row in (await connection.execute(query)).all()}


async def count_alerts(engine: AsyncEngine) -> int:
    """Return the number of all alerts."""
    async with reading(engine, "counting alerts") as connection:
        return (await connection.execute(select(func.count()).select_from(alert))).scalar_one()


async def parties_in_alerts(engine: AsyncEngine) -> tuple[str, ...]:
    """Return the codes of all parties any alert involves, sorted."""
    query = select(alert_party.c.party).distinct().order_by(alert_party.c.party)
    async with reading(engine, "reading parties") as connection:
        return tuple((await connection.execute(query)).scalars())


def _read_known_parts(body: str) -> Alert:
    document = msgspec.json.decode(body)
    for name, kind in (("matters", Matter), ("evidence", AlertEvidence)):
        document[name] = [part for part in document.get(name, ()) if _is_known(part, kind)]
    return msgspec.convert(document, Alert)


def _is_known(part: object, kind: type[Matter] | type[AlertEvidence]) -> bool:
    try:
        msgspec.convert(part, kind)
    except msgspec.ValidationError:
        return False
    return True


def _stored(row: Any) -> StoredAlert:
    return StoredAlert(**row._asdict())


def _conditions(wanted: AlertFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.topics or wanted.statuses:
        yield _tells(wanted.topics, wanted.statuses)
    if wanted.parties:
        yield _involves(*wanted.parties)
    if wanted.dyads:
        yield or_(*(and_(_involves(first), _involves(second)) for first, second in wanted.dyads))
    if wanted.severity is not None:
        order = list(Severity)
        yield alert.c.severity.in_([str(s) for s in order[: order.index(wanted.severity) + 1]])
    if wanted.kinds:
        yield alert.c.kind.in_([str(kind) for kind in wanted.kinds])
    if wanted.languages:
        yield _reported(or_(*map(_in_language, wanted.languages)))
    for word in wanted.words:
        told = or_(article.c.title.icontains(word, autoescape=True), article.c.text.icontains(word, autoescape=True))
        yield or_(alert.c.line.icontains(word, autoescape=True), _reported(told))
    if wanted.since is not None:
        yield alert.c.raised_at >= wanted.since
    if wanted.until is not None:
        yield alert.c.raised_at < wanted.until


def _tells(topics: Sequence[Topic], statuses: Sequence[Status]) -> ColumnElement[bool]:
    matter = [alert_matter.c.alert_id == alert.c.id]
    if topics:
        matter.append(alert_matter.c.topic.in_([str(topic) for topic in topics]))
    if statuses:
        matter.append(alert_matter.c.status.in_([str(status) for status in statuses]))
    return exists().where(*matter)


def _in_language(language: str) -> ColumnElement[bool]:
    tag, sought = func.lower(article.c.language), language.lower()
    return or_(tag == sought, tag.startswith(f"{sought}-", autoescape=True))


def _involves(*parties: str) -> ColumnElement[bool]:
    return exists().where(alert_party.c.alert_id == alert.c.id, alert_party.c.party.in_(parties))


def _reported(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        development_article.c.development_id == alert.c.development_id,
        article.c.id == development_article.c.article_id,
        condition,
    )
