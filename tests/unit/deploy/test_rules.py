import re
import subprocess
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.servers.compose import ROOT, load, ours

FOLDER = ROOT / "deploy" / "prometheus"
YAML_FILE = YAML(typ="safe", pure=True)
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in YAML_FILE.load((FOLDER / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
}
CASES = YAML_FILE.load((FOLDER / "rules_test.yml").read_text())["tests"]
SCRAPES = {one["job_name"]: one for one in YAML_FILE.load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
every_alert = pytest.mark.parametrize("name", RULES)


@pytest.mark.parametrize("args", [("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")])
def test_prometheus_itself_approves(promtool: str, args: tuple[str, ...]):
    done = subprocess.run([promtool, *args], cwd=FOLDER, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@every_alert
def test_each_alert_has_a_name_a_severity_and_words(name: str):
    rule = RULES[name]
    assert re.fullmatch(r"Attache([A-Z][a-z]+)+", name)
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert "{{" not in rule["annotations"]["summary"]


@every_alert
def test_each_alert_is_in_the_runbook_with_what_to_do(name: str):
    assert RULES[name]["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    entry = re.search(rf"^## {name}\n\n(.+?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert entry is not None
    assert len(entry[1]) > 100


def test_the_runbook_tells_of_no_alert_that_is_gone():
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == list(RULES)


@every_alert
def test_each_alert_has_a_case_that_fires_and_one_that_stays_quiet(name: str):
    fires = [case for case in CASES if case["name"] == f"{name} fires"]
    quiet = [case for case in CASES if case["name"].startswith(f"{name} stays quiet")]
    assert [bool(check["exp_alerts"]) for case in fires for check in case["alert_rule_test"]] == [True]
    assert [bool(check["exp_alerts"]) for case in quiet for check in case["alert_rule_test"]] == (
        [] if name == "AttacheWatchdog" else [False]
    )
    assert all(check["alertname"] == name for case in fires + quiet for check in case["alert_rule_test"])


def test_every_service_is_scraped_where_it_exports():
    services = ours(load({"ATTACHE_LOCAL": "x"}))
    del services["migrate"]
    (found,) = SCRAPES["attache"]["dns_sd_configs"]
    assert set(found["names"]) == set(services)
    assert {int(service["environment"]["OPS_PORT"]) for service in services.values()} == {found["port"]}
