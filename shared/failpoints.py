"""Named places in the code where a test may end the process, so that each of them is tried.

Nothing happens unless FAILPOINTS names one: `store.stored` at its first passing, `store.stored:3` at its third. The
end is SIGKILL, which no handler sees: what a crash of the machine leaves behind is what is left behind.
"""

import os
import signal
from collections.abc import Sequence

from shared.settings import BadSettings

NAMES = (
    "fetcher.leased",
    "fetcher.fetched",
    "fetcher.appended",
    "fetcher.remembered",
    "tagger.read",
    "tagger.appended",
    "tagger.handled",
    "tagger.committed",
    "store.read",
    "store.written",
    "store.handled",
    "store.committed",
    "store.relayed",
    "notifier.read",
    "notifier.handled",
    "notifier.committed",
    "notifier.leased",
    "notifier.sent",
    "notifier.recorded",
)
"""Each is passed right after what it names. `store.written` stands before the database's commit, `store.handled` after
it and before the log's."""

_armed: dict[str, int] = {}


def arm(specs: Sequence[str]) -> None:
    """Arm failpoints given as `name` or `name:n`; raises BadSettings for a name that is none."""
    _armed.clear()
    for spec in specs:
        name, _, nth = spec.partition(":")
        if name not in NAMES or not (nth or "1").isdigit():
            raise BadSettings(f"FAILPOINTS={spec!r}: must be one of {', '.join(NAMES)}, with :n for its n-th passing")
        _armed[name] = int(nth or "1")


def passing(name: str) -> None:
    """End the process here if this is the passing it was armed for."""
    if name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
