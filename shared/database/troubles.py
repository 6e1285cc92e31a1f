"""What a database says went wrong, sorted by who can mend it: time, a person, or us."""

import sqlite3
from enum import Enum, auto
from ssl import SSLError

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

PASSING_CLASSES = ("08", "53", "57", "58")
"""SQLSTATE classes: connection lost, out of resources (disk, memory, connections), operator's or timeout's doing
(shutting down, starting up, statement cancelled), trouble of its machine. PostgreSQL manual, appendix A."""
PASSING = frozenset(
    {
        "25006",  # read only: a standby, or the old primary after a failover
        "25P03",  # our transaction stood idle for too long: this process was stopped, or its machine
        "40001",  # could not serialise
        "40003",  # whether the statement completed is not known
        "40P01",  # deadlock, and we were chosen
        "55P03",  # a lock was not to be had in time
    }
)
LOGIN = {
    "28P01": "the password is wrong: check DB_PASSWORD_FILE, or the password in DB_URL",
    "28000": "the server does not let this user in from here: check the user in DB_URL and the server's pg_hba.conf",
    "3D000": "make it with CREATE DATABASE, or correct the name in DB_URL",
    "42501": "give the user rights on the database and its schema public, or make it their owner",
}
"""Refusals that a person must mend, with what to do."""
NO_SSL = "rejected SSL"
PASSING_WORDS = ("connection is closed", "connection was closed", "cached statement plan")
"""What the driver says without an SQLSTATE: its connection had gone before it could ask; a prepared statement met a
schema that has changed since (SQLAlchemy prepares it anew the next time)."""


class Kind(Enum):
    """Who can mend a trouble."""

    PASSING = auto()
    LOGIN = auto()
    OURS = auto()


def kind_of(error: Exception) -> Kind:
    """Sort an error that came out of SQLAlchemy or the driver under it.

    The PostgreSQL driver's own troubles with the network come as plain OSError (TimeoutError among them). SQLite
    calls a mistake in the SQL (no such table) operational too; that is ours, and waiting would not mend it.
    """
    if isinstance(error, OSError):
        return Kind.LOGIN if isinstance(error, SSLError) or NO_SSL in str(error) else Kind.PASSING
    if isinstance(error, DBAPIError):
        words, state = str(error.orig), getattr(error.orig, "sqlstate", None)
        if state in LOGIN:
            return Kind.LOGIN
        passing = (
            error.connection_invalidated
            or any(one in words for one in PASSING_WORDS)
            or (_is_passing(state) if state is not None else _is_busy(error))
        )
        return Kind.PASSING if passing else Kind.OURS
    return Kind.PASSING if isinstance(error, PoolTimeout) else Kind.OURS


def advice(error: Exception) -> str:
    """Say what to do about a refused login."""
    if isinstance(error, OSError):
        return "check sslmode and sslrootcert in DB_URL, and the server's certificate"
    return LOGIN.get(getattr(getattr(error, "orig", None), "sqlstate", ""), "")


def _is_passing(state: str) -> bool:
    return state in PASSING or state.startswith(PASSING_CLASSES)


def _is_busy(error: DBAPIError) -> bool:
    mistake = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError) and not mistake
