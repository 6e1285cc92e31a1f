"""How long records are kept, by the retention that shared.topics gives each topic.

A record older than its topic's retention goes once every group known on the topic has committed it. One that a group
still owes is kept for twice the retention: a machine that was switched off for a fortnight loses nothing, and a group
that nobody runs any more cannot fill the disk. Topics without a specification are kept whole.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.topics import TOPICS


@dataclass(frozen=True)
class Cutoffs:
    """Records before `settled` go if nobody owes them; those before `owed` go whoever does."""

    settled: datetime
    owed: datetime


def cutoffs(topic: str, now: datetime) -> Cutoffs | None:
    """Return the two moments for a topic, or None where nothing is ever forgotten."""
    spec = TOPICS.get(topic)
    return Cutoffs(now - spec.retention, now - 2 * spec.retention) if spec else None


def keep_from(*, first_unsettled: int, first_owable: int, committed: int | None) -> int:
    """Return the first offset to keep in a partition.

    `first_unsettled` and `first_owable` are the first offsets not older than the two cutoffs; `committed` is the
    least position of the topic's known groups, None if there are none.
    """
    settled = first_unsettled if committed is None else min(first_unsettled, committed)
    return max(settled, first_owable)
