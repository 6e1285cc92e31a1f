"""The `attache` command: one file per family of verbs, imported only when used, so that help is quick."""

import importlib
import sys
from typing import Any

import click

from shared.failures import Refused

VERBS = {
    "run": ("services.cli.run:run", "Run all five services in one process, page on http://localhost:8080."),
    "demo": ("services.cli.demo:demo", "The same, offline, on bundled sample feeds."),
    "fetcher": ("services.cli.services:fetcher", "Poll feeds, in a process of its own, on Kafka."),
    "tagger": ("services.cli.services:tagger", "Tag articles, likewise."),
    "store": ("services.cli.services:store", "Store and raise alerts, likewise."),
    "notifier": ("services.cli.services:notifier", "Deliver alerts, likewise."),
    "web": ("services.cli.services:web", "Serve the page and the API, likewise."),
    "migrate": ("services.cli.migrate:migrate", "Bring the database to the newest schema."),
    "tag": ("services.cli.tag:tag", "Explain one text: what is claimed, why it is flagged or not."),
    "eval": ("services.cli.evaluate:evaluate", "Score the tagger on labelled items."),
    "feeds": ("services.cli.feeds:feeds", "List, show, check, add, import, export, parse feeds."),
    "subscriptions": ("services.cli.subscriptions:subscriptions", "List, add, test, check subscriptions."),
    "dead-letters": (
        "services.cli.dead_letters:dead_letters",
        "List, show, requeue what could not be handled.",
    ),
    "keys": ("services.cli.keys:keys", "Create, list, revoke API keys."),
    "doctor": ("services.cli.doctor.command:doctor", "Check all that Attaché needs, and say what to do."),
    "schema": ("services.cli.schema:schema", "Print the AsyncAPI document of the topics."),
}


class LazyGroup(click.Group):
    """A click group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs in the order of VERBS."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        del ctx
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in VERBS.items()])


@click.group(cls=LazyGroup)
@click.version_option(package_name="attache")
def cli() -> None:
    """Attaché watches the world's news for defence diplomacy."""


def main(args: list[str] | None = None) -> Any:
    """Run the command; expected failures print one line on standard error and exit with code 2."""
    try:
        return cli.main(args=args, prog_name="attache")
    except Refused as failure:
        click.echo(f"attache: {failure}", err=True)
        sys.exit(2)
