"""What a check comes to: a state, what was found, and what to do about it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a finding is meant; the order is that of its weight."""

    SKIPPED = "skipped"
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One thing that was found. Warnings and failures come with advice: one sentence that says what to do."""

    state: State
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """Find all well."""
    return Finding(State.OK, found)


def skipped(found: str) -> Finding:
    """Find nothing to check, or no way to, and say why."""
    return Finding(State.SKIPPED, found)


def warning(found: str, advice: str) -> Finding:
    """Find what works now but will not always."""
    return Finding(State.WARNING, found, advice)


def failure(found: str, advice: str) -> Finding:
    """Find what keeps Attaché from working."""
    return Finding(State.FAILURE, found, advice)


@dataclass(frozen=True)
class Check:
    """A named check. `examine` returns at least one finding; an expected trouble is one, not an exception."""

    name: str
    examine: Callable[[], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True)
class Examined:
    """A check that was made, with its findings."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """The weightiest of its findings."""
        order = list(State)
        return max((finding.state for finding in self.findings), key=order.index)
