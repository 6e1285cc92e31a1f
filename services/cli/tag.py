"""`attache tag`: one text explained, for people and for programs; or rows of a file."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
from rich.console import Console

from services.cli.explain import explain
from services.cli.page_text import NoArticle, read_page
from services.cli.tag_rows import as_row, tag_rows
from services.tagger.decide import load_tagger
from services.tagger.decide import tag as tag_text
from services.tagger.genre import genre_of
from shared.http import Failed, Fetched, open_http
from shared.settings import Settings


@dataclass(frozen=True)
class _Given:
    title: str
    text: str
    published: date | None
    url: str | None = None


@click.command()
@click.argument("source", metavar="FILE|URL|-", required=False)
@click.option("--title", help="The headline, where it does not stand in FILE.")
@click.option("--date", "day", metavar="YYYY-MM-DD", help="The day of publication: it dates years and weekdays.")
@click.option("--language", metavar="BCP-47", help="The language, if it is not English.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--jsonl", nargs=2, metavar="IN OUT", help="Tag rows {id,title?,text,date?} of a JSON Lines file.")
def tag(
    source: str | None,
    title: str | None,
    day: str | None,
    language: str | None,
    *,
    as_json: bool,
    jsonl: tuple[str, str] | None,
) -> None:
    """Explain one text: what it claims and with which words, whether it is news for a watcher, and why not.

    FILE is plain text, all of it body; --title gives the headline. A URL is fetched and its article read. Offsets
    are characters of the title or the text.
    """
    if jsonl:
        if source:
            raise click.UsageError("--jsonl takes IN and OUT, not a text besides")
        sys.exit(tag_rows(*jsonl))
    if not source:
        raise click.UsageError("name a FILE, a URL or - for standard input")
    published = _day(day)
    given = _read(source, title, published)
    tagger = load_tagger()
    tagging = tag_text(
        given.title,
        given.text,
        published=given.published,
        tagger=tagger,
        language=language,
        genre=genre_of(given.title, given.url),
        article_id=source,
    )
    if as_json:
        row = {"id": source, **as_row(tagging)}
        decision = tagging.decision
        row["line"] = decision.line
        row["dyad"] = list(decision.dyad)
        row["severity"] = decision.severity
        row["topics"] = list(decision.topics)
        row["context"] = list(decision.context)
        row["reasons"] = list(decision.reasons)
        row["suppressed"] = [
            {"field": s.field, "start": s.start, "end": s.end, "quote": s.quote, "rule": s.rule, "reason": s.reason}
            for s in tagging.suppressed
        ]
        row["rules_version"] = tagger.version
        click.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    explain(Console(), tagging, tagger.version)


def _day(written: str | None) -> date | None:
    if written is None:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise click.BadParameter(f"{written!r} is not a day as YYYY-MM-DD", param_hint="--date") from None


def _read(source: str, title: str | None, published: date | None) -> _Given:
    if source.startswith(("http://", "https://")):
        found = asyncio.run(_fetch(source))
        return _Given(title or found.title, found.text, published or found.published, source)
    if source == "-":
        body = sys.stdin.buffer.read()
    else:
        try:
            body = Path(source).read_bytes()
        except OSError as error:
            raise click.ClickException(f"cannot read {source}: {error.strerror}") from error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{source}: not UTF-8 at byte {error.start}") from error
    if not text.strip():
        raise click.ClickException(f"{source}: no text in it")
    return _Given(title or "", text, published)


async def _fetch(url: str) -> _Given:
    async with open_http(Settings.from_env(os.environ)) as http:
        answer = await http.fetch(url)
    if not isinstance(answer, Fetched):
        reason = answer.reason if isinstance(answer, Failed) else "not modified"
        raise click.ClickException(f"{url}: {reason}")
    try:
        page = read_page(answer.body)
    except NoArticle as error:
        raise click.ClickException(f"{url}: no article in it: {error}") from error
    return _Given(page.title, page.text, page.published, url)
