"""The compose file as Docker Compose reads it: merge keys resolved, `${NAME:-default}` and `${NAME:?message}` put in.

https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<how>:?[-?])(?P<other>[^}]*))?\})")


class Unset(Exception):  # noqa: N818 - what Compose says of a variable that must be set
    """A variable with `:?` is not set; the message is the one the file gives."""


def load(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the compose file with `env` put in. Raises Unset."""
    return dict(_interpolated(YAML(typ="safe", pure=True).load(FILE.read_text()), env))


def ours(compose: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the services that run our image."""
    return {name: service for name, service in compose["services"].items() if "build" in service}


def _interpolated(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _interpolated(each, env) for name, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, env) for each in value]
    return VARIABLE.sub(lambda found: _value(found, env), value) if isinstance(value, str) else value


def _value(found: re.Match[str], env: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    name, how = found["bare"] or found["name"], found["how"] or ""
    value = env.get(name)
    if value or (value is not None and not how.startswith(":")):
        return value
    if how.endswith("?"):
        raise Unset(f"{name}: {found['other']}")
    return found["other"] or ""
