"""The feeds page: every feed with its state, the reason, and when it is asked next."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.web.context import Here
from services.web.pages.templating import page
from services.web.queries.feeds import all_feeds, read_progress

router = APIRouter(include_in_schema=False)


@router.get("/feeds")
async def feeds_page(here: Here) -> HTMLResponse:
    """Show all feeds, those in trouble first."""
    feeds = await all_feeds(here.engine)
    return page("feeds.html", now=here.now(), feeds=feeds, progress=await read_progress(here.engine))
