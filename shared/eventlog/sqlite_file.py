"""The SQLite file behind the log: its schema, and one method per transaction. Synchronous; used from one thread.

Offsets of a topic count from 0 without gaps and are never used twice, pruned or not.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from shared.eventlog import BadLog, Lag, Message, Record, Unavailable
from shared.eventlog.retention import cutoffs, keep_from

APPLICATION_ID = 0x41745463  # "AtTc" in the file's header: tells our logs from other SQLite files
FORMAT = 1
PATIENCE = timedelta(seconds=5)
READ_BYTES = 16_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

MARKS = """CREATE TABLE mark (
    topic TEXT NOT NULL, "group" TEXT NOT NULL, next_offset INTEGER NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (topic, "group")) WITHOUT ROWID"""
SCHEMA = (
    "CREATE TABLE topic (name TEXT PRIMARY KEY, next_offset INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE record (
        topic TEXT NOT NULL, offset INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        headers BLOB NOT NULL, appended_at INTEGER NOT NULL, PRIMARY KEY (topic, offset))""",
    """CREATE TABLE position (
        topic TEXT NOT NULL, "group" TEXT NOT NULL, next_offset INTEGER NOT NULL,
        PRIMARY KEY (topic, "group")) WITHOUT ROWID""",
    MARKS,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)
UNUSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""The file is damaged or none of SQLite's: waiting does not help."""
MISPLACED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
"""Where the file is cannot be written: at opening that is a setting to mend, later a trouble to wait out."""

_write_headers = msgspec.msgpack.Encoder().encode
_read_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode


class LogFile:
    """An open log file. Raises Unavailable for trouble that passes, BadLog for a file that will never do."""

    def __init__(self, path: Path, *, patience: timedelta = PATIENCE) -> None:
        self.path = path
        with self._troubles(opening=True):
            self._sql = sqlite3.connect(
                path, timeout=patience.total_seconds(), isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
                status = path.stat()
                self._place = status.st_dev, status.st_ino
            except BaseException:
                self._sql.close()
                raise

    def _prepare(self) -> None:
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = FULL")
        with self._transaction():
            (application,) = self._sql.execute("PRAGMA application_id").fetchone()
            (written,) = self._sql.execute("PRAGMA user_version").fetchone()
            (tables,) = self._sql.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables == 0:
                for statement in SCHEMA:
                    self._sql.execute(statement)
            elif application != APPLICATION_ID:
                raise BadLog(f"event log {self.path}: this SQLite file is something else's, not an event log")
            elif written != FORMAT:
                raise BadLog(f"event log {self.path}: has format {written}, this version reads format {FORMAT}")
            else:  # a file made before there were marks; what made it goes on reading it
                self._sql.execute(MARKS.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))

    def close(self) -> None:
        """Close the file; the last one out folds the write-ahead log into it."""
        self._sql.close()

    def append(self, topic: str, messages: Sequence[Message], at: datetime) -> None:
        """Append all messages, or none."""
        moment = _micros(at)
        rows = [(m.key, m.value, _write_headers(m.headers)) for m in messages]
        with self._troubles(), self._transaction():
            self._check_place()
            start = self._end(topic)
            self._sql.executemany(
                "INSERT INTO record (topic, offset, key, value, headers, appended_at) VALUES (?, ?, ?, ?, ?, ?)",
                [(topic, start + i, *row, moment) for i, row in enumerate(rows)],
            )
            self._sql.execute("INSERT OR REPLACE INTO topic VALUES (?, ?)", (topic, start + len(rows)))

    def read(self, topic: str, start: int, limit: int, *, before: int | None = None) -> list[Record]:
        """Return records from offset `start` up to `before`, at most `limit`, and no more than fits READ_BYTES."""
        found: list[Record] = []
        size = 0
        with self._troubles():
            rows = self._sql.execute(
                "SELECT offset, key, value, headers, appended_at FROM record"
                " WHERE topic = ? AND offset >= ? AND offset < ? ORDER BY offset LIMIT ?",
                (topic, start, 2**62 if before is None else before, limit),
            )
            try:
                for offset, key, value, headers, appended_at in rows:
                    at = EPOCH + appended_at * MICROSECOND
                    found.append(Record(topic, 0, offset, key, value, _read_headers(headers), at))
                    size += len(value)
                    if size >= READ_BYTES:
                        break
            finally:
                rows.close()
        return found

    def end(self, topic: str) -> int:
        """Return the offset the topic's next record will get."""
        with self._troubles():
            return self._end(topic)

    def join(self, topic: str, group: str) -> int:
        """Return where the group is; a new one is made known, at the beginning."""
        with self._troubles():
            at = self._position(topic, group)
            if at is None:
                with self._transaction():
                    self._sql.execute("INSERT OR IGNORE INTO position VALUES (?, ?, 0)", (topic, group))
            return at or 0

    def commit(self, topic: str, group: str, next_offset: int) -> None:
        """Move the group forward, never back."""
        with self._troubles(), self._transaction():
            self._move(topic, group, next_offset)

    def mark(self, topic: str, group: str, offset: int, note: str) -> None:
        """Move the group to `offset`, never back, and leave a note there in place of the last one."""
        with self._troubles(), self._transaction():
            self._move(topic, group, offset)
            self._sql.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?)", (topic, group, offset, note))

    def marked(self, topic: str, group: str) -> tuple[int, str] | None:
        """Return the group's note with its offset, if no commit has passed it."""
        with self._troubles():
            row: tuple[int, str] | None = self._sql.execute(
                'SELECT next_offset, note FROM mark WHERE topic = ? AND "group" = ?', (topic, group)
            ).fetchone()
            return row if row and row[0] == (self._position(topic, group) or 0) else None

    def lag(self, topic: str, group: str) -> Lag:
        """Count what the group has not committed, from the two ends: offsets have no gaps."""
        with self._troubles():
            position = self._position(topic, group) or 0
            row = self._sql.execute(
                "SELECT offset, appended_at FROM record WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT 1",
                (topic, position),
            ).fetchone()
            if row is None:
                return Lag(0, None)
            return Lag(self._end(topic) - row[0], EPOCH + row[1] * MICROSECOND)

    def prune(self, now: datetime) -> int:
        """Forget by shared.eventlog.retention, a topic at a time; the space is used again by later records."""
        gone = 0
        with self._troubles():
            topics = [name for (name,) in self._sql.execute("SELECT name FROM topic").fetchall()]
            for topic in topics:
                if (cut := cutoffs(topic, now)) is None:
                    continue
                with self._transaction():
                    (committed,) = self._sql.execute(
                        "SELECT min(next_offset) FROM position WHERE topic = ?", (topic,)
                    ).fetchone()
                    keep = keep_from(
                        first_unsettled=self._first_since(topic, cut.settled),
                        first_owable=self._first_since(topic, cut.owed),
                        committed=committed,
                    )
                    done = self._sql.execute("DELETE FROM record WHERE topic = ? AND offset < ?", (topic, keep))
                    gone += done.rowcount
        return gone

    def _move(self, topic: str, group: str, next_offset: int) -> None:
        self._sql.execute(
            'INSERT INTO position VALUES (?, ?, ?) ON CONFLICT (topic, "group")'
            " DO UPDATE SET next_offset = max(next_offset, excluded.next_offset)",
            (topic, group, next_offset),
        )

    def _check_place(self) -> None:
        """Refuse to take records into a file that nobody could open again."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != self._place:
            raise BadLog(f"event log {self.path}: the file was removed or replaced while it was in use")

    def _end(self, topic: str) -> int:
        row = self._sql.execute("SELECT next_offset FROM topic WHERE name = ?", (topic,)).fetchone()
        return int(row[0]) if row else 0

    def _position(self, topic: str, group: str) -> int | None:
        row = self._sql.execute(
            'SELECT next_offset FROM position WHERE topic = ? AND "group" = ?', (topic, group)
        ).fetchone()
        return int(row[0]) if row else None

    def _first_since(self, topic: str, moment: datetime) -> int:
        row = self._sql.execute(
            "SELECT offset FROM record WHERE topic = ? AND appended_at >= ? ORDER BY offset LIMIT 1",
            (topic, _micros(moment)),
        ).fetchone()
        return int(row[0]) if row else self._end(topic)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._sql.execute("COMMIT")
        except BaseException:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            raise

    @contextmanager
    def _troubles(self, *, opening: bool = False) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code, without SQLite's extension
            if code in UNUSABLE or (opening and code in MISPLACED):
                raise BadLog(f"event log {self.path}: {error}") from error
            if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
                raise Unavailable(f"event log {self.path}: {error}") from error
            raise


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
