"""`attache subscriptions`: who is told what, whether it arrives, and trying it out."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from services.cli.subscription_desk import (
    SECRET_BYTES,
    Desk,
    Mistakes,
    add_all,
    open_desk,
    print_remarks,
    read_file,
    show_all,
    try_out,
)
from shared.subscriptions import SubscriptionError, lint, new_id, new_secret, parse_subscription

ID_BYTES = 10
SEVERAL = ("topic", "status", "party", "dyad", "language", "text")
PLURALS = {
    "topic": "topics",
    "status": "statuses",
    "party": "parties",
    "dyad": "dyads",
    "language": "languages",
    "text": "text",
}


@click.group()
def subscriptions() -> None:
    """List, add, test and check subscriptions.

    A subscription says what is wanted (topic, party or dyad, status, language, severity, free text) and where it
    goes: a webhook, an e-mail address or the terminal. SUBSCRIPTIONS_FILE may hold more of them as TOML.
    """


@subscriptions.command("list")
def list_() -> None:
    """Show all, whether their deliveries arrive, and why not."""
    _run(show_all)


@subscriptions.command()
@click.option("--name", help="What it is for, in a few words.")
@click.option("--topic", multiple=True, metavar="TOPIC", help="Such as joint-exercise; may repeat.")
@click.option("--status", multiple=True, metavar="STATUS", help="Such as agreed-signed; may repeat.")
@click.option(
    "--party", multiple=True, metavar="CODE", help="ISO 3166-1 alpha-3, NATO, EU, UN, ASEAN or AU; may repeat."
)
@click.option("--dyad", multiple=True, metavar="CODE-CODE", help="Both involved; may repeat.")
@click.option("--language", multiple=True, metavar="TAG", help="BCP 47, such as en or km; may repeat.")
@click.option("--min-severity", metavar="P1|P2|P3|P4", help="At least this severe (P1 is most).")
@click.option("--text", multiple=True, metavar="WORDS", help="Whole words of line, titles or quotes; may repeat.")
@click.option("--webhook", metavar="URL", help="Send there, signed as Standard Webhooks says.")
@click.option("--email", multiple=True, metavar="ADDRESS", help="Send there; may repeat.")
@click.option("--terminal", is_flag=True, help="Print where the notifier runs.")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Add all of a TOML file instead."
)
def add(file: Path | None, **options: Any) -> None:
    """Add one; a webhook's secret is shown once.

    Repeated options are alternatives; different options must all hold, topic and status of one and the same matter.
    For exceptions ("but not …") and choices between whole conditions write a file; see `check --help`.
    """
    if file is not None:
        given = [name for name, value in options.items() if value]
        if given:
            raise click.UsageError(
                f"--file holds whole subscriptions; it does not go with --{given[0].replace('_', '-')}"
            )
        found = read_file(file)
    else:
        try:
            found = (parse_subscription(_document(options), subscription_id=new_id(secrets.token_bytes(ID_BYTES))),)
        except SubscriptionError as error:
            raise Mistakes(error) from error
    _run(lambda desk: add_all(desk, found))


@subscriptions.command()
@click.argument("which", metavar="ID|FILE")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3660), help="How far back to look.")
@click.option("--send", is_flag=True, help="Also send a test message through its channel.")
def test(which: str, days: int, send: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Try ID, or all of FILE, on stored alerts: which would have been sent, and why."""
    _run(lambda desk: try_out(desk, which, timedelta(days=days), send=send))


@subscriptions.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    r"""Check FILE for mistakes and oddities.

    Every mistake is told with its line, and what is legal but hardly meant. Exit code 1 on mistakes. The form:

    \b
      [[subscription]]
      name = "US and Cambodia, beyond talk"
      dyads = ["KHM-USA"]                 # all of these keys must hold;
      statuses = ["agreed-signed", "begun"]  # in a list, one is enough
      min_severity = "P2"
      channel = { webhook = "https://…", secret = "whsec_…" }
      # or { email = "desk@…" } or { terminal = true }
      [subscription.match]                # where that is not enough
      any = [{ topic = "joint-exercise" }, { text = "Ream" }]
      none = [{ status = "denied" }]

    Keys of a condition: topics, statuses, aims, parties, dyads, languages, kinds, text, min_severity.
    """
    found = read_file(file)
    remarks = lint(found)
    print_remarks(Console(), remarks)
    errors = sum(remark.is_error for remark in remarks)
    click.echo(f"{file}: subscriptions: {len(found)}, mistakes: {errors}, remarks: {len(remarks) - errors}")
    if errors:
        sys.exit(1)


@subscriptions.command()
def secret() -> None:
    """Make a webhook secret for a subscriptions file."""
    click.echo(new_secret(secrets.token_bytes(SECRET_BYTES)))


def _document(options: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {PLURALS[key]: list(options[key]) for key in SEVERAL if options[key]}
    if options["min_severity"]:
        document["min_severity"] = options["min_severity"]
    if options["name"]:
        document["name"] = options["name"]
    channels = {"webhook": options["webhook"], "email": list(options["email"]), "terminal": options["terminal"]}
    named = {key: value for key, value in channels.items() if value}
    if named:
        document["channel"] = named
    return document


def _run(verb: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with open_desk() as desk:
            await verb(desk)

    asyncio.run(main())
