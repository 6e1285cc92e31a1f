"""Responses that need not be sent twice, and which representation a client would rather have."""

import hashlib
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"


def conditional(
    request: Request, body: bytes, media_type: str = JSON, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `body` under an ETag of its content, or 304 without it when the client has just that (RFC 9110 §13)."""
    etag = etag_of(body)
    all_headers = {"etag": etag, "cache-control": "no-cache", **(headers or {})}
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=all_headers)
    return Response(body, media_type=media_type, headers=all_headers)


def etag_of(body: bytes) -> str:
    """Return an entity tag for these bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(header: str | None, etag: str) -> bool:
    """Tell whether an If-Match or If-None-Match header names `etag`, comparing weakly (a proxy may have added W/)."""
    if header is None:
        return False
    named = [part.strip().removeprefix("W/") for part in header.split(",")]
    return "*" in named or etag in named


def preferred(accept: str | None, offered: Sequence[str]) -> str | None:
    """Return the media type of `offered` that an Accept header likes best (ties: first offered), None if it wants none.

    RFC 9110 §12.5.1: the most specific range that covers a type sets its weight.
    """
    if not accept or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    weights = {media_type: _weight(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: weights[media_type])
    return best if weights[best] > 0 else None


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.lower().split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    for covering in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        found = [weight for name, weight in ranges if name == covering]
        if found:
            return max(found)
    return 0.0
