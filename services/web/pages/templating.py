"""The Jinja environment: autoescaping, no undefined names, and the pages' words as filters."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.web.pages import wording
from services.web.pages.cards import matter_parties
from services.web.syndication import is_link, timestamp
from shared.gazetteer import load_gazetteer
from shared.vocabulary import STATUS_WORDS, TOPIC_TITLES

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """Return the environment, built once."""
    built = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    gazetteer = load_gazetteer()
    built.filters.update(
        absolute=wording.absolute,
        ago=wording.ago,
        until=wording.until,
        plural=wording.plural,
        rfc3339=timestamp,
        party=gazetteer.party_name,
        topic=TOPIC_TITLES.__getitem__,
        status=STATUS_WORDS.__getitem__,
        look=wording.STATUS_LOOKS.__getitem__,
        aim=STATUS_WORDS.__getitem__,
        severity=wording.SEVERITY_WORDS.__getitem__,
        certainty=wording.CERTAINTY_WORDS.__getitem__,
        feed_state=lambda state: wording.FEED_STATE_WORDS.get(state, state),
        feed_look=lambda state: wording.FEED_STATE_LOOKS.get(state, "standing"),
        link=lambda url: url if is_link(url) else None,
        between=lambda matter, dyad: matter_parties(matter, dyad, gazetteer),
    )
    built.globals.update(static_version=_static_version())
    return built


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template into a page."""
    body = environment().get_template(template).render(**values)
    return HTMLResponse(body, status, headers={"cache-control": "no-cache"})


def _static_version() -> str:
    """Name the static files by their content, so that a browser never mixes two versions of page and style."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]
