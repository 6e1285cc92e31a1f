"""What `attache run` refuses, it refuses at once, in one clear message, with exit code 2 and no traceback."""

import asyncio
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.system.world import World, numbered_items, open_world, start


async def _refused(env: dict[str, str], log: Path, *args: str) -> str:
    process = await start(env, *(args or ("run",)), log=log)
    assert await asyncio.wait_for(process.wait(), 60) == 2, log.read_text()
    said = log.read_text()
    assert "Traceback" not in said
    return said


@pytest.fixture
def quiet_env(tmp_path: Path) -> dict[str, str]:
    feeds = tmp_path / "feeds.toml"
    feeds.write_text(
        '[[feed]]\nname = "Nobody"\nurl = "http://127.0.0.1:9/feed"\nkind = "wire"\ngrade = "F"\nlanguage = "en"\n'
    )
    return {"DATA_DIR": str(tmp_path / "data"), "FEEDS_FILE": str(feeds), "WEB_PORT": "0", "OPS_PORT": "0"}


async def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path, quiet_env: dict[str, str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = await _refused({**quiet_env, "WEB_PORT": str(port)}, tmp_path / "log")
    assert f"127.0.0.1:{port}" in said
    assert "WEB_PORT" in said


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, quiet_env: dict[str, str]):
    (tmp_path / "file").write_text("in the way")
    said = await _refused({**quiet_env, "DATA_DIR": str(tmp_path / "file" / "data")}, tmp_path / "log")
    assert str(tmp_path / "file" / "data") in said


async def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path):
    async with open_world(World(numbered_items(20), feeds=1, step=20)) as world:
        env = world.write_settings(tmp_path)
        first = await start(env, "run", log=tmp_path / "first")
        try:
            await asyncio.wait_for(world.asked.wait(), 60)
            said = await _refused(env, tmp_path / "second")
            assert "log.db" in said
            assert str(first.pid) in said
            assert first.returncode is None
        finally:
            first.terminate()
            assert await first.wait() == 0


async def test_every_bad_setting_is_reported_at_once(tmp_path: Path, quiet_env: dict[str, str]):
    said = await _refused(
        {**quiet_env, "WEB_PORT": "http", "LOG_FORMAT": "xml", "DB_URL": "mysql://x"}, tmp_path / "log"
    )
    for name in ("WEB_PORT", "LOG_FORMAT", "DB_URL"):
        assert name in said


async def test_a_subscription_file_with_mistakes_is_refused_with_line_and_suggestion(
    tmp_path: Path, quiet_env: dict[str, str]
):
    path = tmp_path / "subscriptions.toml"
    path.write_text(
        '[[subscription]]\nid = "x"\nname = "X"\ntopics = ["joint-exercises"]\nchannel = { terminal = true }\n'
    )
    said = await _refused({**quiet_env, "SUBSCRIPTIONS_FILE": str(path)}, tmp_path / "log")
    assert "joint-exercises" in said
    assert "joint-exercise" in said.replace("joint-exercises", "")
    assert "4" in said


async def test_a_feed_file_with_mistakes_is_refused_with_each_mistake(tmp_path: Path, quiet_env: dict[str, str]):
    path = tmp_path / "broken.toml"
    path.write_text('[[feed]]\nname = "A"\nurl = "ftp://example.org/feed"\nkind = "wire"\ngrade = "Z"\n')
    said = await _refused({**quiet_env, "FEEDS_FILE": str(path)}, tmp_path / "log")
    assert "broken.toml" in said
    assert "broken.toml:3: A: url: must begin with http" in said
    assert "grade" in said


async def test_a_database_that_is_none_is_refused_and_left_alone(tmp_path: Path, quiet_env: dict[str, str]):
    data = tmp_path / "data"
    data.mkdir()
    (data / "attache.db").write_bytes(b"this is not a database, but somebody's notes" * 100)
    said = await _refused(quiet_env, tmp_path / "log")
    assert "attache.db" in said
    assert (data / "attache.db").read_bytes().startswith(b"this is not a database")
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(data / "attache.db").execute("SELECT 1 FROM sqlite_master")
