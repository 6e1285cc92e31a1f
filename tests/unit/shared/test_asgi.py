import asyncio
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.asgi import PortTaken, listen, serve


@pytest.fixture
def app():
    async def hello(_request):
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/", hello)])


@pytest.fixture
def sock():
    with listen("127.0.0.1", 0, setting="WEB_PORT") as opened:
        yield opened


def url_of(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}/"


def test_a_taken_port_is_named_with_the_setting_that_changes_it(sock):
    port = sock.getsockname()[1]
    with pytest.raises(
        PortTaken, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use; set WEB_PORT to another port"
    ):
        listen("127.0.0.1", port, setting="WEB_PORT")


def test_an_address_that_is_not_ours_is_named():
    with pytest.raises(PortTaken, match=r"cannot listen on 192\.0\.2\.1:0: .*; set OPS_PORT"):
        listen("192.0.2.1", 0, setting="OPS_PORT")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_with_colons_is_ipv6():
    with listen("::1", 0, setting="WEB_PORT") as opened:
        assert opened.family == socket.AF_INET6


async def test_the_app_answers_until_the_stop_event(app, sock):
    url, stop = url_of(sock), asyncio.Event()
    serving = asyncio.create_task(serve(app, sock)(stop))
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert (answer.status, await answer.text()) == (200, "hello")
        assert "server" not in answer.headers
    stop.set()
    await serving
    assert sock.fileno() == -1


async def test_a_stop_that_comes_before_the_start_ends_the_service_cleanly(app, sock):
    stop = asyncio.Event()
    stop.set()
    await serve(app, sock)(stop)
    assert sock.fileno() == -1


async def test_a_cancelled_server_stops_serving_and_closes_its_app(sock):
    said = []

    @asynccontextmanager
    async def lifespan(_app):
        said.append("opened")
        yield
        said.append("closed")

    serving = asyncio.create_task(serve(Starlette(lifespan=lifespan), sock)(asyncio.Event()))
    async with aiohttp.ClientSession() as session, session.get(url_of(sock)) as answer:
        assert answer.status == 404
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert said == ["opened", "closed"]
    assert sock.fileno() == -1
