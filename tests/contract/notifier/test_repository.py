"""What the notifier's repository promises on every database."""

import asyncio
import dataclasses
import json
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.delivery import Delivered, Delivery, DisableEndpoint, GaveUp, RetryAt
from services.notifier.repository import LEASE, Repository
from services.notifier.rows import Backlog, Latest
from shared.database.engine import open_database
from shared.database.tables import notifier, web
from shared.subscriptions import Email, Webhook


@pytest.fixture
def repository(engine: AsyncEngine) -> Repository:
    return Repository(engine)


def update_of(delivery: Delivery, *, subscription_id: str = "sub_one") -> Delivery:
    """Return the delivery of the next alert of the same development."""
    alert = msgspec.structs.replace(delivery.alert, id="alr_update", sequence=delivery.alert.sequence + 1)
    return dataclasses.replace(delivery, id="dlv_update", alert=alert, subscription_id=subscription_id)


async def lease(repository: Repository, at: datetime, limit: int = 10, busy: tuple[str, ...] = ()) -> list[str]:
    return [one.id for one in await repository.lease(limit=limit, busy=busy, now=at)]


async def state_of(engine: AsyncEngine, delivery_id: str) -> str:
    async with engine.connect() as connection:
        query = select(notifier.delivery.c.state).where(notifier.delivery.c.id == delivery_id)
        return str((await connection.execute(query)).scalar_one())


@pytest.mark.parametrize(
    "channel",
    [
        None,
        Email(to=("a@b.example",)),
        Webhook(url="https://a.example", secret="whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"),
    ],
)
async def test_a_delivery_comes_back_as_it_went_in(repository, delivery, now, channel):
    sent = delivery if channel is None else dataclasses.replace(delivery, channel=channel)
    await repository.add([sent], (), now=now)
    assert await repository.lease(limit=1, busy=(), now=now) == [sent]


async def test_a_delivery_added_three_times_is_there_once_and_keeps_its_state(repository, delivery, now):
    await repository.add([delivery, delivery], (), now=now)
    await repository.record(delivery, Delivered("http-200"), at=now)
    await repository.add([delivery], (), now=now)
    assert await lease(repository, now) == []
    assert await repository.backlog() == Backlog(0, None)


async def test_what_is_leased_is_given_to_nobody_else_until_the_lease_runs_out(repository, delivery, now):
    await repository.add([delivery], (), now=now)
    assert await lease(repository, now) == ["dlv_one"]
    assert await lease(repository, now + LEASE - timedelta(seconds=1)) == []
    assert await lease(repository, now + LEASE) == ["dlv_one"]


@pytest.mark.parametrize("round_", range(3))
async def test_replicas_leasing_at_once_share_without_taking_anything_twice(url, repository, delivery, now, round_):
    many = [dataclasses.replace(delivery, id=f"dlv_{n}", subscription_id=f"sub_{n}") for n in range(60)]
    await repository.add(many, (), now=now)
    async with open_database(url) as other:
        replicas = (repository, Repository(other))
        taken: list[str] = []
        while len(taken) < len(many):  # one whose row is just being taken by another is passed over, not waited for
            shares = await asyncio.gather(*(lease(replicas[n % 2], now, limit=7) for n in range(8)))
            taken += [one for share in shares for one in share]
    assert sorted(taken) == sorted(one.id for one in many)


@pytest.mark.parametrize("round_", range(3))
async def test_replicas_never_send_an_update_beside_its_raise(url, repository, delivery, now, round_):
    await repository.add([delivery, update_of(delivery)], (), now=now)
    async with open_database(url) as other:
        shares = await asyncio.gather(*(lease(one, now) for one in (repository, Repository(other), repository)))
    assert [one for share in shares for one in share] == ["dlv_one"]


async def test_a_delivery_a_stopped_replica_has_in_hand_is_passed_over_not_waited_for(swept_database, delivery, now):
    async with open_database(swept_database) as engine, open_database(swept_database) as other:
        second = dataclasses.replace(delivery, id="dlv_two", subscription_id="sub_two")
        await Repository(engine).add([delivery, second], (), now=now)
        async with other.begin() as stopped:
            await stopped.execute(text("SELECT id FROM delivery WHERE id = 'dlv_one' FOR UPDATE"))
            assert await lease(Repository(engine), now) == ["dlv_two"]


async def test_the_limit_and_busy_subscriptions_are_respected_oldest_first(repository, delivery, now):
    for n in (3, 1, 2):
        other = dataclasses.replace(delivery, id=f"dlv_{n}", subscription_id=f"sub_{n}")
        await repository.add([other], (), now=now + timedelta(seconds=n))
    later = now + timedelta(minutes=1)
    assert await lease(repository, later, limit=1, busy=("sub_1",)) == ["dlv_2"]
    assert await lease(repository, later) == ["dlv_1", "dlv_3"]


async def test_a_retry_is_due_when_it_was_said_and_counts_attempts(repository, engine, delivery, now):
    await repository.add([delivery], (), now=now)
    when = now + timedelta(seconds=5)
    await repository.record(delivery, RetryAt(when, "http-500"), at=now)
    assert await repository.next_due() == when
    assert await lease(repository, now) == []
    (again,) = await repository.lease(limit=1, busy=(), now=when)
    assert again.attempts == 1
    await repository.record(again, GaveUp("refused"), at=when)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(notifier.delivery_attempt).order_by("number"))).all()
    assert [(row.number, row.outcome, row.detail) for row in rows] == [
        (1, "retry", "http-500"),
        (2, "failed", "refused"),
    ]
    assert await state_of(engine, delivery.id) == "failed"
    assert await repository.next_due() is None


async def test_an_update_is_not_leased_before_its_raise_has_left(repository, delivery, now):
    await repository.add([update_of(delivery), delivery], (), now=now)
    assert await lease(repository, now) == ["dlv_one"]
    assert await lease(repository, now) == []
    await repository.record(delivery, Delivered("http-200"), at=now)
    assert await lease(repository, now) == ["dlv_update"]


async def test_an_update_does_not_wait_for_another_subscriptions_raise(repository, delivery, now):
    await repository.add([delivery, update_of(delivery, subscription_id="sub_two")], (), now=now)
    assert set(await lease(repository, now)) == {"dlv_one", "dlv_update"}


async def test_an_update_does_not_wait_for_the_raise_to_another_address(repository, delivery, now):
    raised = dataclasses.replace(delivery, channel=Email(to=("a@b.example",)))
    updated = dataclasses.replace(update_of(delivery), channel=Email(to=("c@b.example",)))
    await repository.add([raised, updated], (), now=now)
    assert set(await lease(repository, now)) == {"dlv_one", "dlv_update"}


async def test_an_update_goes_on_when_its_raise_was_given_up(repository, delivery, now):
    await repository.add([delivery, update_of(delivery)], (), now=now)
    await repository.record(delivery, GaveUp("refused"), at=now)
    assert await lease(repository, now) == ["dlv_update"]


@pytest.mark.parametrize("update_first", [True, False])
async def test_what_waits_for_a_retried_raise_is_due_with_it(repository, delivery, now, update_first):
    when = now + timedelta(minutes=5)
    await repository.add([delivery, *([update_of(delivery)] if update_first else [])], (), now=now)
    await repository.record(delivery, RetryAt(when, "http-500"), at=now)
    if not update_first:
        await repository.add([update_of(delivery)], (), now=now)
    assert await repository.next_due() == when
    await repository.record(delivery, Delivered("http-200"), at=when)
    assert await repository.next_due() == when


async def test_a_late_failure_never_undoes_a_delivery(repository, engine, delivery, now):
    await repository.add([delivery], (), now=now)
    await repository.record(delivery, Delivered("http-200"), at=now)
    await repository.record(delivery, RetryAt(now, "timeout"), at=now)
    assert await state_of(engine, delivery.id) == "delivered"
    await repository.record(delivery, GaveUp("timeout"), at=now)
    assert await state_of(engine, delivery.id) == "delivered"


async def test_a_disabled_subscription_gets_nothing_more_until_enabled_and_the_record_stays(
    repository, engine, delivery, now
):
    pending = dataclasses.replace(delivery, id="dlv_pending")
    await repository.add([delivery, pending], (), now=now)
    await repository.record(delivery, DisableEndpoint("http-410"), at=now)
    await repository.disable(delivery.subscription_id, reason="http-410", at=now)
    assert await lease(repository, now) == []
    assert {one: (since.at, since.reason) for one, since in (await repository.disabled()).items()} == {
        "sub_one": (now, "http-410")
    }
    later = dataclasses.replace(delivery, id="dlv_later")
    await repository.add([later], {"sub_one"}, now=now)
    assert await lease(repository, now) == []
    assert [await state_of(engine, one) for one in ("dlv_one", "dlv_pending", "dlv_later")] == ["disabled"] * 3
    await repository.enable({"sub_one"})
    assert await repository.disabled() == {}
    await repository.add([dataclasses.replace(delivery, id="dlv_new")], (), now=now)
    assert await lease(repository, now) == ["dlv_new"]


async def test_whether_a_receiver_took_anything_since(repository, delivery, now):
    await repository.add([delivery], (), now=now)
    assert not await repository.answered_since("sub_one", now)
    await repository.record(delivery, Delivered("http-200"), at=now)
    assert await repository.answered_since("sub_one", now)
    assert not await repository.answered_since("sub_one", now + timedelta(seconds=1))
    assert not await repository.answered_since("sub_two", now)


async def test_the_backlog_counts_what_is_pending_and_since_when(repository, delivery, now):
    older = dataclasses.replace(delivery, id="dlv_older", created_at=now - timedelta(hours=1))
    await repository.add([delivery, older], (), now=now)
    assert await repository.backlog() == Backlog(2, now - timedelta(hours=1))


async def test_saved_subscriptions_are_read_oldest_first(repository, engine, now):
    async with engine.begin() as connection:
        for n in (2, 1):
            row = {"id": f"sub_{n}", "name": f"N{n}", "definition": json.dumps({"name": f"N{n}"}), "enabled": n == 1}
            at = now + timedelta(minutes=n)
            await connection.execute(insert(web.subscription).values(**row, created_at=at, updated_at=at))
    saved = await repository.saved_subscriptions()
    assert [(one.id, one.enabled, one.updated_at) for one in saved] == [
        ("sub_1", True, now + timedelta(minutes=1)),
        ("sub_2", False, now + timedelta(minutes=2)),
    ]


async def test_the_latest_attempt_and_what_is_pending_are_told_by_subscription(repository, delivery, now):
    second = dataclasses.replace(delivery, id="dlv_two", created_at=now + timedelta(seconds=1))
    untried = dataclasses.replace(delivery, id="dlv_three", subscription_id="sub_two")
    await repository.add([delivery, second, untried], (), now=now)
    await repository.record(delivery, RetryAt(now + timedelta(seconds=9), "http-500"), at=now)
    await repository.record(second, Delivered("http-200"), at=now + timedelta(seconds=1))
    assert await repository.latest() == {
        "sub_one": Latest(1, "delivered", "http-200", now + timedelta(seconds=1)),
        "sub_two": Latest(1, None, None, None),
    }
