"""Dead letters: what is written when a record can never be handled, and when too many of them mean bad code.

Header names follow reliability practice of Kafka Connect (KIP-298) and Kafka Streams (KIP-1034), under `dlq.`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.eventlog import Message, Record
from shared.events import BadEvent

PREFIX = "dlq."
DETAIL_CHARS = 500


def dead_letter(record: Record, fault: BadEvent, *, stage: str, failed_at: datetime) -> Message:
    """Return the dead letter of `record`: key, value and headers byte for byte, then `dlq.` headers that say why."""
    notes = {
        "source.topic": record.topic,
        "source.partition": str(record.partition),
        "source.offset": str(record.offset),
        "source.timestamp": record.timestamp.astimezone(UTC).isoformat(),
        "stage": stage,
        "error.reason": fault.reason,
        "error.detail": fault.detail[:DETAIL_CHARS],
        "failed_at": failed_at.astimezone(UTC).isoformat(),
    }
    added = tuple((PREFIX + name, text.encode("utf-8", "replace")) for name, text in notes.items())
    return Message(record.key, record.value, (*record.headers, *added))


def original(record: Record) -> Message:
    """Return the message a dead letter was made of, without our headers, to be appended to its topic again."""
    return Message(record.key, record.value, tuple(h for h in record.headers if not h[0].startswith(PREFIX)))


def requeued_message(record: Record) -> Message:
    """Return the original of a dead letter, to go to its topic again, saying where it lay."""
    again = original(record)
    return Message(again.key, again.value, (*again.headers, (PREFIX + "requeued_from", record.where.encode("utf-8"))))


def requeued_marker(record: Record, *, at: datetime) -> Message:
    """Return what is appended after a dead letter's topic once it was requeued, so that this shows and happens once."""
    notes = {"requeued": record.where, "requeued_at": at.astimezone(UTC).isoformat()}
    return Message(record.key, b"", tuple((PREFIX + name, text.encode("utf-8")) for name, text in notes.items()))


def note(record: Record, name: str) -> str:
    """Return what a dead letter says under `dlq.<name>`, or an empty text."""
    raw = record.header(PREFIX + name)
    return raw.decode("utf-8", "replace") if raw is not None else ""


@dataclass(frozen=True)
class DeadLetterLimit:
    """Stop when, of the last `window` records (once at least `least` were seen), more than `share` were dead."""

    window: int = 200
    least: int = 20
    share: float = 0.5


@dataclass
class DeadLetterWindow:
    """The running count for one stage; see DeadLetterLimit. `last` is why the last one died.

    A requeued record that dies again is not counted: somebody's attempt must not stop the stage.
    """

    limit: DeadLetterLimit
    _recent: deque[bool] = field(default_factory=deque)
    dead: int = 0
    last: str = ""

    def record(self, *, handled: int, dead: int) -> None:
        """Count one batch."""
        self._push([False] * handled + [True] * dead)

    def _push(self, outcomes: Iterable[bool]) -> None:
        for is_dead in outcomes:
            self._recent.append(is_dead)
            self.dead += is_dead
            if len(self._recent) > self.limit.window:
                self.dead -= self._recent.popleft()

    @property
    def total(self) -> int:
        """How many records the window holds."""
        return len(self._recent)

    @property
    def exceeded(self) -> bool:
        """Whether the stage must stop."""
        return self.total >= self.limit.least and self.dead > self.limit.share * self.total
