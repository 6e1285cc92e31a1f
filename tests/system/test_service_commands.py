"""`attache tagger` and its like, and `attache migrate`, as whole processes: cold starts, refusals, exit codes."""

import asyncio
import json
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from tests.servers import free_port
from tests.servers.postgresql import Server
from tests.system.installation import SERVICES
from tests.system.world import World, numbered_items, open_world, start

WITH_A_LOG = ("fetcher", "tagger", "store", "notifier")


async def _ends(env: dict[str, str], log: Path, *args: str) -> tuple[int, str]:
    process = await start(env, *args, log=log)
    code = await asyncio.wait_for(process.wait(), 90)
    said = log.read_text()
    assert "Traceback" not in said
    return code, said


@pytest.mark.parametrize("service", WITH_A_LOG)
async def test_a_service_alone_refuses_a_log_of_one_process_and_says_what_to_set(service: str, tmp_path: Path):
    env = {"DATA_DIR": str(tmp_path / "data"), "OPS_PORT": "0", "WEB_PORT": "0"}
    code, said = await _ends(env, tmp_path / "log", service)
    assert code == 2
    assert "LOG_URL=kafka://host:port" in said
    assert "attache run" in said


@pytest.mark.parametrize("service", SERVICES)
async def test_bad_settings_end_a_service_with_one_message(service: str, tmp_path: Path):
    code, said = await _ends({"LOG_URL": "rabbit://x", "OPS_PORT": "http"}, tmp_path / "log", service)
    assert code == 2
    assert "LOG_URL" in said
    assert "OPS_PORT" in said


@pytest.mark.timeout(240)
async def test_services_started_before_everything_else_wait_not_ready_with_the_reason_and_then_work(
    tmp_path: Path, kafka_url: str, postgresql_server: Server
):
    database = postgresql_server.new_database()
    nobody = free_port()
    async with open_world(World(numbered_items(20), feeds=1, step=20)) as world:
        env = {
            **world.write_settings(tmp_path),
            "LOG_URL": kafka_url,
            "DB_URL": postgresql_server.url(database),
            "OPS_PORT": str(free_port()),
            "LOG_LEVEL": "info",
        }
        away = await start(
            {**env, "DB_URL": postgresql_server.url(database, port=nobody)}, "store", log=tmp_path / "away"
        )
        try:
            reasons = await _reasons(env["OPS_PORT"], containing=str(nobody))
            assert reasons.keys() == {"opening"}
        finally:
            away.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert await asyncio.wait_for(away.wait(), 30) == 0, (tmp_path / "away").read_text()
        assert time.monotonic() - began < 10
        assert (tmp_path / "away").read_text().count("waiting") == 1, "one line per reason"

        store = await start(env, "store", log=tmp_path / "store")
        try:
            await _reasons(env["OPS_PORT"], containing="attache migrate")
            assert (await _ends(env, tmp_path / "check", "migrate", "--check"))[0] == 1
            code, said = await _ends(env, tmp_path / "migrate", "migrate")
            assert code == 0
            assert "from nothing to 0" in said
            await _until_ready(env["OPS_PORT"])
            code, said = await _ends(env, tmp_path / "check again", "migrate", "--check")
            assert (code, "the newest" in said) == (0, True)
            postgresql_server.sql("UPDATE alembic_version SET version_num = '9999'", database)
            for args in (("tagger", "store")[1:], ("migrate",)):
                code, said = await _ends({**env, "OPS_PORT": "0"}, tmp_path / f"new {args[0]}", *args)
                assert code == 2
                assert "9999" in said
        finally:
            store.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(store.wait(), 30) == 0, (tmp_path / "store").read_text()


@pytest.mark.timeout(180)
async def test_run_works_on_real_engines_in_one_process_and_run_once_drains_them(
    tmp_path: Path, kafka_url: str, postgresql_url: str
):
    async with open_world(World(numbered_items(60), feeds=3, step=20)) as world:
        env = {**world.write_settings(tmp_path), "LOG_URL": kafka_url, "DB_URL": postgresql_url, "COLUMNS": "140"}
        code, said = await _ends(env, tmp_path / "log", "run", "--once")
        assert code == 0, said[-3000:]
        assert "3 feeds: 3 read" in said
        assert len(world.hooks) == 6
        assert not (tmp_path / "data" / "log.db").exists()


async def _readyz(port: str) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/readyz") as answer:
        return answer.status, json.loads(await answer.text()).get("reasons", {})


async def _reasons(port: str, *, containing: str) -> dict[str, str]:
    """Wait until the service says it is not ready for this reason; alive it must be all the while."""
    for _ in range(600):
        try:
            status, reasons = await _readyz(port)
        except aiohttp.ClientConnectionError:
            pass
        else:
            if any(containing in reason for reason in reasons.values()):
                assert status == 503
                return reasons
        await asyncio.sleep(0.1)
    raise AssertionError(reasons)


async def _until_ready(port: str) -> None:
    for _ in range(600):
        if (await _readyz(port))[0] == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await _readyz(port))
