import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from services.cli.main import VERBS
from shared.settings import Settings
from tests.servers.compose import FILE, ROOT, Unset, load, ours

PREPARED = {"ATTACHE_LOCAL": "./deploy/local"}
COMPOSE = load(PREPARED)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ours(COMPOSE)
ONE_SHOT = {"migrate"}
every_service = pytest.mark.parametrize("name", SERVICES)
every_service_of_ours = pytest.mark.parametrize("name", OURS)


class Recording(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_it_follows_the_compose_specification():
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_five_services_and_what_they_stand_on_are_there():
    assert set(SERVICES) == {
        "kafka", "postgres", "migrate", "fetcher", "tagger", "store", "notifier", "web", "prometheus", "grafana",
    }  # fmt: skip


def test_without_preparation_it_stops_and_says_what_to_do():
    with pytest.raises(Unset, match=r"ATTACHE_LOCAL: .*make secrets"):
        load({})
    with pytest.raises(Unset, match=r"ATTACHE_LOCAL: .*make secrets"):
        load({"ATTACHE_LOCAL": ""})


@every_service
def test_each_comes_back_by_itself_and_is_watched(name: str):
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"].startswith("on-failure")
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]
        assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()


@every_service
def test_each_image_has_a_version(name: str):
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert tag
    assert tag != "latest"


@every_service
def test_each_runs_with_as_few_rights_as_it_can(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in {mount.split(":")[0] for mount in service["tmpfs"]}  # noqa: S108 - in the container
    assert "privileged" not in service
    assert "cap_add" not in service
    if name not in OURS:  # ours says so in its image
        assert not service["user"].startswith(("0", "root"))


@every_service
def test_each_has_bounds_and_a_log_that_cannot_fill_the_disk(name: str):
    service = SERVICES[name]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


@every_service
def test_each_can_have_replicas_where_it_has_no_door(name: str):
    service = SERVICES[name]
    assert "container_name" not in service
    assert bool(service.get("ports")) == (name in {"web", "prometheus", "grafana"})
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name in OURS:
        assert "hostname" not in service
        assert "REPLICA" not in service["environment"]


def test_only_those_that_must_go_out_can():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert outside == {"fetcher", "notifier", "web", "prometheus", "grafana"}
    assert all("inside" in service["networks"] for service in SERVICES.values())


def test_what_must_last_is_in_named_volumes():
    kept = {
        volume.split(":")[0]: (name, volume.split(":")[1])
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/"))
    }
    assert kept == {
        "kafka-data": ("kafka", SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]),
        "postgres-data": ("postgres", "/var/lib/postgresql"),
        "prometheus-data": ("prometheus", "/prometheus"),
        "grafana-data": ("grafana", "/var/lib/grafana"),
    }
    assert set(COMPOSE["volumes"]) == set(kept)


def test_what_is_mounted_from_here_is_read_only_and_in_the_checkout_or_prepared():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith("."):
                assert rest.endswith(":ro"), volume
                assert source.startswith(PREPARED["ATTACHE_LOCAL"]) or (ROOT / source).is_dir(), volume


def test_secrets_come_from_files_and_every_one_is_declared_and_used():
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./deploy/local/secrets/{name}"}


@every_service
def test_no_password_is_written_down(name: str):
    service = SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|TOKEN|KEY", variable):
            assert variable.endswith("_FILE"), variable
            assert value.removeprefix("/run/secrets/") in service["secrets"]
        assert not re.search(r"//[^/@]*:[^/@]*@", str(value)), variable


@every_service_of_ours
def test_our_settings_are_ones_that_we_know(name: str, tmp_path: Path):
    known = Recording()
    Settings.from_env(known)
    environment = SERVICES[name]["environment"]
    assert set(environment) <= known.asked
    here = tmp_path / "file"
    here.write_text("")
    settings = Settings.from_env({n: str(here) if "/" in v and "_FILE" in n else v for n, v in environment.items()})
    assert settings.log_url == "kafka://kafka:9092"
    assert settings.ops_host == "0.0.0.0"


@every_service_of_ours
def test_our_commands_exist(name: str):
    assert OURS[name]["command"] == [name]
    assert name in VERBS


@every_service_of_ours
def test_ours_may_finish_what_they_have_in_hand(name: str):
    grace = timedelta(seconds=float(OURS[name]["environment"]["GRACE_SECONDS"]))
    period = re.fullmatch(r"(\d+)s", OURS[name]["stop_grace_period"])
    assert period is not None
    assert timedelta(seconds=int(period[1])) >= grace + timedelta(seconds=5)


@every_service_of_ours
def test_ours_wait_for_what_they_stand_on(name: str):
    waits = {one: how["condition"] for one, how in OURS[name]["depends_on"].items()}
    if name == "migrate":
        assert waits == {"postgres": "service_healthy"}
    else:
        assert waits == {
            "kafka": "service_healthy", "postgres": "service_healthy", "migrate": "service_completed_successfully",
        }  # fmt: skip


def test_the_broker_is_the_one_that_tests_run_on():
    version = ET.parse(ROOT / "tests" / "servers" / "pom.xml").find(
        ".//{*}dependency[{*}artifactId='kafka_2.13']/{*}version"
    )
    assert version is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version.text}"


def test_the_brokers_codecs_may_run_what_they_unpack():
    options = dict(mount.split(":") for mount in SERVICES["kafka"]["tmpfs"])
    assert "exec" in options["/tmp"].split(",")  # noqa: S108 - in the container
