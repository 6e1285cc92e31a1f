"""The delivery loop: lease what is due, send it, record what follows. A hanging receiver holds up only itself."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from services.notifier.delivery import (
    LABELS,
    Decision,
    Delivery,
    DisableEndpoint,
    Outcome,
    Refused,
    RetryAt,
    TryLater,
    channel_now,
    decide,
)
from services.notifier.repository import Repository
from services.notifier.senders import Sender
from services.notifier.subscriptions import Subscriptions
from shared.backoff import delay
from shared.clock import Clock
from shared.consume import PAUSE_BASE, PAUSE_CAP
from shared.eventlog import Unavailable
from shared.failpoints import passing
from shared.metrics import CHANNELS, Metrics
from shared.process import pause
from shared.subscriptions import Channel

log = structlog.get_logger()

CONCURRENT = 32
CONCURRENT_PER_SUBSCRIPTION = 4
REST = timedelta(seconds=2)
"""How often to look for rows that another process wrote; our own wake the loop at once."""
SHORTEST_REST = timedelta(milliseconds=100)
WIND_UP = timedelta(seconds=5)
"""How long attempts under way may take to end at a stop; one abandoned is made again, as after a crash."""


class Dispatcher:
    """Sends what is due until told to stop. `trouble` is why it cannot, while it cannot."""

    def __init__(
        self,
        repository: Repository,
        subscriptions: Subscriptions,
        senders: Mapping[str, Sender],
        metrics: Metrics,
        *,
        now: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._repository = repository
        self._subscriptions = subscriptions
        self._senders = senders
        self._metrics = metrics
        self._now = now
        self._draw = draw
        self._woken = asyncio.Event()
        self._sending: dict[asyncio.Task[None], str] = {}
        self.trouble: str | None = None
        for channel in CHANNELS:
            for label in LABELS.values():
                metrics.deliveries.labels(channel, label)

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; attempts that have begun then have WIND_UP to end."""
        pauses = 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                self._woken.clear()
                try:
                    if not await self.send_due(group):
                        await self._rest(stop)
                except Unavailable as trouble:
                    self.trouble = str(trouble)
                    wait = delay(pauses, base=PAUSE_BASE, cap=PAUSE_CAP, draw=self._draw())
                    pauses += 1
                    log.warning("pause", stage="delivery", seconds=round(wait.total_seconds(), 1), reason=str(trouble))
                    await pause(stop, wait)
                else:
                    pauses, self.trouble = 0, None
            await self._wind_up()

    async def send_due(self, group: asyncio.TaskGroup) -> int:
        """Begin in `group` as many due attempts as there is room for, few to one subscription; return how many."""
        load = Counter(self._sending.values())
        room = min(CONCURRENT - load.total(), CONCURRENT_PER_SUBSCRIPTION)
        if room <= 0:
            return 0
        busy = [name for name, count in load.items() if count >= CONCURRENT_PER_SUBSCRIPTION]
        subscriptions = await self._subscriptions.by_id()
        leased = await self._repository.lease(limit=room, busy=busy, now=self._now())
        if leased:
            passing("notifier.leased")
        for delivery in leased:
            known = subscriptions.get(delivery.subscription_id)
            unread = known is None and delivery.subscription_id in subscriptions
            channel = delivery.channel if unread else channel_now(delivery, known)
            task = group.create_task(self._attempt(delivery, channel))
            self._sending[task] = delivery.subscription_id
            task.add_done_callback(self._ended)
        return len(leased)

    async def _wind_up(self) -> None:
        if not self._sending:
            return
        _, late = await asyncio.wait(self._sending, timeout=WIND_UP.total_seconds())
        for task in late:
            task.cancel()
        if late:
            log.warning("abandoned", attempts=len(late), then="made again under the same ids once their leases run out")

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._woken.set()

    async def _attempt(self, delivery: Delivery, channel: Channel | None) -> None:
        outcome: Outcome = Refused("withdrawn: the subscription no longer wants it there")
        if channel is not None:
            outcome = await self._senders[channel.name].send(replace(delivery, channel=channel), self._now())
            passing("notifier.sent")
        try:
            decision = await self._decide_and_record(delivery, outcome)
        except Unavailable as trouble:  # the lease runs out, and the same delivery is sent again under the same id
            log.warning("unrecorded", delivery=delivery.id, outcome=outcome.reason, reason=str(trouble))
            return
        label = LABELS[type(decision)]
        self._metrics.deliveries.labels(delivery.channel.name, label).inc()
        log.info(
            "delivery",
            outcome=label,
            reason=decision.reason,
            subscription=delivery.subscription_id,
            channel=delivery.channel.name,
            attempt=delivery.attempts + 1,
            alert=delivery.alert.id,
            trace_id=delivery.trace_id,
            **({"next": decision.when.isoformat(timespec="seconds")} if isinstance(decision, RetryAt) else {}),
        )

    async def _decide_and_record(self, delivery: Delivery, outcome: Outcome) -> Decision:
        at = self._now()
        answered = not isinstance(outcome, TryLater) or await self._repository.answered_since(
            delivery.subscription_id, delivery.created_at
        )
        decision = decide(outcome, attempts=delivery.attempts + 1, now=at, draw=self._draw(), answered_since=answered)
        await self._repository.record(delivery, decision, at=at)
        passing("notifier.recorded")
        if isinstance(decision, DisableEndpoint):
            await self._repository.disable(delivery.subscription_id, reason=decision.reason, at=at)
        return decision

    async def _rest(self, stop: asyncio.Event) -> None:
        """Wait until something is due, new rows come, an attempt ends, or `stop`."""
        await self._export_backlog()
        due = await self._repository.next_due()
        length = min(REST, max(due - self._now(), SHORTEST_REST)) if due else REST
        waits = {asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(stop.wait())}
        try:
            await asyncio.wait(waits, timeout=length.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _export_backlog(self) -> None:
        backlog = await self._repository.backlog()
        self._metrics.deliveries_pending.set(backlog.pending)
        self._metrics.oldest_pending.set(backlog.oldest.timestamp() if backlog.oldest else 0)
        self._metrics.endpoints_disabled.set(len(await self._repository.disabled()))
