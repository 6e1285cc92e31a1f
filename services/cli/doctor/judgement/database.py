"""Whether the database will serve, and as many processes as there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.doctor.finding import Finding, failure, ok, warning

TESTED_FROM = 15
USERS = ("fetcher", "store", "notifier", "web")
"""The services that open the database; each of their replicas is a process with a pool of its own."""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server as our user sees it.

    `denied` names tables of ours that exist and cannot be written, `pool` is how many connections one process of ours
    may open, `in_use` how many other users have open.
    """

    version: int
    version_text: str
    encoding: str
    standby: bool
    read_only: bool
    may_create: bool
    denied: tuple[str, ...]
    max_connections: int
    reserved: int
    in_use: int
    pool: int


def judge_server(seen: Server) -> Sequence[Finding]:
    """Judge a server that answers."""
    found = [*_writing(seen), *_encoding(seen), *_connections(seen)]
    if seen.version < TESTED_FROM:
        found.append(
            warning(
                f"PostgreSQL {seen.version_text} is older than this version of Attaché was tested on",
                f"Upgrade the server to PostgreSQL {TESTED_FROM} or newer.",
            )
        )
    room = (seen.max_connections - seen.reserved - seen.in_use) // seen.pool
    told = f"PostgreSQL {seen.version_text}, {seen.encoding}, connections for {max(room, 0)} more processes"
    return [ok(told), *found]


def _writing(seen: Server) -> list[Finding]:
    if seen.standby:
        return [failure("the server is a standby that only reads", "Point DB_URL at the primary.")]
    if seen.read_only:
        return [
            failure(
                "transactions are read-only here",
                "Set default_transaction_read_only=off for this user, or point DB_URL at the primary.",
            )
        ]
    if seen.denied:
        return [
            failure(
                f"this user may not write {', '.join(seen.denied)}",
                "Grant it SELECT, INSERT, UPDATE and DELETE on all tables of Attaché, or use the user that owns them.",
            )
        ]
    return []


def _encoding(seen: Server) -> list[Finding]:
    if seen.encoding == "UTF8":
        return []
    return [
        failure(
            f"the database is encoded in {seen.encoding}",
            "Create it anew with ENCODING 'UTF8' TEMPLATE template0; news come in all scripts.",
        )
    ]


def _connections(seen: Server) -> list[Finding]:
    taken, need = seen.reserved + seen.in_use, len(USERS) * seen.pool
    room = seen.max_connections - taken
    if room >= need:
        return []
    return [
        warning(
            f"{room} of {seen.max_connections} connections are free; one each of {', '.join(USERS)} may open {need}",
            f"Raise max_connections to {taken + need} or more; each further process may open {seen.pool}.",
        )
    ]
