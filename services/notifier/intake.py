"""Alerts and subscriptions become deliveries, in one transaction per batch; nothing is sent here."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from services.notifier.delivery import Delivery, deliveries_of
from services.notifier.repository import Repository
from services.notifier.subscriptions import Standing, Subscriptions
from shared.clock import Clock
from shared.events import Alert, Event
from shared.subscriptions import Wanted, wants

log = structlog.get_logger()


class Intake:
    """Handles batches of alerts. `on_new` is called once their deliveries are stored."""

    def __init__(
        self, repository: Repository, subscriptions: Subscriptions, *, now: Clock, on_new: Callable[[], None]
    ) -> None:
        self._repository = repository
        self._subscriptions = subscriptions
        self._now = now
        self._on_new = on_new

    async def take(self, batch: Sequence[Event[Any]]) -> None:
        """Store a delivery for each alert and subscription that wants it; an alert that comes again adds nothing."""
        now = self._now()
        standing = await self._subscriptions.current()
        disabled = await self._disabled(standing)
        deliveries: list[Delivery] = []
        for event in batch:
            alert: Alert = event.data
            told: list[str] = []
            for subscription in (one.subscription for one in standing):
                verdict = wants(subscription, alert)
                if isinstance(verdict, Wanted):
                    told.append(subscription.id)
                    deliveries.extend(
                        deliveries_of(alert, subscription, matched=verdict.reason, now=now, trace_id=event.trace_id)
                    )
            log.info("matched", alert=alert.id, subscriptions=",".join(told) or "none", trace_id=event.trace_id)
        await self._repository.add(deliveries, disabled, now=now)
        self._on_new()

    async def _disabled(self, standing: Sequence[Standing]) -> set[str]:
        """Return the ids of subscriptions not to be sent to; those saved again since then are enabled first."""
        disabled = await self._repository.disabled()
        saved_at = {one.subscription.id: one.saved_at for one in standing}
        back = {name for name, since in disabled.items() if name in saved_at and saved_at[name] > since.at}
        if back:
            await self._repository.enable(back)
            log.info("enabled", subscriptions=",".join(sorted(back)), reason="saved again since it was disabled")
        return set(disabled) - back
