"""The proxy itself, over real sockets: each of its troubles shows as that trouble, and healing ends it."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.tools.proxy import Proxy, Way, open_proxy

SOON = 5
A_WHILE = 0.3


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken, _ = listener.accept()
                    threading.Thread(target=answer, args=(taken,), daemon=True).start()

        def answer(taken: socket.socket) -> None:
            with taken, contextlib.suppress(OSError):
                while data := taken.recv(65536):
                    taken.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(SOON)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with open_proxy(echo) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=SOON)


def get(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (data := connection.recv(count - len(got))):
        got += data
    return got


def silent(connection: socket.socket) -> bool:
    connection.settimeout(A_WHILE)
    try:
        return bool(connection.recv(1)) and False
    except TimeoutError:
        return True
    finally:
        connection.settimeout(SOON)


def test_what_is_sent_arrives_whole_both_ways(proxy: Proxy):
    sent = bytes(range(256)) * 4096
    with connect(proxy) as connection:
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        assert get(connection, len(sent)) == sent
        assert proxy.connections == 1


def test_a_cut_link_ends_connections_refuses_new_ones_and_comes_back_on_the_same_port(proxy: Proxy):
    with connect(proxy) as connection:
        connection.sendall(b"one")
        assert get(connection, 3) == b"one"
        proxy.cut()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as connection:
        connection.sendall(b"two")
        assert get(connection, 3) == b"two"


@pytest.mark.parametrize("ways", [(), (Way.TO_SERVER,), (Way.TO_CLIENT,)])
def test_a_hanging_link_takes_connections_answers_nothing_and_delivers_once_healed(proxy: Proxy, ways: tuple[Way, ...]):
    with connect(proxy) as before:
        proxy.hang(*ways)
        before.sendall(b"old")
        with connect(proxy) as after:
            after.sendall(b"new")
            assert silent(before)
            assert silent(after)
            proxy.heal()
            assert get(before, 3) == b"old"
            assert get(after, 3) == b"new"


def test_a_link_hanging_one_way_still_passes_the_other(echo: int):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        proxy = stack.enter_context(open_proxy(listener.getsockname()[1]))
        client = stack.enter_context(connect(proxy))
        server = stack.enter_context(listener.accept()[0])
        proxy.hang(Way.TO_CLIENT)
        client.sendall(b"up")
        server.settimeout(SOON)
        assert get(server, 2) == b"up"
        server.sendall(b"down")
        assert silent(client)


def test_a_reset_ends_connections_with_an_error_and_takes_new_ones(proxy: Proxy):
    with connect(proxy) as connection:
        connection.sendall(b"one")
        assert get(connection, 3) == b"one"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with connect(proxy) as connection:
        connection.sendall(b"two")
        assert get(connection, 3) == b"two"


def test_a_late_link_is_late_by_no_less_than_was_said(proxy: Proxy):
    with connect(proxy) as connection:
        proxy.delay(0.2)
        started = time.monotonic()
        connection.sendall(b"late")
        assert get(connection, 4) == b"late"
        assert time.monotonic() - started >= 0.4


def test_a_dripping_link_passes_no_more_bytes_a_second_than_was_said(proxy: Proxy):
    with connect(proxy) as connection:
        proxy.drip(10_000)
        started = time.monotonic()
        connection.sendall(b"x" * 5_000)
        assert get(connection, 5_000) == b"x" * 5_000
        assert time.monotonic() - started >= 0.5


def test_a_server_that_is_away_is_a_closed_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        away = listener.getsockname()[1]
    with open_proxy(away) as proxy, connect(proxy) as connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""


async def test_it_serves_the_very_event_loop_that_switches_it(proxy: Proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.hang()
    writer.write(b"held")
    proxy.heal()
    assert await asyncio.wait_for(reader.readexactly(4), SOON) == b"held"
    writer.close()
    await writer.wait_closed()
