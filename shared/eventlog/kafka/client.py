"""Reaching the brokers: security, the first connection, and what their troubles mean to the port."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.eventlog import BadLog, TooLarge, Unavailable
from shared.eventlog.kafka.address import KafkaAddress
from shared.settings import KafkaSettings

ANSWER_WITHIN = timedelta(seconds=5)
REQUEST_WITHIN = timedelta(seconds=10)
CLOSE_WITHIN = timedelta(seconds=3)

REFUSALS = (
    errors.SaslAuthenticationFailed,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidTopicError,
    errors.InvalidGroupIdError,
    errors.IncompatibleBrokerVersion,
)
"""What waiting does not mend: somebody must change a setting or grant a right."""


def require_extension() -> None:
    """Raise BadLog if aiokafka runs without its C extension: everything would work, at a tenth of the speed."""
    if "_crecords" not in DefaultRecordBatchBuilder.__module__:
        raise BadLog(
            "LOG_URL is Kafka, but aiokafka's C extension is not loaded here: unset AIOKAFKA_NO_EXTENSIONS, "
            "or install aiokafka from a wheel made for this platform (or with a C compiler)"
        )


class Brokers:
    """The brokers of one log. Making it reads the certificates and raises BadLog; it connects to nobody."""

    def __init__(self, address: KafkaAddress, settings: KafkaSettings) -> None:
        require_extension()
        self.address = address
        self.settings = settings
        self._ssl = _ssl_context(settings) if settings.security.endswith("SSL") else None

    def security(self) -> dict[str, Any]:
        """Return aiokafka's security options; the password is read anew each time. Raises BadLog."""
        options: dict[str, Any] = {"security_protocol": self.settings.security, "ssl_context": self._ssl}
        if self.settings.security.startswith("SASL"):
            options["sasl_mechanism"] = self.settings.sasl_mechanism
            options["sasl_plain_username"] = self.settings.username
            options["sasl_plain_password"] = _password(self.settings.password_file)
        return options

    def options(self, *, request_within: timedelta = REQUEST_WITHIN) -> dict[str, Any]:
        """Return what every client of aiokafka is made with."""
        return {
            "bootstrap_servers": list(self.address.servers),
            "client_id": "attache",
            "request_timeout_ms": milliseconds(request_within),
            **self.security(),
        }

    async def knock(self) -> None:
        """Return once any broker lets us in, which takes seconds at most. Raises Unavailable, or BadLog where refused.

        aiokafka's own start tells neither from the other, nor why.
        """
        async with self._first_answer():
            pass

    async def versions(self) -> dict[int, tuple[int, int]]:
        """Return the requests a broker knows, by API key: their least and greatest version."""
        async with self._first_answer() as connection:
            return dict(connection._versions)  # noqa: SLF001 - negotiated there and told nowhere else

    @asynccontextmanager
    async def _first_answer(self) -> AsyncIterator[AIOKafkaConnection]:
        reasons = []
        for host, port, _ in collect_hosts(list(self.address.servers)):
            try:
                with troubles(f"{host}:{port}"):
                    async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                        connection = await create_conn(
                            host,
                            port,
                            client_id="attache",
                            request_timeout_ms=milliseconds(ANSWER_WITHIN),
                            **self.security(),
                        )
            except Unavailable as trouble:
                reasons.append(str(trouble))
                continue
            try:
                yield connection
            finally:
                connection.close()
            return
        raise Unavailable("; ".join(reasons))

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Open an administrator's client for the block; raises Unavailable or BadLog."""
        await self.knock()
        client = AIOKafkaAdminClient(**self.options())
        try:
            with troubles("brokers"):
                await client.start()
                yield client
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(client.close(), CLOSE_WITHIN.total_seconds())


@contextlib.contextmanager
def troubles(what: str) -> Iterator[None]:
    """Turn the client's exceptions into the port's: BadLog for refusals, Unavailable for the rest."""
    try:
        yield
    except (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError) as error:
        raise TooLarge(f"Kafka ({what}): a message is larger than the broker takes (max.message.bytes)") from error
    except errors.InvalidTimestampError as error:
        raise Unavailable(f"Kafka ({what}): our time is too far from the broker's; compare the clocks") from error
    except REFUSALS as refusal:
        raise BadLog(f"Kafka refuses us ({what}): {described(refusal)}") from refusal
    except ssl.SSLCertVerificationError as error:
        raise BadLog(
            f"Kafka ({what}): its certificate is not to be trusted: {error.verify_message}; see KAFKA_CA_FILE and the "
            "host names in LOG_URL"
        ) from error
    except ssl.SSLEOFError as error:
        raise Unavailable(f"Kafka ({what}): connection lost") from error
    except ssl.SSLError as error:
        raise BadLog(f"Kafka ({what}): no TLS can be agreed on: {error.reason or error}; see KAFKA_SECURITY") from error
    except TimeoutError as error:
        raise Unavailable(f"Kafka ({what}): no answer in time") from error
    except (errors.KafkaError, OSError) as error:
        raise Unavailable(f"Kafka ({what}): {described(error)}") from error


def described(error: BaseException) -> str:
    """Say an error of Kafka's in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(": ".join(str(part) for part in error.args if part).split())
    name = getattr(error, "message", None) or type(error).__name__
    return f"{name}: {said}" if said and said != name else str(name)


def milliseconds(length: timedelta) -> int:
    """Return a duration in whole milliseconds, as Kafka counts."""
    return length // timedelta(milliseconds=1)


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadLog(f"KAFKA_CA_FILE {settings.ca_file}: no certificates can be read from it: {error}") from error
    if settings.cert_file is not None:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        except (OSError, ssl.SSLError) as error:
            raise BadLog(
                f"KAFKA_CERT_FILE {settings.cert_file} with KAFKA_KEY_FILE {settings.key_file}: "
                f"no certificate with its key: {error}"
            ) from error
    return context


def _password(file: Path | None) -> str:
    if file is None:
        raise BadLog("KAFKA_SECURITY asks for a password: set KAFKA_PASSWORD_FILE")
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadLog(f"KAFKA_PASSWORD_FILE {file}: cannot be read: {error}") from error
