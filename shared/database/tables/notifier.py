"""What the notifier writes: one delivery per alert and subscription, each attempt, and endpoints it gave up on."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from shared.database.tables.metadata import METADATA
from shared.database.types import UtcDateTime

delivery = Table(
    "delivery",
    METADATA,
    Column("id", String(64), primary_key=True, comment="from alert and subscription; the webhook-id on every attempt"),
    Column("alert_id", String(64), nullable=False),
    Column("development_id", String(64), nullable=False),
    Column("sequence", Integer, nullable=False, comment="of the alert: a later one waits for the earlier"),
    Column("subscription_id", String(64), nullable=False),
    Column("subscription_name", Text, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("target", Text, nullable=False, comment="JSON of the channel as it was when the alert matched"),
    Column("payload", Text, nullable=False, comment="JSON of shared.events.Alert"),
    Column("matched", Text, nullable=False, comment="why the subscription wants it"),
    Column("state", String(16), nullable=False, comment="pending, delivered, failed or disabled"),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("last_outcome", String(32)),
    Column("last_detail", Text),
    Column("trace_id", String(32)),
    Index("ix_delivery_due", "state", "due_at"),
    Index("ix_delivery_subscription", "subscription_id", "created_at"),
    Index("ix_delivery_order", "development_id", "subscription_id", "sequence"),
)

delivery_attempt = Table(
    "delivery_attempt",
    METADATA,
    Column("delivery_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("detail", Text, nullable=False),
)

endpoint = Table(
    "endpoint",
    METADATA,
    Column("subscription_id", String(64), primary_key=True),
    Column("disabled_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    comment="subscriptions whose receiver is gone or never answered; removed when the subscription is saved again",
)
