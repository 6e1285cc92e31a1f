from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from services.cli.drain import drain
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.eventlog.memory import MemoryLog
from shared.metrics import STAGES, Metrics


async def test_draining_only_reads_the_database_so_it_holds_up_no_writer(tmp_path):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    metrics = Metrics(CollectorRegistry())
    for stage in STAGES:
        for partition in range(await MemoryLog().partitions("articles")):
            metrics.saw_heartbeat(stage, now, partition)
    async with open_database(f"sqlite:///{tmp_path}/attache.db") as engine:
        await ensure_schema(engine)
        async with engine.begin():  # a writer at work
            await drain(MemoryLog(), engine, metrics, now=lambda: now)
