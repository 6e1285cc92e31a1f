import asyncio
import itertools
import json
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import func, select

from services.store.intake import take_in
from services.store.repository import open_batch
from services.store.service import alert_message
from shared.database.engine import open_database
from shared.database.tables.store import (
    alert,
    alert_matter,
    alert_party,
    article,
    development,
    development_article,
    outbox,
)
from shared.database.tables.store import (
    claim as claim_table,
)
from shared.events import Alert, BadEvent
from shared.topics import ALERTS

NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
TABLES = (article, claim_table, development, development_article, alert, alert_party, alert_matter, outbox)


async def take(engine, *arrivals):
    async with open_batch(engine, arrivals) as batch:
        intake = take_in(arrivals, await batch.known(), {}, now=NOW)
        await batch.write(intake, [alert_message(sent, NOW) for sent in intake.sent], ALERTS.name, now=NOW)
    return intake


async def rows(engine, table):
    async with engine.connect() as connection:
        return (await connection.execute(select(table).order_by(*table.primary_key.columns))).all()


async def counts(engine):
    async with engine.connect() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in TABLES
        }


async def test_a_batch_is_stored_with_all_it_leads_to(engine, arrival):
    one = arrival(1, matters=(("joint-exercise", "begun"), ("arms-sale", "agreed-signed")), traceparent=f"00-{'a' * 32}-{'b' * 16}-01")  # fmt: skip
    await take(engine, one, arrival(2, alert=False, dyad=(), claims=()))
    assert await counts(engine) == {
        "article": 2,
        "claim": 2,
        "development": 1,
        "development_article": 1,
        "alert": 1,
        "alert_party": 2,
        "alert_matter": 2,
        "outbox": 1,
    }
    stored, silent = await rows(engine, article)
    assert (stored.trace_id, stored.alerting, silent.alerting) == ("a" * 32, True, False)
    assert stored.raw == bytes(one.tagged.article)
    assert stored.published == one.article.published
    (told,) = await rows(engine, alert)
    assert msgspec.json.decode(told.body, type=Alert).id == told.id
    (waiting,) = await rows(engine, outbox)
    assert (waiting.topic, waiting.key) == ("alerts", told.development_id)
    assert ["ce_id", told.id] in json.loads(waiting.headers)
    assert msgspec.json.decode(waiting.value, type=Alert) == msgspec.json.decode(told.body, type=Alert)


async def test_the_same_article_three_times_is_stored_once(engine, arrival):
    await take(engine, arrival(1), arrival(1))
    before = await counts(engine)
    intake = await take(engine, arrival(1))
    assert intake.verdicts[0].outcome == "repeat"
    assert await counts(engine) == before
    assert before["article"] == before["alert"] == before["outbox"] == 1


async def test_a_revision_replaces_text_and_claims(engine, arrival):
    await take(engine, arrival(1, title="First", matters=(("joint-exercise", "begun"), ("mine-action", "begun"))))
    await take(engine, arrival(1, title="Second", revision=1, matters=(("joint-exercise", "concluded"),)))
    (stored,) = await rows(engine, article)
    assert (stored.revision, stored.title) == (1, "Second")
    assert [(one.topic, one.status) for one in await rows(engine, claim_table)] == [("joint-exercise", "concluded")]


async def test_an_older_revision_overwrites_nothing(engine, arrival):
    await take(engine, arrival(1, title="Second", revision=1))
    await take(engine, arrival(1, title="First", revision=0, matters=(("joint-exercise", "cancelled-ended"),)))
    (stored,) = await rows(engine, article)
    assert (stored.revision, stored.title) == (1, "Second")
    assert len(await rows(engine, alert)) == 1


async def test_what_was_stored_before_is_found_again(engine, arrival):
    await take(engine, arrival(1, hours=0))
    await take(engine, arrival(2, hours=30, matters=(("joint-exercise", "agreed-signed"),)))
    await take(engine, arrival(3, hours=60))
    (found,) = await rows(engine, development)
    assert (found.reports, found.alerts) == (3, 2)
    raised, updated = sorted(await rows(engine, alert), key=lambda one: one.sequence)
    assert (raised.kind, updated.kind) == ("raised", "updated")
    assert msgspec.json.decode(updated.body, type=Alert).references == raised.id
    assert [one.reason for one in await rows(engine, development_article)] == [
        "opened: first report", "joined: names: Austin; wording: 1.00", "joined: names: Austin; wording: 1.00",
    ]  # fmt: skip


async def test_a_revised_article_far_outside_the_window_stays_in_its_development(engine, arrival):
    await take(engine, arrival(1, hours=0))
    await take(engine, arrival(1, hours=500, revision=1, title="Corrected much later"))
    (found,) = await rows(engine, development)
    assert (found.reports, found.alerts) == (1, 1)


async def test_an_article_whose_dyad_was_corrected_belongs_to_one_development(engine, arrival):
    await take(engine, arrival(1))
    await take(engine, arrival(1, revision=1, dyad=("CHN", "KHM")))
    (membership,) = await rows(engine, development_article)
    found = {one.id: one.dyad for one in await rows(engine, development)}
    assert found[membership.development_id] == "CHN-KHM"
    assert sorted(found.values()) == ["CHN-KHM", "KHM-USA"]


async def test_a_batch_that_fails_leaves_nothing_behind(engine, arrival):
    with pytest.raises(BadEvent, match=r"does-not-fit: article\.language holds 16 characters, got 40"):
        await take(engine, arrival(1), arrival(2, language="x" * 40))
    assert set((await counts(engine)).values()) == {0}


async def test_nul_is_replaced_so_that_offsets_stay(engine, arrival):
    await take(engine, arrival(1, title="Four\0words", text="a\0b", line="with\0nul"))
    (stored,) = await rows(engine, article)
    assert (stored.title, stored.text) == ("Four\ufffdwords", "a\ufffdb")
    (told,) = await rows(engine, alert)
    assert told.line == "with\ufffdnul"


async def test_two_reports_at_once_make_one_alert_round_after_round(url, engine, arrival):
    """Two replicas, each with connections of its own, each holding one report of the same matter."""
    countries = ["AUS", "CHN", "FIN", "FRA", "GBR", "IND", "JPN", "KHM", "KOR", "NOR", "POL", "USA"]
    dyads = list(itertools.combinations(countries, 2))[:30]
    async with open_database(url) as other:
        for n, dyad in enumerate(dyads):
            both = (take(engine, arrival(f"a{n}", dyad=dyad)), take(other, arrival(f"b{n}", dyad=dyad)))
            await asyncio.gather(*both[:: 1 if n % 2 else -1])
    assert sorted(one.dyad for one in await rows(engine, alert)) == ["-".join(dyad) for dyad in dyads]
    assert {one.reports for one in await rows(engine, development)} == {2}
    assert len(await rows(engine, outbox)) == 30


async def test_many_batches_at_once_over_the_same_dyads_neither_lose_nor_block(url, engine, arrival):
    dyads = [("KHM", "USA"), ("FIN", "NOR"), ("KOR", "POL")]
    batches = [[arrival(f"art_{n}_{d}", dyad=dyads[(n + d) % 3]) for d in range(3)] for n in range(8)]
    async with open_database(url) as other:
        await asyncio.gather(*(take((engine, other)[n % 2], *batch) for n, batch in enumerate(batches)))
    assert await counts(engine) == {
        "article": 24,
        "claim": 24,
        "development": 3,
        "development_article": 24,
        "alert": 3,
        "alert_party": 6,
        "alert_matter": 3,
        "outbox": 3,
    }


async def test_related_dyads_at_once_make_one_development(url, engine, arrival):
    """One outlet leaves the third party out: whichever replica comes second finds what the first has opened."""
    async with open_database(url) as other:
        await asyncio.gather(
            take(engine, arrival(1, dyad=("AUS", "GBR", "USA"))), take(other, arrival(2, dyad=("AUS", "USA")))
        )
    (found,) = await rows(engine, development)
    assert found.reports == 2


async def test_a_party_that_joined_later_is_looked_for_too(engine, arrival):
    await take(engine, arrival(1, dyad=("AUS", "USA")))
    await take(engine, arrival(2, dyad=("AUS", "GBR", "USA")))
    await take(engine, arrival(3, dyad=("GBR", "USA")))
    (found,) = await rows(engine, development)
    assert (found.dyad, found.reports) == ("AUS-USA", 3)
    assert [one.party for one in await rows(engine, alert_party)].count("GBR") == 1


async def test_developments_out_of_reach_are_not_read(engine, arrival):
    await take(engine, arrival(1, dyad=("AUS", "USA")), arrival(2, dyad=("FIN", "NOR")), arrival(3, hours=-200))
    async with open_batch(engine, [arrival(9)]) as batch:
        known = await batch.known()
    assert known.developments == {}


async def test_a_batch_of_two_hundred_takes_few_statements(engine, arrival):
    """What makes a batch quick: its number of statements does not grow with it."""
    from sqlalchemy import event

    statements = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    await take(engine, *(arrival(n, dyad=("FIN", "NOR") if n % 2 else ("KHM", "USA")) for n in range(200)))
    assert (await counts(engine))["article"] == 200
    assert len([one for one in statements if not one.startswith("SELECT count")]) < 20


async def test_an_event_no_log_might_take_is_the_records_fault_and_leaves_nothing(engine, arrival):
    with pytest.raises(BadEvent, match=r"too-large: attache\.alert"):
        await take(engine, arrival(1, line="x" * 1_000_000))
    assert set((await counts(engine)).values()) == {0}
