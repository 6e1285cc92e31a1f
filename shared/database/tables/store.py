"""What the store writes: articles, claims, developments, alerts, and the outbox they leave through."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from shared.database.tables.metadata import METADATA
from shared.database.types import UtcDateTime

article = Table(
    "article",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("feed_id", String(64), nullable=False),
    Column("outlet", Text, nullable=False),
    Column("outlet_country", String(8)),
    Column("grade", String(1), nullable=False),
    Column("url", Text),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False, comment="the body evidence offsets of field 'text' point into"),
    Column("language", String(16)),
    Column("published", UtcDateTime),
    Column("observed_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("alerting", Boolean, nullable=False, comment="whether the tagger's decision was to alert"),
    Column("decision", Text, nullable=False, comment="JSON of shared.events.Decision"),
    Column("rules_version", String(64), nullable=False),
    Column("raw", LargeBinary, nullable=False, comment="the article event's JSON, byte for byte"),
    Column("trace_id", String(32)),
    Index("ix_article_observed", "observed_at", "id"),
)

claim = Table(
    "claim",
    METADATA,
    Column("article_id", String(64), ForeignKey("article.id"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("topic", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("aim", String(32)),
    Column("parties", Text, nullable=False, comment="sorted codes joined by a space"),
    Column("place", String(16), nullable=False),
    Column("certainty", String(16), nullable=False),
    Column("score", Float, nullable=False),
    Column("rule", String(128), nullable=False),
    Column("evidence", Text, nullable=False, comment="JSON list of shared.events.Evidence"),
    Column("body", Text, nullable=False, comment="JSON of shared.events.Claim"),
    Index("ix_claim_topic", "topic", "status"),
)

development = Table(
    "development",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("dyad", String(128), nullable=False, comment="sorted codes joined by '-'"),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("last_report_at", UtcDateTime, nullable=False),
    Column("severity", String(2), nullable=False),
    Column("state", Text, nullable=False, comment="JSON: matters reached, names, wording, parties"),
    Column("reports", Integer, nullable=False),
    Column("alerts", Integer, nullable=False, comment="alerts raised so far; the next one's sequence"),
    Index("ix_development_dyad", "dyad", "last_report_at"),
    Index("ix_development_last_report", "last_report_at"),
)

development_article = Table(
    "development_article",
    METADATA,
    Column("development_id", String(64), ForeignKey("development.id"), primary_key=True),
    Column("article_id", String(64), ForeignKey("article.id"), primary_key=True),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False, comment="why the article joined, in the decision's words"),
    UniqueConstraint("article_id"),
)

alert = Table(
    "alert",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("development_id", String(64), ForeignKey("development.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("severity", String(2), nullable=False),
    Column("dyad", String(128), nullable=False),
    Column("line", Text, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False, comment="JSON of shared.events.Alert"),
    UniqueConstraint("development_id", "sequence"),
    Index("ix_alert_raised", "raised_at", "id"),
)

alert_party = Table(
    "alert_party",
    METADATA,
    Column("alert_id", String(64), ForeignKey("alert.id"), primary_key=True),
    Column("party", String(8), primary_key=True),
    Index("ix_alert_party_party", "party"),
)

alert_matter = Table(
    "alert_matter",
    METADATA,
    Column("alert_id", String(64), ForeignKey("alert.id"), primary_key=True),
    Column("topic", String(32), primary_key=True),
    Column("status", String(32), primary_key=True),
    Index("ix_alert_matter_topic", "topic", "status"),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("topic", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False, comment="JSON list of [name, value], values UTF-8"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("refused", Text, comment="why the log will never take it"),
    comment="rows that must become log records; deleted once the log has acknowledged them",
)
