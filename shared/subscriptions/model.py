"""The shape of a subscription. Values in here are already checked; `parse` is the way in."""

from base64 import b32encode, b64encode
from typing import Any

import msgspec

from shared.vocabulary import Aim, AlertKind, Severity, Status, Topic

SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's prefix, no secret
SECRET_BYTES = range(24, 65)
"""Standard Webhooks 1.0: between 24 and 64 random bytes."""
MADE_ID_PREFIX = "sub_"


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing an alert must show. Every key given must hold; within a key, one of its values is enough.

    `topics`, `statuses`, `aims` and, beside any of these, `parties` and `dyads` are looked for in one and the same
    matter of the alert. `dyads` are two codes sorted and joined by "-", both involved. `languages` are BCP 47 and
    match their regions ("en" matches "en-GB"). `text` are words or phrases in the alert's line, titles and quotes,
    whole words, without regard to case and accents.
    """

    topics: tuple[Topic, ...] = ()
    statuses: tuple[Status, ...] = ()
    aims: tuple[Aim, ...] = ()
    parties: tuple[str, ...] = ()
    dyads: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    min_severity: Severity | None = None
    kinds: tuple[AlertKind, ...] = ()
    text: tuple[str, ...] = ()


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every condition of `all` holds, one of `any` (if there are any) holds, and none of `none` does."""

    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A POST to `url`, signed with `secret` ("whsec_" and base64) as Standard Webhooks 1.0 says."""

    url: str
    secret: str = ""

    name = "webhook"


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """A plain-text message to one or more addresses."""

    to: tuple[str, ...]

    name = "email"


class Terminal(msgspec.Struct, frozen=True, kw_only=True):
    """A block of text on the notifier's standard output."""

    name = "terminal"


Channel = Webhook | Email | Terminal


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told (`channel`), about what (`match`). `id` is stable over edits."""

    id: str
    name: str
    enabled: bool = True
    match: Match = Match()
    channel: Channel


def as_document(subscription: Subscription, *, reveal_secret: bool = False) -> dict[str, Any]:
    """Return the subscription as JSON data that `parse_subscription` reads back.

    A webhook's secret is left out unless `reveal_secret`, which only the owner's own copy and the database need.
    """
    document: dict[str, Any] = {"id": subscription.id, "name": subscription.name, "enabled": subscription.enabled}
    match = msgspec.to_builtins(subscription.match)
    if match:
        document["match"] = match
    document["channel"] = channel_document(subscription.channel, reveal_secret=reveal_secret)
    return document


def channel_document(channel: Channel, *, reveal_secret: bool) -> dict[str, Any]:
    """Return a channel as JSON data that `parse_channel` reads back."""
    match channel:
        case Webhook(url=url, secret=secret):
            return {"webhook": url, **({"secret": secret} if secret and reveal_secret else {})}
        case Email(to=to):
            return {"email": to[0] if len(to) == 1 else list(to)}
        case Terminal():
            return {"terminal": True}


def with_secret(subscription: Subscription, secret: str) -> Subscription:
    """Return the subscription with this webhook secret; one on another channel as it is."""
    if not isinstance(subscription.channel, Webhook):
        return subscription
    return msgspec.structs.replace(subscription, channel=Webhook(url=subscription.channel.url, secret=secret))


def new_secret(randomness: bytes) -> str:
    """Write 24 to 64 random bytes as a webhook secret."""
    if len(randomness) not in SECRET_BYTES:
        raise ValueError(f"a webhook secret has 24 to 64 random bytes, not {len(randomness)}")
    return SECRET_PREFIX + b64encode(randomness).decode("ascii")


def new_id(randomness: bytes) -> str:
    """Write random bytes (10 are plenty) as the id of a subscription made through the API or command line."""
    return MADE_ID_PREFIX + b32encode(randomness).decode("ascii").rstrip("=").lower()
