"""GET /api/feeds: what is read, and how each feed does."""

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.web.api.documents import FeedList, feed_list
from services.web.api.schema import answers
from services.web.context import Here
from services.web.queries.feeds import all_feeds, read_progress
from services.web.responses import conditional

router = APIRouter(prefix="/api/feeds", tags=["feeds"])
State = Annotated[Literal["new", "healthy", "failing", "gone"] | None, Query(description="Only feeds in this state.")]


@router.get(
    "",
    summary="List feeds with their health",
    responses=answers(FeedList, "The feeds.", HTTPStatus.NOT_MODIFIED, HTTPStatus.UNPROCESSABLE_ENTITY),
    response_class=Response,
)
async def list_feeds(request: Request, here: Here, state: State = None) -> Response:
    """List feeds, those in trouble first, each with its last outcome and when and why it is asked next."""
    feeds = await all_feeds(here.engine, state=state)
    progress = await read_progress(here.engine)
    return conditional(request, msgspec.json.encode(feed_list(feeds, progress)))
