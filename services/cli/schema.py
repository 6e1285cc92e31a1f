"""`attache schema`: the contract between the services, for people and their tools."""

import json

import click

from shared.asyncapi import asyncapi


@click.command()
def schema() -> None:
    """Print the AsyncAPI 3 document of the topics: keys, retention, messages and their JSON schemas."""
    click.echo(json.dumps(asyncapi(), indent=2, ensure_ascii=False))
