"""Errors as the API tells them: RFC 9457 problem details, with one entry per wrong field. Pure."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

MEDIA_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong: `pointer` is its place in the body (RFC 6901), `parameter` its name elsewhere."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `type` is about:blank, so `title` is the status's own phrase; `detail` says what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An error that becomes a response with this status, detail, list of wrong fields, and headers."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    @property
    def title(self) -> str:
        """The status's phrase."""
        return HTTPStatus(self.status).phrase

    def body(self) -> bytes:
        """Return the problem as JSON."""
        return msgspec.json.encode(
            ProblemDetails(
                type="about:blank", title=self.title, status=self.status, detail=self.detail, errors=self.errors
            )
        )


def not_found(what: str, identifier: str) -> Problem:
    """Say that there is no such thing."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no {what} {identifier!r}.")
