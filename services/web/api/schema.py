"""The OpenAPI 3.1 document: routes from FastAPI, schemas from the structs that are really written."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.web import problems
from services.web.api import documents

REF = "#/components/schemas/{name}"
STRUCTS = (
    documents.AlertList,
    documents.ArticleDocument,
    documents.Development,
    documents.FeedList,
    documents.Remark,
    documents.Condition,
    documents.SubscriptionDocument,
    documents.SubscriptionList,
    problems.ProblemDetails,
)
REASONS = {
    HTTPStatus.NOT_MODIFIED: "Not changed since the version named in If-None-Match.",
    HTTPStatus.UNAUTHORIZED: "No API key, or one that is unknown or revoked.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.NOT_ACCEPTABLE: "None of the media types the request accepts is offered.",
    HTTPStatus.CONFLICT: "The id is taken.",
    HTTPStatus.PRECONDITION_FAILED: "Changed since the version named in If-Match.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is longer than the limit.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body must be application/json.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter or field is wrong; `errors` names each with its place and reason.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Our mistake. It is logged; nothing of it is shown.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database cannot be reached just now; Retry-After says when to ask again.",
}


def answers(
    struct: type[msgspec.Struct], about: str, *failures: HTTPStatus, status: int = 200, example: object = None
) -> dict[int | str, dict[str, Any]]:
    """Describe a route's responses: `struct` as JSON on success, problem details for each failure."""
    content: dict[str, Any] = {"schema": {"$ref": REF.format(name=struct.__name__)}}
    if example is not None:
        content["example"] = msgspec.to_builtins(example)
    return {status: {"description": about, "content": {"application/json": content}}, **described(*failures)}


def described(*failures: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe failures, and those that can meet any request."""
    always = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
    return {int(status): _failure(status) for status in (*failures, *always)}


def _failure(status: HTTPStatus) -> dict[str, Any]:
    if status is HTTPStatus.NOT_MODIFIED:
        return {"description": REASONS[status]}
    example = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": REASONS[status]}
    schema = {"$ref": REF.format(name="ProblemDetails")}
    return {
        "description": REASONS[status],
        "content": {problems.MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document of `app`."""
    document = get_openapi(
        title="Attaché",
        version=version("attache"),
        summary="What changed between two militaries, with the evidence.",
        description=(
            "Alerts, the developments and articles behind them, feeds, and subscriptions. Times are RFC 3339 in UTC. "
            "Errors are RFC 9457 problem details. Lists are paged by cursor. GET answers carry an ETag."
        ),
        routes=app.routes,
    )
    _, schemas = msgspec.json.schema_components(STRUCTS, ref_template=REF)
    components = document.setdefault("components", {})
    components["schemas"] = {**_own(components.get("schemas", {})), **schemas}
    return document


def _own(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out FastAPI's form of errors, which no route answers with."""
    return {name: schema for name, schema in schemas.items() if name not in {"HTTPValidationError", "ValidationError"}}
