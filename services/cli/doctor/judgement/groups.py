"""Whether the stages keep up with what is on the log."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.doctor.finding import Finding, ok, skipped, warning

LONG_LAG = 10_000


@dataclass(frozen=True)
class Group:
    """A stage's group: how many records of `topic` it has not committed; `members` where the log knows them."""

    name: str
    topic: str
    lag: int
    members: int | None = None


def judge_groups(seen: Sequence[Group]) -> list[Finding]:
    """Judge how far each stage is behind, and whether anyone is at work on it."""
    if not seen:
        return [skipped("no stage has read anything yet")]
    found = [ok(f"records behind: {', '.join(f'{group.name} {group.lag:,}{_members(group)}' for group in seen)}")]
    for group in seen:
        if group.lag and group.members == 0:
            found.append(
                warning(
                    f"{group.lag:,} records of {group.topic} wait for a {group.name}, and none runs",
                    f"Start `attache {group.name}`, or `attache run` for all services in one process.",
                )
            )
        elif group.lag > LONG_LAG:
            found.append(
                warning(
                    f"the {group.name} is {group.lag:,} records of {group.topic} behind",
                    f"See whether the {group.name} is well; if it is and does not catch up, run more replicas of it.",
                )
            )
    return found


def _members(group: Group) -> str:
    return "" if group.members is None else f" ({group.members} at work)"
