"""All settings, read once from a mapping (the environment), all mistakes reported at once.

This is the only place that knows the names of environment variables.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from shared.failures import Refused

V = TypeVar("V")
KAFKA_SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
KAFKA_SASL = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSettings(Refused):
    """One or more settings cannot be used; the message lists every one with its reason."""


@dataclass(frozen=True)
class KafkaSettings:
    """How to speak to Kafka, and how the topics are made that are not there yet. Of no concern to the other logs."""

    security: str = "PLAINTEXT"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str = ""
    password_file: Path | None = None
    partitions: int = 6
    replication: int = 1
    min_insync: int = 1
    session_timeout: timedelta = timedelta(seconds=45)
    max_message_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """Everything the environment may say, with the defaults of a single process on one machine.

    Sizes are bytes, durations timedelta. `allow_networks` are address ranges outbound HTTP may reach although
    they are not public (empty by default); `allow_ports` the ports beside 80 and 443.
    """

    data_dir: Path = Path("data")
    log_url: str = ""
    db_url: str = ""
    web_host: str = "127.0.0.1"
    web_port: int = 8080
    ops_host: str = "127.0.0.1"
    ops_port: int = 9464
    feeds_file: Path | None = None
    subscriptions_file: Path | None = None
    contact: str = ""
    allow_networks: tuple[Network, ...] = ()
    allow_ports: tuple[int, ...] = ()
    poll_floor: timedelta = timedelta(minutes=5)
    poll_ceiling: timedelta = timedelta(hours=24)
    heartbeat_every: timedelta = timedelta(seconds=30)
    smtp_url: str = ""
    mail_from: str = "attache@localhost"
    log_format: str = "text"
    log_level: str = "info"
    grace: timedelta = timedelta(seconds=8)
    replica: str = ""
    db_password_file: Path | None = None
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    failpoints: tuple[str, ...] = ()

    @property
    def replica_name(self) -> str:
        """What tells this process from others of its service, the same after a restart: REPLICA, or the host's name."""
        return self.replica or socket.gethostname()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the settings from `env`; raises BadSettings naming every variable that is wrong and why."""
        faults: list[str] = []

        def read(name: str, parse: Callable[[str], V], default: V) -> V:
            raw = env.get(name, "").strip()
            if not raw:
                return default
            try:
                return parse(raw)
            except ValueError as error:
                faults.append(f"{name}={without_password(raw)!r}: {error}")
                return default

        data_dir = read("DATA_DIR", Path, cls.data_dir)
        settings = cls(
            data_dir=data_dir,
            log_url=read("LOG_URL", _url("sqlite", "memory", "kafka"), f"sqlite:///{data_dir}/log.db"),
            db_url=read("DB_URL", _url("sqlite", "postgresql"), f"sqlite:///{data_dir}/attache.db"),
            web_host=read("WEB_HOST", str, cls.web_host),
            web_port=read("WEB_PORT", _port, cls.web_port),
            ops_host=read("OPS_HOST", str, cls.ops_host),
            ops_port=read("OPS_PORT", _port, cls.ops_port),
            feeds_file=read("FEEDS_FILE", _existing_file, cls.feeds_file),
            subscriptions_file=read("SUBSCRIPTIONS_FILE", _existing_file, cls.subscriptions_file),
            contact=read("CONTACT", str, cls.contact),
            allow_networks=read("ALLOW_NETWORKS", _networks, cls.allow_networks),
            allow_ports=read("ALLOW_PORTS", _ports, cls.allow_ports),
            poll_floor=read("POLL_FLOOR_SECONDS", _seconds, cls.poll_floor),
            poll_ceiling=read("POLL_CEILING_SECONDS", _seconds, cls.poll_ceiling),
            heartbeat_every=read("HEARTBEAT_SECONDS", _seconds, cls.heartbeat_every),
            smtp_url=read("SMTP_URL", _url("smtp", "smtps"), cls.smtp_url),
            mail_from=read("MAIL_FROM", str, cls.mail_from),
            log_format=read("LOG_FORMAT", _one_of("text", "json"), cls.log_format),
            log_level=read("LOG_LEVEL", _one_of("debug", "info", "warning"), cls.log_level),
            grace=read("GRACE_SECONDS", _seconds, cls.grace),
            replica=read("REPLICA", str, cls.replica),
            db_password_file=read("DB_PASSWORD_FILE", _existing_file, cls.db_password_file),
            kafka=KafkaSettings(
                security=read("KAFKA_SECURITY", _one_of(*KAFKA_SECURITY), KafkaSettings.security),
                ca_file=read("KAFKA_CA_FILE", _existing_file, KafkaSettings.ca_file),
                cert_file=read("KAFKA_CERT_FILE", _existing_file, KafkaSettings.cert_file),
                key_file=read("KAFKA_KEY_FILE", _existing_file, KafkaSettings.key_file),
                sasl_mechanism=read("KAFKA_SASL_MECHANISM", _one_of(*KAFKA_SASL), KafkaSettings.sasl_mechanism),
                username=read("KAFKA_USERNAME", str, KafkaSettings.username),
                password_file=read("KAFKA_PASSWORD_FILE", _existing_file, KafkaSettings.password_file),
                partitions=read("KAFKA_PARTITIONS", _count, KafkaSettings.partitions),
                replication=read("KAFKA_REPLICATION", _count, KafkaSettings.replication),
                min_insync=read("KAFKA_MIN_INSYNC", _count, KafkaSettings.min_insync),
                session_timeout=read("KAFKA_SESSION_TIMEOUT_SECONDS", _seconds, KafkaSettings.session_timeout),
                max_message_bytes=read("KAFKA_MAX_MESSAGE_BYTES", _count, KafkaSettings.max_message_bytes),
            ),
            failpoints=read("FAILPOINTS", _words, cls.failpoints),
        )
        if settings.poll_floor > settings.poll_ceiling:
            faults.append("POLL_FLOOR_SECONDS is above POLL_CEILING_SECONDS")
        if settings.kafka.min_insync > settings.kafka.replication:
            faults.append("KAFKA_MIN_INSYNC is above KAFKA_REPLICATION: nothing could ever be appended")
        if settings.kafka.security.startswith("SASL") and not (
            settings.kafka.username and settings.kafka.password_file
        ):
            faults.append(f"KAFKA_SECURITY={settings.kafka.security} needs KAFKA_USERNAME and KAFKA_PASSWORD_FILE")
        if faults:
            raise BadSettings("bad settings:\n  " + "\n  ".join(faults))
        return settings


def without_password(url: str) -> str:
    """Return a URL fit for messages, without what may stand before its host."""
    return re.sub(r"//[^/]*@", "//…@", url)


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        scheme = raw.partition(":")[0]
        if scheme not in schemes:
            raise ValueError(f"must begin with one of {', '.join(f'{s}:' for s in schemes)}")
        return raw

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return raw

    return parse


def _port(raw: str) -> int:
    if not raw.isdigit() or not 0 <= int(raw) <= 65535:  # noqa: PLR2004 - the range of a port
        raise ValueError("must be a port from 0 (any free one) to 65535")
    return int(raw)


def _count(raw: str) -> int:
    if not raw.isdigit() or int(raw) < 1:
        raise ValueError("must be a whole number from 1")
    return int(raw)


def _words(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def _ports(raw: str) -> tuple[int, ...]:
    return tuple(_port(part.strip()) for part in raw.split(","))


def _networks(raw: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in raw.split(","))


def _seconds(raw: str) -> timedelta:
    value = float(raw)
    if not 0 < value < 366 * 86400:
        raise ValueError("must be a number of seconds, more than 0 and less than a year")
    return timedelta(seconds=value)


def _existing_file(raw: str) -> Path:
    path = Path(raw)
    if not path.is_file():
        raise ValueError("no such file")
    return path
