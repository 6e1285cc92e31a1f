"""What the stages on Kafka and PostgreSQL are measured against: the client alone, and COPY. Each returns seconds."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.store.rows import article_row, claim_rows
from services.store.service import read_arrival
from shared.clock import utc_now
from shared.database.engine import open_database
from shared.database.migrate import ensure_schema
from shared.eventlog import Message, Record
from shared.eventlog.kafka.address import parse
from shared.eventlog.open import open_log
from shared.events import TaggedArticle, decode
from shared.topics import ARTICLES, TAGGED_ARTICLES

BATCH = 200
FETCH_FOR = timedelta(seconds=1)


async def hop_alone(log_url: str, articles: Sequence[Message], tagged: Sequence[Message]) -> float:
    """Consume the articles with aiokafka, produce as many tagged ones, and commit after each batch, as durably as we.

    Nothing is decoded, handled or encoded between.
    """
    async with open_log(log_url) as log:
        await log.append(ARTICLES.name, articles)
        await log.partitions(TAGGED_ARTICLES.name)
    address = parse(log_url)
    consumer = AIOKafkaConsumer(
        address.topic(ARTICLES.name),
        bootstrap_servers=list(address.servers),
        group_id=f"{address.prefix}bench",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=list(address.servers),
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        max_batch_size=256 * 1024,
    )
    to, done = address.topic(TAGGED_ARTICLES.name), 0
    started = time.perf_counter()
    async with consumer, producer:
        while done < len(articles):
            pages = await consumer.getmany(timeout_ms=FETCH_FOR // timedelta(milliseconds=1), max_records=BATCH)
            count = sum(map(len, pages.values()))
            batch = tagged[done : done + count]
            sent = [
                await producer.send(to, one.value, key=one.key.encode(), headers=list(one.headers)) for one in batch
            ]
            await asyncio.gather(*sent)
            if pages:
                await consumer.commit()
            done += count
        return time.perf_counter() - started


async def copy_alone(database_url: str, tagged: Sequence[Message], *, batch: int) -> float:
    """COPY the rows that the store writes for these articles (article and claims), `batch` articles a transaction."""
    async with open_database(database_url) as engine:
        await ensure_schema(engine)
    now = utc_now()
    arrivals = [
        read_arrival(decode(Record("tagged", 0, n, one.key, one.value, one.headers, now), TaggedArticle))
        for n, one in enumerate(tagged)
    ]
    rows = [(article_row(arrival, now=now), claim_rows(arrival)) for arrival in arrivals]
    connection = await asyncpg.connect(database_url)
    try:
        started = time.perf_counter()
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            articles, claims = [article for article, _ in part], [claim for _, each in part for claim in each]
            async with connection.transaction():
                for table, found in (("article", articles), ("claim", claims)):
                    if found:
                        records = [tuple(row.values()) for row in found]
                        await connection.copy_records_to_table(table, records=records, columns=list(found[0]))
        return time.perf_counter() - started
    finally:
        await connection.close()
