"""What the fetcher remembers: feeds with their validators and schedule, items already sent, attempts, hosts."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text

from shared.database.tables.metadata import METADATA
from shared.database.types import UtcDateTime

feed = Table(
    "feed",
    METADATA,
    Column("id", String(64), primary_key=True, comment="stable; survives a change of URL"),
    Column("url", Text, nullable=False, unique=True),
    Column(
        "host",
        String(255),
        nullable=False,
        comment="whose patience its polls cost: the row of host_gate they are leased by",
    ),
    Column("name", Text, nullable=False),
    Column("site", Text, comment="the page the feed belongs to"),
    Column("country", String(8)),
    Column("language", String(16)),
    Column("kind", String(32), nullable=False),
    Column("grade", String(1), nullable=False, comment="Admiralty source grade A to F"),
    Column("origin", String(16), nullable=False, comment="starter, added or opml"),
    Column("enabled", Boolean, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("etag", Text, comment="as the server wrote it; set only after the log acknowledged every item"),
    Column("last_modified", Text, comment="as the server wrote it, never reformatted"),
    Column("identity_policy", String(16), nullable=False, comment="guid, guid-link or content; never goes back"),
    Column("state", String(16), nullable=False, comment="new, healthy, failing, gone; the metric's label"),
    Column("failures", Float, nullable=False, comment="weighted failures in a row"),
    Column("interval_s", Integer, comment="seconds the adaptive schedule has settled on"),
    Column("next_poll_at", UtcDateTime, nullable=False),
    Column("next_poll_reason", Text, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("last_polled_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_full_at", UtcDateTime, comment="last unconditional fetch, for the audit of lying validators"),
    Column("last_outcome", String(32)),
    Column("last_detail", Text),
    Index("ix_feed_due", "enabled", "next_poll_at"),
)

feed_item = Table(
    "feed_item",
    METADATA,
    Column("feed_id", String(64), primary_key=True),
    Column("article_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, comment="of title and body: a change is a revision"),
    Column("revision", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)

poll_attempt = Table(
    "poll_attempt",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("feed_id", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("http_status", Integer),
    Column("bytes", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("items_new", Integer, nullable=False),
    Column("items_updated", Integer, nullable=False),
    Column("items_known", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_poll_attempt_feed", "feed_id", "at"),
)

host_gate = Table(
    "host_gate",
    METADATA,
    Column("host", String(255), primary_key=True),
    Column("closed_until", UtcDateTime),
    Column("reason", Text),
    Column("last_start", UtcDateTime, comment="of a request, by whichever fetcher"),
    Column("leased_by", String(255), comment="replica name, '#', process"),
    Column("leased_until", UtcDateTime),
)
