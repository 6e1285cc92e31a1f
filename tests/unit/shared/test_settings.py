import ipaddress
from datetime import timedelta
from pathlib import Path

import pytest

from shared.settings import BadSettings, KafkaSettings, Settings, without_password


def test_an_empty_environment_is_one_process_on_one_machine():
    settings = Settings.from_env({})
    assert settings.log_url == "sqlite:///data/log.db"
    assert settings.db_url == "sqlite:///data/attache.db"
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8080)
    assert (settings.poll_floor, settings.poll_ceiling) == (timedelta(minutes=5), timedelta(hours=24))
    assert settings.allow_networks == settings.allow_ports == ()
    assert settings.grace == timedelta(seconds=8)


def test_blank_variables_are_unset():
    assert Settings.from_env({"WEB_PORT": " ", "SMTP_URL": ""}) == Settings.from_env({})


def test_other_programs_variables_are_none_of_our_business():
    assert Settings.from_env({"PATH": "/bin", "PORT": "x"}) == Settings.from_env({})


def test_log_and_database_follow_the_data_folder():
    settings = Settings.from_env({"DATA_DIR": "/var/lib/attache"})
    assert settings.log_url == "sqlite:////var/lib/attache/log.db"
    assert settings.db_url == "sqlite:////var/lib/attache/attache.db"


def test_every_variable_is_read(tmp_path):
    file = tmp_path / "feeds.toml"
    file.write_text("")
    settings = Settings.from_env(
        {
            "DATA_DIR": "x",
            "LOG_URL": "memory:",
            "DB_URL": "postgresql://me:secret@host/db",
            "WEB_HOST": "0.0.0.0",
            "WEB_PORT": "0",
            "OPS_HOST": "::",
            "OPS_PORT": "65535",
            "FEEDS_FILE": str(file),
            "SUBSCRIPTIONS_FILE": str(file),
            "CONTACT": "desk@example.org",
            "ALLOW_NETWORKS": "127.0.0.0/8, fd00::/8",
            "ALLOW_PORTS": "8000, 8443",
            "POLL_FLOOR_SECONDS": "0.5",
            "POLL_CEILING_SECONDS": "60",
            "HEARTBEAT_SECONDS": "5",
            "SMTP_URL": "smtps://mail.example.org",
            "MAIL_FROM": "attache@example.org",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "debug",
            "GRACE_SECONDS": "3",
            "REPLICA": "tagger-2",
            "DB_PASSWORD_FILE": str(file),
            "KAFKA_SECURITY": "SASL_SSL",
            "KAFKA_CA_FILE": str(file),
            "KAFKA_CERT_FILE": str(file),
            "KAFKA_KEY_FILE": str(file),
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_USERNAME": "attache",
            "KAFKA_PASSWORD_FILE": str(file),
            "KAFKA_PARTITIONS": "12",
            "KAFKA_REPLICATION": "3",
            "KAFKA_MIN_INSYNC": "2",
            "KAFKA_SESSION_TIMEOUT_SECONDS": "30",
            "KAFKA_MAX_MESSAGE_BYTES": "1000000",
            "FAILPOINTS": "store.stored:2, tagger.appended",
        }
    )
    assert settings == Settings(
        data_dir=Path("x"),
        log_url="memory:",
        db_url="postgresql://me:secret@host/db",
        web_host="0.0.0.0",
        web_port=0,
        ops_host="::",
        ops_port=65535,
        feeds_file=file,
        subscriptions_file=file,
        contact="desk@example.org",
        allow_networks=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00::/8")),
        allow_ports=(8000, 8443),
        poll_floor=timedelta(milliseconds=500),
        poll_ceiling=timedelta(minutes=1),
        heartbeat_every=timedelta(seconds=5),
        smtp_url="smtps://mail.example.org",
        mail_from="attache@example.org",
        log_format="json",
        log_level="debug",
        grace=timedelta(seconds=3),
        replica="tagger-2",
        db_password_file=file,
        kafka=KafkaSettings(
            security="SASL_SSL",
            ca_file=file,
            cert_file=file,
            key_file=file,
            sasl_mechanism="PLAIN",
            username="attache",
            password_file=file,
            partitions=12,
            replication=3,
            min_insync=2,
            session_timeout=timedelta(seconds=30),
            max_message_bytes=1_000_000,
        ),
        failpoints=("store.stored:2", "tagger.appended"),
    )


WRONG = {
    "LOG_URL": ("redis://x", "must begin with one of sqlite:, memory:, kafka:"),
    "DB_URL": ("mysql://x", "must begin with one of sqlite:, postgresql:"),
    "WEB_PORT": ("65536", "must be a port from 0"),
    "OPS_PORT": ("http", "must be a port from 0"),
    "FEEDS_FILE": ("/no/such/file", "no such file"),
    "ALLOW_NETWORKS": ("10.0.0.1/8", "has host bits set"),
    "ALLOW_PORTS": ("80,-1", "must be a port from 0"),
    "POLL_FLOOR_SECONDS": ("soon", "could not convert"),
    "POLL_CEILING_SECONDS": ("nan", "must be a number of seconds"),
    "HEARTBEAT_SECONDS": ("0", "more than 0"),
    "LOG_FORMAT": ("xml", "must be one of text, json"),
    "LOG_LEVEL": ("loud", "must be one of debug, info, warning"),
    "GRACE_SECONDS": ("1e9", "less than a year"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named_with_its_reason(name):
    raw, reason = WRONG[name]
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({name: raw})
    assert f"{name}={raw!r}: " in str(caught.value)
    assert reason in str(caught.value)


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({name: raw for name, (raw, _) in WRONG.items()})
    lines = str(caught.value).splitlines()
    assert lines[0] == "bad settings:"
    assert [line.strip().partition("=")[0] for line in lines[1:]] == list(WRONG)


def test_a_floor_above_the_ceiling_is_a_mistake():
    with pytest.raises(BadSettings, match="POLL_FLOOR_SECONDS is above POLL_CEILING_SECONDS"):
        Settings.from_env({"POLL_FLOOR_SECONDS": "61", "POLL_CEILING_SECONDS": "60"})


def test_a_password_is_not_repeated_in_messages():
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({"SMTP_URL": "smtq://me:hidden@mail.example.org"})
    assert "hidden" not in str(caught.value)
    assert "smtq://…@mail.example.org" in str(caught.value)


def test_a_url_without_a_password_is_shown_whole():
    assert without_password("sqlite:////data/a@b.db") == "sqlite:////data/a@b.db"


def test_a_replica_is_called_after_its_host_unless_it_is_named():
    assert Settings.from_env({}).replica_name
    assert Settings.from_env({"REPLICA": "tagger-2"}).replica_name == "tagger-2"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"KAFKA_MIN_INSYNC": "2"}, "KAFKA_MIN_INSYNC is above KAFKA_REPLICATION"),
        ({"KAFKA_SECURITY": "SASL_SSL"}, "needs KAFKA_USERNAME and KAFKA_PASSWORD_FILE"),
        ({"KAFKA_SECURITY": "plain"}, "must be one of PLAINTEXT"),
        ({"KAFKA_PARTITIONS": "0"}, "must be a whole number from 1"),
    ],
)
def test_kafka_settings_that_cannot_work_are_refused(env, words):
    with pytest.raises(BadSettings, match=words):
        Settings.from_env(env)
