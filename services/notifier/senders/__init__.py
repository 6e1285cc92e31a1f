"""Channels: each takes a delivery to its receiver and says what came of it. To add one, add a file and a name."""

from datetime import datetime
from typing import Protocol

from services.notifier.delivery import Delivery, Outcome


class Sender(Protocol):
    """One channel."""

    async def send(self, delivery: Delivery, now: datetime) -> Outcome:
        """Make one attempt within ATTEMPT_DEADLINE. Trouble on the way is an outcome, never an exception."""
        ...
