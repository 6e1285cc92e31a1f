"""A host is asked by one fetcher at a time, and what one is told all heed."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.fetcher.hosts import LEASE, RENEW_BELOW, Hosts, Leases
from services.fetcher.memory import Attempt, Poll
from services.fetcher.politeness import Gate
from services.fetcher.sources import Source, feed_id
from shared.database.engine import open_database

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPACE = SECOND


def source(host, path="feed"):
    url = f"https://{host}/{path}"
    return Source(id=feed_id(url), name=f"{host}/{path}", url=url, kind="wire", grade="B")


def poll(feed, host, **extra):
    attempt = Attempt(at=NOW, outcome="fetched", detail="")
    values = {"polls": 1, "next_poll_at": NOW}
    return Poll(feed_id=feed, polls_before=0, attempt=attempt, values=values, host=host, **extra)


async def due(state, at):
    return sorted(one.url for one in await state.due(at))


async def test_feeds_of_a_host_another_has_are_not_due_until_the_lease_runs_out(state, other_state, hosts):
    await state.sync([source("a.test"), source("a.test", "other"), source("b.test")], NOW)
    taken = await hosts.take(["a.test"], NOW, SPACE)
    assert (taken.hosts, taken.until) == ({"a.test"}, NOW + LEASE)
    assert await due(other_state, NOW) == ["https://b.test/feed"]
    assert len(await due(state, NOW)) == 3
    assert await due(other_state, NOW + LEASE - SECOND) == ["https://b.test/feed"]
    assert len(await due(other_state, NOW + LEASE)) == 3


async def test_a_leased_host_is_refused_and_given_once_free(hosts, other_hosts):
    await hosts.take(["a.test"], NOW, SPACE)
    later = NOW + 5 * SECOND
    refused = await other_hosts.take(["a.test", "b.test"], later, SPACE)
    assert (refused.hosts, refused.elsewhere) == ({"b.test"}, {"a.test"})
    assert (await hosts.take(["a.test"], later, SPACE)).hosts == {"a.test"}
    assert (await other_hosts.take(["a.test"], NOW + 2 * LEASE, SPACE)).hosts == {"a.test"}


async def test_the_new_owner_knows_when_the_host_was_last_asked(hosts, other_hosts):
    until = (await hosts.take(["a.test"], NOW, SPACE)).until
    await hosts.release("a.test", until)
    soon = await other_hosts.take(["a.test"], NOW + SPACE / 2, SPACE)
    assert (soon.hosts, soon.elsewhere) == (frozenset(), frozenset())
    assert soon.refused == {"a.test": Gate(last_start=NOW)}
    assert (await other_hosts.take(["a.test"], NOW + SPACE, SPACE)).hosts == {"a.test"}


async def test_silence_that_another_fetcher_was_asked_for_is_kept(state, hosts, other_hosts):
    await state.sync([source("a.test")], NOW)
    gate = Gate(closed_until=NOW + timedelta(hours=1), reason="rate-limited: status 429")
    await state.remember(poll(source("a.test").id, "a.test", gate=gate))
    refused = await other_hosts.take(["a.test"], NOW, SPACE)
    assert refused.refused == {"a.test": gate}
    assert await hosts.closed_gates(NOW) == {"a.test": gate}
    assert await hosts.closed_gates(NOW + timedelta(hours=2)) == {}
    assert (await other_hosts.take(["a.test"], NOW + timedelta(hours=1), SPACE)).hosts == {"a.test"}


async def test_a_longer_silence_stands_whoever_was_told_last(state, hosts):
    await state.sync([source("a.test"), source("a.test", "other")], NOW)
    longer, shorter = (Gate(closed_until=NOW + timedelta(hours=n), reason=f"{n} h") for n in (3, 1))
    await state.remember(poll(source("a.test").id, "a.test", gate=longer))
    await state.remember(poll(source("a.test", "other").id, "a.test", gate=shorter))
    assert await hosts.closed_gates(NOW) == {"a.test": longer}


async def test_the_end_of_a_poll_ends_its_lease_unless_it_was_taken_anew(state, hosts, other_hosts):
    await state.sync([source("a.test"), source("a.test", "other")], NOW)
    first = (await hosts.take(["a.test"], NOW, SPACE)).until
    await hosts.take(["a.test"], NOW + SECOND, SPACE)
    await state.remember(poll(source("a.test").id, "a.test"), lease_until=first)
    assert (await other_hosts.take(["a.test"], NOW + 5 * SECOND, SPACE)).elsewhere == {"a.test"}
    second = NOW + SECOND + LEASE
    await state.remember(poll(source("a.test", "other").id, "a.test"), lease_until=second)
    assert (await other_hosts.take(["a.test"], NOW + 5 * SECOND, SPACE)).hosts == {"a.test"}


async def test_who_comes_back_under_its_name_has_its_hosts_at_once_and_nobody_elses(engine, hosts, other_hosts):
    await hosts.take(["a.test"], NOW, SPACE)
    await other_hosts.take(["b.test"], NOW, SPACE)
    back = Hosts(engine, replica="one", token="c")
    await back.take_back()
    taken = await back.take(["a.test", "b.test"], NOW + 5 * SECOND, SPACE)
    assert (taken.hosts, taken.elsewhere) == (frozenset({"a.test"}), frozenset({"b.test"}))


async def test_two_processes_of_one_name_do_not_share_a_host(engine, hosts):
    twin = Hosts(engine, replica="one", token="z")
    await hosts.take(["a.test"], NOW, SPACE)
    assert (await twin.take(["a.test"], NOW + 5 * SECOND, SPACE)).elsewhere == {"a.test"}


async def test_a_clean_stop_frees_all(hosts, other_hosts):
    await hosts.take(["a.test", "b.test"], NOW, SPACE)
    await hosts.release_all()
    assert (await other_hosts.take(["a.test", "b.test"], NOW + 5 * SECOND, SPACE)).hosts == {"a.test", "b.test"}


async def test_a_renewed_lease_lasts_and_a_lost_one_is_not_taken_back(hosts, other_hosts):
    await hosts.take(["a.test", "b.test"], NOW, SPACE)
    assert await hosts.renew(["a.test"], NOW + 30 * SECOND) == NOW + 30 * SECOND + LEASE
    taken = await other_hosts.take(["a.test", "b.test"], NOW + LEASE + SECOND, SPACE)
    assert (taken.hosts, taken.elsewhere) == ({"b.test"}, {"a.test"})
    await hosts.renew(["b.test"], NOW + LEASE + 2 * SECOND)
    assert (await other_hosts.take(["b.test"], NOW + LEASE + 5 * SECOND, SPACE)).hosts == {"b.test"}


@pytest.mark.parametrize("round_", range(5))
async def test_of_many_who_want_the_same_hosts_at_once_each_is_given_to_one(engine, other_engine, round_):
    names = [f"h{n}.test" for n in range(30)]
    many = [Hosts((engine, other_engine)[n % 2], replica=f"r{n}", token="t") for n in range(6)]
    for at in (NOW, NOW + 2 * LEASE):  # when the rows are not there yet, and when they are
        wishes = (one.take(names[n:] + names[:n], at, SPACE) for n, one in enumerate(many))
        given = Counter(host for taken in await asyncio.gather(*wishes) for host in taken.hosts)
        assert set(given.values()) <= {1}
        assert len(given) == 30 or at != NOW  # one whose row is just locked by another is asked for again


async def test_a_host_in_another_transaction_is_passed_over_not_waited_for(swept_database):
    async with open_database(swept_database) as engine, open_database(swept_database) as other:
        hosts = Hosts(engine, replica="one", token="a")
        await hosts.take(["a.test", "b.test"], NOW, SPACE)
        async with other.begin() as stopped:  # a fetcher that was stopped in the middle of its work
            await stopped.execute(text("SELECT * FROM host_gate WHERE host = 'a.test' FOR UPDATE"))
            taken = await hosts.take(["a.test", "b.test"], NOW + 5 * SECOND, SPACE)
        assert taken.hosts == {"b.test"}


def test_a_lease_is_needed_until_its_last_poll_ends():
    leases = Leases()
    leases.took(["a.test"], NOW + LEASE)
    leases.need("a.test", "f1")
    leases.need("a.test", "f2")
    assert leases.done("a.test", "f1") is None
    assert leases.done("a.test", "f1") is None
    assert leases.done("a.test", "f2") == NOW + LEASE
    assert leases.done("a.test", "f2") is None


def test_only_leases_in_use_are_renewed_and_before_they_end():
    leases = Leases()
    leases.took(["a.test", "b.test"], NOW + LEASE)
    leases.need("a.test", "f1")
    assert leases.ageing(NOW) == []
    assert leases.ageing(NOW + LEASE - RENEW_BELOW + SECOND) == ["a.test"]
