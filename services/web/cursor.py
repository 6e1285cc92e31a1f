"""Where a page of alerts ended, as an opaque text for the next request. Pure."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

MAX_SEQUENCE = 2**31 - 1
"""What the column holds."""


class BadCursor(Exception):  # noqa: N818
    """The text is no cursor of ours."""


@dataclass(frozen=True)
class Cursor:
    """The last alert of a page. The next page holds what is older: (raised_at, sequence, id) below this, newest first.

    Of alerts raised at one instant an update stands above what it updates. Since that order never changes for what
    is stored, alerts arriving between two requests neither shift nor repeat anything.
    """

    raised_at: datetime
    sequence: int
    id: str

    def write(self) -> str:
        """Return the cursor as URL-safe text."""
        raw = f"{self.raised_at.isoformat()}|{self.sequence}|{self.id}"
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """Read what `Cursor.write` wrote; raises BadCursor for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        moment, number, alert_id = raw.split("|", 2)
        raised_at, sequence = datetime.fromisoformat(moment), int(number)
    except (ValueError, binascii.Error) as error:
        raise BadCursor("not a cursor of this service") from error
    if not alert_id or raised_at.tzinfo is None or "\x00" in alert_id or not 0 <= sequence <= MAX_SEQUENCE:
        raise BadCursor("not a cursor of this service")
    return Cursor(raised_at, sequence, alert_id)
