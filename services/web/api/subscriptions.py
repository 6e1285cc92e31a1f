"""/api/subscriptions: what is to be told to whom. Every route needs a key; secrets are shown once, when made."""

import json
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Request
from starlette.responses import Response

from services.web.api.auth import NeedsKey
from services.web.api.documents import Remark, SubscriptionDocument, SubscriptionList
from services.web.api.schema import answers, described
from services.web.context import Here
from services.web.problems import FieldError, Problem, not_found
from services.web.responses import conditional, etag_of, matches
from services.web.subscriptions import (
    IdTaken,
    StoredSubscription,
    add_subscription,
    all_subscriptions,
    delete_subscription,
    one_subscription,
    replace_subscription,
)
from shared.subscriptions import (
    Subscription,
    SubscriptionError,
    Webhook,
    as_document,
    lint,
    new_id,
    new_secret,
    parse_subscription,
    with_secret,
)

MAX_BODY_BYTES = 64 * 1024
ID_BYTES = 10
SECRET_BYTES = 32
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
    document = SubscriptionList(subscriptions=tuple(_document(one) for one in stored))
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
    document = await _read_body(request)
    own_id = None if isinstance(document, dict) and "id" in document else new_id(secrets.token_bytes(ID_BYTES))
    new = _with_made_secret(_parse(document, own_id))
    others = await all_subscriptions(here.engine)
    remarks = _remarks(new, others)
    try:
        stored = await add_subscription(here.engine, new, now=here.now())
    except IdTaken:
        raise Problem(HTTPStatus.CONFLICT, f"There is a subscription {new.id!r} already; PUT replaces it.") from None
    body = msgspec.json.encode(_document(stored, remarks=remarks, reveal_secret=True))
    headers = {
        "location": f"{request.url.path}/{stored.id}",
        "etag": _etag(stored),
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
    return conditional(request, msgspec.json.encode(_document(stored)))


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
    new = _parse(await _read_body(request), subscription_id)
    others = await all_subscriptions(here.engine)
    secret_is_new = True

    def change(old: StoredSubscription) -> Subscription:
        nonlocal secret_is_new
        _check_version(old, if_match)
        kept = _secret_of(old)
        replaced = with_secret(new, kept) if kept and not _has_secret(new) else _with_made_secret(new)
        secret_is_new = not (isinstance(replaced.channel, Webhook) and replaced.channel.secret == kept)
        return replaced

    remarks = _remarks(new, [other for other in others if other.id != subscription_id])
    stored = await replace_subscription(here.engine, subscription_id, change, now=here.now())
    if stored is None:
        raise not_found("subscription", subscription_id)
    body = msgspec.json.encode(_document(stored, remarks=remarks, reveal_secret=secret_is_new))
    return Response(body, headers={"etag": _etag(stored), "cache-control": "no-store"}, media_type="application/json")


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
    if not await delete_subscription(here.engine, subscription_id, lambda old: _check_version(old, if_match)):
        raise not_found("subscription", subscription_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _read_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            detail = f"A subscription has at most {MAX_BODY_BYTES:,} bytes."
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        wrong = FieldError(detail=f"is no JSON: {error}", pointer="")
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The body cannot be read.", errors=(wrong,)) from None


def _parse(document: object, subscription_id: str | None) -> Subscription:
    try:
        return parse_subscription(document, subscription_id=subscription_id)
    except SubscriptionError as error:
        mistakes = tuple(
            FieldError(
                detail=mistake.reason + (f"; {mistake.suggestion}" if mistake.suggestion else ""),
                pointer=mistake.pointer,
            )
            for mistake in error.mistakes
        )
        detail = "The subscription cannot be used as it is."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=mistakes) from None


def _remarks(new: Subscription, others: Sequence[StoredSubscription]) -> tuple[Remark, ...]:
    """Return what is odd about `new` beside the others; raises Problem if it could never match."""
    readable = [subscription for other in others if (subscription := _readable(other)) is not None]
    own = [remark for remark in lint([*readable, new]) if remark.subscription_id == new.id]
    errors = tuple(FieldError(detail=remark.message, pointer="/match") for remark in own if remark.is_error)
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The subscription could never match.", errors=errors)
    return tuple(Remark(code=remark.code, message=remark.message) for remark in own)


def _document(
    stored: StoredSubscription, *, remarks: tuple[Remark, ...] | None = None, reveal_secret: bool = False
) -> SubscriptionDocument:
    subscription = _readable(stored)
    if subscription is None:
        unreadable = Remark(code="unreadable", message="written by another version; this one cannot read it")
        written: dict[str, Any] = {}
        remarks = (unreadable,)
    else:
        written = as_document(subscription, reveal_secret=reveal_secret)
        if remarks is None:
            remarks = tuple(Remark(code=remark.code, message=remark.message) for remark in lint([subscription]))
    return SubscriptionDocument(
        id=stored.id,
        name=stored.name,
        enabled=written.get("enabled", False),
        match=written.get("match", {}),
        channel=written.get("channel", {}),
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        remarks=remarks,
    )


def _readable(stored: StoredSubscription) -> Subscription | None:
    try:
        return stored.read()
    except (SubscriptionError, ValueError):
        return None


def _etag(stored: StoredSubscription) -> str:
    return etag_of(msgspec.json.encode(_document(stored)))


def _check_version(old: StoredSubscription, if_match: str | None) -> None:
    if if_match is not None and not matches(if_match, _etag(old)):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, f"Subscription {old.id!r} has changed since; read it again.")


def _secret_of(stored: StoredSubscription) -> str:
    subscription = _readable(stored)
    channel = subscription.channel if subscription else None
    return channel.secret if isinstance(channel, Webhook) else ""


def _has_secret(subscription: Subscription) -> bool:
    return isinstance(subscription.channel, Webhook) and bool(subscription.channel.secret)


def _with_made_secret(subscription: Subscription) -> Subscription:
    if isinstance(subscription.channel, Webhook) and not subscription.channel.secret:
        return with_secret(subscription, new_secret(secrets.token_bytes(SECRET_BYTES)))
    return subscription
