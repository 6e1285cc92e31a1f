"""The page of one development: where it stands, how it came there, and who reported it."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from services.web.context import Here, Id
from services.web.pages.alerts import detailed_card, history
from services.web.pages.templating import page
from services.web.problems import not_found
from services.web.queries.developments import one_development

router = APIRouter(include_in_schema=False)


@router.get("/developments/{development_id}")
async def development_page(here: Here, development_id: Id) -> HTMLResponse:
    """Show a development by its latest alert, with all reports and the alerts before."""
    development = await one_development(here.engine, development_id)
    if development is None:
        raise not_found("development", development_id)
    latest = await detailed_card(here, development.alerts[-1], development) if development.alerts else None
    return page("development.html", now=here.now(), card=latest, development=development, history=history(development))
