"""/healthz and /readyz on the web port, for whoever routes traffic to it."""

import asyncio
from http import HTTPStatus

import msgspec
from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import Response

from services.web.api.documents import Condition
from services.web.api.schema import answers
from services.web.context import Context, Here
from shared.database.engine import reading
from shared.eventlog import Unavailable

PATIENCE_SECONDS = 2
router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    summary="Alive",
    responses=answers(Condition, "Alive: the process answers."),
    response_class=Response,
)
async def healthz() -> Response:
    """Answer as long as the process does."""
    return _answer(Condition(status="alive"))


@router.get(
    "/readyz",
    summary="Ready",
    responses={
        **answers(Condition, "Ready: the database answers and every check of the process is well."),
        503: {
            "description": "Not ready, with the reasons.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Condition"}}},
        },
    },
    response_class=Response,
)
async def readyz(here: Here) -> Response:
    """Ask the database and the checks of the process."""
    reasons = dict(here.health.troubles())
    trouble = await _database_trouble(here)
    if trouble:
        reasons["web-database"] = trouble
    return _answer(Condition(status="not-ready" if reasons else "ready", reasons=reasons))


def _answer(condition: Condition) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE if condition.reasons else HTTPStatus.OK
    body = msgspec.json.encode(condition)
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


async def _database_trouble(here: Context) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), reading(here.engine, "asking the database") as connection:
            await connection.execute(select(1))
    except Unavailable as error:
        return str(error)
    except TimeoutError:
        return f"no answer from the database within {PATIENCE_SECONDS} s"
    return None
