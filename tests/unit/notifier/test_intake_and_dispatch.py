import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from services.notifier.delivery import Accepted, Delivery, Gone, Outcome, TryLater
from services.notifier.dispatch import CONCURRENT_PER_SUBSCRIPTION, Dispatcher
from services.notifier.intake import Intake
from services.notifier.repository import LEASE, Repository
from services.notifier.sample import sample_alert
from services.notifier.subscriptions import Standing
from shared.database.tables import notifier as tables
from shared.eventlog import Unavailable
from shared.events import Alert, Event
from shared.subscriptions import Subscription, new_secret, parse_subscription

SECRET = new_secret(bytes(range(32)))
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Recorder:
    """A channel that keeps what it is given; `answer` decides, by default that all is well."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.answer: Callable[[Delivery], Awaitable[Outcome]] | None = None

    async def send(self, delivery: Delivery, now: datetime) -> Outcome:
        self.sent.append(delivery)
        return await self.answer(delivery) if self.answer else Accepted("http-200")


class Fixed:
    """Subscriptions that are just there."""

    def __init__(self) -> None:
        self.standing: list[Standing] = []
        self.asked = 0

    def say(self, *subscriptions: Subscription, saved_at: datetime) -> None:
        self.standing = [Standing(one, saved_at) for one in subscriptions]

    async def by_id(self) -> dict[str, Subscription | None]:
        self.asked += 1
        return {one.subscription.id: one.subscription for one in self.standing}

    async def current(self) -> list[Standing]:
        return self.standing


def subscription(name: str, **keys: object) -> Subscription:
    return parse_subscription({"id": name, "name": name, "channel": "terminal", **keys})


def event_of(alert: Alert) -> Event[Alert]:
    return Event(
        id=alert.id, source="test", subject=alert.development_id, time=alert.raised_at, data=alert, traceparent=TRACE
    )


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def standing() -> Fixed:
    return Fixed()


@pytest.fixture
def dispatcher(repository, standing, recorder, metrics, clock):
    senders = {"terminal": recorder, "webhook": recorder, "email": recorder}
    return Dispatcher(repository, standing, senders, metrics, now=clock, draw=lambda: 0.0)


@pytest.fixture
def take(repository, standing, dispatcher, clock):
    async def take(alerts: Sequence[Alert], *subscriptions: Subscription) -> None:
        standing.say(*subscriptions, saved_at=clock.moment - timedelta(days=1))
        intake = Intake(repository, standing, now=clock, on_new=dispatcher.wake)
        await intake.take([event_of(alert) for alert in alerts])

    return take


async def send_all_due(dispatcher: Dispatcher) -> None:
    """Send until nothing is due, as the loop does, but return then."""
    while True:
        async with asyncio.TaskGroup() as group:
            begun = await dispatcher.send_due(group)
        if not begun:
            return


async def states(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        rows = (await connection.execute(select(tables.delivery.c.subscription_id, tables.delivery.c.state))).all()
    return {row.subscription_id: row.state for row in rows}


async def test_an_alert_that_comes_three_times_is_delivered_once_to_each_that_wants_it(take, dispatcher, recorder, now):
    alert = sample_alert(now)
    wanting = [subscription("a"), subscription("b", topic="joint-exercise"), subscription("c", topic="port-call")]
    await take([alert, alert], *wanting)
    await send_all_due(dispatcher)
    await take([alert], *wanting)
    await send_all_due(dispatcher)
    assert sorted(one.subscription_id for one in recorder.sent) == ["a", "b"]
    assert {one.trace_id for one in recorder.sent} == {TRACE_ID}


async def test_logs_of_an_alert_carry_the_trace_of_its_article(take, dispatcher, now):
    with capture_logs() as logs:
        await take([sample_alert(now)], subscription("a"))
        await send_all_due(dispatcher)
    assert {line["event"]: line["trace_id"] for line in logs} == dict.fromkeys(("matched", "delivery"), TRACE_ID)


async def test_an_update_is_delivered_after_its_raise_even_when_that_had_to_be_retried(
    take, dispatcher, recorder, clock, now
):
    raised = sample_alert(now)
    updated = msgspec.structs.replace(raised, id="alr_update", sequence=1)
    failures = [TryLater("http-500")]

    async def fail_once(delivery: Delivery) -> Outcome:
        return failures.pop() if failures else Accepted("http-200")

    recorder.answer = fail_once
    await take([updated, raised], subscription("a"))
    await send_all_due(dispatcher)
    assert [one.alert.id for one in recorder.sent] == [raised.id]
    clock.move(timedelta(seconds=5))
    await send_all_due(dispatcher)
    assert [one.alert.id for one in recorder.sent] == [raised.id, raised.id, "alr_update"]


async def test_after_a_crash_between_sending_and_recording_the_same_delivery_is_sent_under_the_same_id(
    take, repository, dispatcher, recorder, clock, now
):
    await take([sample_alert(now)], subscription("a"))

    async def crash(delivery: Delivery) -> Outcome:
        raise RuntimeError("the process died here")

    recorder.answer = crash
    with pytest.raises(ExceptionGroup):
        await send_all_due(dispatcher)
    recorder.answer = None
    await send_all_due(dispatcher)
    assert len(recorder.sent) == 1
    clock.move(LEASE)
    await send_all_due(dispatcher)
    assert len(recorder.sent) == 2
    assert recorder.sent[0].id == recorder.sent[1].id


async def test_a_database_that_fails_while_recording_only_makes_the_delivery_come_again(
    take, repository, dispatcher, recorder, clock, now, monkeypatch
):
    async def down(*args: object, **kwargs: object) -> None:
        raise Unavailable("disk full")

    await take([sample_alert(now)], subscription("a"))
    with monkeypatch.context() as patch:
        patch.setattr(repository, "record", down)
        await send_all_due(dispatcher)
    clock.move(LEASE)
    await send_all_due(dispatcher)
    assert len({one.id for one in recorder.sent}) == 1
    assert len(recorder.sent) == 2


async def test_two_notifiers_on_one_database_never_send_the_same_delivery(
    engine, take, standing, recorder, metrics, clock, now
):
    alerts = [msgspec.structs.replace(sample_alert(now), id=f"alr_{n}", development_id=f"dev_{n}") for n in range(30)]
    await take(alerts, subscription("a"), subscription("b"))
    both = [
        Dispatcher(Repository(engine), standing, {"terminal": recorder}, metrics, now=clock, draw=lambda: 0.0)
        for _ in range(2)
    ]
    await asyncio.gather(*(send_all_due(one) for one in both))
    assert len(recorder.sent) == 60
    assert len({one.id for one in recorder.sent}) == 60


async def test_a_gone_receiver_is_disabled_and_saving_the_subscription_enables_it_again(
    take, engine, repository, dispatcher, recorder, metrics, clock, now
):
    async def gone(delivery: Delivery) -> Outcome:
        return Gone("http-410") if delivery.subscription_id == "gone" else Accepted("http-200")

    recorder.answer = gone
    alerts = [msgspec.structs.replace(sample_alert(now), id=f"alr_{n}", development_id=f"dev_{n}") for n in range(3)]
    await take(alerts[:1], subscription("gone"), subscription("well"))
    await send_all_due(dispatcher)
    assert await states(engine) == {"gone": "disabled", "well": "delivered"}
    labels = {"channel": "terminal", "outcome": "disabled"}
    assert metrics.registry.get_sample_value("attache_notifier_deliveries_total", labels) == 1

    recorder.sent.clear()
    await take(alerts[1:2], subscription("gone"), subscription("well"))
    await send_all_due(dispatcher)
    assert [one.subscription_id for one in recorder.sent] == ["well"]

    recorder.sent.clear()
    clock.move(timedelta(days=2))  # `take` says each subscription was saved a day ago: after it was disabled
    await take(alerts[2:], subscription("gone"), subscription("well"))
    assert await repository.disabled() == {}
    await send_all_due(dispatcher)
    assert sorted(one.subscription_id for one in recorder.sent) == ["gone", "well"]


async def test_a_hanging_receiver_holds_up_only_its_own_subscription(take, dispatcher, recorder, now):
    let_go = asyncio.Event()
    well_done = asyncio.Event()
    stop = asyncio.Event()

    async def hang(delivery: Delivery) -> Outcome:
        if delivery.subscription_id == "hangs":
            await let_go.wait()
        elif sum(one.subscription_id == "well" for one in recorder.sent) == 20:
            well_done.set()
        return Accepted("http-200")

    recorder.answer = hang
    alerts = [msgspec.structs.replace(sample_alert(now), id=f"alr_{n}", development_id=f"dev_{n}") for n in range(20)]
    await take(alerts, subscription("hangs"), subscription("well"))
    running = asyncio.ensure_future(dispatcher.run(stop))
    await well_done.wait()
    hanging = sum(one.subscription_id == "hangs" for one in recorder.sent)
    assert 0 < hanging < 2 * CONCURRENT_PER_SUBSCRIPTION
    stop.set()
    let_go.set()
    await running


async def test_stopping_abandons_a_receiver_that_hangs_and_its_delivery_comes_again_under_the_same_id(
    take, dispatcher, recorder, clock, now, monkeypatch
):
    stop = asyncio.Event()

    async def hang(delivery: Delivery) -> Outcome:
        stop.set()
        await asyncio.Event().wait()
        return Accepted("never")

    monkeypatch.setattr("services.notifier.dispatch.WIND_UP", timedelta(0))
    recorder.answer = hang
    await take([sample_alert(now)], subscription("a"))
    async with asyncio.timeout(30):  # else this test hangs as the receiver does
        await dispatcher.run(stop)
    recorder.answer = None
    clock.move(LEASE)
    await send_all_due(dispatcher)
    assert len(recorder.sent) == 2
    assert recorder.sent[0].id == recorder.sent[1].id


async def test_what_waits_is_withdrawn_when_its_subscription_is_deleted_or_switched_off(
    take, standing, dispatcher, recorder, engine, clock, now
):
    async def fail(delivery: Delivery) -> Outcome:
        return TryLater("http-500")

    recorder.answer = fail
    await take([sample_alert(now)], subscription("deleted"), subscription("off"), subscription("kept"))
    await send_all_due(dispatcher)
    recorder.sent.clear()
    clock.move(timedelta(seconds=5))
    recorder.answer = None
    standing.say(subscription("off", enabled=False), subscription("kept"), saved_at=now)
    await send_all_due(dispatcher)
    assert [one.subscription_id for one in recorder.sent] == ["kept"]
    assert await states(engine) == {"deleted": "failed", "off": "failed", "kept": "delivered"}


async def test_edits_are_looked_for_while_no_alert_comes(dispatcher, standing):
    await send_all_due(dispatcher)
    assert standing.asked == 1


async def test_what_waits_goes_where_its_subscription_says_now(take, standing, dispatcher, recorder, clock, now):
    failures = [TryLater("http-500")]

    async def fail_once(delivery: Delivery) -> Outcome:
        return failures.pop() if failures else Accepted("http-200")

    old, new = ({"webhook": f"https://{host}.example", "secret": SECRET} for host in ("old", "new"))
    recorder.answer = fail_once
    await take([sample_alert(now)], subscription("a", channel=old))
    await send_all_due(dispatcher)
    standing.say(subscription("a", channel=new), saved_at=now)
    clock.move(timedelta(seconds=5))
    await send_all_due(dispatcher)
    assert [one.channel.url for one in recorder.sent] == ["https://old.example", "https://new.example"]
    assert len({one.id for one in recorder.sent}) == 1


async def test_new_rows_wake_the_loop_and_stopping_ends_it(take, dispatcher, recorder, metrics, now):
    stop = asyncio.Event()
    sent = asyncio.Event()

    async def tell(delivery: Delivery) -> Outcome:
        sent.set()
        return Accepted("http-200")

    recorder.answer = tell
    running = asyncio.ensure_future(dispatcher.run(stop))
    await asyncio.sleep(0)
    await take([sample_alert(now)], subscription("a"))
    await sent.wait()
    stop.set()
    await running
    labels = {"channel": "terminal", "outcome": "delivered"}
    assert metrics.registry.get_sample_value("attache_notifier_deliveries_total", labels) == 1


async def test_while_the_database_is_away_the_loop_pauses_says_so_and_goes_on(
    take, repository, dispatcher, recorder, now, monkeypatch
):
    stop = asyncio.Event()
    asked = asyncio.Event()
    sent = asyncio.Event()

    async def away(**kwargs: object) -> list[Delivery]:
        asked.set()
        raise Unavailable("no route to the database")

    async def tell(delivery: Delivery) -> Outcome:
        sent.set()
        return Accepted("http-200")

    recorder.answer = tell
    await take([sample_alert(now)], subscription("a"))
    with monkeypatch.context() as patch:
        patch.setattr(repository, "lease", away)
        running = asyncio.ensure_future(dispatcher.run(stop))
        await asked.wait()
        await asyncio.sleep(0)
        assert dispatcher.trouble == "no route to the database"
    await sent.wait()
    stop.set()
    await running
    assert dispatcher.trouble is None
