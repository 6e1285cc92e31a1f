"""TLS and passwords, on a broker of its own with certificates made for it."""

import asyncio
import shutil
import subprocess
from datetime import timedelta

import pytest

from shared.eventlog import BadLog, Message, Unavailable
from shared.eventlog.kafka.inspection import inspect_log
from shared.eventlog.kafka.log import KafkaLog
from shared.eventlog.open import open_log
from shared.settings import KafkaSettings
from tests.servers import free_port
from tests.servers.kafka import Broker

USER, VISITOR, PASSWORD, KEYSTORE = "attache", "visitor", "a made-up one", "made-up-too"


def openssl(folder, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, the broker's certificate for `localhost` by it, a client's, and another authority of no relation."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make certificates with")
    folder = tmp_path_factory.mktemp("certificates")
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    for name in ("ca", "stranger"):
        extensions = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", *extensions)
    for name, names in (("broker", "DNS:localhost"), ("client", "DNS:client")):
        openssl(folder, *request, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
                "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
    openssl(folder, "pkcs12", "-export", "-in", "broker.pem", "-inkey", "broker.key", "-out", "broker.p12",
            "-passout", f"pass:{KEYSTORE}")  # fmt: skip
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "wrong").write_text("guessed\n")
    return folder


@pytest.fixture(scope="module")
def secure(certificates, tmp_path_factory, _broker):
    """The ports of a broker by what they ask for: a client's certificate, or a password over TLS, or one in the clear.

    A visitor gets in and may do nothing.
    """
    if _broker is None:
        pytest.skip("no real Kafka here")
    ports = {name: free_port() for name in ("tls", "sasl_tls", "sasl")}
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    broker = Broker(tmp_path_factory.mktemp("secure"))
    broker.properties = {
        "listeners": f"DIRECT://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.controller_port},"
        + ",".join(f"{name.upper()}://127.0.0.1:{port}" for name, port in ports.items()),
        "advertised.listeners": f"DIRECT://127.0.0.1:{broker.port},"
        + ",".join(f"{name.upper()}://localhost:{port}" for name, port in ports.items()),
        "listener.security.protocol.map": "DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL_TLS:SASL_SSL,SASL:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{USER};User:CN=client",
        "listener.name.tls.ssl.client.auth": "required",
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(certificates / "broker.p12"),
        "ssl.keystore.password": KEYSTORE,
        "ssl.key.password": KEYSTORE,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates / "ca.pem"),
        **{
            f"listener.name.{name}.plain.sasl.jaas.config": (
                f'{login} user_{USER}="{PASSWORD}" user_{VISITOR}="{PASSWORD}";'
            )
            for name in ("sasl_tls", "sasl")
        },
    }
    try:
        broker.start()
        yield broker, ports
    finally:
        broker.kill()


@pytest.fixture
def with_password(certificates):
    def settings(security="SASL_SSL", *, file="password", mechanism="PLAIN", username=USER):
        return KafkaSettings(
            security=security, sasl_mechanism=mechanism, username=username, password_file=certificates / file,
            ca_file=certificates / "ca.pem",
        )  # fmt: skip

    return settings


def url(port: int) -> str:
    return f"kafka://localhost:{port}/secure"


async def there_and_back(address: str, settings: KafkaSettings) -> list[bytes]:
    async with open_log(address, kafka=settings) as log, log.reader("articles", "group") as reader:
        await log.append("articles", [Message("a", b"b")])
        found = await reader.read(1, timedelta(seconds=20))
        await reader.commit()
        return [record.value for record in found]


async def test_records_go_over_tls_with_a_clients_certificate(secure, certificates):
    settings = KafkaSettings(
        security="SSL",
        ca_file=certificates / "ca.pem",
        cert_file=certificates / "client.pem",
        key_file=certificates / "client.key",
    )
    assert await there_and_back(url(secure[1]["tls"]), settings) == [b"b"]


@pytest.mark.parametrize(("security", "port"), [("SASL_SSL", "sasl_tls"), ("SASL_PLAINTEXT", "sasl")])
async def test_records_go_with_a_password(secure, with_password, security, port):
    assert await there_and_back(url(secure[1][port]), with_password(security)) == [b"b"]


@pytest.mark.parametrize(("security", "port"), [("SASL_SSL", "sasl_tls"), ("SASL_PLAINTEXT", "sasl")])
async def test_a_wrong_password_is_told_at_once_and_not_waited_out(secure, with_password, security, port):
    async with open_log(url(secure[1][port]), kafka=with_password(security, file="wrong")) as log:
        with pytest.raises(BadLog, match=r"refuses us.*[Aa]uthentication failed") as refused:
            await log.append("articles", [Message("a", b"b")])
        async with log.reader("articles", "group") as reader:
            with pytest.raises(BadLog, match="refuses us"):
                await reader.read(1, timedelta(seconds=10))
    assert "guessed" not in str(refused.value)


async def test_missing_rights_are_told_by_topic(secure, with_password):
    settings = with_password("SASL_PLAINTEXT", username=VISITOR)
    async with open_log(url(secure[1]["sasl"]), kafka=settings) as log, log.reader("tagged", "group") as reader:
        with pytest.raises(BadLog, match=r"secure\.articles.*AUTHORIZATION_FAILED"):
            await log.append("articles", [Message("a", b"b")])
        with pytest.raises(BadLog, match=r"secure\.tagged.*AUTHORIZATION_FAILED"):
            await reader.read(1, timedelta(seconds=10))


async def test_missing_rights_in_a_group_are_told_by_its_name(secure, with_password, monkeypatch):
    owner, visitor = (with_password("SASL_PLAINTEXT", username=name) for name in (USER, VISITOR))
    async with open_log(url(secure[1]["sasl"]), kafka=owner) as log:
        await log.append("articles", [Message("a", b"b")])
        assert isinstance(log, KafkaLog)
        known = await log._topics.get("articles")
    async with open_log(url(secure[1]["sasl"]), kafka=visitor) as log, log.reader("articles", "group") as reader:
        assert isinstance(log, KafkaLog)
        monkeypatch.setattr(log._topics, "_fresh", lambda _: known)  # as if it might see the topic and not the group
        with pytest.raises(BadLog, match=r"group.*AUTHORIZATION_FAILED"):
            await share(reader)


async def share(reader):
    async with asyncio.timeout(20):
        while True:
            await reader.read(1, timedelta(seconds=1))


async def test_a_mechanism_the_broker_does_not_have_is_told(secure, with_password):
    async with open_log(
        url(secure[1]["sasl"]), kafka=with_password("SASL_PLAINTEXT", mechanism="SCRAM-SHA-512")
    ) as log:
        with pytest.raises(BadLog, match=r"(?i)sasl_?mechanism"):
            await log.append("articles", [Message("a", b"b")])


async def test_a_certificate_of_another_authority_is_not_trusted(secure, certificates, with_password):
    settings = KafkaSettings(security="SSL", ca_file=certificates / "stranger.pem")
    async with open_log(url(secure[1]["tls"]), kafka=settings) as log:
        with pytest.raises(BadLog, match="KAFKA_CA_FILE"):
            await log.append("articles", [Message("a", b"b")])
    assert "KAFKA_CA_FILE" in (await inspect_log(url(secure[1]["tls"]), kafka=settings)).trouble


async def test_a_certificate_for_another_name_is_not_trusted(secure, with_password):
    async with open_log(f"kafka://127.0.0.1:{secure[1]['sasl_tls']}", kafka=with_password()) as log:
        with pytest.raises(BadLog, match="host names"):
            await log.append("articles", [Message("a", b"b")])


async def test_tls_to_a_port_that_speaks_none_is_told(secure, certificates):
    settings = KafkaSettings(security="SSL", ca_file=certificates / "ca.pem")
    async with open_log(f"kafka://localhost:{secure[0].port}", kafka=settings) as log:
        with pytest.raises((BadLog, Unavailable)):
            await log.append("articles", [Message("a", b"b")])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ca_file": "password"}, "KAFKA_CA_FILE"),
        ({"cert_file": "ca.pem", "key_file": "client.key"}, "KAFKA_CERT_FILE"),
        ({"password_file": "missing"}, "KAFKA_PASSWORD_FILE"),
    ],
)
async def test_files_of_no_use_are_named_when_the_log_is_opened(certificates, change, named):
    files = {"ca_file": "ca.pem", "password_file": "password"} | change
    settings = KafkaSettings(
        security="SASL_SSL", username=USER, **{key: certificates / name for key, name in files.items()}
    )
    with pytest.raises(BadLog, match=named):
        async with open_log("kafka://localhost:1", kafka=settings):
            pass
