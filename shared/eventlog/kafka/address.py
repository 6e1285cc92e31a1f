"""Where a Kafka log is: `kafka://host:port,host:port/namespace`, and what topics and groups are called there."""

import re
from dataclasses import dataclass

from shared.eventlog import BadLog
from shared.settings import without_password

FORM = "kafka://host:port, more brokers after commas, then /namespace where several logs share them"
_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class KafkaAddress:
    """Brokers to begin with (`host:port`), and the name space, which may be empty."""

    servers: tuple[str, ...]
    namespace: str = ""

    @property
    def prefix(self) -> str:
        """What stands before every name of this log."""
        return f"{self.namespace}." if self.namespace else ""

    def topic(self, name: str) -> str:
        """Name a topic as Kafka knows it."""
        return self.prefix + name

    def group(self, group: str, topic: str) -> str:
        """Name a group as Kafka knows it.

        A group of the port reads one topic. Kafka's members share one group over all their topics and rebalance
        together, so each pair gets a group of its own.
        """
        return f"{self.prefix}{group}.{topic}"


def parse(url: str) -> KafkaAddress:
    """Read a LOG_URL; raises BadLog saying what is wrong with it, without repeating a password."""
    shown = without_password(url)
    servers, _, namespace = url.removeprefix("kafka://").partition("/")
    if not url.startswith("kafka://") or not servers:
        raise BadLog(f"LOG_URL {shown!r}: must be {FORM}")
    if "@" in servers:
        raise BadLog(f"LOG_URL {shown!r}: user and password belong into KAFKA_USERNAME and KAFKA_PASSWORD_FILE")
    listed = tuple(server.strip() for server in servers.split(","))
    for server in listed:
        if not _SERVER.fullmatch(server):
            raise BadLog(f"LOG_URL {shown!r}: {server!r} is no host:port; must be {FORM}")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise BadLog(f"LOG_URL {shown!r}: a namespace has letters, digits, '.', '_' and '-', at most 100")
    return KafkaAddress(listed, namespace)
