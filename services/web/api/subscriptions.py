"""/api/subscriptions: what is to be told to whom. Every route needs a key; secrets are shown once, when made."""

import secrets
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Request
from starlette.responses import Response

from services.web.api.auth import NeedsKey
from services.web.api.documents import SubscriptionDocument, SubscriptionList
from services.web.api.schema import answers, described
from services.web.api.subscription_body import (
    check_version,
    document_of,
    has_secret,
    parse,
    read_body,
    remarks_on,
    secret_of,
    version_tag,
    with_made_secret,
)
from services.web.context import Here
from services.web.problems import Problem, not_found
from services.web.responses import conditional
from services.web.subscriptions import (
    IdTaken,
    StoredSubscription,
    add_subscription,
    all_subscriptions,
    delete_subscription,
    one_subscription,
    replace_subscription,
)
from shared.subscriptions import Subscription, Webhook, new_id, with_secret

ID_BYTES = 10
EXAMPLE = {
    "name": "US and Cambodia, beyond talk",
    "dyads": ["KHM-USA"],
    "statuses": ["agreed-signed", "begun", "resumed", "suspended"],
    "match": {"any": [{"topic": "joint-exercise"}, {"text": "Ream"}], "none": [{"status": "denied"}]},
    "channel": {"webhook": "https://watch.example/hook"},
}
BODY = {
    "requestBody": {
        "required": True,
        "description": "The subscription, with the same keys as in a subscriptions file.",
        "content": {"application/json": {"schema": {"type": "object"}, "example": EXAMPLE}},
    }
}
WRONG_BODY = (
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
Id = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="The subscription's id.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="Change it only if this is still its ETag.")]
router = APIRouter(prefix="/api/subscriptions", tags=["subscriptions"], dependencies=[NeedsKey])


@router.get(
    "",
    summary="List subscriptions",
    responses=answers(SubscriptionList, "The subscriptions.", HTTPStatus.NOT_MODIFIED, HTTPStatus.UNAUTHORIZED),
    response_class=Response,
)
async def list_subscriptions(request: Request, here: Here) -> Response:
    """List the subscriptions made through the API or the command line, without their secrets."""
    stored = await all_subscriptions(here.engine)
    document = SubscriptionList(subscriptions=tuple(document_of(one) for one in stored))
    return conditional(request, msgspec.json.encode(document))


@router.post(
    "",
    summary="Make a subscription",
    status_code=HTTPStatus.CREATED,
    responses=answers(
        SubscriptionDocument,
        "Made. For a webhook without a secret one has been made, and is shown here only.",
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.CONFLICT,
        *WRONG_BODY,
        status=201,
    ),
    openapi_extra=BODY,
    response_class=Response,
)
async def make_subscription(request: Request, here: Here) -> Response:
    """Make a subscription. Give it an `id` to be able to repeat the request safely: the second meets a 409."""
    document = await read_body(request)
    own_id = None if isinstance(document, dict) and "id" in document else new_id(secrets.token_bytes(ID_BYTES))
    new = with_made_secret(parse(document, own_id))
    others = await all_subscriptions(here.engine)
    remarks = remarks_on(new, others)
    try:
        stored = await add_subscription(here.engine, new, now=here.now())
    except IdTaken:
        raise Problem(HTTPStatus.CONFLICT, f"There is a subscription {new.id!r} already; PUT replaces it.") from None
    body = msgspec.json.encode(document_of(stored, remarks=remarks, reveal_secret=True))
    headers = {
        "location": f"{request.url.path}/{stored.id}",
        "etag": version_tag(stored),
        "cache-control": "no-store",
    }
    return Response(body, HTTPStatus.CREATED, headers, "application/json")


@router.get(
    "/{subscription_id}",
    summary="Read a subscription",
    responses=answers(
        SubscriptionDocument,
        "The subscription, without its secret.",
        HTTPStatus.NOT_MODIFIED,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
    response_class=Response,
)
async def read_subscription(request: Request, here: Here, subscription_id: Id) -> Response:
    """Return one subscription."""
    stored = await one_subscription(here.engine, subscription_id)
    if stored is None:
        raise not_found("subscription", subscription_id)
    return conditional(request, msgspec.json.encode(document_of(stored)))


@router.put(
    "/{subscription_id}",
    summary="Replace a subscription",
    responses=answers(
        SubscriptionDocument,
        "Replaced. A webhook keeps its secret unless the body has another.",
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.PRECONDITION_FAILED,
        *WRONG_BODY,
    ),
    openapi_extra=BODY,
    response_class=Response,
)
async def put_subscription(request: Request, here: Here, subscription_id: Id, if_match: IfMatch = None) -> Response:
    """Replace a subscription by the one in the body, whole. A secret is shown only if it was made or changed now."""
    new = parse(await read_body(request), subscription_id)
    others = await all_subscriptions(here.engine)
    secret_is_new = True

    def change(old: StoredSubscription) -> Subscription:
        nonlocal secret_is_new
        check_version(old, if_match)
        kept = secret_of(old)
        replaced = with_secret(new, kept) if kept and not has_secret(new) else with_made_secret(new)
        secret_is_new = not (isinstance(replaced.channel, Webhook) and replaced.channel.secret == kept)
        return replaced

    remarks = remarks_on(new, [other for other in others if other.id != subscription_id])
    stored = await replace_subscription(here.engine, subscription_id, change, now=here.now())
    if stored is None:
        raise not_found("subscription", subscription_id)
    body = msgspec.json.encode(document_of(stored, remarks=remarks, reveal_secret=secret_is_new))
    return Response(
        body, headers={"etag": version_tag(stored), "cache-control": "no-store"}, media_type="application/json"
    )


@router.delete(
    "/{subscription_id}",
    summary="Delete a subscription",
    status_code=HTTPStatus.NO_CONTENT,
    responses={
        204: {"description": "Deleted."},
        **described(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.PRECONDITION_FAILED,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        ),
    },
    response_class=Response,
)
async def remove_subscription(here: Here, subscription_id: Id, if_match: IfMatch = None) -> Response:
    """Delete a subscription. Deliveries already begun are finished."""
    if not await delete_subscription(here.engine, subscription_id, lambda old: check_version(old, if_match)):
        raise not_found("subscription", subscription_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
