"""`attache feeds parse`: what our parser makes of a feed file, for people and for programs."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from services.fetcher.feed.document import NotAFeed, ParsedFeed
from services.fetcher.feed.parse import parse as parse_feed
from services.fetcher.feed.rendering import error_data, feed_data
from services.fetcher.feed.text import one_line, plain


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A response header; may be repeated.")
@click.option("--url", help="Where the file was found: relative links count from here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def parse(file: str, headers: tuple[str, ...], url: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Read FILE (or - for standard input) as a feed and print what was read.

    RSS 0.9x to 2.0, RSS 1.0 (RDF), Atom 0.3 and 1.0, JSON Feed, CDF and Google News sitemaps are read, broken ones
    as far as possible. The headers Content-Type, Content-Location and Content-Language are taken into account.

    \b
    --json prints
      {"title", "title_text", "link", "language", "format", "version", "encoding",
       "items": [{"id", "link", "title", "title_text", "summary", "summary_text",
                  "content", "content_text", "authors", "published", "updated",
                  "categories", "enclosures": [{"url", "type", "length"}], "language"}],
       "warnings": [...]}
    or {"error": {"reason", "detail"}} and exit code 1.

    title, summary and content are as the feed has them, markup included, cleaned of scripts and with relative
    links resolved; the fields in _text are the same as plain text. An item without a summary repeats its content
    there; one without an id of its own has its link as id, and one with a single date has it as published. Dates
    are RFC 3339 in UTC, categories and authors are names.
    """  # noqa: D301 - click reads the backspace as "keep these lines"
    given = _read_headers(headers)
    body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        feed = parse_feed(
            body,
            content_type=given.get("content-type"),
            url=url,
            content_location=given.get("content-location"),
            content_language=given.get("content-language"),
        )
    except NotAFeed as failure:
        if as_json:
            _print_json(error_data(failure))
        else:
            click.echo(f"{file}: {failure}", err=True)
        sys.exit(1)
    if as_json:
        _print_json(feed_data(feed))
    else:
        _print_table(feed)


def _read_headers(headers: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{header!r} is not of the form 'Name: value'", param_hint="--header")
        given[name.strip().lower()] = value.strip()
    return given


def _print_json(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=2).encode("utf-8"))


def _print_table(feed: ParsedFeed) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(one_line(feed.title) or "(no title)", style="bold"))
    about = [f"{feed.format} {feed.version}".strip(), feed.language or "language not stated", feed.encoding]
    console.print(Text(" · ".join([*about, f"{len(feed.items)} items"])))
    if feed.link:
        console.print(Text(feed.link))
    for warning in feed.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    table = Table(show_edge=False, pad_edge=False, expand=False)
    table.add_column("published (UTC)", no_wrap=True)
    table.add_column("title and link", overflow="fold", ratio=1)
    table.add_column("text", justify="right", no_wrap=True)
    for item in feed.items:
        when = f"{item.published:%Y-%m-%d %H:%M}" if item.published else "-"
        what = Text(one_line(item.title) or one_line(item.summary or item.content)[:80] or "(no title)")
        if item.link:
            what.append(f"\n{item.link}", style="dim")
        table.add_row(when, what, f"{len(plain(item.content or item.summary)):,} chars")
    if feed.items:
        console.print(table)
