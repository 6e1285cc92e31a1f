"""`attache doctor` as people run it, on real servers that are well, broken or not there at all."""

import asyncio
import json
import os
import re
import socket
import sqlite3
import stat
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.cli.doctor.command import checks
from services.cli.doctor.examine import examine_all
from services.cli.doctor.finding import State
from services.cli.doctor.layout import worst
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.eventlog.kafka.address import parse
from shared.settings import Settings
from tests.faults.tools.small_disk import open_small_disk
from tests.servers import Missing, free_port
from tests.system.world import start

REMOUNT = ("mount", "-o", "remount,ro")
FEEDS = '[[feed]]\nname = "Here"\nurl = "http://127.0.0.1:9/feed"\nkind = "wire"\ngrade = "F"\nlanguage = "en"\n'


@pytest.fixture
def env(tmp_path):
    feeds = tmp_path / "feeds.toml"
    feeds.write_text(FEEDS)
    return {
        "DATA_DIR": str(tmp_path / "data"),
        "FEEDS_FILE": str(feeds),
        "CONTACT": "desk@example.org",
        "WEB_PORT": str(free_port()),
        "OPS_PORT": str(free_port()),
    }


async def doctor(env, *args, code):
    out = Path(env["FEEDS_FILE"]).with_name("doctor.out")
    out.unlink(missing_ok=True)
    process = await start(env, "doctor", *args, log=out)
    assert await asyncio.wait_for(process.wait(), 60) == code, out.read_text()
    return out.read_text()


async def diagnosis(env, *, code=None):
    """Return what is found of each check: its state and all its words in one text. The checks run in this process."""
    examined = await examine_all(checks(Settings.from_env(env)))
    told = {
        one.name: (one.state.value, " ".join(f"{each.found} {each.advice}" for each in one.findings))
        for one in examined
    }
    assert code in {None, int(worst(examined) is State.FAILURE)}, told
    return told


async def migrate(env):
    settings = Settings.from_env(env)
    async with open_database(settings.db_url) as engine:
        await ensure_schema(engine)


async def test_a_new_machine_is_well_and_nothing_is_made_on_it(env):
    found = await diagnosis(env, code=0)
    assert {name for name, (state, _) in found.items() if state not in {"ok", "skipped"}} == set()
    assert "attache run" in found["database"][1]
    assert not Path(env["DATA_DIR"]).exists()


async def test_what_is_printed_has_no_colour_in_a_file_and_fits_its_width(env):
    told = await doctor({**env, "COLUMNS": "72"}, code=0)
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) <= 72
    assert re.search(r"\d+ checks: \d+ ok, \d+ skipped", told)


async def test_what_is_told_to_machines_is_json_and_a_failure_ends_with_1(env):
    document = json.loads(await doctor({**env, "SMTP_URL": f"smtp://127.0.0.1:{free_port()}"}, "--json", code=1))
    assert document["state"] == "failure"
    assert [one["name"] for one in document["checks"] if one["state"] == "failure"] == ["mail"]


async def test_bad_settings_are_refused_as_by_every_command(env):
    told = await doctor({**env, "WEB_PORT": "http", "LOG_URL": "kafka:"}, code=2)
    assert "WEB_PORT" in told


async def test_a_running_attache_is_recognised_at_its_ports_and_as_owner_of_the_log(env, tmp_path):
    running = await start({**env, "POLL_FLOOR_SECONDS": "3600"}, "run", log=tmp_path / "run")
    try:
        while (await diagnosis(env))["ports"][1].count("is Attaché, running") < 2:
            assert running.returncode is None, (tmp_path / "run").read_text()
        found = await diagnosis(env, code=0)
    finally:
        running.terminate()
        assert await running.wait() == 0
    assert f"in use by process {running.pid}" in found["log"][1]
    assert "newest revision" in found["tables"][1]


async def test_what_else_holds_a_port_is_no_attache(env):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(env["WEB_PORT"])))
        taken.listen()
        state, told = (await diagnosis(env, code=1))["ports"]
    assert state == "failure"
    assert "Set WEB_PORT to another port" in told


async def test_files_that_people_wrote_are_judged_as_the_services_would(env, tmp_path):
    (tmp_path / "feeds.toml").write_text(FEEDS.replace("http:", "gopher:"))
    subscriptions = tmp_path / "subscriptions.toml"
    subscriptions.write_text('[[subscription]]\nname = "X"\ntopics = ["no-such"]\nchannel = { terminal = true }\n')
    found = await diagnosis({**env, "SUBSCRIPTIONS_FILE": str(subscriptions)}, code=1)
    assert (found["feeds"][0], "feeds.toml:3" in found["feeds"][1]) == ("failure", True)
    assert (found["subscriptions"][0], "no-such" in found["subscriptions"][1]) == ("failure", True)


async def test_a_folder_that_cannot_be_written_is_told_with_all_that_is_in_it(env):
    folder = Path(env["DATA_DIR"])
    folder.write_text("a file in the way")
    found = await diagnosis(env, code=1)
    assert found["disk"][0] == "failure"
    assert "DATA_DIR" in found["disk"][1]


@pytest.fixture
def disk():
    try:
        with open_small_disk(4 << 20) as disk:
            yield disk
    except Missing as why:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(why))


async def test_a_full_disk_is_told(env, disk):
    disk.fill()
    state, told = (await diagnosis({**env, "DATA_DIR": str(disk.outside)}, code=1))["disk"]
    assert (state, "No space left" in told) == ("failure", True)


async def test_a_disk_mounted_for_reading_only_is_told(env, disk):
    disk.python("import subprocess, sys; subprocess.run(sys.argv[1:], check=True)", *REMOUNT, str(disk.folder))
    state, told = (await diagnosis({**env, "DATA_DIR": str(disk.outside)}, code=1))["disk"]
    assert (state, "Read-only file system" in told) == ("failure", True)


async def test_a_disk_with_too_little_room_is_told(env, disk):
    assert disk.free < 50_000_000
    state, told = (await diagnosis({**env, "DATA_DIR": str(disk.outside)}, code=1))["disk"]
    assert (state, "free of 4.19 MB" in told) == ("failure", True)


async def test_a_database_file_that_is_none_is_told_beside_the_rest(env):
    folder = Path(env["DATA_DIR"])
    folder.mkdir()
    (folder / "attache.db").write_text("this is no database, but long enough to be looked at as one" * 20)
    found = await diagnosis(env, code=1)
    assert (found["database"][0], "not a database" in found["database"][1]) == ("failure", True)
    assert found["tables"][0] == "skipped"
    assert found["log"][0] == "ok"


async def test_a_database_from_a_later_version_is_told(env, postgresql_server, postgresql_url):
    await migrate({**env, "DB_URL": postgresql_url})
    postgresql_server.sql("UPDATE alembic_version SET version_num = '9999'", postgresql_url.rpartition("/")[2])
    state, told = (await diagnosis({**env, "DB_URL": postgresql_url}, code=1))["tables"]
    assert (state, "9999" in told, "later one" in told) == ("failure", True, True)


async def test_kafka_and_postgresql_that_are_well_and_empty(env, kafka_url, postgresql_url):
    found = await diagnosis({**env, "LOG_URL": kafka_url, "DB_URL": postgresql_url}, code=0)
    assert "a broker answers" in found["broker"][1]
    assert (found["topics"][0], "not there yet" in found["topics"][1]) == ("ok", True)
    assert (found["tables"][0], "attache migrate" in found["tables"][1]) == ("warning", True)
    assert "within 1 s of the database server's clock" in found["clock"][1]
    await migrate({**env, "DB_URL": postgresql_url})
    found = await diagnosis({**env, "LOG_URL": kafka_url, "DB_URL": postgresql_url}, code=0)
    assert (found["tables"][0], "newest revision" in found["tables"][1]) == ("ok", True)


async def test_topics_that_somebody_made_otherwise_are_told_each_with_what_is_wrong(env, kafka_broker, kafka_url):
    address = parse(kafka_url)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_broker.address)
    await admin.start()
    await admin.create_topics(
        [
            NewTopic(address.topic("articles"), 2, 1, topic_configs={"retention.ms": "3600000"}),
            NewTopic(address.topic("tagged"), 6, 1, topic_configs={"max.message.bytes": "1000"}),
            NewTopic(address.topic("alerts"), 6, 1, topic_configs={"min.insync.replicas": "2"}),
        ]
    )
    await admin.close()
    state, told = (await diagnosis({**env, "LOG_URL": kafka_url}, code=1))["topics"]
    assert state == "failure"
    for words in (
        "articles: 2 partitions, KAFKA_PARTITIONS says 6",
        "articles: kept for 1 hours, should be kept for 14 days",
        "tagged: takes messages up to 1,000 bytes",
        "alerts: min.insync.replicas is 2, more than its 1 replicas",
    ):
        assert words in told


async def test_an_advertised_address_that_nobody_reaches_is_told_as_what_it_is(env, kafka_broker):
    url = f"kafka://127.0.0.1:{kafka_broker.behind_proxy_port}"
    found = await diagnosis({**env, "LOG_URL": url}, code=1)
    state, told = found["broker"]
    assert state == "failure"
    assert f"tells clients to use 127.0.0.1:{kafka_broker.proxied_port}" in told
    assert "advertised.listeners" in told
    assert found["topics"][0] == "skipped"


async def test_servers_that_are_down_are_told_each(env):
    kafka, postgresql = free_port(), free_port()
    found = await diagnosis(
        {
            **env,
            "LOG_URL": f"kafka://127.0.0.1:{kafka}",
            "DB_URL": f"postgresql://attache@127.0.0.1:{postgresql}/attache",
            "SMTP_URL": f"smtp://127.0.0.1:{free_port()}",
        },
        code=1,
    )
    for name in ("broker", "database", "mail"):
        assert found[name][0] == "failure", found
    assert str(kafka) in found["broker"][1]
    for name in ("topics", "groups", "tables"):
        assert found[name][0] == "skipped", found


async def test_a_server_that_takes_connections_and_never_answers_ends_no_check_but_its_own(env):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        found = await diagnosis(
            {**env, "LOG_URL": f"kafka://127.0.0.1:{port}", "DB_URL": f"postgresql://attache@127.0.0.1:{port}/x"},
            code=1,
        )
    assert found["broker"][0] == found["database"][0] == "failure"
    assert found["disk"][0] == "ok"


async def test_a_secret_that_everybody_can_read_is_told_and_never_shown(env, tmp_path, postgresql_url):
    secret = tmp_path / "password"
    secret.write_text("hush-hush")
    secret.chmod(0o644)
    told = await doctor({**env, "DB_PASSWORD_FILE": str(secret), "DB_URL": postgresql_url}, "--json", code=0)
    assert f"chmod 600 {secret}" in told
    assert "hush" not in told
    assert stat.S_IMODE(secret.stat().st_mode) == 0o644
    told = await doctor({**env, "DB_URL": postgresql_url.replace("attache@", "attache:sesame@")}, "--json", code=0)
    assert "DB_URL carries a password" in told
    assert "sesame" not in told


async def test_a_locked_database_file_is_told(env):
    await migrate(env)
    with sqlite3.connect(Path(env["DATA_DIR"]) / "attache.db", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        state, told = (await diagnosis(env, code=1))["database"]
        holder.execute("ROLLBACK")
    assert (state, "locked" in told) == ("failure", True)
