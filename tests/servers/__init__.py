"""Real servers for tests, each started on free ports in a folder of its own and stopped with its block."""

import socket


class Missing(Exception):  # noqa: N818 - what is missing is said in its message
    """A server cannot be started here; the message says what is missing and how to get it."""


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
