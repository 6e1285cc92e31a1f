"""The rules of grafana/dashboard-linter (docs/index.md there), which is no Python program, asked of our dashboard."""

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from shared.metrics import process_metrics
from shared.telemetry import Health, ops_app
from tests.servers.compose import ROOT, load

FOLDER = ROOT / "deploy" / "grafana"
TEXT = (FOLDER / "dashboards" / "attache.json").read_text()
DASHBOARD: dict[str, Any] = json.loads(TEXT)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = {f"{p['title']}-{t['refId']}": t["expr"] for p in PANELS for t in p.get("targets", [])}
TEMPLATES = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
UNITS = {"short", "s", "ops", "reqps", "bytes", "Bps", "percentunit"}
SELECTOR = re.compile(r"([a-z_]+)\{([^}]*)\}")
COMPOSE = load({"ATTACHE_LOCAL": "x"})["services"]
every_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
every_query = pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))


def test_it_is_what_the_generator_makes_of_the_panels(tmp_path: Path):
    for name in ("generate.py", "panels.toml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    (tmp_path / "dashboards").mkdir()
    subprocess.run([sys.executable, tmp_path / "generate.py"], check=True)
    assert (tmp_path / "dashboards" / "attache.json").read_text() == TEXT, "run `make dashboard`"


def test_it_cannot_be_edited_by_hand_and_lost():
    assert DASHBOARD["editable"] is False


def test_data_source_job_and_instance_are_chosen_at_the_top():
    assert list(TEMPLATES) == ["datasource", "job", "instance"]
    assert (TEMPLATES["datasource"]["type"], TEMPLATES["datasource"]["query"]) == ("datasource", "prometheus")
    for name in ("job", "instance"):
        one = TEMPLATES[name]
        assert (one["type"], one["multi"], one["allValue"], one["label"]) == ("query", True, ".+", name.capitalize())
        assert one["datasource"]["uid"] == "${datasource}"
        assert one["refresh"] == 2


@every_panel
def test_each_panel_says_what_it_shows(panel: dict[str, Any]):
    assert panel["title"]
    assert panel["description"].endswith(".")
    if panel["type"] != "alertlist":
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert {panel["datasource"]["uid"], *(t["datasource"]["uid"] for t in panel["targets"])} == {"${datasource}"}
        assert all(target["legendFormat"] for target in panel["targets"])


def test_titles_and_ids_are_unique():
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@every_query
def test_each_query_is_promql_by_job_and_instance(promtool: str, query: str, tmp_path: Path):
    selectors = SELECTOR.findall(query)
    assert selectors
    assert all('job=~"$job"' in inside and 'instance=~"$instance"' in inside for _, inside in selectors)
    rule = tmp_path / "rule.yml"
    plain = query.replace("$__rate_interval", "1m").replace("$job", ".+").replace("$instance", ".+")
    rule.write_text(json.dumps({"groups": [{"name": "g", "rules": [{"record": "r", "expr": plain}]}]}))
    done = subprocess.run([promtool, "check", "rules", rule], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@every_query
def test_counters_are_counted_over_the_rate_interval(query: str):
    for name, _ in SELECTOR.findall(query):
        counts = name.endswith(("_total", "_bucket"))
        assert bool(re.search(rf"(rate|increase)\({name}\{{[^}}]*\}}\[\$__rate_interval\]\)", query)) == counts
    assert set(re.findall(r"\[([^\]]+)\]", query)) <= {"$__rate_interval"}


def test_queries_and_alerts_ask_for_series_that_we_export():
    metrics = process_metrics("all")
    ops_app(metrics.registry, Health())
    exported = {"up"} | {
        name for family in metrics.registry.collect() for name in (family.name, *_sample_names(family.name))
    }
    rules = (ROOT / "deploy" / "prometheus" / "rules.yml").read_text()
    asked = {name for query in (*QUERIES.values(), rules) for name, _ in SELECTOR.findall(query)}
    assert asked <= exported


def _sample_names(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{suffix}" for suffix in ("_total", "_bucket", "_sum", "_count"))


def test_every_series_of_the_catalogue_is_shown_or_watched():
    shown = TEXT + (ROOT / "deploy" / "prometheus" / "rules.yml").read_text()
    ours = {family.name for family in process_metrics("all").registry.collect() if family.name.startswith("attache_")}
    unseen = {name for name in ours if not re.search(rf"{name}(_total|_bucket)?\b", shown)}
    assert unseen <= {
        "attache_stage_last_event_timestamp_seconds",  # the rate of events tells the same
        "attache_dead_letters",  # by reason: read with `attache dead-letters list`; events with outcome dead are shown
        "attache_tagger_duration_seconds",  # a tenth of a millisecond: of interest to who changes the rules
    }


def test_panels_fill_the_grid_without_overlap():
    boxes = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for one, other in combinations(boxes, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)
    height = max(box["y"] + box["h"] for box in boxes)
    assert sum(box["w"] * box["h"] for box in boxes) == 24 * height
    assert max(box["x"] + box["w"] for box in boxes) == 24


def test_grafana_finds_the_data_source_and_the_dashboard():
    yaml = YAML(typ="safe", pure=True)
    (source,) = yaml.load((FOLDER / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.load((FOLDER / "provisioning" / "dashboards" / "attache.yml").read_text())["providers"]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in COMPOSE
    mounts = dict(volume.split(":")[:2][::-1] for volume in COMPOSE["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/attache.json"
    (listed,) = (panel for panel in PANELS if panel["type"] == "alertlist")
    assert listed["options"]["datasource"] == source["name"]
