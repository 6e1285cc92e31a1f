"""What the stages are measured against: storing alone, and looking alone. Each returns the seconds it took."""

import time
from collections.abc import Sequence
from pathlib import Path

import aiosqlite
from ahocorasick_rs import AhoCorasick, MatchKind

from shared.events import Article
from shared.gazetteer import load_gazetteer

BATCH = 200


async def insert_bare(folder: Path, articles: Sequence[Article]) -> float:
    """Insert id, title and text in batches of 200, each committed as durably as ours (WAL, synchronous=FULL)."""
    async with aiosqlite.connect(folder / "bare.db") as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
        await connection.execute("CREATE TABLE article (id TEXT PRIMARY KEY, title TEXT, text TEXT)")
        started = time.perf_counter()
        for start in range(0, len(articles), BATCH):
            rows = [(a.id, a.title, a.text) for a in articles[start : start + BATCH]]
            await connection.executemany("INSERT INTO article VALUES (?, ?, ?)", rows)
            await connection.commit()
        return time.perf_counter() - started


async def scan_bare(articles: Sequence[Article]) -> float:
    """Scan lower-cased title and text for every name of the gazetteer, leftmost longest, and do nothing with it."""
    automaton = AhoCorasick(
        sorted({mention.surface.lower() for mention in load_gazetteer().mentions}), matchkind=MatchKind.LeftmostLongest
    )
    started = time.perf_counter()
    for article in articles:
        automaton.find_matches_as_indexes(article.title.lower())
        automaton.find_matches_as_indexes(article.text.lower())
    return time.perf_counter() - started
