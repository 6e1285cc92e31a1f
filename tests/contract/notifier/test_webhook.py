"""The webhook channel against a real HTTP server that checks signatures with the standard's own library."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta, timezone
from ipaddress import ip_network

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from services.notifier.delivery import Accepted, Gone, Refused, TryLater
from services.notifier.senders import webhook as module
from services.notifier.senders.webhook import WebhookSender
from services.notifier.wording import payload
from shared.clock import utc_now
from shared.http import open_http
from shared.settings import Settings
from shared.subscriptions import Webhook, new_secret

SECRET = new_secret(bytes(range(32)))
Answer = Callable[[], web.Response]


class Receiver:
    """A webhook receiver: verifies, keeps id, time and body, then answers as told."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[tuple[str, str, dict[str, object]]] = []
        self.elsewhere = 0
        self.answer: Answer = lambda: web.Response(status=204)
        self.hang = asyncio.Event()
        self.hang.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        document = Verifier(SECRET).verify(body, dict(request.headers))
        self.taken.append((request.headers["webhook-id"], request.headers["webhook-timestamp"], document))
        await self.hang.wait()
        return self.answer()

    async def other(self, request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.hook)
    app.router.add_route("*", "/elsewhere", receiver.other)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    receiver.hang.set()
    await runner.cleanup()


@pytest.fixture
async def sender(receiver: Receiver) -> AsyncIterator[WebhookSender]:
    settings = Settings(allow_networks=(ip_network("127.0.0.0/8"),), allow_ports=(receiver.port,))
    async with open_http(settings) as http:
        yield WebhookSender(http)


@pytest.fixture
def hook(delivery, receiver):
    return dataclasses.replace(delivery, channel=Webhook(url=receiver.url, secret=SECRET))


async def test_the_receiver_verifies_the_signature_and_reads_the_alert(sender, receiver, hook):
    assert await sender.send(hook, utc_now()) == Accepted("http-204")
    ((webhook_id, _, document),) = receiver.taken
    assert webhook_id == hook.id
    assert document["type"] == "alert.raised"
    assert document["data"]["id"] == hook.alert.id


async def test_a_retry_has_the_same_id_and_its_own_time(sender, receiver, hook):
    now = utc_now()
    await sender.send(hook, now - timedelta(seconds=5))
    await sender.send(hook, now)
    (first_id, first_at, first), (second_id, second_at, second) = receiver.taken
    assert (first_id, first) == (second_id, second)
    assert int(second_at) - int(first_at) == 5


async def test_the_time_is_signed_right_whatever_zone_the_clock_has(sender, receiver, hook):
    assert await sender.send(hook, utc_now().astimezone(timezone(timedelta(hours=7)))) == Accepted("http-204")


async def test_another_secret_does_not_verify(hook):
    body = payload(hook)
    headers = module.sign(body, hook.id, SECRET, utc_now())
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret(bytes(32))).verify(body, headers)


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Accepted("http-200")),
        (500, {}, TryLater("http-500")),
        (404, {}, TryLater("http-404")),
        (410, {}, Gone("http-410")),
        (429, {"Retry-After": "7"}, TryLater("throttled-429", timedelta(seconds=7))),
        (503, {"Retry-After": "99999"}, TryLater("http-503", timedelta(seconds=99999))),
        (
            503,
            {"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "Retry-After": "Sun, 01 Mar 2026 12:10:00 GMT"},
            TryLater("http-503", timedelta(minutes=10)),
        ),
        (502, {"Retry-After": "later"}, TryLater("throttled-502")),
    ],
)
async def test_answers_are_read_as_the_standard_says(sender, receiver, hook, status, headers, outcome):
    receiver.answer = lambda: web.Response(status=status, headers=headers, text="x" * 100_000)
    assert await sender.send(hook, utc_now()) == outcome


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_failure_and_not_followed(sender, receiver, hook, status):
    receiver.answer = lambda: web.Response(status=status, headers={"Location": "/elsewhere"})
    assert await sender.send(hook, utc_now()) == TryLater(f"http-{status}")
    assert receiver.elsewhere == 0


async def test_a_receiver_that_hangs_is_tried_later(sender, receiver, hook, monkeypatch):
    monkeypatch.setattr(module, "ATTEMPT_DEADLINE", timedelta(milliseconds=200))
    receiver.hang.clear()
    outcome = await sender.send(hook, utc_now())
    assert isinstance(outcome, TryLater)
    assert outcome.reason.startswith("timeout")


async def test_a_private_address_is_refused_without_a_connection(receiver, hook):
    async with open_http(Settings(allow_ports=(receiver.port,))) as http:
        outcome = await WebhookSender(http).send(hook, utc_now())
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("refused-address")
    assert receiver.taken == []


async def test_a_port_that_is_not_allowed_is_refused(hook):
    async with open_http(Settings(allow_networks=(ip_network("127.0.0.0/8"),))) as http:
        outcome = await WebhookSender(http).send(hook, utc_now())
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("bad-url")


async def test_nobody_listening_is_tried_later(hook):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        nobody = dataclasses.replace(hook, channel=Webhook(url=f"http://127.0.0.1:{port}/", secret=SECRET))
        settings = Settings(allow_networks=(ip_network("127.0.0.0/8"),), allow_ports=(port,))
        async with open_http(settings) as http:
            outcome = await WebhookSender(http).send(nobody, utc_now())
    assert isinstance(outcome, TryLater)
    assert outcome.reason.startswith("connect")
