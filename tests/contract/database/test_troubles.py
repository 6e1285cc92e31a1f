"""What PostgreSQL's troubles come out as, on a real server that is stopped, killed, locked, full and cut off."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from services.store.service import open_store
from shared.database.engine import BadDatabaseUrl, NotLetIn, infrastructure_errors, open_database, reading
from shared.database.migrate import ensure_schema
from shared.database.tables.store import article
from shared.eventlog import Unavailable
from shared.eventlog.memory import MemoryLog
from shared.metrics import Metrics
from shared.settings import Settings
from shared.telemetry import Health
from shared.topics import DEAD_LETTERS, TAGGED_ARTICLES
from tests.faults.tools.proxy import open_proxy
from tests.servers import Missing
from tests.servers.postgresql import Server, open_server
from tests.unit.store.conftest import an_arrival
from tests.unit.store.test_service import message


@pytest.fixture(scope="module")
def own_server(_postgresql: Server | None) -> Iterator[Server | None]:
    """A server that may be stopped; the other tests' stays up."""
    if _postgresql is None:
        yield None
        return
    try:
        with open_server() as server:
            yield server
    except Missing:
        yield None


@pytest.fixture
def server(postgresql_server: Server, own_server: Server) -> Iterator[Server]:
    yield own_server
    if own_server.process is None:
        own_server.start()


@pytest.fixture
def url(server):
    return server.url(server.new_database())


@pytest.fixture
async def engine(url):
    async with open_database(url) as opened:
        yield opened


async def ask(engine, statement="SELECT 1", *, what="store"):
    async with infrastructure_errors(what), engine.begin() as connection:
        result = await connection.execute(text(statement))
        return result.scalar_one() if result.returns_rows else None


def raising(state):
    return f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$"


@pytest.mark.parametrize(
    "state",
    [
        "08006",  # connection failure
        "25006",  # read only, after a failover
        "40001",  # serialization failure
        "40P01",  # deadlock
        "53100",  # disk full
        "53200",  # out of memory
        "53300",  # too many connections
        "55P03",  # lock not available
        "57014",  # statement timeout
        "57P01",  # shutting down
        "57P03",  # starting up
        "58030",  # input or output error
    ],
)
async def test_trouble_of_the_server_is_unavailable_and_leaves_no_broken_connection(engine, state):
    with pytest.raises(Unavailable, match="store: so it is"):
        await ask(engine, raising(state))
    assert await ask(engine) == 1


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "does not exist"),
        (raising("23505"), "so it is"),  # a unique violation
        (raising("22003"), "so it is"),  # a number out of range
        (raising("XX001"), "so it is"),  # damaged data
    ],
)
async def test_mistakes_of_ours_and_damage_are_no_passing_trouble(engine, statement, words):
    with pytest.raises(DBAPIError, match=words):
        await ask(engine, statement)


async def test_two_that_wait_for_each_other_are_parted_and_one_may_try_again(engine):
    await ask(engine, "CREATE TABLE t AS SELECT 1 AS id UNION SELECT 2")
    met = asyncio.Barrier(2)

    async def lock(first, second):
        async with infrastructure_errors("store"), engine.begin() as connection:
            await connection.execute(text(f"SELECT id FROM t WHERE id = {first} FOR UPDATE"))  # noqa: S608 - numbers
            await met.wait()
            await connection.execute(text(f"SELECT id FROM t WHERE id = {second} FOR UPDATE"))  # noqa: S608 - numbers

    ends = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    (parted,) = [end for end in ends if end is not None]
    assert isinstance(parted, Unavailable)
    assert "deadlock" in str(parted)


async def test_a_lock_is_waited_for_no_longer_than_said(engine, url):
    await ask(engine, "CREATE TABLE t AS SELECT 1 AS id")
    async with open_database(url) as other, other.begin() as holding:
        await holding.execute(text("LOCK TABLE t"))
        with pytest.raises(Unavailable, match="lock timeout"):
            await ask(engine, "SELECT id FROM t")
    assert await ask(engine, "SELECT id FROM t") == 1


async def test_a_connection_ended_in_the_middle_is_unavailable_and_the_next_one_works(engine, server):
    async def work():
        async with infrastructure_errors("store"), engine.begin() as connection:
            backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await asyncio.to_thread(server.sql, f"SELECT pg_terminate_backend({backend})")
            await connection.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        await work()
    assert await ask(engine) == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_restart_costs_those_who_come_after_it_nothing(engine, server, end):
    async def together():
        return await asyncio.gather(*(ask(engine, "SELECT pg_sleep(0.05)") for _ in range(8)))

    await together()  # so that the pool is full
    await asyncio.to_thread(getattr(server, end))
    with pytest.raises(Unavailable, match="store: "):
        await ask(engine)
    await asyncio.to_thread(server.start)
    await together()


async def test_too_many_connections_are_unavailable(server, url):
    server.sql("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    async with open_database(url.replace("attache@", "crowded@")) as engine:
        with pytest.raises(Unavailable, match="too many connections"):
            await ask(engine)


async def test_a_password_is_read_anew_for_each_connection_and_a_wrong_one_is_waited_out(server, url, tmp_path):
    """At the start a wrong password is a mistake to be told; later it may be one that is just being changed."""
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'right'")
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text("host all guest 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    server.sql("SELECT pg_reload_conf()")
    file = tmp_path / "password"
    file.write_text("wrong\n")
    async with open_database(url.replace("attache@", "guest@"), password_file=file) as engine:
        with pytest.raises(BadDatabaseUrl, match=r"guest@127.*authentication failed.*check DB_PASSWORD_FILE") as told:
            await ensure_schema(engine)
        assert "wrong" not in str(told.value).replace("the password is wrong", "")
        with pytest.raises(NotLetIn, match=r"store: .*check DB_PASSWORD_FILE"):
            await ask(engine)
        file.write_text("right\n")
        assert await ask(engine) == 1


async def test_connections_have_a_name_and_notice_a_silent_end(engine):
    assert await ask(engine, "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()") == "attache"
    assert await ask(engine, "SHOW tcp_keepalives_idle") == "15"
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        ours = raw._transport.get_extra_info("socket")
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15


async def hang_in_the_middle(engine, proxy):
    async with infrastructure_errors("store", within=timedelta(seconds=1)), engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        proxy.hang()
        await connection.execute(text("SELECT 1"))


async def test_a_link_that_hangs_is_noticed_whether_idle_or_in_use_and_works_once_whole(server):
    with open_proxy(server.port) as proxy:
        async with asyncio.timeout(60), open_database(server.url(port=proxy.port)) as engine:
            assert await ask(engine) == 1
            with pytest.raises(Unavailable, match="no answer within 0:00:01"):
                await hang_in_the_middle(engine, proxy)
            proxy.heal()
            assert await ask(engine) == 1
            proxy.hang()
            with pytest.raises(Unavailable):  # the connection that lay in the pool
                await ask(engine)
            proxy.heal()
            assert await ask(engine) == 1
            proxy.hang()  # and nobody answers the farewell


async def test_a_store_whose_server_comes_and_goes_loses_and_buries_nothing(server, url, monkeypatch):
    for name in ("PAUSE_BASE", "PAUSE_CAP"):
        monkeypatch.setattr(f"shared.consume.{name}", timedelta(seconds=0.1))
    log, stop = MemoryLog(), asyncio.Event()
    metrics = Metrics(CollectorRegistry())
    async with open_database(url) as engine:
        await ensure_schema(engine)

        async def stored():
            async with reading(engine, "test") as connection:
                return (await connection.execute(select(func.count()).select_from(article))).scalar_one()

        async def run():
            async with open_store(Settings(), eventlog=log, engine=engine, metrics=metrics, health=Health()) as store:
                await store(stop)

        async with asyncio.TaskGroup() as group:
            group.create_task(run())
            sent = 0
            for end in ("stop", "kill", "stop"):
                fresh = [
                    an_arrival(n, dyad=("KHM", "USA") if n % 2 else ("FIN", "NOR")) for n in range(sent, sent + 300)
                ]
                for start in range(0, 300, 20):  # the end comes while batches are being stored
                    await log.append(TAGGED_ARTICLES.name, [message(one) for one in fresh[start : start + 20]])
                    if start == 100:
                        ending = group.create_task(asyncio.to_thread(getattr(server, end)))
                    await asyncio.sleep(0)
                await ending
                await asyncio.to_thread(server.start)
                sent += 300
            async with asyncio.timeout(60):
                while await stored() < sent:
                    await asyncio.sleep(0.05)
            stop.set()
        assert await stored() == sent
    for spec in DEAD_LETTERS:
        assert [record async for record in log.scan(spec.name)] == []
    assert metrics.registry.get_sample_value("attache_stage_pauses_total", {"stage": "store"})
