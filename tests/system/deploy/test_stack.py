"""What the compose file starts, started here: it gets healthy, carries news from feed to page, and shows on the dashboard."""

import asyncio
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ruamel.yaml import YAML

from tests.servers.compose import ROOT
from tests.servers.prometheus import Prometheus, open_prometheus

PATIENCE_SECONDS = 100


async def _until(done: Callable[[], Any], stack: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await asyncio.to_thread(done):
            for name, process in stack.processes.items():
                assert process.returncode is None, stack.said(name)
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
async def test_five_services_get_healthy_carry_news_to_page_and_webhook_and_stop_in_time(stack: Any):
    await stack.up()
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE_SECONDS):
        found: list[Any] = []
        while not found or not stack.world.hooks:
            async with http.get(f"{stack.page}/api/alerts") as answer:
                assert answer.status == 200, await answer.text()
                found = (await answer.json())["alerts"]
            await asyncio.sleep(0.2)
        async with http.get(stack.page) as answer:
            assert answer.status == 200
    await stack.down()
    assert {name: process.returncode for name, process in stack.processes.items()} == dict.fromkeys(stack.processes, 0)
    assert not stack.nowhere.exists()


@pytest.mark.timeout(300)
async def test_every_panel_of_the_dashboard_has_data_from_a_real_prometheus(promtool: str, stack: Any, tmp_path: Path):
    del promtool  # where it is, Prometheus is
    with open_prometheus(tmp_path, _config(stack, tmp_path)) as prometheus:
        await stack.up()
        await _until(lambda: len(prometheus.query('up{job="attache"} == 1')) == len(stack.processes), stack)
        async with aiohttp.ClientSession() as http:
            async with http.get(stack.page) as answer:
                assert answer.status == 200
            await asyncio.sleep(2)
            async with http.get(stack.page) as answer:
                assert answer.status == 200
        dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "attache.json").read_text())
        queries = {
            f"{panel['title']} {target['refId']}": _filled_in(target["expr"])
            for panel in dashboard["panels"]
            for target in panel.get("targets", [])
        }
        assert len(queries) > 30
        await _until(lambda: len(stack.world.hooks) >= 3, stack)
        waiting = dict(queries)

        def all_have_data() -> bool:
            for title, promql in tuple(waiting.items()):
                if _has_data(prometheus, promql):
                    del waiting[title]
            return not waiting

        try:
            await _until(all_have_data, stack)
        except TimeoutError:
            raise AssertionError(f"no data for {waiting}") from None
        await _until(lambda: _services_ready(prometheus) == set(stack.processes), stack)
        await _until(lambda: "AttacheWatchdog" in _firing(prometheus), stack)
        assert _firing(prometheus) == {"AttacheWatchdog"}


def _services_ready(prometheus: Prometheus) -> set[str]:
    return {one["metric"]["service"] for one in prometheus.query('attache_ready{job="attache"} == 1')}


def _firing(prometheus: Prometheus) -> set[str]:
    return {one["metric"]["alertname"] for one in prometheus.query('ALERTS{alertstate="firing"}')}


def _filled_in(promql: str) -> str:
    return promql.replace("$__rate_interval", "1m").replace("$job", "attache").replace("$instance", ".+")


def _has_data(prometheus: Prometheus, promql: str) -> bool:
    return any(not math.isnan(float(series["value"][1])) for series in prometheus.query(promql))


def _config(stack: Any, folder: Path) -> Path:
    """Return our own configuration with the name server's answers written in, and more haste."""
    shutil.copy(ROOT / "deploy" / "prometheus" / "rules.yml", folder)
    yaml = YAML(typ="safe", pure=True)
    config = yaml.load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (ours,) = (one for one in config["scrape_configs"] if one["job_name"] == "attache")
    (found,) = ours.pop("dns_sd_configs")
    ours["static_configs"] = [
        {"targets": [f"127.0.0.1:{stack.ports[name]}"], "labels": {"__meta_dns_name": name}} for name in found["names"]
    ]
    path = folder / "prometheus.yml"
    with path.open("w") as file:
        yaml.dump(config, file)
    return path
