"""What a watcher asks to be told, and where: one model that the API accepts and the notifier obeys.

A subscription is TOML or JSON with the same keys. See `parse` for the form, `wants` for the meaning, `lint` for
what is legal and still not meant.
"""

from shared.subscriptions.lint import Remark, lint
from shared.subscriptions.match import NotWanted, Wanted, wants
from shared.subscriptions.mistakes import Mistake, SubscriptionError
from shared.subscriptions.model import (
    Channel,
    Condition,
    Email,
    Match,
    Subscription,
    Terminal,
    Webhook,
    as_document,
    new_id,
    new_secret,
    with_secret,
)
from shared.subscriptions.parse import parse_subscription
from shared.subscriptions.toml_file import parse_subscriptions

__all__ = [
    "Channel",
    "Condition",
    "Email",
    "Match",
    "Mistake",
    "NotWanted",
    "Remark",
    "Subscription",
    "SubscriptionError",
    "Terminal",
    "Wanted",
    "Webhook",
    "as_document",
    "lint",
    "new_id",
    "new_secret",
    "parse_subscription",
    "parse_subscriptions",
    "wants",
    "with_secret",
]
