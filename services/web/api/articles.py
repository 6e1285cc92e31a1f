"""GET /api/articles/{article_id}: one article, what it claims, and what was decided of it."""

from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.web.api.documents import ArticleDocument, article_document
from services.web.api.schema import answers
from services.web.context import Here, Id
from services.web.problems import not_found
from services.web.queries.articles import one_article
from services.web.responses import conditional

router = APIRouter(prefix="/api/articles", tags=["articles"])


@router.get(
    "/{article_id}",
    summary="Read an article with its claims",
    responses=answers(
        ArticleDocument,
        "The article.",
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
    response_class=Response,
)
async def read_article(request: Request, here: Here, article_id: Id) -> Response:
    """Return an article with the decision and the claims, each with its evidence, whether it was alerted or not."""
    stored = await one_article(here.engine, article_id)
    if stored is None:
        raise not_found("article", article_id)
    return conditional(request, msgspec.json.encode(article_document(stored)))
