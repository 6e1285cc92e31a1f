import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from click.testing import CliRunner

from services.cli.keys import keys
from services.cli.subscriptions import subscriptions
from services.notifier.sample import sample_alert
from shared import apikeys
from shared.vocabulary import Severity


@pytest.fixture
def attache(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SUBSCRIPTIONS_FILE", raising=False)

    def run(group, *args):
        return CliRunner().invoke(group, list(args))

    return run


@pytest.fixture
def database(tmp_path):
    return lambda: closing(sqlite3.connect(tmp_path / "data" / "attache.db"))


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "subscriptions.toml"
        path.write_text(text)
        return str(path)

    return write


def add_alert(connection, alert):
    stamp = alert.raised_at.replace(tzinfo=None).isoformat(sep=" ")
    connection.execute(
        "INSERT INTO development VALUES (?, 'KHM-USA', ?, ?, 'P2', '{}', 1, 1)", (alert.development_id, stamp, stamp)
    )
    connection.execute(
        "INSERT INTO alert (id, development_id, sequence, kind, severity, dyad, line, raised_at, body) "
        "VALUES (?, ?, 0, 'raised', ?, 'KHM-USA', ?, ?, ?)",
        (alert.id, alert.development_id, alert.severity, alert.line, stamp, msgspec.json.encode(alert).decode()),
    )
    connection.commit()


def test_an_added_webhook_shows_its_secret_once_and_is_listed_without_it(attache, database):
    added = attache(
        subscriptions, "add", "--name", "Drills", "--topic", "joint-exercise", "--webhook", "https://a.example"
    )
    assert added.exit_code == 0, added.output
    (secret,) = re.findall(r"whsec_\S+", added.output)
    with database() as connection:
        ((definition,),) = connection.execute("SELECT definition FROM subscription").fetchall()
    assert json.loads(definition)["channel"]["secret"] == secret
    listed = attache(subscriptions, "list").output
    assert "Drills" in listed
    assert "none yet" in listed
    assert secret not in listed


def test_all_mistakes_of_added_options_are_told_and_nothing_is_added(attache):
    result = attache(subscriptions, "add", "--topic", "port-cal", "--webhook", "ftp://a.example")
    assert result.exit_code == 1
    for part in ("name: missing", "did you mean 'port-call'?", "must begin with https://"):
        assert part in result.output
    assert "No subscriptions yet" in attache(subscriptions, "list").output


def test_a_whole_file_is_added_but_not_twice(attache, file):
    path = file('[[subscription]]\nname="One"\ntopic="port-call"\nchannel="terminal"\n')
    assert attache(subscriptions, "add", "--file", path).exit_code == 0
    again = attache(subscriptions, "add", "--file", path)
    assert again.exit_code == 1
    assert "'one' already" in again.output


def test_what_never_matches_is_not_added(attache, file):
    path = file('[[subscription]]\nname="One"\nstatus="concluded"\naim="resumed"\nchannel="terminal"\n')
    result = attache(subscriptions, "add", "--file", path)
    assert result.exit_code == 1
    assert "never-matches" in result.output
    assert "No subscriptions yet" in attache(subscriptions, "list").output


def test_file_and_options_do_not_go_together(attache, file):
    result = attache(subscriptions, "add", "--file", file(""), "--topic", "port-call")
    assert result.exit_code == 2
    assert "--topic" in result.output


def test_check_lists_every_mistake_with_its_line(attache, file):
    path = file('[[subscription]]\nname="One"\ntopic="port-cal"\nchannel="fax"\n')
    result = attache(subscriptions, "check", path)
    assert result.exit_code == 1
    assert [line.split(": ")[0].rpartition(":")[2] for line in result.output.splitlines()] == ["3", "4"]


def test_check_tells_what_never_matches_apart_from_what_is_only_odd(attache, file):
    odd = file('[[subscription]]\nname="One"\nchannel="terminal"\n')
    result = attache(subscriptions, "check", odd)
    assert result.exit_code == 0
    assert "too-wide" in result.output
    assert "mistakes: 0, remarks: 1" in result.output
    never = file('[[subscription]]\nname="One"\nstatus="concluded"\naim="resumed"\nchannel="terminal"\n')
    assert attache(subscriptions, "check", never).exit_code == 1


def test_a_file_is_tried_on_the_alerts_of_the_last_days_with_the_reason(attache, database, file):
    attache(subscriptions, "list")  # makes the schema
    now = datetime.now(UTC)
    new = msgspec.structs.replace(sample_alert(now), line="new one", severity=Severity.P1)
    old = msgspec.structs.replace(sample_alert(now - timedelta(days=40)), line="old one")
    with database() as connection:
        for alert in (new, old):
            add_alert(connection, alert)
    path = file(
        '[[subscription]]\nname="Yes"\ntopic="joint-exercise"\nchannel="terminal"\n'
        '[[subscription]]\nname="No"\nparty="FRA"\nchannel="terminal"\n'
    )
    shown = attache(subscriptions, "test", path).output
    assert "yes (Yes): 1 of 1 alerts of the last 30 days" in shown
    assert "new one" in shown
    assert "because joint-exercise agreed-signed between XAF and XAS" in shown
    assert "no (No): 0 of 1" in shown
    assert "party FRA not among XAF, XAS" in shown
    assert "old one" not in shown
    assert "yes (Yes): 2 of 2" in attache(subscriptions, "test", path, "--days", "60").output


def test_send_puts_a_test_message_through_the_channel(attache, file):
    terminal = file('[[subscription]]\nname="T"\ntopic="port-call"\nchannel="terminal"\n')
    sent = attache(subscriptions, "test", terminal, "--send")
    assert sent.exit_code == 0
    assert "TEST, not news" in sent.output
    assert "accepted (printed)" in sent.output


def test_send_to_what_may_not_be_reached_says_why_and_fails(attache, file):
    secret = attache(subscriptions, "secret").output.strip()
    hook = file(
        f'[[subscription]]\nname="W"\ntopic="port-call"\nchannel={{webhook="http://127.0.0.1/x", secret="{secret}"}}\n'
    )
    refused = attache(subscriptions, "test", hook, "--send")
    assert refused.exit_code == 1
    assert "refused-address" in refused.output


def test_an_unknown_id_is_told_with_the_known_ones(attache, file):
    attache(
        subscriptions, "add", "--file", file('[[subscription]]\nname="One"\ntopic="port-call"\nchannel="terminal"\n')
    )
    result = attache(subscriptions, "test", "two")
    assert result.exit_code == 1
    assert "known: one" in result.output


def test_a_disabled_subscription_is_listed_with_the_reason(attache, database, file):
    attache(
        subscriptions, "add", "--file", file('[[subscription]]\nname="One"\ntopic="port-call"\nchannel="terminal"\n')
    )
    with database() as connection:
        connection.execute("INSERT INTO endpoint VALUES ('one', '2026-03-01 12:00:00', 'http-410')")
        connection.commit()
    assert "disabled 2026-03-01 12:00Z: http-410" in attache(subscriptions, "list").output


def test_a_key_is_shown_once_stored_as_a_digest_and_can_be_revoked(attache, database):
    made = attache(keys, "create", "Newsroom")
    key = apikeys.parse(made.output.splitlines()[0])
    assert key
    with database() as connection:
        ((stored,),) = connection.execute("SELECT secret_sha256 FROM api_key").fetchall()
    assert apikeys.verify(key, stored)
    listed = attache(keys, "list").output
    assert "Newsroom" in listed
    assert "valid" in listed
    assert key.secret not in listed
    assert attache(keys, "revoke", key.id).exit_code == 0
    assert "revoked" in attache(keys, "list").output


def test_revoking_an_unknown_key_and_a_nameless_one_fail_plainly(attache):
    assert "no key has the id 'nope'" in attache(keys, "revoke", "nope").output
    assert "printable" in attache(keys, "create", " ").output
    assert "No keys yet" in attache(keys, "list").output
