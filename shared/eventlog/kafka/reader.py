"""The port's reader over a membership: joined at the first read, made anew when it is stuck."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from aiokafka import errors

from shared.clock import Clock
from shared.eventlog import BadLog, Lag, LogStuck, Mark, Record, Unavailable
from shared.eventlog.kafka import watchdog
from shared.eventlog.kafka.client import Brokers, described, troubles
from shared.eventlog.kafka.member import Member
from shared.eventlog.kafka.records import record_of
from shared.eventlog.kafka.standing import Hand, lag
from shared.eventlog.kafka.topics import Topics
from shared.eventlog.kafka.watchdog import Verdict, Watch
from shared.metrics import Metrics

log = structlog.get_logger()

COMMIT_WITHIN = timedelta(seconds=10)
JOIN_WITHIN = timedelta(seconds=15)
TURN_SECONDS = 1.0
MOST_OF_A_TURN_SECONDS = 2.0
"""What a turn counts at most: of one that took longer, the process itself stood still for the rest (SIGSTOP, a machine
asleep), which is not held against the consumer."""
LEAST_SECONDS = 0.02
ASK_EVERY_SECONDS = 3.0

LOST = (errors.CommitFailedError, errors.IllegalStateError, asyncio.CancelledError)
"""What a commit ends with when the partitions are another's by now: that one reads the records again."""


class KafkaReader:
    """One member of a group reading one topic. Closed by the log that made it."""

    def __init__(
        self,
        brokers: Brokers,
        topics: Topics,
        topic: str,
        group: str,
        *,
        replica: str,
        now: Clock,
        metrics: Metrics | None,
    ) -> None:
        self._brokers = brokers
        self._topics = topics
        self._topic = topic
        self._group = group
        self._replica = replica
        self._now = now
        self._metrics = metrics
        self._member: Member | None = None
        self._joining: asyncio.Task[Member] | None = None
        self._committing: asyncio.Task[None] | None = None
        self._hand = Hand()
        self._lost = False
        self._not_before: dict[int, datetime] = {}
        self._waited = 0.0
        self._watch = Watch(0.0)
        self._asked = float("-inf")
        self._away: str | None = None
        self._rebalances = 0

    async def read(self, limit: int, timeout: timedelta) -> Sequence[Record]:  # noqa: ASYNC109 - the port's
        """Return records as soon as there are any. An outage shows as Unavailable within seconds, not as silence.

        From then on no read is silent until the broker has answered: whoever waits for it must not seem ready between.
        Raises BadLog where the broker refuses us, ReplicaInUse, and LogStuck where a consumer made anew does not help.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + max(timeout.total_seconds(), LEAST_SECONDS)
        self._lost = False
        while True:
            began = clock()
            member = await self._joined(end - began)
            found = await self._taken(member, limit, min(end - clock(), TURN_SECONDS)) if member else []
            self._waited += min(clock() - began, MOST_OF_A_TURN_SECONDS)
            await self._watch_over(member, found)
            if found or clock() >= end:
                if member is None and self._away is not None:
                    raise Unavailable(self._away)
                return found

    async def _joined(self, seconds: float) -> Member | None:
        """Return the member, joined first where there is none, or None if that takes longer."""
        if self._member is None:
            if self._joining is None:
                self._joining = asyncio.create_task(self._join())
            done, _ = await asyncio.wait({self._joining}, timeout=max(seconds, 0))
            if done:
                joining, self._joining = self._joining, None
                with self._noted_absence():
                    self._member = joining.result()
        return self._member

    async def _join(self) -> Member:
        member = None
        try:
            async with asyncio.timeout(JOIN_WITHIN.total_seconds()):
                await self._topics.get(self._topic)
                address = self._brokers.address
                member = Member(
                    self._brokers, address.topic(self._topic), address.group(self._group, self._topic), self._replica
                )
                member.on_loss = self._on_loss
                await member.join()
        except BaseException as error:
            if member is not None:
                await member.leave()
            if isinstance(error, TimeoutError):
                raise Unavailable(f"Kafka (group {self._group}): no answer in time") from error
            raise
        return member

    async def _taken(self, member: Member, limit: int, seconds: float) -> Sequence[Record]:
        member.refuse_twin()
        try:
            found = [record_of(each, self._topic) for each in await member.take(limit, max(seconds, LEAST_SECONDS))]
        except errors.KafkaError as error:
            await member.refused()
            with contextlib.suppress(Unavailable), troubles(f"group {self._group}"):
                raise error  # noqa: TRY201 - to see what it means to the port
            await self._rebuild(f"the consumer failed: {described(error)}")
            raise Unavailable(f"Kafka (group {self._group}): {described(error)}") from error
        if found:
            self._hand.take(found)
            member.handed_over.clear()
            self._not_before.update({record.partition: record.timestamp for record in found})
        return found

    async def _watch_over(self, member: Member | None, found: Sequence[Record]) -> None:
        if member is None:
            return
        member.refuse_twin()
        self._count_rebalances(member)
        self._watch = watchdog.look(self._watch, member.sight(), self._waited)
        what, why = watchdog.verdict(self._watch, self._waited)
        if found:
            self._away = None
            return
        if self._away is None and (what is Verdict.GO_ON or not self._may_ask()):
            return
        try:
            with self._noted_absence():
                await self._brokers.knock()
        except Unavailable:
            self._watch = watchdog.excused(self._watch, self._waited)
            raise
        what, why = watchdog.verdict(self._watch, self._waited, broker_answers=True)
        if what is Verdict.STUCK:
            await self._rebuild(why)
            raise Unavailable(f"Kafka (group {self._group}): {why}; made the consumer anew")

    @contextlib.contextmanager
    def _noted_absence(self) -> Iterator[None]:
        """Remember, if the broker cannot be had, that it is away, until it can."""
        try:
            yield
        except Unavailable as trouble:
            self._away = str(trouble)
            raise
        self._away = None

    def _may_ask(self) -> bool:
        moment = asyncio.get_running_loop().time()
        if moment - self._asked < ASK_EVERY_SECONDS:
            return False
        self._asked = moment
        return True

    async def _rebuild(self, why: str) -> None:
        """Make the consumer anew at the next read. Raises Unavailable in an outage, LogStuck if done too often."""
        member, self._member = self._member, None
        self._on_loss()
        if member is not None:
            await member.leave()
        await self._brokers.knock()  # in an outage nothing is held against the consumer
        if watchdog.exhausted(self._watch):
            raise LogStuck(
                f"group {self._group} on topic {self._topic}: {why}; the broker answers, and making the consumer anew "
                f"{self._watch.rebuilds} times in a row did not help"
            )
        self._watch = watchdog.rebuilt(self._watch, self._waited)
        log.warning("log-rebuild", group=self._group, topic=self._topic, reason=why, times=self._watch.rebuilds)
        if self._metrics:
            self._metrics.log_rebuilds.labels(self._group).inc()

    def _on_loss(self) -> None:
        """Forget what is in hand: the partitions are taken back."""
        self._lost = self._lost or bool(self._hand)
        self._hand.clear()
        self._not_before.clear()
        if self._member is not None:
            self._member.handed_over.set()
        if self._committing is not None:
            self._committing.cancel()

    def _count_rebalances(self, member: Member) -> None:
        if member.rebalances != self._rebalances:
            if self._metrics and member.rebalances > self._rebalances:
                self._metrics.log_rebalances.labels(self._group).inc(member.rebalances - self._rebalances)
            self._rebalances = member.rebalances

    async def commit(self) -> None:
        """Commit what was read, unless its partitions were taken back meanwhile: then its new owner reads it again."""
        if self._lost:
            self._dropped()
        ends = {partition: (offset, "") for partition, offset in self._hand.ends().items()}
        if ends and await self._committed(ends):
            self._settle()

    async def mark(self, marks: Sequence[Mark]) -> None:
        """Keep the notes with the group's positions (a commit's metadata), unless the partitions were taken back."""
        if marks and not self._lost:
            await self._committed({mark.partition: (mark.offset, mark.note) for mark in marks})

    async def marks(self) -> Sequence[Mark]:
        """Return the notes of this member's partitions. Raises Unavailable."""
        member = self._member
        if member is None:
            return ()
        with troubles(f"group {self._group}"):
            async with asyncio.timeout(COMMIT_WITHIN.total_seconds()):
                return await member.marks()

    async def _committed(self, offsets: dict[int, tuple[int, str]]) -> bool:
        """Commit and return whether it counts. Raises Unavailable after a bounded time."""
        member = self._member
        if member is None:
            self._dropped()
            return False
        committing = self._committing = asyncio.create_task(member.commit(offsets))
        try:
            done, _ = await asyncio.wait({committing}, timeout=COMMIT_WITHIN.total_seconds())
        finally:
            committing.cancel()
            self._committing = None
        try:
            if done:
                committing.result()
                return True
        except LOST:
            member.refuse_twin()
            self._on_loss()
            self._dropped()
            return False
        except errors.KafkaError as error:
            with contextlib.suppress(Unavailable), troubles(f"group {self._group}"):
                raise error  # noqa: TRY201 - to see what it means to the port
            await self._rebuild(f"the commit failed: {described(error)}")
            raise Unavailable(f"Kafka (group {self._group}): {described(error)}") from error
        await self._rebuild(f"no answer to a commit within {COMMIT_WITHIN.total_seconds():.0f} s")
        raise Unavailable(f"Kafka (group {self._group}): no answer to a commit")

    def _dropped(self) -> None:
        self._lost = False
        log.info("commit-dropped", group=self._group, topic=self._topic, reason="the partitions were taken back")
        if self._metrics:
            self._metrics.log_dropped_commits.labels(self._group).inc()

    def _settle(self) -> None:
        self._hand.clear()
        if self._member is not None:
            self._member.handed_over.set()

    async def rewind(self) -> None:
        """Read on at what was last committed."""
        if self._member is not None:
            self._member.seek(self._hand.starts())
        self._lost = False
        self._settle()

    async def lag(self) -> Lag:
        """Tell from the broker's last answers how far the group is behind in this member's partitions; asks nobody."""
        if self._member is None:
            return Lag(0, None)
        standings = self._member.sight().partitions
        moment = self._now()
        for standing in standings:
            if not standing.behind and standing.end is not None and standing.partition not in self._hand.starts():
                self._not_before[standing.partition] = moment
        return lag(standings, self._hand, self._not_before)

    async def close(self) -> None:
        """Leave the group."""
        joining, self._joining = self._joining, None
        if joining is not None:
            joining.cancel()
            with contextlib.suppress(asyncio.CancelledError, Unavailable, BadLog):
                self._member = await joining
        member, self._member = self._member, None
        if member is not None:
            await member.leave()
