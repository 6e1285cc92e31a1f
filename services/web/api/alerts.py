"""GET /api/alerts and /api/alerts/{alert_id}: filtered, paged, and exported as CSV, JSON Lines and Atom."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from services.web.api.alert_query import MAX_PAGE, AlertQuery
from services.web.api.documents import EXAMPLE_ALERT, AlertList, as_stored
from services.web.api.schema import answers
from services.web.context import Context, Here, Id
from services.web.problems import FieldError, Problem, not_found
from services.web.queries.alerts import PAGE, StoredAlert, all_alerts, one_alert, page_of_alerts
from services.web.responses import conditional, preferred
from services.web.syndication import atom_feed, csv_lines
from shared.events import Alert

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "atom": "application/atom+xml",
}
BATCH = 100
router = APIRouter(prefix="/api/alerts", tags=["alerts"])

LIST_ANSWERS = answers(
    AlertList,
    "A page of alerts, or all of them as CSV or JSON Lines.",
    HTTPStatus.NOT_MODIFIED,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    example=AlertList(alerts=(EXAMPLE_ALERT,)),
)
LIST_ANSWERS[200]["content"] |= {MEDIA_TYPES[name]: {"schema": {"type": "string"}} for name in ("csv", "jsonl", "atom")}


@router.get("", summary="List alerts, newest first", responses=LIST_ANSWERS, response_class=Response)
async def list_alerts(request: Request, here: Here, query: Annotated[AlertQuery, Query()]) -> Response:
    """List alerts that pass every filter given. Alerts that arrive while paging neither shift nor repeat others."""
    chosen = query.format or _by_accept(request)
    if chosen in {"csv", "jsonl"}:
        return await _export(here, query, chosen)
    limit = query.limit or PAGE
    if limit > MAX_PAGE:
        detail = f"must be at most {MAX_PAGE} for {chosen}; csv and jsonl have no limit"
        raise Problem(422, "A parameter is wrong.", errors=(FieldError(parameter="limit", detail=detail),))
    page = await page_of_alerts(here.engine, query.wanted(), limit=limit, after=query.after())
    headers = {"vary": "accept"}
    if chosen == "atom":
        feed = atom_feed(
            [stored.read() for stored in page.alerts],
            base_url=str(request.base_url).rstrip("/"),
            self_url=str(request.url),
            query=_asked(request),
        )
        return conditional(request, feed, MEDIA_TYPES["atom"], headers=headers)
    cursor = following = None
    if page.next is not None:
        cursor = page.next.write()
        following = f"{request.url.path}?{_asked(request, cursor=cursor, limit=str(limit))}"
        headers["link"] = f'<{following}>; rel="next"'
    alerts = tuple(as_stored(Alert, stored.body) for stored in page.alerts)
    document = AlertList(alerts=alerts, next=following, next_cursor=cursor)
    return conditional(request, msgspec.json.encode(document), headers=headers)


@router.get(
    "/{alert_id}",
    summary="Read one alert",
    responses=answers(
        Alert,
        "The alert, with all its evidence.",
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        example=EXAMPLE_ALERT,
    ),
    response_class=Response,
)
async def read_alert(request: Request, here: Here, alert_id: Id) -> Response:
    """Return one alert."""
    stored = await one_alert(here.engine, alert_id)
    if stored is None:
        raise not_found("alert", alert_id)
    development = f'</api/developments/{stored.development_id}>; rel="collection"'
    return conditional(request, stored.body.encode(), headers={"link": development})


def _by_accept(request: Request) -> str:
    chosen = preferred(request.headers.get("accept"), list(MEDIA_TYPES.values()))
    if chosen is None:
        raise Problem(406, f"Alerts can be had as {', '.join(MEDIA_TYPES.values())}.")
    return next(name for name, media_type in MEDIA_TYPES.items() if media_type == chosen)


def _asked(request: Request, **more: str) -> str:
    """Return the query without what chooses page and form, in one order, with `more` added."""
    form = {"cursor", "limit", "format"}
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in form]
    return urlencode(sorted(kept) + sorted(more.items()))


async def _export(here: Context, query: AlertQuery, chosen: str) -> Response:
    found = all_alerts(here.engine, query.wanted(), limit=query.limit, after=query.after())
    chunks = _csv_chunks(found) if chosen == "csv" else _json_lines(found)
    first = await anext(chunks, b"")  # a database out of reach is still a clear error, before the status is sent

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    headers = {
        "content-disposition": f'attachment; filename="attache-alerts.{chosen}"',
        "cache-control": "no-cache",
        "vary": "accept",
    }
    media_type = "text/csv; charset=utf-8; header=present" if chosen == "csv" else MEDIA_TYPES[chosen]
    return StreamingResponse(body(), media_type=media_type, headers=headers)


async def _csv_chunks(found: AsyncIterator[StoredAlert]) -> AsyncIterator[bytes]:
    header = True
    async for batch in _batches(found):
        yield csv_lines([stored.read() for stored in batch], header=header).encode()
        header = False
    if header:
        yield csv_lines([], header=True).encode()


async def _json_lines(found: AsyncIterator[StoredAlert]) -> AsyncIterator[bytes]:
    async for batch in _batches(found):
        yield b"".join(stored.body.encode() + b"\n" for stored in batch)


async def _batches(found: AsyncIterator[StoredAlert]) -> AsyncIterator[list[StoredAlert]]:
    batch: list[StoredAlert] = []
    async for stored in found:
        batch.append(stored)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
