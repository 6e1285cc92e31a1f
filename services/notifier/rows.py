"""What the notifier's tables hold, as values, and a delivery as a row and back."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from services.notifier.delivery import Delivery
from shared.events import Alert
from shared.subscriptions.channel import parse_channel
from shared.subscriptions.model import channel_document

PENDING = "pending"
_alerts = msgspec.json.Decoder(Alert)


@dataclass(frozen=True)
class Backlog:
    """Deliveries not finished, and when the oldest of them was created."""

    pending: int
    oldest: datetime | None


@dataclass(frozen=True)
class Disabled:
    """A subscription's receiver that is not sent to any more."""

    at: datetime
    reason: str


@dataclass(frozen=True)
class Latest:
    """How deliveries to one subscription fare: how many are pending, and the outcome of the newest attempt."""

    pending: int
    outcome: str | None
    reason: str | None
    at: datetime | None


@dataclass(frozen=True)
class Saved:
    """A subscription as the API or command line saved it; `definition` is its JSON."""

    id: str
    definition: str
    enabled: bool
    updated_at: datetime


def to_row(delivery: Delivery, now: datetime, *, disabled: bool) -> dict[str, Any]:
    """Return the row of a new delivery, due at once, or never if its subscription is disabled."""
    return {
        "id": delivery.id,
        "alert_id": delivery.alert.id,
        "development_id": delivery.alert.development_id,
        "sequence": delivery.alert.sequence,
        "subscription_id": delivery.subscription_id,
        "subscription_name": delivery.subscription_name,
        "channel": delivery.channel.name,
        "target": json.dumps(channel_document(delivery.channel, reveal_secret=True), sort_keys=True),
        "payload": msgspec.json.encode(delivery.alert).decode("utf-8"),
        "matched": delivery.matched,
        "state": "disabled" if disabled else PENDING,
        "attempts": 0,
        "due_at": now,
        "created_at": delivery.created_at,
        "finished_at": now if disabled else None,
        "last_detail": "the subscription is disabled" if disabled else None,
        "trace_id": delivery.trace_id,
    }


def from_row(row: Row[Any]) -> Delivery:
    """Read a delivery back."""
    return Delivery(
        id=row.id,
        alert=_alerts.decode(row.payload),
        subscription_id=row.subscription_id,
        subscription_name=row.subscription_name,
        channel=parse_channel(json.loads(row.target)),
        matched=row.matched,
        attempts=row.attempts,
        created_at=row.created_at,
        trace_id=row.trace_id,
    )
