"""Which subscriptions there are now: those of the file, those saved through the API or command line.

The file is read again when its modification time changes. An edit that breaks it is logged with all mistakes and
the last good state stays in force; at the start a broken file is refused.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from services.notifier.repository import Repository
from services.notifier.rows import Saved
from shared.settings import BadSettings
from shared.subscriptions import (
    Subscription,
    SubscriptionError,
    Terminal,
    Webhook,
    parse_subscription,
    parse_subscriptions,
)

log = structlog.get_logger()

EVERYTHING = Subscription(id="terminal", name="Everything, on this terminal", channel=Terminal())


@dataclass(frozen=True)
class Standing:
    """A subscription in force, and when its owner last saved it."""

    subscription: Subscription
    saved_at: datetime


class Subscriptions:
    """The subscriptions in force. `current` looks again each time and is cheap when nothing changed."""

    def __init__(self, repository: Repository, file: Path | None, *, terminal_default: bool) -> None:
        self._repository = repository
        self._file = file
        self._terminal_default = terminal_default
        self._file_stamp: int | None = None
        self._reading = asyncio.Lock()
        self._from_file: list[Standing] = []
        self._saved: dict[Saved, Subscription | None] = {}

    async def load(self) -> None:
        """Read the file for the first time; raises BadSettings with every mistake in it."""
        if self._file is None:
            return
        try:
            await asyncio.to_thread(self._read_file, self._file)
        except (SubscriptionError, UnicodeDecodeError, OSError) as error:
            mistakes = "\n  ".join(str(error).splitlines())
            raise BadSettings(f"SUBSCRIPTIONS_FILE={str(self._file)!r} cannot be used:\n  {mistakes}") from error

    async def current(self) -> list[Standing]:
        """Return the subscriptions in force. Raises Unavailable when the saved ones cannot be read."""
        if self._file is not None:
            async with self._reading:  # several ask at once, and each mistake is to be told once
                await asyncio.to_thread(self._read_file_again, self._file)
        saved = await self._read_saved()
        taken = {standing.subscription.id for standing in self._from_file}
        standing = [*self._from_file, *(one for one in saved if one.subscription.id not in taken)]
        if not standing and self._terminal_default:
            return [Standing(EVERYTHING, datetime.min.replace(tzinfo=UTC))]
        return standing

    async def by_id(self) -> dict[str, Subscription | None]:
        """Return the subscriptions in force by their ids; None for one that is saved and on, but cannot be read."""
        standing = await self.current()
        unread: dict[str, Subscription | None] = {
            row.id: None for row, one in self._saved.items() if not one and row.enabled
        }
        return unread | {one.subscription.id: one.subscription for one in standing}

    def _read_file(self, file: Path) -> None:
        stamp = file.stat().st_mtime_ns
        self._file_stamp = stamp  # also of a broken state, so that its mistakes are told once
        text = file.read_text(encoding="utf-8")
        saved_at = datetime.fromtimestamp(stamp / 1e9, UTC)
        self._from_file = [Standing(one, saved_at) for one in parse_subscriptions(text, file=str(file))]

    def _read_file_again(self, file: Path) -> None:
        try:
            if file.stat().st_mtime_ns == self._file_stamp:
                return
            self._read_file(file)
        except FileNotFoundError:
            if self._file_stamp is not None:
                log.warning("subscriptions", outcome="kept", file=str(file), reason="the file has gone")
            self._file_stamp = None
        except (SubscriptionError, UnicodeDecodeError, OSError) as error:
            for reason in str(error).splitlines():
                log.warning("subscriptions", outcome="kept", file=str(file), reason=reason)
        else:
            log.info("subscriptions", outcome="read", file=str(file), subscriptions=len(self._from_file))

    async def _read_saved(self) -> list[Standing]:
        rows = await self._repository.saved_subscriptions()
        self._saved = {row: self._saved[row] if row in self._saved else _parse(row) for row in rows}
        return [
            Standing(subscription, row.updated_at)
            for row, subscription in self._saved.items()
            if subscription is not None and row.enabled
        ]


def _parse(row: Saved) -> Subscription | None:
    try:
        subscription = parse_subscription(json.loads(row.definition), subscription_id=row.id)
    except (SubscriptionError, json.JSONDecodeError) as error:
        log.warning("subscriptions", outcome="skipped", subscription=row.id, reason=str(error))
        return None
    if isinstance(subscription.channel, Webhook) and not subscription.channel.secret:
        log.warning("subscriptions", outcome="skipped", subscription=row.id, reason="it has no webhook secret")
        return None
    return subscription
