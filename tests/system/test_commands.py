"""The commands a new user types first, as whole processes."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp

from tests.system.world import World, numbered_items, open_world, start


async def _run(env: dict[str, str], log: Path, *args: str) -> str:
    process = await start(env, *args, log=log)
    code = await asyncio.wait_for(process.wait(), 90)
    said = log.read_text()
    assert code == 0, said[-3000:]
    return said


async def test_the_demo_alerts_on_exactly_what_its_stories_call_for(tmp_path: Path):
    env = {"WEB_PORT": "0", "OPS_PORT": "0", "COLUMNS": "140"}
    said = await _run(env, tmp_path / "log", "demo", "--once")
    assert "As the stories call for" in said
    assert "Angkor Sentinel" in said


async def test_run_once_polls_stores_delivers_and_sums_up(tmp_path: Path):
    async with open_world(World(numbered_items(60), feeds=3, step=20)) as world:
        said = await _run({**world.write_settings(tmp_path), "COLUMNS": "140"}, tmp_path / "log", "run", "--once")
    assert "3 feeds: 3 read" in said
    assert len(world.hooks) == 6
    with closing(sqlite3.connect(tmp_path / "data" / "attache.db")) as connection:
        assert connection.execute("SELECT count(*) FROM article").fetchone() == (60,)


async def test_feeds_that_cannot_be_reached_are_named_plainly_and_nothing_falls_over(tmp_path: Path):
    feeds = tmp_path / "feeds.toml"
    feeds.write_text(
        "".join(
            f'[[feed]]\nname = "Dark {n}"\nurl = "http://127.0.0.1:9/{n}"\nkind = "wire"\ngrade = "F"\n'
            'country = "SGP"\nlanguage = "en"\n\n'
            for n in range(12)
        )
    )
    env = {
        "DATA_DIR": str(tmp_path / "data"), "FEEDS_FILE": str(feeds), "ALLOW_NETWORKS": "127.0.0.0/8",
        "ALLOW_PORTS": "9", "WEB_PORT": "0", "OPS_PORT": "0", "COLUMNS": "140",
    }  # fmt: skip
    said = await _run(env, tmp_path / "log", "run", "--once")
    assert "12 could not be reached" in said
    assert "Dark 0" in said
    assert len(said.splitlines()) < 60


async def test_the_page_the_api_and_the_ops_port_answer_while_running(tmp_path: Path):

    async with open_world(World(numbered_items(20), feeds=1, step=20)) as world:
        process = await start({**world.write_settings(tmp_path), "COLUMNS": "200"}, "run", log=tmp_path / "log")
        try:
            page, ops = await _addresses(tmp_path / "log", process)
            async with aiohttp.ClientSession() as http:
                for _ in range(300):
                    async with http.get(f"{page}/api/alerts") as answer:
                        alerts = json.loads(await answer.text())
                    if len(alerts["alerts"] if "alerts" in alerts else alerts["items"]) == 2:
                        break
                    await asyncio.sleep(0.1)
                else:
                    raise AssertionError(alerts)
                async with http.get(page) as answer:
                    assert answer.status == 200
                    assert "Poland" in await answer.text()
                async with http.get(f"{ops}/metrics") as answer:
                    metrics = await answer.text()
                assert 'attache_store_alerts_total{kind="raised"} 2.0' in metrics
                async with http.get(f"{ops}/readyz") as answer:
                    assert answer.status == 200, await answer.text()
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 30) == 0


async def _addresses(log: Path, process: asyncio.subprocess.Process) -> tuple[str, str]:
    for _ in range(600):
        if "Attaché is running" in (said := log.read_text()):
            words = said.split("Attaché is running", 1)[1].replace(",", " ").split()
            urls = [word for word in words if word.startswith("http://")]
            if len(urls) >= 2:
                return urls[0], urls[1].removesuffix("/metrics")
        assert process.returncode is None, said
        await asyncio.sleep(0.1)
    raise AssertionError(said)
