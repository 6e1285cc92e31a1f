"""Alerts as signed POST requests: Standard Webhooks 1.0.

`webhook-id` is the delivery's id on every attempt, `webhook-timestamp` is of the attempt, `webhook-signature` is over
exactly the bytes sent.
"""

from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

from services.notifier.delivery import ATTEMPT_DEADLINE, Delivery, Outcome, Refused, TryLater, of_http
from services.notifier.wording import payload
from shared.http import FailureKind, HttpClient, Posted
from shared.subscriptions import Webhook

HOPELESS = frozenset({FailureKind.REFUSED_ADDRESS, FailureKind.BAD_URL})


class WebhookSender:
    """Posts through the one guarded HTTP client: public addresses only, no redirects, one deadline for all."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def send(self, delivery: Delivery, now: datetime) -> Outcome:
        """Make one attempt; an address that may not be reached is refused, other trouble is tried later."""
        if not isinstance(delivery.channel, Webhook):
            return Refused("not-a-webhook")
        body = payload(delivery)
        headers = sign(body, delivery.id, delivery.channel.secret, now)
        answer = await self._http.post(delivery.channel.url, body, headers, deadline=ATTEMPT_DEADLINE)
        if isinstance(answer, Posted):
            return of_http(answer.status)
        if answer.status is not None:
            return of_http(answer.status, answer.retry_after)
        return (Refused if answer.kind in HOPELESS else TryLater)(answer.reason)


def sign(body: bytes, delivery_id: str, secret: str, now: datetime) -> dict[str, str]:
    """Return the headers of a signed request. The library takes the time's zone for UTC, so UTC it must be."""
    at = now.astimezone(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(secret).sign(delivery_id, at, body.decode("utf-8")),
    }
