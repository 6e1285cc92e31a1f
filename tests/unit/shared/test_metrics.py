from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest
from prometheus_client import CollectorRegistry

from shared.metrics import STAGES, Metrics, process_metrics

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def metrics():
    return Metrics(CollectorRegistry())


def test_every_stage_begins_at_nought(metrics):
    get = metrics.registry.get_sample_value
    for stage in STAGES:
        assert get("attache_heartbeat_last_seen_timestamp_seconds", {"stage": stage}) == 0
        assert get("attache_consumer_lag_records", {"stage": stage}) == 0
        assert get("attache_stage_pauses_total", {"stage": stage}) == 0
        for outcome in ("handled", "dead", "heartbeat"):
            assert get("attache_stage_events_total", {"stage": stage, "outcome": outcome}) == 0


def test_every_series_says_what_it_means_and_belongs_to_us(metrics):
    families = list(metrics.registry.collect())
    assert families
    assert all(family.name.startswith("attache_") for family in families)
    assert all(family.documentation.endswith(".") for family in families)


def test_two_sets_live_side_by_side(metrics):
    other = Metrics(CollectorRegistry())
    other.pauses.labels("store").inc()
    assert metrics.registry.get_sample_value("attache_stage_pauses_total", {"stage": "store"}) == 0


def test_a_heartbeat_read_again_does_not_turn_the_newest_back(metrics):
    for sent_at in (NOW, NOW + timedelta(seconds=30), NOW):
        metrics.saw_heartbeat("store", sent_at)
    get = metrics.registry.get_sample_value
    newest = (NOW + timedelta(seconds=30)).timestamp()
    assert get("attache_heartbeat_last_seen_timestamp_seconds", {"stage": "store"}) == newest
    assert get("attache_stage_events_total", {"stage": "store", "outcome": "heartbeat"}) == 3


def test_a_process_tells_its_memory_its_service_and_its_python():
    registry = process_metrics("store").registry
    assert (registry.get_sample_value("process_resident_memory_bytes") or 0) > 1_000_000
    build = {"version": version("attache"), "service": "store"}
    assert registry.get_sample_value("attache_build_info", build) == 1
    assert any(metric.name == "python_info" for metric in registry.collect())


def test_the_newest_heartbeat_is_known_by_partition_and_exported_over_all():
    metrics = Metrics(CollectorRegistry())
    metrics.saw_heartbeat("store", NOW, 1)
    metrics.saw_heartbeat("store", NOW - timedelta(seconds=5), 0)
    assert metrics.newest_heartbeat("store", 1) == NOW
    assert metrics.newest_heartbeat("store", 0) == NOW - timedelta(seconds=5)
    assert metrics.newest_heartbeat("store", 2) < NOW - timedelta(days=365)
    seen = metrics.registry.get_sample_value("attache_heartbeat_last_seen_timestamp_seconds", {"stage": "store"})
    assert seen == NOW.timestamp()
