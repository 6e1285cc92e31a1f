"""Whether a consumer still gets anywhere. Pure: what is seen and the time come in.

aiokafka's consumer can stand still for good although the broker is well (aiokafka issues 703, 847, 1154). It is then
made anew; when that does not help, the process ends, so that whoever watches it makes everything anew.

Time is counted in seconds spent waiting in `read`: while a batch is being handled nothing is expected of the consumer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.eventlog.kafka.standing import Standing

ASK_AFTER = 4.0
"""Silence after which the broker is asked whether it is there; an idle partition answers twice a second."""
STUCK_AFTER = 30.0
UNJOINED_AFTER = 150.0
"""Longer than a rebalance may take, which waits for the slowest member."""
REBUILDS = 5
"""How often in a row the consumer is made anew before the process ends."""


class Verdict(StrEnum):
    """What to do about a consumer."""

    GO_ON = "go on"
    ASK = "ask the broker"
    STUCK = "stuck"


@dataclass(frozen=True)
class Sight:
    """A look at the consumer: whether its background tasks live, whether the group gave it its partitions, and these.

    No partitions is well: there are more members than partitions.
    """

    alive: bool
    joined: bool
    partitions: Sequence[Standing] = ()


@dataclass(frozen=True)
class Watch:
    """What was seen last, and since when it has not changed; `rebuilds` since the last sign of progress."""

    since: float
    alive: bool = True
    joined: bool = False
    shown: Mapping[int, tuple[object, float]] = field(default_factory=dict)
    rebuilds: int = 0


def look(watch: Watch, sight: Sight, at: float) -> Watch:
    """Return the watch after a look at `at`. A partition with records to read must move on, an idle one must answer."""
    changed = sight.joined != watch.joined
    shown: dict[int, tuple[object, float]] = {}
    progress = sight.joined and sight.alive
    for standing in sight.partitions if sight.joined else ():
        now: object = ("at", standing.position) if standing.behind else ("answered", standing.answered)
        before, since = watch.shown.get(standing.partition, (None, at))
        shown[standing.partition] = (now, since if now == before else at)
        progress = progress and standing.answered is not None and now != before
    return Watch(at if changed else watch.since, sight.alive, sight.joined, shown, 0 if progress else watch.rebuilds)


def verdict(watch: Watch, at: float, *, broker_answers: bool | None = None) -> tuple[Verdict, str]:
    """Return what to do and why. Where that depends on the broker and `broker_answers` is None: ask it first."""
    stuck, still, why = _worst(watch, at)
    if not stuck and still < ASK_AFTER:
        return Verdict.GO_ON, ""
    if broker_answers is None:
        return Verdict.ASK, why
    return (Verdict.STUCK if broker_answers and stuck else Verdict.GO_ON), why


def exhausted(watch: Watch) -> bool:
    """Tell whether making the consumer anew was tried often enough without a sign of progress."""
    return watch.rebuilds >= REBUILDS


def excused(watch: Watch, at: float) -> Watch:
    """Return the watch with all counting begun again: the broker is away, which is no fault of the consumer's."""
    return replace(watch, since=at, shown={partition: (what, at) for partition, (what, _) in watch.shown.items()})


def rebuilt(watch: Watch, at: float) -> Watch:
    """Return the watch over the consumer that was made in place of the last."""
    return Watch(at, rebuilds=watch.rebuilds + 1)


def _worst(watch: Watch, at: float) -> tuple[bool, float, str]:
    """Return whether the consumer is stuck, how long it has stood still, and where."""
    if not watch.alive:
        return True, at - watch.since, "the consumer's background task has ended"
    if not watch.joined:
        still = at - watch.since
        return still >= UNJOINED_AFTER, still, f"no partitions given by the group for {still:.0f} s"
    partition, since = min(((p, s) for p, (_, s) in watch.shown.items()), key=lambda each: each[1], default=(None, at))
    still = at - since
    return still >= STUCK_AFTER, still, f"nothing from partition {partition} for {still:.0f} s"
