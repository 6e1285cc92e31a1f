"""What the web service writes: subscriptions made through the API or the command line, and API keys."""

from sqlalchemy import Boolean, Column, String, Table, Text

from shared.database.tables.metadata import METADATA
from shared.database.types import UtcDateTime

subscription = Table(
    "subscription",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("definition", Text, nullable=False, comment="JSON of the subscription as its owner wrote it"),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

api_key = Table(
    "api_key",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("secret_sha256", String(64), nullable=False, comment="full-entropy secret, so a fast hash is enough"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
