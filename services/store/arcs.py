"""The life of a matter: which status may follow which, and what of that is news.

standing, proposed and under-discussion are one level, talk: outlets word the same talks any of these ways. begun,
resumed and expanded are one level, under way. denied and criticised are stances: they move no state, but the first
denial is news. A stop may come at any time; after a suspension only an agreement, a new start or the end is news;
nothing follows the end. A status that a development has told once it never tells again, so neither a slow outlet
nor a replay repeats it.
"""

from collections.abc import Collection
from enum import StrEnum

from shared.vocabulary import Status

STANCES = frozenset({Status.DENIED, Status.CRITICISED})
STOPS = frozenset({Status.SUSPENDED, Status.CANCELLED_ENDED})
LEVEL = {
    Status.DENIED: 0,
    Status.CRITICISED: 0,
    Status.STANDING: 1,
    Status.PROPOSED: 1,
    Status.UNDER_DISCUSSION: 1,
    Status.AGREED_SIGNED: 2,
    Status.BEGUN: 3,
    Status.RESUMED: 3,
    Status.EXPANDED: 3,
    Status.CONCLUDED: 4,
}
"""How far a matter has come; stops stand outside this order."""

AFTER_SUSPENSION = frozenset({Status.AGREED_SIGNED, Status.BEGUN, Status.RESUMED, Status.CANCELLED_ENDED})
STATE_CHANGES = STOPS | {Status.AGREED_SIGNED, Status.BEGUN, Status.RESUMED, Status.EXPANDED}
"""Statuses that change what is the case; talk, a meeting held, stances and standing facts do not."""


class Move(StrEnum):
    """What a reported status means for a matter: FORWARD and DENIAL are news, the others say why not."""

    FORWARD = "forward"
    DENIAL = "denial"
    TOLD = "already told"
    SAME_LEVEL = "same level"
    BACKWARD = "backward"
    OLDER = "older report"
    STANCE = "a stance"
    ENDED = "already ended"


def move(  # noqa: PLR0911 - a table of rules, one return each
    before: Status, after: Status, *, told: Collection[Status], older: bool
) -> Move:
    """Judge `after` against the state `before` and the statuses `told`; `older`: the report predates that state."""
    if after in told:
        return Move.TOLD
    if after is Status.DENIED:
        return Move.OLDER if older else Move.DENIAL
    if after in STANCES:
        return Move.STANCE
    if before is Status.CANCELLED_ENDED:
        return Move.ENDED
    if after in STOPS:
        return Move.OLDER if older else Move.FORWARD
    if before is Status.SUSPENDED:
        if after not in AFTER_SUSPENSION:
            return Move.BACKWARD
        return Move.OLDER if older else Move.FORWARD
    if LEVEL[after] > LEVEL[before]:
        return Move.FORWARD
    return Move.SAME_LEVEL if LEVEL[after] == LEVEL[before] else Move.BACKWARD
