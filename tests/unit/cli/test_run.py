import asyncio
import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from services.cli import run
from services.fetcher.sources import Source
from services.fetcher.state import FeedState
from services.web.queries.feeds import all_feeds
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.database.tables.fetcher import feed
from shared.eventlog import Unavailable


async def test_a_database_that_is_away_delays_the_report_of_the_first_round_and_ends_nothing(tmp_path, monkeypatch):
    stop, out = asyncio.Event(), io.StringIO()
    troubles = [Unavailable("reading feeds: the server restarts")]

    async def away_at_first(engine):
        if troubles:
            raise troubles.pop()
        return await all_feeds(engine)

    class Listening(Console):
        def print(self, *objects, **options):
            super().print(*objects, **options)
            stop.set()

    monkeypatch.setattr(run, "all_feeds", away_at_first)
    monkeypatch.setattr(run, "LOOK_EVERY", timedelta(0))
    async with open_database(f"sqlite:///{tmp_path}/attache.db") as engine:
        await ensure_schema(engine)
        await FeedState(engine).add(
            [Source(id="one", name="One", url="https://one.example/feed")], "added", datetime(2026, 3, 1, tzinfo=UTC)
        )
        async with engine.begin() as connection:
            await connection.execute(feed.update().values(polls=1))
        await run.report_first_round(engine, Listening(file=out, width=100), stop)
    assert not troubles
    assert "1 feed" in out.getvalue()
