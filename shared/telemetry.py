"""What operators see: structured logs, and the ops port with /metrics, /healthz and /readyz.

Logs are one line per outcome, `event key=value …` (or JSON), each with the trace id of the event in hand.
"""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.loglimit import LogLimit

QUOTED = frozenset(" \t=\r\n\"'")
"""A value with one of these is quoted by structlog's ConsoleRenderer."""


def set_up_logs(style: str = "text", *, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send all logs to `stream` (standard error) as text or JSON, libraries' warnings included."""
    target = stream or sys.stderr
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=target.isatty(),
            pad_event_to=12,
            exception_formatter=structlog.dev.plain_traceback,  # the pretty one prints locals, secrets among them
        )
    )
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if style == "json" else _one_line,
    ]
    structlog.configure(
        processors=[*chain, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(LogLimit("aiokafka"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _one_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape what would break the line or command the terminal: much of what is logged was written by strangers."""
    return {name: printable(value) if _shown_raw(name, value) else value for name, value in event.items()}


def _shown_raw(name: str, value: object) -> bool:
    """Tell whether the renderer would write `value` as it is; the others it writes as `repr`, which escapes."""
    return isinstance(value, str) and (name == "event" or not QUOTED.intersection(value))


def printable(text: str) -> str:
    """Return `text` with line breaks, control and direction characters as backslash escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass
class Health:
    """Readiness by named check: each returns None when well, or the reason why not. Alive as long as it answers."""

    checks: dict[str, Callable[[], str | None]] = field(default_factory=dict)

    def troubles(self) -> dict[str, str]:
        """Return the checks that are not well, with their reasons."""
        return {name: reason for name, check in self.checks.items() if (reason := check()) is not None}


def ops_app(registry: CollectorRegistry, health: Health) -> Starlette:
    """Build the ops port's app: /metrics (OpenMetrics), /healthz (200 while alive), /readyz (503 with reasons).

    Adds to `registry` whether this process is ready.
    """
    ready = Gauge("attache_ready", "1 while every check of /readyz is well.", registry=registry)
    ready.set_function(lambda: float(not health.troubles()))

    async def metrics(_request: Request) -> Response:
        body = generate_latest(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        troubles = health.troubles()
        return JSONResponse(
            {"status": "not-ready", "reasons": troubles} if troubles else {"status": "ready"},
            status_code=503 if troubles else 200,
        )

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)])
