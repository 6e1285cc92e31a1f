"""`attache dead-letters` on a real log file, as its user sees it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from services.cli import dead_letters as module
from services.cli.main import cli, main
from shared.deadletters import dead_letter
from shared.eventlog import Record
from shared.eventlog.open import open_log
from shared.events import BadEvent

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
HEADERS = (("ce_id", b"event-1"), ("ce_id", b"again"), ("binary", b"\xff\x01"))


class Log:
    """A log file with dead letters in it, and what stands on its topics."""

    def __init__(self, folder):
        self.url = f"sqlite:///{folder}/log.db"
        self.runner = CliRunner(env={"LOG_URL": self.url, "COLUMNS": "120"})

    def bury(self, *letters, source="articles"):
        async def run():
            async with open_log(self.url) as log:
                for number, (value, reason, detail) in enumerate(letters):
                    record = Record(source, 0, number, f"key-{number}", value, HEADERS, AT)
                    letter = dead_letter(record, BadEvent(reason, detail), stage="tagger", failed_at=AT)
                    await log.append(f"{source}.dead", [letter])

        asyncio.run(run())

    def on(self, topic):
        async def run():
            async with open_log(self.url, owner=False) as log:
                return [record async for record in log.scan(topic)]

        return asyncio.run(run())

    def attache(self, *args):
        return self.runner.invoke(cli, ["dead-letters", *args])


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


@pytest.fixture
def three(log):
    log.bury(
        (b'{"id": "trunc', "bad-json", "articles/0@0: truncated"),
        (b'{"id": 5}', "bad-schema", "articles/0@1: Expected `str`"),
        (b"\xff\xfe", "bad-json", "articles/0@2: malformed"),
    )
    log.bury((b"{}", "no-good", "alerts/0@0: not to be"), source="alerts")
    return log


def test_a_list_shows_each_letter_with_its_reason_and_counts_them(three):
    result = three.attache("list")
    assert result.exit_code == 0
    for word in ("articles.dead/0@0", "articles.dead/0@2", "alerts.dead/0@0", "tagger", "bad-schema", "2026-03-01 12:30",
                 "articles/0@1: Expected `str`"):  # fmt: skip
        assert word in result.stdout
    assert result.stdout.endswith("4 dead letters: bad-json 2, bad-schema 1, no-good 1. Requeued: 0.\n")


def test_a_list_can_be_narrowed_by_topic_and_reason(three):
    assert "1 dead letter: no-good 1. Requeued: 0." in three.attache("list", "--topic", "alerts").stdout
    result = three.attache("list", "--topic", "articles", "--reason", "bad-json")
    assert "2 dead letters: bad-json 2." in result.stdout
    assert "bad-schema" not in result.stdout


def test_an_empty_list_says_so(log):
    log.bury()
    assert log.attache("list").stdout == "No dead letters.\n"


def test_a_topic_that_is_none_is_refused_with_the_ones_there_are(three):
    result = three.attache("list", "--topic", "sport")
    assert result.exit_code == 2
    assert "'articles', 'tagged', 'alerts'" in result.output


def test_json_is_shown_laid_out_with_headers(log):
    log.bury(('{"title":"Ream ទូក","n":[1]}'.encode(), "bad-schema", "why"))
    shown = log.attache("show", "articles.dead/0@0").stdout
    assert '  {\n    "title": "Ream ទូក",\n    "n": [\n      1\n    ]\n  }\n' in shown
    assert "from      articles/0@0, appended 2026-03-01T12:30:00+00:00\n" in shown
    assert "reason    bad-schema\ndetail    why\nrequeued  no\nkey       key-0\n" in shown
    assert "  ce_id: event-1\n  ce_id: again\n  binary: 0xff01\n" in shown
    assert "dlq." not in shown


def test_bytes_that_are_no_text_are_dumped_and_a_long_dump_is_cut(log):
    log.bury((b"\x00\xff<rss>" + bytes(5000), "bad-encoding", "why"))
    shown = log.attache("show", "articles.dead/0@0").stdout
    assert "value     5,007 bytes, not UTF-8 at byte 1\n" in shown
    assert "  00000000  00 ff 3c 72 73 73 3e 00 00 00 00 00 00 00 00 00  ..<rss>.........\n" in shown
    assert shown.endswith("  … and 2,959 bytes more (--raw writes them all)\n")


@pytest.mark.parametrize("value", [b"\x1b[2Jboo\n\x07", b'{"a": "\\u001b[2J\\u202e"}', b"\xff\x1b[2J"])
def test_nothing_shown_can_command_the_terminal(log, value):
    log.bury((value, "evil\x1b[31m", "evil\x1b[31m\nline [bold]"))
    for args in (["list"], ["show", "articles.dead/0@0"]):
        result = log.attache(*args)
        assert result.exit_code == 0
        assert not {letter for letter in result.stdout if not letter.isprintable()} - {"\n"}
        assert r"evil\x1b[31m\nline [bold]" in result.stdout


def test_json_nested_without_end_is_shown_as_it_is(log):
    log.bury((b"[" * 50_000, "bad-json", "why"))
    assert "value     50,000 bytes, not JSON\n" in log.attache("show", "articles.dead/0@0").stdout


def test_raw_writes_the_bytes_and_nothing_else(log):
    log.bury((b"\x00\xff\n", "bad-json", "why"))
    assert log.attache("show", "--raw", "articles.dead/0@0").stdout_bytes == b"\x00\xff\n"


def test_raw_refuses_a_terminal(log, monkeypatch):
    log.bury((b"\x1b[2J", "bad-json", "why"))
    monkeypatch.setattr(module, "_is_terminal", lambda: True)
    result = log.attache("show", "--raw", "articles.dead/0@0")
    assert result.exit_code == 2
    assert "redirect it to a file" in result.output
    assert "\x1b" not in result.output


@pytest.mark.parametrize("args", [["show"], ["requeue", "articles.dead/0@0"]])
def test_a_place_where_nothing_lies_is_named_and_nothing_is_done(three, args):
    result = three.attache(*args, "articles.dead/0@99")
    assert result.exit_code == 1
    assert result.stderr == "Error: no dead letter at articles.dead/0@99\n"
    assert three.on("articles") == []


def test_a_requeued_record_stands_on_its_topic_as_it_was_with_its_event_id(three):
    result = three.attache("requeue", "articles.dead/0@0")
    assert (result.exit_code, result.stdout) == (0, "Requeued 1 record.\n")
    (record,) = three.on("articles")
    assert (record.key, record.value) == ("key-0", b'{"id": "trunc')
    assert record.headers == (*HEADERS, ("dlq.requeued_from", b"articles.dead/0@0"))


def test_requeueing_twice_requeues_once_and_the_list_shows_when(three):
    assert three.attache("requeue", "--all").stdout == "Requeued 4 records.\n"
    assert three.attache("requeue", "--all").stdout == (
        "Requeued 0 records; 4 had been requeued before and were left alone.\n"
    )
    assert three.attache("requeue", "alerts.dead/0@0").stdout == (
        "Requeued 0 records; 1 had been requeued before and was left alone.\n"
    )
    assert len(three.on("articles")) == 3
    assert len(three.on("alerts")) == 1
    listed = three.attache("list").stdout
    assert "Requeued: 4." in listed
    assert listed.count("@") == 2 * 4
    assert "requeued  2" in three.attache("show", "articles.dead/0@1").stdout


def test_requeueing_can_be_narrowed_by_topic_and_reason(three):
    assert three.attache("requeue", "--reason", "bad-json").stdout == "Requeued 2 records.\n"
    assert [record.value for record in three.on("articles")] == [b'{"id": "trunc', b"\xff\xfe"]
    assert three.attache("requeue", "--topic", "alerts").stdout == "Requeued 1 record.\n"


def test_many_records_are_requeued_in_order_and_in_portions(log, monkeypatch):
    monkeypatch.setattr(module, "REQUEUE_RECORDS", 4)
    log.bury(*((str(n).encode(), "bad-json", "why") for n in range(10)))
    assert log.attache("requeue", "--all").stdout == "Requeued 10 records.\n"
    assert [int(record.value) for record in log.on("articles")] == list(range(10))


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ([], "say which"),
        (["articles.dead/0@0", "--all"], "not both"),
        (["articles.dead/0@0", "--topic", "tagged"], "not both"),
    ],
)
def test_requeue_wants_to_know_what_exactly(three, args, complaint):
    result = three.attache("requeue", *args)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_all_verbs_work_while_another_owns_the_log(three):
    async def own_and_work():
        async with open_log(three.url) as log, log.reader("articles", "tagger") as reader:
            done = [await asyncio.to_thread(three.attache, *args) for args in (["list"], ["requeue", "--all"])]
            return done, await reader.read(10, timedelta(0))

    results, records = asyncio.run(own_and_work())
    assert [result.exit_code for result in results] == [0, 0]
    assert len(records) == 3


def test_no_log_at_all_is_one_clear_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOG_URL", f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(SystemExit) as ended:
        main(["dead-letters", "list"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (f"attache: event log {tmp_path}/none.db: no such file; `attache run` makes it\n")
