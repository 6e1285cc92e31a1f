"""A limit to what a library may log: an outage must not fill the disk with a hundred like lines a second."""

import logging


class LogLimit(logging.Filter):
    """Lets `lines` records of `library` (and below) through per `seconds`; the next one says how many were left out.

    Records of everyone else pass, and so does what is worse than an error. The time is the records' own.
    """

    def __init__(self, library: str, *, lines: int = 6, seconds: float = 60.0) -> None:
        super().__init__(library)
        self._lines = lines
        self._seconds = seconds
        self._since = float("-inf")
        self._passed = 0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether `record` is to be written."""
        if not super().filter(record) or record.levelno > logging.ERROR:
            return True
        if not 0 <= record.created - self._since < self._seconds:
            self._since, self._passed = record.created, 0
        self._passed += 1
        if self._passed > self._lines:
            self._left_out += 1
            return False
        if self._left_out:
            record.msg, record.args = (
                f"{record.getMessage()} ({self._left_out} lines of {self.name} left out before)",
                (),
            )
            self._left_out = 0
        return True
