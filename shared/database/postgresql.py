"""The PostgreSQL engine: how people's URLs are read, and how a connection is made that cannot hang or go stale."""

import re
import socket
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.failures import Refused
from shared.settings import without_password

POOL_KEPT, POOL_MORE = 4, 4
"""Connections of one process: kept, and opened beyond that for a while. Ten processes stay below the server's 100;
whoever finds none free waits, since our transactions last milliseconds."""
POOL_WAIT = timedelta(seconds=10)
CONNECT_TIMEOUT = timedelta(seconds=10)
BEGIN_TIMEOUT = timedelta(seconds=5)
"""BEGIN costs a server nothing: one that takes longer is not there any more."""
LOCK_TIMEOUT = timedelta(seconds=5)
STATEMENT_TIMEOUT = timedelta(seconds=25)
IDLE_TIMEOUT = timedelta(seconds=10)
"""How long an open transaction may do nothing, holding its locks: a process that was stopped must not stop others.
Between two statements of ours lie milliseconds, and a replica is missed by its group only after longer than this."""
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 15, 5, 3
"""Seconds of silence before TCP asks whether the other end is still there, and how often: 30 s in all."""
PARAMETERS = (
    "application_name",
    "connect_timeout",
    "host",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class BadDatabaseUrl(Refused):
    """The database URL cannot be understood or used; the message says which part and why."""


class Connection(asyncpg.Connection):  # type: ignore[misc] # it ships no types
    """A connection that notices at the beginning of a transaction when nobody is at the other end."""

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109 - its base's
        """Execute as the base does; BEGIN, which the pool's test of a connection begins with too, has a limit."""
        if timeout is None and query.startswith("BEGIN"):
            timeout = BEGIN_TIMEOUT.total_seconds()
        status: str = await super().execute(query, *args, timeout=timeout)
        return status


def shown_url(url: str) -> str:
    """Return a URL with the first only of several hosts, for those who cannot read more (libpq: `h1:5432,h2/db`)."""
    return re.sub(r"^(postgresql[^:]*://(?:[^/?@]*@)?[^/?,]*),[^/?]*", r"\1", url)


def open_postgresql(url: str, parsed: URL, password_file: Path | None) -> AsyncEngine:
    """Return an engine for `url`, `parsed` being what SQLAlchemy makes of it; it connects at its first use.

    A connection is tried before it is given out, so that a server that was restarted costs nobody an error, only
    0.4 ms each time. Raises BadDatabaseUrl.
    """
    where = f"DB_URL {without_password(url)!r}"
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if unknown := sorted(query.keys() - set(PARAMETERS)):
        raise BadDatabaseUrl(f"{where}: unknown parameter {', '.join(unknown)}; known: {', '.join(PARAMETERS)}")
    if not parsed.database:
        raise BadDatabaseUrl(f"{where}: names no database; write postgresql://user@host/database")
    if (mode := query.get("sslmode")) is not None and mode not in SSL_MODES:
        raise BadDatabaseUrl(f"{where}: sslmode={mode}: must be one of {', '.join(SSL_MODES)}")
    for name in ("sslrootcert", "sslcert", "sslkey"):
        if name in query and not Path(query[name]).is_file():
            raise BadDatabaseUrl(f"{where}: {name}={query[name]}: no such file")
    seconds = query.pop("connect_timeout", str(CONNECT_TIMEOUT.total_seconds()))
    if not re.fullmatch(r"\d+(\.\d+)?", seconds) or not float(seconds):
        raise BadDatabaseUrl(f"{where}: connect_timeout={seconds}: must be seconds, more than 0")
    options: dict[str, Any] = {
        "dsn": re.sub(r"^postgresql[^:]*", "postgresql", url).partition("?")[0] + f"?{urlencode(query)}",
        "timeout": float(seconds),
        "connection_class": Connection,
        "server_settings": {
            "application_name": query.pop("application_name", "attache"),
            "lock_timeout": _milliseconds(LOCK_TIMEOUT),
            "statement_timeout": _milliseconds(STATEMENT_TIMEOUT),
            "idle_in_transaction_session_timeout": _milliseconds(IDLE_TIMEOUT),
            "tcp_keepalives_idle": str(KEEPALIVE_IDLE),
            "tcp_keepalives_interval": str(KEEPALIVE_INTERVAL),
            "tcp_keepalives_count": str(KEEPALIVE_COUNT),
        },
    }
    if password_file is not None:
        if parsed.password:
            raise BadDatabaseUrl(
                f"{where}: it has a password, and DB_PASSWORD_FILE names one too: leave one of them out"
            )
        read_password(password_file)
        options["password"] = partial(read_password, password_file)
    return create_async_engine(
        parsed.set(query={}),
        async_creator=partial(_connect, options),
        pool_size=POOL_KEPT,
        max_overflow=POOL_MORE,
        pool_timeout=POOL_WAIT.total_seconds(),
        pool_pre_ping=True,
    )


def read_password(file: Path) -> str:
    """Read a password from its file; a line break at the end is not part of it. Raises BadDatabaseUrl."""
    try:
        password = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise BadDatabaseUrl(f"DB_PASSWORD_FILE={str(file)!r}: {error}") from error
    if not password:
        raise BadDatabaseUrl(f"DB_PASSWORD_FILE={str(file)!r}: the file is empty")
    return password


async def _connect(options: dict[str, Any]) -> Any:
    connection = await asyncpg.connect(**options)
    end = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg shows its socket nowhere else
    if end is not None and end.family in {socket.AF_INET, socket.AF_INET6}:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
            ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
            ("TCP_KEEPCNT", KEEPALIVE_COUNT),
            ("TCP_USER_TIMEOUT", 1000 * (KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT)),
        ):
            if hasattr(socket, name):  # Linux has all of them, others some
                end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


def _milliseconds(length: timedelta) -> str:
    return str(round(length.total_seconds() * 1000))
