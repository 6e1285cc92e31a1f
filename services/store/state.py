"""What is remembered of a development between its reports."""

from datetime import datetime

import msgspec

from shared.events import AlertEvidence
from shared.vocabulary import Aim, Severity, Status, Topic


class MatterState(msgspec.Struct, frozen=True):
    """What a development has told of a topic: the state reached, when it was reported, every status told.

    `sure` is False while only the writer's framing or a rumour says so.
    """

    topic: Topic
    status: Status
    aim: Aim | None
    parties: tuple[str, ...]
    told: tuple[Status, ...]
    since: datetime
    sure: bool = True


class State(msgspec.Struct, frozen=True):
    """What a development remembers between reports; stored as JSON, so fields are only added, with defaults."""

    matters: tuple[MatterState, ...] = ()
    parties: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    wording: tuple[tuple[str, ...], ...] = ()
    languages: tuple[str, ...] = ()
    evidence: tuple[AlertEvidence, ...] = ()
    first_alert: str | None = None
    instruments: tuple[str, ...] = ()


class Development(msgspec.Struct, frozen=True):
    """A development: `alerts` counts those sent, so it is the next one's sequence."""

    id: str
    dyad: tuple[str, ...]
    opened_at: datetime
    last_report_at: datetime
    severity: Severity
    reports: int
    alerts: int
    state: State

    def matter(self, topic: Topic) -> MatterState | None:
        """Return what has been told of a topic."""
        return next((matter for matter in self.state.matters if matter.topic is topic), None)
