"""Reading articles: one with its claims, and the texts that quotes stand in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database.engine import reading
from shared.database.tables.store import article, claim, development_article


class DecisionReasons(msgspec.Struct, frozen=True):
    """The part of a decision that people are shown; it reads decisions of newer versions too."""

    score: float
    reasons: tuple[str, ...] = ()


class ClaimReasons(msgspec.Struct, frozen=True):
    """The part of a claim that explains a piece of evidence; it reads claims of newer versions too."""

    topic: str
    status: str
    rule: str
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredArticle:
    """An article's row, at its newest revision. `decision` is JSON of shared.events.Decision."""

    id: str
    revision: int
    feed_id: str
    outlet: str
    outlet_country: str | None
    grade: str
    url: str | None
    title: str
    text: str
    language: str | None
    published: datetime | None
    observed_at: datetime
    stored_at: datetime
    backfill: bool
    alerting: bool
    decision: str
    rules_version: str

    def read_decision(self) -> DecisionReasons:
        """Decode why it was decided so."""
        return msgspec.json.decode(self.decision, type=DecisionReasons)


@dataclass(frozen=True)
class StoredClaim:
    """A claim's row. `body` is JSON of shared.events.Claim, as it was stored."""

    article_id: str
    id: str
    body: str

    def read(self) -> ClaimReasons:
        """Decode why it was claimed."""
        return msgspec.json.decode(self.body, type=ClaimReasons)


@dataclass(frozen=True)
class ArticleWithClaims:
    """An article, its claims (best first), and the development it joined, if any."""

    article: StoredArticle
    claims: tuple[StoredClaim, ...]
    development_id: str | None


@dataclass(frozen=True)
class SourceText:
    """The two fields of an article that evidence offsets point into."""

    title: str
    text: str
    language: str | None


ARTICLE_COLUMNS = tuple(article.c[name] for name in StoredArticle.__dataclass_fields__)


async def one_article(engine: AsyncEngine, article_id: str) -> ArticleWithClaims | None:
    """Return the article with its claims, or None."""
    query = (
        select(*ARTICLE_COLUMNS, development_article.c.development_id)
        .outerjoin(development_article, development_article.c.article_id == article.c.id)
        .where(article.c.id == article_id)
    )
    async with reading(engine, "reading an article") as connection:
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        claims = await claims_of(connection, [article_id])
    return ArticleWithClaims(stored_article(row), claims, row.development_id)


async def claims_of(connection: AsyncConnection, article_ids: Iterable[str]) -> tuple[StoredClaim, ...]:
    """Return the claims of these articles, best first."""
    query = (
        select(claim.c.article_id, claim.c.id, claim.c.body)
        .where(claim.c.article_id.in_(list(article_ids)))
        .order_by(claim.c.score.desc(), claim.c.id)
    )
    return tuple(StoredClaim(row.article_id, row.id, row.body) for row in (await connection.execute(query)).all())


async def source_texts(engine: AsyncEngine, article_ids: Iterable[str]) -> dict[str, SourceText]:
    """Return title and text of these articles by id; an unknown id is left out."""
    query = select(article.c.id, article.c.title, article.c.text, article.c.language).where(
        article.c.id.in_(sorted(set(article_ids)))
    )
    async with reading(engine, "reading texts") as connection:
        rows = (await connection.execute(query)).all()
    return {row.id: SourceText(row.title, row.text, row.language) for row in rows}


def stored_article(row: Any) -> StoredArticle:
    """Build the article from a row that has ARTICLE_COLUMNS."""
    return StoredArticle(**{name: getattr(row, name) for name in StoredArticle.__dataclass_fields__})
