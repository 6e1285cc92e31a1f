"""Subscriptions as the API takes and shows them: from a request's body, and to a document without secrets."""

import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request

from services.web.api.documents import Remark, SubscriptionDocument
from services.web.problems import FieldError, Problem
from services.web.responses import etag_of, matches
from services.web.subscriptions import StoredSubscription
from shared.subscriptions import (
    Subscription,
    SubscriptionError,
    Webhook,
    as_document,
    lint,
    new_secret,
    parse_subscription,
    with_secret,
)

MAX_BODY_BYTES = 64 * 1024
SECRET_BYTES = 32


async def read_body(request: Request) -> Any:
    """Read the request's JSON; raises Problem 415, 413 or 422."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            detail = f"A subscription has at most {MAX_BODY_BYTES:,} bytes."
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong = FieldError(detail=f"is no JSON: {error}", pointer="")
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The body cannot be read.", errors=(wrong,)) from None


def parse(document: object, subscription_id: str | None) -> Subscription:
    """Read a subscription; raises Problem 422 with the place and reason of every mistake."""
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


def remarks_on(new: Subscription, others: Sequence[StoredSubscription]) -> tuple[Remark, ...]:
    """Return what is odd about `new` beside the others; raises Problem if it could never match."""
    readable = [subscription for other in others if (subscription := _readable(other)) is not None]
    own = [remark for remark in lint([*readable, new]) if remark.subscription_id == new.id]
    errors = tuple(FieldError(detail=remark.message, pointer="/match") for remark in own if remark.is_error)
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The subscription could never match.", errors=errors)
    return tuple(Remark(code=remark.code, message=remark.message) for remark in own)


def document_of(
    stored: StoredSubscription, *, remarks: tuple[Remark, ...] | None = None, reveal_secret: bool = False
) -> SubscriptionDocument:
    """Write a subscription. `remarks` are its own lint unless given; the secret stays out unless revealed."""
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


def version_tag(stored: StoredSubscription) -> str:
    """Return the ETag that GET gives this subscription."""
    return etag_of(msgspec.json.encode(document_of(stored)))


def check_version(old: StoredSubscription, if_match: str | None) -> None:
    """Raise Problem 412 if the client saw another version than this."""
    if if_match is not None and not matches(if_match, version_tag(old)):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, f"Subscription {old.id!r} has changed since; read it again.")


def secret_of(stored: StoredSubscription) -> str:
    """Return the webhook's secret, empty where there is none."""
    subscription = _readable(stored)
    channel = subscription.channel if subscription else None
    return channel.secret if isinstance(channel, Webhook) else ""


def has_secret(subscription: Subscription) -> bool:
    """Tell whether the subscription carries a webhook secret."""
    return isinstance(subscription.channel, Webhook) and bool(subscription.channel.secret)


def with_made_secret(subscription: Subscription) -> Subscription:
    """Give a webhook that has no secret a new one."""
    if isinstance(subscription.channel, Webhook) and not subscription.channel.secret:
        return with_secret(subscription, new_secret(secrets.token_bytes(SECRET_BYTES)))
    return subscription
