"""A reader in a process of its own: reads one batch, says so, and commits when it is told to."""

import asyncio
import sys
from datetime import timedelta

from prometheus_client import CollectorRegistry

from shared.eventlog import ReplicaInUse
from shared.eventlog.open import open_log
from shared.metrics import Metrics
from shared.settings import KafkaSettings
from shared.telemetry import set_up_logs


async def main(url: str, replica: str) -> None:
    metrics = Metrics(CollectorRegistry())
    kafka = KafkaSettings(session_timeout=timedelta(seconds=2))
    async with (
        open_log(url, kafka=kafka, replica=replica, metrics=metrics) as log,
        log.reader("articles", "group") as reader,
    ):
        while not (records := await reader.read(100, timedelta(seconds=1))):
            pass
        print(len(records), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        try:
            await reader.commit()
            await reader.read(100, timedelta(seconds=5))
            await reader.read(100, timedelta(seconds=5))
        except ReplicaInUse as refused:
            print(f"refused: {refused}", flush=True)
        else:
            dropped = metrics.log_dropped_commits.labels("group")._value.get()
            print(f"dropped: {dropped:.0f}", flush=True)
        sys.stdin.readline()


set_up_logs()
asyncio.run(main(*sys.argv[1:]))
