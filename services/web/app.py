"""The app: routes of API and pages, static files, and how each kind of error is told to whom."""

import re
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from services.web import problems
from services.web.api import alerts, articles, developments, feeds, health, subscriptions
from services.web.api.schema import openapi_document
from services.web.context import Context
from services.web.edge import Edge
from services.web.pages import alerts as alerts_page
from services.web.pages import developments as developments_page
from services.web.pages import feeds as feeds_page
from services.web.pages.templating import STATIC, page
from services.web.problems import FieldError, Problem
from services.web.responses import preferred
from shared.clock import Clock
from shared.eventlog import Unavailable
from shared.metrics import Metrics
from shared.telemetry import Health

RETRY_AFTER_SECONDS = 5
DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take that method; the Allow header names those it takes.",
}
API = (alerts, developments, articles, feeds, subscriptions, health)
PAGES = (alerts_page, developments_page, feeds_page)


def build_app(*, engine: AsyncEngine, metrics: Metrics, health: Health, now: Clock) -> FastAPI:
    """Build the app over an open database."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.context = Context(engine=engine, now=now, health=health)
    for module in (*API, *PAGES):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    document = openapi_document(app)

    async def openapi() -> JSONResponse:
        return JSONResponse(document, media_type="application/json")

    app.add_api_route("/api/openapi.json", openapi, include_in_schema=False)
    for kind in (Problem, HTTPException, RequestValidationError, Unavailable):
        app.add_exception_handler(kind, error_response)
    app.add_middleware(Edge, metrics=metrics, on_failure=error_response)
    return app


def error_response(request: Request, error: Exception) -> Response:
    """Tell an error: as problem details, or as a page to a browser that asked for one outside /api."""
    problem = as_problem(error)
    accepts = preferred(request.headers.get("accept"), [problems.MEDIA_TYPE, "text/html"])
    if accepts == "text/html" and not request.url.path.startswith("/api"):
        response: Response = page("error.html", problem.status, problem=problem)
        response.headers.update(problem.headers)
        return response
    headers = {"cache-control": "no-store", **problem.headers}
    return Response(problem.body(), problem.status, headers, problems.MEDIA_TYPE)


def as_problem(error: Exception) -> Problem:
    """Say what an exception means to the client; of one that nobody expected, nothing but that it is our mistake."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            errors = tuple(
                FieldError(parameter=str(wrong["loc"][1]), detail=_without_prefix(wrong["msg"]))
                for wrong in error.errors()
            )
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "A parameter is wrong.", errors=errors)
        case HTTPException():
            detail = DETAILS.get(error.status_code, error.detail)
            return Problem(error.status_code, detail, headers=error.headers)
        case Unavailable():
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The database cannot be reached just now.",
                headers={"retry-after": str(RETRY_AFTER_SECONDS)},
            )
        case _:
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side; it has been logged.")


def _without_prefix(message: str) -> str:
    return re.sub(r"^Value error, ", "", message)
