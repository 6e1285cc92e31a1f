"""What must hold of an installation once all is done: nothing lost, invented or doubled, and order where it is promised."""

import time
from collections import Counter

from tests.system.installation import Installation


async def assert_flawless(installation: Installation, *, settled_within: float) -> str:
    """Wait until everything released is out at the far end, then judge; return a line of figures."""
    world = installation.world
    took = await wait_until_all_is_out(installation, within=settled_within)
    await installation.look()
    expected = {item.number for item in world.items if item.number < world.released}
    stored = Counter(installation.stored)
    assert expected - stored.keys() == set(), f"lost: {sorted(expected - stored.keys())[:20]}"
    assert stored.keys() - expected == set(), f"phantom: {sorted(stored.keys() - expected)[:20]}"
    assert not [number for number, count in stored.items() if count > 1], "articles stored twice"
    await _assert_alerts(installation)
    assert await installation.dead() == [], "dead letters"
    _assert_deliveries(installation)
    installation.supervisor.check()
    return (
        f"{len(stored)} items, lost 0, phantom 0, duplicate rows 0; {len(world.ids_of_alerts())} alerts, "
        f"{len(world.arrivals)} webhooks taken, {world.repeats()} again under the same id, "
        f"{len(world.refused)} refused at first; all out {took:.1f} s after the last release"
    )


async def wait_until_all_is_out(installation: Installation, *, within: float) -> float:
    """Wait until all released is stored, the outbox is empty, and every delivery that is due was made."""
    began = time.monotonic()
    while True:
        await installation.look()
        left = await installation.sql(
            "SELECT (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM alert) AS alerts,"
            " (SELECT count(*) FROM delivery) AS deliveries,"
            " (SELECT count(*) FROM delivery WHERE state = 'pending') AS pending"
        )
        if left and not installation.unfinished:
            ((outbox, alerts, deliveries, pending),) = left
            if outbox == 0 and deliveries >= alerts and pending == 0:
                return time.monotonic() - began
        installation.supervisor.check()
        assert time.monotonic() - began < within, f"not all out within {within} s: {installation.summary()}, {left}"


async def _assert_alerts(installation: Installation) -> None:
    world = installation.world
    rows = await installation.sql("SELECT id, development_id, sequence, kind FROM alert")
    assert rows is not None
    assert max(Counter((development, sequence) for _, development, sequence, _ in rows).values()) == 1, "alert twice"
    raised = [development for _, development, _, kind in rows if kind == "raised"]
    dyads = {item.dyad for item in world.items if item.dyad and item.number < world.released}
    assert len(raised) == len(set(raised)) == len(dyads), "one development, and one raise, for each pair of countries"
    doubled = await installation.sql(
        "SELECT alert_id, count(*) AS times FROM delivery GROUP BY alert_id, subscription_id HAVING count(*) > 1"
    )
    assert doubled == [], "deliveries stored twice"


def _assert_deliveries(installation: Installation) -> None:
    world = installation.world
    assert world.forged == [], "signatures that do not verify"
    ids = world.ids_of_alerts()
    assert {dyad for arrival in world.arrivals if (dyad := arrival.dyad)} == {
        item.dyad for item in world.items if item.dyad and item.number < world.released
    }
    assert all(len(each) == 1 for each in ids.values()), "an alert went out under two ids"
    assert world.refused <= {arrival.webhook_id for arrival in world.arrivals}, "a refused delivery was not retried"
    first: dict[str, int] = {}
    for arrival in world.arrivals:
        before = first.get(arrival.development_id, -1)
        assert arrival.sequence <= before + 1, f"{arrival.development_id}: {arrival.sequence} arrived after {before}"
        first[arrival.development_id] = max(before, arrival.sequence)
