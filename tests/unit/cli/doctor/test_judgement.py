"""What each thing seen means: tables of what is found, and of how weighty it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.cli.doctor.finding import State
from services.cli.doctor.judgement.broker import judge_brokers
from services.cli.doctor.judgement.clock import judge_database_clock, judge_feed_clocks, judge_pace
from services.cli.doctor.judgement.database import Server, judge_server
from services.cli.doctor.judgement.disk import Disk, judge_disk, size
from services.cli.doctor.judgement.files import SqliteFile
from services.cli.doctor.judgement.files import judge_file as judge_sqlite
from services.cli.doctor.judgement.groups import Group, judge_groups
from services.cli.doctor.judgement.names import judge_names
from services.cli.doctor.judgement.ports import Port, judge_ports
from services.cli.doctor.judgement.schema import judge_schema
from services.cli.doctor.judgement.secrets import SecretFile, judge_secrets
from services.cli.doctor.judgement.settings import judge_settings
from services.cli.doctor.judgement.topics import judge_topics
from services.cli.doctor.judgement.versions import Versions, judge_versions
from shared.database.migrate import SchemaState, Standing
from shared.eventlog.kafka.address import KafkaAddress
from shared.eventlog.kafka.inspection import BrokerReport, Difference, LogReport, TopicReport
from shared.settings import KafkaSettings, Settings

GB = 1_000_000_000
DAY_MS = 86_400_000


def states(findings):
    return [finding.state.value for finding in findings]


def troubles(findings):
    found = [finding for finding in findings if finding.state in {State.WARNING, State.FAILURE}]
    assert all(finding.advice.endswith(".") for finding in found), found
    return [(finding.state.value, finding.found) for finding in found]


WELL = Versions("1.0", (3, 12, 1), (3, 45, 1), (2, 6, 0), (2, 14, 6), (6, 0, 12))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"python": (3, 10, 9)}, [("failure", "Python 3.10.9 is too old")]),
        ({"python": (3, 14, 0)}, [("warning", "Python 3.14.0 is newer than this version of Attaché was tested on")]),
        ({"sqlite": (3, 34, 1)}, [("failure", "SQLite 3.34.1 is too old")]),
        ({"expat": (2, 4, 0)}, [("failure", "expat 2.4.0 lets a hostile feed fill the memory")]),
        ({"libxml2": (2, 9, 14)}, [("warning", "libxml2 2.9.14 is older than its limits were tried on")]),
        ({"feedparser": (6, 1)}, [("failure", "feedparser 6.1 is not the one this version was written for")]),
        ({"slow_client": "no C extension"}, [("failure", "no C extension")]),
    ],
)
def test_versions(change, found):
    assert troubles(judge_versions(replace(WELL, **change))) == found


DISK = Disk("/data", True, 50 * GB, 100 * GB, 900, 1000)


@pytest.mark.parametrize(
    ("change", "state", "word"),
    [
        ({}, "ok", "50 GB free of 100 GB"),
        ({"exists": False}, "ok", "made at the first run"),
        ({"free_bytes": GB - 1}, "warning", "free of"),
        ({"free_bytes": 4 * GB}, "warning", "4 GB free of 100 GB"),  # below a twentieth
        ({"free_bytes": 1_000_000}, "failure", "1 MB free"),
        ({"free_inodes": 49}, "warning", "49 of 1,000 inodes"),
        ({"free_inodes": 0, "total_inodes": 0}, "ok", "free"),  # a file system that counts none
        ({"trouble": "read-only file system"}, "failure", "read-only file system"),
    ],
)
def test_disk(change, state, word):
    (finding,) = judge_disk(replace(DISK, **change))
    assert (finding.state, word in finding.found) == (state, True), finding


def test_sizes_read_as_people_write_them():
    assert [size(n) for n in (0, 999, 1000, 1_500_000, 2_000_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1 kB",
        "1.5 MB",
        "2 TB",
    ]


SERVER = Server(15, "15.3", "UTF8", False, False, True, (), 100, 3, 0, 8)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"version": 14, "version_text": "14.9"}, [("warning", "PostgreSQL 14.9 is older than this version of Attaché was tested on")]),
        ({"standby": True, "read_only": True}, [("failure", "the server is a standby that only reads")]),
        ({"read_only": True}, [("failure", "transactions are read-only here")]),
        ({"denied": ("alert", "claim")}, [("failure", "this user may not write alert, claim")]),
        ({"encoding": "SQL_ASCII"}, [("failure", "the database is encoded in SQL_ASCII")]),
        ({"in_use": 65}, []),  # 32 are left, as many as one of each service may open
        ({"in_use": 66}, [("warning", "31 of 100 connections are free; one each of fetcher, store, notifier, web may open 32")]),
    ],
)  # fmt: skip
def test_postgresql(change, found):
    assert troubles(judge_server(replace(SERVER, **change))) == found


@pytest.mark.parametrize(
    ("state", "may_create", "weight", "word"),
    [
        (SchemaState(Standing.CURRENT, "0002", "0002"), False, "ok", "newest"),
        (SchemaState(Standing.BEHIND, "0001", "0002", ("0002",)), True, "warning", "1 behind 0002"),
        (SchemaState(Standing.BEHIND, None, "0002", ("0001", "0002")), True, "warning", "not made yet"),
        (SchemaState(Standing.BEHIND, None, "0002", ("0001", "0002")), False, "failure", "may not make"),
        (SchemaState(Standing.TOO_NEW, "0009", "0002"), True, "failure", "at revision 0009"),
    ],
)
def test_tables(state, may_create, weight, word):
    finding = judge_schema(state, may_create=may_create)
    assert (finding.state, word in finding.found) == (weight, True), finding
    assert weight == "ok" or ("attache migrate" in finding.advice or "version" in finding.advice)


@pytest.mark.parametrize(
    ("seconds", "database", "feeds"),
    [(0.5, "ok", "ok"), (-2, "warning", "ok"), (59, "warning", "warning"), (-60, "failure", "warning"), (300, "failure", "failure")],
)  # fmt: skip
def test_clocks_weigh_by_what_compares_them(seconds, database, feeds):
    ahead = timedelta(seconds=seconds)
    assert judge_database_clock(ahead).state == database
    assert judge_feed_clocks({"a.test": ahead}).state == feeds


def test_one_publisher_with_a_wrong_clock_proves_nothing():
    ahead = {"a.test": timedelta(hours=9), "b.test": timedelta(0), "c.test": timedelta(seconds=1)}
    assert judge_feed_clocks(ahead).state is State.OK
    assert judge_feed_clocks({}).state is State.SKIPPED


def test_a_clock_that_is_set_while_we_look_is_told_with_its_sign():
    second = timedelta(seconds=1)
    assert judge_pace(second, second * 1.1).state is State.OK
    assert "-3600.0 s" in judge_pace(second - timedelta(hours=1), second).found


@pytest.mark.parametrize(
    ("seen", "state", "word"),
    [
        ({}, "skipped", "no feed"),
        ({"a.test": None, "b.test": None}, "ok", "2 of 2"),
        ({"a.test": None, "b.test": "not known"}, "warning", "1 of 2"),
        ({f"{n}.test": "not known" for n in range(5)}, "failure", "and 2 more"),
    ],
)
def test_names(seen, state, word):
    (finding,) = judge_names(seen)
    assert (finding.state, word in finding.found) == (state, True), finding


@pytest.mark.parametrize(
    ("port", "state", "word"),
    [
        (Port("WEB_PORT", "127.0.0.1", 8080), "ok", "is free"),
        (Port("WEB_PORT", "127.0.0.1", 0), "ok", "any free port"),
        (Port("WEB_PORT", "127.0.0.1", 8080, "in use"), "failure", "in use"),
        (Port("OPS_PORT", "127.0.0.1", 9464, "in use", attache=True), "ok", "running and ready"),
        (Port("OPS_PORT", "127.0.0.1", 9464, "in use", attache=True, reasons={"store": "log away"}), "warning", "store: log away"),
    ],
)  # fmt: skip
def test_ports(port, state, word):
    (finding,) = judge_ports([port])
    assert (finding.state, word in finding.found) == (state, True), finding


def test_one_port_for_two_servers_is_a_failure():
    found = judge_ports([Port("WEB_PORT", "::", 8080), Port("OPS_PORT", "::", 8080)])
    assert troubles(found) == [("failure", "WEB_PORT and OPS_PORT are both 8080")]
    assert troubles(judge_ports([Port("WEB_PORT", "::", 0), Port("OPS_PORT", "::", 0)])) == []


@pytest.mark.parametrize(
    ("file", "state"),
    [
        (SecretFile("DB_PASSWORD_FILE", "/run/p", 0o600), "ok"),
        (SecretFile("DB_PASSWORD_FILE", "/run/p", 0o440), "ok"),
        (SecretFile("DB_PASSWORD_FILE", "/run/p", 0o644), "warning"),
        (SecretFile("DB_PASSWORD_FILE", "/run/secrets/p", 0o444), "ok"),
        (SecretFile("DB_PASSWORD_FILE", "/run/p", 0o620), "warning"),
        (SecretFile("DB_PASSWORD_FILE", "/run/p", 0o600, empty=True), "failure"),
        (SecretFile("DB_PASSWORD_FILE", "/run/p", trouble="permission denied"), "failure"),
    ],
)
def test_secret_files(file, state):
    assert states(judge_secrets([file], [])) == [state]


def test_a_password_in_a_url_is_told_by_the_setting_and_never_shown():
    (finding,) = judge_secrets([], ["DB_URL"])
    assert finding.state is State.WARNING
    assert "DB_PASSWORD_FILE" in finding.advice


def test_settings_that_do_not_fit_together_are_told():
    well = Settings.from_env({"CONTACT": "desk@example.org"})
    assert troubles(judge_settings(well)) == []
    strange = replace(well, log_url="kafka://b:9092", contact="", failpoints=("store.read",))
    told = " ".join(found for _, found in troubles(judge_settings(strange)))
    for word in ("SQLite", "publishers", "store.read", "KAFKA_REPLICATION=1"):
        assert word in told


@pytest.mark.parametrize(
    ("file", "state", "word"),
    [
        (SqliteFile("log", "d/log.db"), "ok", "attache run"),
        (SqliteFile("log", "d/log.db", 4096, owner="71"), "ok", "process 71"),
        (SqliteFile("database", "d/a.db", trouble="database is locked"), "failure", "locked"),
        (SqliteFile("database", "d/a.db", trouble="file is not a database"), "failure", "not a database"),
    ],
)
def test_sqlite_files(file, state, word):
    (finding,) = judge_sqlite(file)
    assert (finding.state, word in finding.found) == (state, True), finding


ADDRESS = KafkaAddress(("b1:9092",))
UP = BrokerReport(1, "b1:9092", "")
LOST = BrokerReport(2, "10.9.9.9:9092", "does not answer")


@pytest.mark.parametrize(
    ("given", "report", "found"),
    [
        ({"b1:9092": None}, LogReport(ADDRESS, brokers=(UP,)), []),
        ({"b1:9092": "refused"}, LogReport(ADDRESS, "no answer"), [("failure", "no broker of LOG_URL can be reached (b1:9092: refused)")]),
        ({"b1:9092": None, "b3:9092": "refused"}, LogReport(ADDRESS, brokers=(UP,)), [("warning", "1 of 2 brokers of LOG_URL cannot be reached (b3:9092: refused)")]),
        ({"b1:9092": None}, LogReport(ADDRESS, "gone", brokers=(UP, LOST)), [("failure", "broker 2 tells clients to use 10.9.9.9:9092, which cannot be reached from here")]),
        ({"b1:9092": None}, LogReport(ADDRESS, "bad login"), [("failure", "a broker can be connected to, but not used: bad login")]),
        ({"b1:9092": None}, LogReport(ADDRESS, lacking=("headers",), brokers=(UP,)), [("failure", "the broker is too old for headers")]),
    ],
)  # fmt: skip
def test_brokers(given, report, found):
    assert troubles(judge_brokers(given, report, "PLAINTEXT")) == found


@pytest.mark.parametrize(
    ("security", "trouble", "word"),
    [
        ("PLAINTEXT", "no answer in time", "KAFKA_SECURITY"),
        ("SASL_SSL", "bad login", "KAFKA_USERNAME"),
        ("SSL", "KAFKA_CA_FILE x: cannot be read", "what it names"),
    ],
)
def test_advice_about_a_broker_that_refuses_us_names_the_settings_in_question(security, trouble, word):
    (finding,) = judge_brokers({"b1:9092": None}, LogReport(ADDRESS, trouble), security)
    assert word in finding.advice


def topic(*differences, **changes):
    return replace(TopicReport("articles", 6, 1, 0, 0, tuple(Difference(*each) for each in differences)), **changes)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (topic(), []),
        (topic(partitions=0), []),
        (topic(("partitions", "9", "6")), []),
        (topic(("partitions", "3", "6")), [("warning", "articles: 3 partitions, KAFKA_PARTITIONS says 6")]),
        (topic(("replication", "1", "3")), [("warning", "articles: 1 replicas, KAFKA_REPLICATION says 3")]),
        (topic(("min.insync.replicas", "2", "1")), [("failure", "articles: min.insync.replicas is 2, more than its 1 replicas")]),
        (topic(("min.insync.replicas", "1", "2"), replication=3), [("warning", "articles: min.insync.replicas is 1, KAFKA_MIN_INSYNC says 2")]),
        (topic(("retention.ms", str(7 * DAY_MS), str(14 * DAY_MS))), [("warning", "articles: kept for 7 days, should be kept for 14 days")]),
        (topic(("retention.ms", str(DAY_MS // 2), "-1")), [("warning", "articles: kept for 12 hours, should be kept for ever")]),
        (topic(("retention.ms", str(30 * DAY_MS), str(14 * DAY_MS))), []),
        (topic(("retention.ms", "-1", str(14 * DAY_MS))), []),
        (topic(("max.message.bytes", "500000", "4000000")), [("failure", "articles: takes messages up to 500,000 bytes, KAFKA_MAX_MESSAGE_BYTES needs 4,000,000")]),
        (topic(("max.message.bytes", "2000000", "4000000")), [("warning", "articles: takes messages up to 2,000,000 bytes, KAFKA_MAX_MESSAGE_BYTES needs 4,000,000")]),
        (topic(("max.message.bytes", "9000000", "4000000")), []),
        (topic(("cleanup.policy", "compact", "delete")), [("failure", "articles: its cleanup.policy is compact, which forgets earlier records of a key")]),
        (topic(("retention.bytes", "1000", "-1")), [("warning", "articles: retention.bytes is 1000, should be -1")]),
        (topic(("access", "not allowed", "none"), partitions=0, replication=0), [("failure", "articles: not allowed")]),
        (topic(leaderless=2, under_replicated=6), [("failure", "articles: 2 of 6 partitions have no leader")]),
        (topic(under_replicated=6), [("warning", "articles: 6 of 6 partitions miss a replica")]),
    ],
)  # fmt: skip
def test_topics(seen, found):
    assert troubles(judge_topics([seen], KafkaSettings())) == found


def test_topics_are_counted_and_missing_ones_are_no_trouble():
    told = [
        finding.found
        for finding in judge_topics(
            [topic(), topic(leaderless=1, name="tagged"), topic(partitions=0, name="alerts")], KafkaSettings()
        )
    ]
    assert told[0] == "1 of 2 topics are as they should be"
    assert told[1].endswith(": alerts")


def test_a_stage_that_is_behind_is_told_with_whether_anyone_works_on_it():
    assert states(judge_groups([])) == ["skipped"]
    found = judge_groups(
        [
            Group("tagger", "articles", 0, 0),
            Group("store", "tagged", 3, 0),
            Group("notifier", "alerts", 10_001, 2),
            Group("store", "tagged", 10_001),
        ]
    )
    assert troubles(found) == [
        ("warning", "3 records of tagged wait for a store, and none runs"),
        ("warning", "the notifier is 10,001 records of alerts behind"),
        ("warning", "the store is 10,001 records of tagged behind"),
    ]
