import asyncio
import io
import json
import logging

import aiohttp
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from shared.asgi import listen, serve
from shared.metrics import Metrics
from shared.telemetry import Health, ops_app, printable, set_up_logs


@pytest.fixture
def logs():
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()

    def begin(style="text"):
        set_up_logs(style, stream=stream)
        return stream

    yield begin
    logging.basicConfig(handlers=handlers, level=level, force=True)
    structlog.reset_defaults()


def test_an_outcome_is_one_line_with_its_fields(logs):
    out = logs()
    structlog.get_logger().info("poll", feed="feed-1", outcome="ok", items=3)
    (line,) = out.getvalue().splitlines()
    assert "[info" in line
    assert line.endswith("poll         feed=feed-1 items=3 outcome=ok")


def test_json_lines_are_json_with_the_trace_id_bound_to_the_task(logs):
    out = logs("json")
    with structlog.contextvars.bound_contextvars(trace_id="0af7"):
        structlog.get_logger().info("tag", article="a\n1")
    line = json.loads(out.getvalue())
    assert (line["event"], line["article"], line["trace_id"], line["level"]) == ("tag", "a\n1", "0af7", "info")
    assert line["timestamp"].endswith("Z")


def test_debug_lines_are_left_out(logs):
    out = logs()
    structlog.get_logger().debug("noise")
    assert not out.getvalue()


def test_libraries_warnings_are_among_the_logs_and_their_chatter_is_not(logs):
    out = logs()
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("trouble with %s", "it")
    (line,) = out.getvalue().splitlines()
    assert "[warning" in line
    assert "trouble with it" in line


def test_what_strangers_wrote_cannot_break_the_line_or_command_the_terminal(logs):
    out = logs()
    structlog.get_logger().warning("pause", reason="evil\nline \x1b[31mred \u202e", code="\x1b[31m")
    logging.getLogger("library").warning("two\nlines \x1b[2J")
    first, second = out.getvalue().splitlines()
    assert r"code=\x1b[31m" in first
    assert r"reason='evil\nline \x1b[31mred \u202e'" in first
    assert r"two\nlines \x1b[2J" in second


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_crash_is_told_with_its_trace_and_without_its_secrets(logs, style):
    out = logs(style)
    secret = "whsec_hidden"
    try:
        _ = len(secret) / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("crash", stage="tagger")
        logging.getLogger("library").exception("theirs")
    assert out.getvalue().count("ZeroDivisionError: division by zero") == 2
    assert "Traceback (most recent call last)" in out.getvalue()
    assert "whsec_hidden" not in out.getvalue()


@given(st.text())
def test_printable_text_is_on_one_line_and_plain_text_stays_as_it_is(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


@pytest.fixture
async def ops():
    """The ops port as it is served, with its registry and health."""
    metrics, health, stop = Metrics(CollectorRegistry()), Health(), asyncio.Event()
    with listen("127.0.0.1", 0, setting="OPS_PORT") as sock:
        serving = asyncio.create_task(serve(ops_app(metrics.registry, health), sock)(stop))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{sock.getsockname()[1]}") as session:
            yield session, metrics, health
        stop.set()
        await serving


async def test_metrics_are_open_metrics_that_prometheus_reads(ops):
    session, metrics, _ = ops
    metrics.pauses.labels("store").inc()
    async with session.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    samples = families["attache_stage_pauses"].samples
    assert {s.labels["stage"]: s.value for s in samples if s.name.endswith("_total")}["store"] == 1


async def test_alive_is_whoever_answers(ops):
    session, _, health = ops
    health.checks["log"] = lambda: "away"
    async with session.get("/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "alive"})


async def test_ready_is_when_every_check_is_well_and_the_reasons_are_told_otherwise(ops):
    session, _, health = ops
    async with session.get("/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})
    health.checks["database"] = lambda: None
    health.checks["log"] = lambda: "broker away"
    async with session.get("/readyz") as answer:
        assert answer.status == 503
        assert await answer.json() == {"status": "not-ready", "reasons": {"log": "broker away"}}


async def test_readiness_is_among_the_metrics(ops):
    session, _, health = ops

    async def sample(name):
        async with session.get("/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
            return next(s.value for family in families for s in family.samples if s.name == name)

    assert await sample("attache_ready") == 1
    health.checks["log"] = lambda: "broker away"
    assert await sample("attache_ready") == 0
