"""GET /api/developments/{development_id}: what several reports tell of one dyad."""

from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.web.api.documents import Development, development_document
from services.web.api.schema import answers
from services.web.context import Here, Id
from services.web.problems import not_found
from services.web.queries.developments import one_development
from services.web.responses import conditional

router = APIRouter(prefix="/api/developments", tags=["developments"])


@router.get(
    "/{development_id}",
    summary="Read a development with its articles and alerts",
    responses=answers(
        Development,
        "The development.",
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
    response_class=Response,
)
async def read_development(request: Request, here: Here, development_id: Id) -> Response:
    """Return a development: its reports in the order they joined, its alerts in the order they were raised."""
    stored = await one_development(here.engine, development_id)
    if stored is None:
        raise not_found("development", development_id)
    return conditional(request, msgspec.json.encode(development_document(stored)))
