"""What holds for every request: security headers, HEAD, a counter by route, and an answer when we have failed."""

from collections.abc import Callable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.metrics import Metrics

log = structlog.get_logger()

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Edge:
    """ASGI middleware around the whole app. `on_failure` writes the response to an exception nobody expected."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, on_failure: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._metrics = metrics
        self._on_failure = on_failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope["method"] = "GET"  # RFC 9110 §9.3.2: the same as GET, without the content
        started: list[int] = []

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            log.exception("request", route=route_of(scope), outcome="failed")
            if started:  # too late for a status: the connection must break, so that nobody takes a part for the whole
                raise
            await self._on_failure(Request(scope), error)(scope, receive, send_on)
        finally:
            if started:
                self._metrics.http_requests.labels(route_of(scope), f"{started[0] // 100}xx").inc()


def route_of(scope: Scope) -> str:
    """Return the route's template, so that the label has few values whatever people ask for."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) and path else "unmatched"
