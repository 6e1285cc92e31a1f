"""Reading a development: its state, the reports that joined it and why, and the alerts it raised."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.web.queries.alerts import StoredAlert, alerts_of_development
from services.web.queries.articles import ARTICLE_COLUMNS, StoredArticle, StoredClaim, claims_of, stored_article
from shared.database.engine import reading
from shared.database.tables.store import article, development, development_article


@dataclass(frozen=True)
class Report:
    """An article of a development: when and why it joined, and what it claims."""

    article: StoredArticle
    joined_at: datetime
    reason: str
    claims: tuple[StoredClaim, ...]


@dataclass(frozen=True)
class StoredDevelopment:
    """A development with reports in the order they joined and alerts in the order they were raised.

    `state` is the store's JSON: matters reached, names, wording, parties.
    """

    id: str
    dyad: tuple[str, ...]
    opened_at: datetime
    last_report_at: datetime
    severity: str
    state: str
    reports: tuple[Report, ...]
    alerts: tuple[StoredAlert, ...]


async def one_development(engine: AsyncEngine, development_id: str) -> StoredDevelopment | None:
    """Return the development, or None."""
    reports_query = (
        select(*ARTICLE_COLUMNS, development_article.c.joined_at, development_article.c.reason)
        .join(development_article, development_article.c.article_id == article.c.id)
        .where(development_article.c.development_id == development_id)
        .order_by(development_article.c.joined_at, article.c.observed_at, article.c.id)
    )
    async with reading(engine, "reading a development") as connection:
        row = (await connection.execute(select(development).where(development.c.id == development_id))).one_or_none()
        if row is None:
            return None
        report_rows = (await connection.execute(reports_query)).all()
        claims = await claims_of(connection, [report.id for report in report_rows])
        alerts = await alerts_of_development(connection, development_id)
    return StoredDevelopment(
        id=row.id,
        dyad=tuple(row.dyad.split("-")) if row.dyad else (),
        opened_at=row.opened_at,
        last_report_at=row.last_report_at,
        severity=row.severity,
        state=row.state,
        reports=tuple(
            Report(
                article=stored_article(report),
                joined_at=report.joined_at,
                reason=report.reason,
                claims=tuple(claim for claim in claims if claim.article_id == report.id),
            )
            for report in report_rows
        ),
        alerts=alerts,
    )
