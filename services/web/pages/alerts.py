"""The alerts page at / and the page of one alert."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from services.web.context import Here, Id
from services.web.pages.cards import Card, articles_of, make_card
from services.web.pages.filter_form import read_form
from services.web.pages.templating import page
from services.web.pages.wording import SEVERITY_WORDS, what_is_happening
from services.web.problems import not_found
from services.web.queries.alerts import (
    StoredAlert,
    alert_counts,
    count_alerts,
    one_alert,
    page_of_alerts,
    parties_in_alerts,
)
from services.web.queries.articles import source_texts
from services.web.queries.developments import StoredDevelopment, one_development
from services.web.queries.feeds import read_progress
from shared.gazetteer import load_gazetteer
from shared.vocabulary import STATUS_WORDS, TOPIC_TITLES, Status

PAGE = 30
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Choice:
    """An option of a select."""

    value: str
    label: str
    chosen: bool


@router.get("/")
async def alerts_page(request: Request, here: Here) -> HTMLResponse:
    """Show the newest alerts that pass the filter form, or say what is happening while there is none."""
    now = here.now()
    form = read_form(request.query_params.multi_items())
    found = await page_of_alerts(here.engine, form.wanted, limit=PAGE, after=form.after)
    progress = await read_progress(here.engine)
    parties = await parties_in_alerts(here.engine)
    gazetteer = load_gazetteer()
    wanted = form.wanted
    return page(
        "alerts.html",
        now=now,
        form=form,
        cards=await _cards(here, found.alerts),
        older=form.query(cursor=found.next.write()) if found.next else None,
        newest=form.query() if form.after else None,
        total=0 if found.alerts else await count_alerts(here.engine),
        progress=progress,
        happening=what_is_happening(progress, now),
        topics=[Choice(topic, title, topic in wanted.topics) for topic, title in TOPIC_TITLES.items()],
        parties=sorted(
            (Choice(code, gazetteer.party_name(code), code in wanted.parties) for code in {*parties, *wanted.parties}),
            key=lambda choice: choice.label,
        ),
        statuses=[
            Choice(status, words, status in wanted.statuses) for status, words in ((s, STATUS_WORDS[s]) for s in Status)
        ],
        severities=[
            Choice(severity, f"{severity}: {words}", severity is wanted.severity)
            for severity, words in SEVERITY_WORDS.items()
        ],
    )


@router.get("/alerts/{alert_id}")
async def alert_page(here: Here, alert_id: Id) -> HTMLResponse:
    """Show one alert: all its evidence, why it was raised, its sources, and how the development went on."""
    stored = await one_alert(here.engine, alert_id)
    development = await one_development(here.engine, stored.development_id) if stored else None
    if stored is None or development is None:
        raise not_found("alert", alert_id)
    card = await detailed_card(here, stored, development)
    return page("alert.html", now=here.now(), card=card, development=development, history=history(development))


async def detailed_card(here: Here, stored: StoredAlert, development: StoredDevelopment) -> Card:
    """Build a card whose passages tell scores and reasons."""
    texts = await source_texts(here.engine, articles_of([stored]))
    claims = [claim for report in development.reports for claim in report.claims]
    return make_card(stored, texts, load_gazetteer(), claims=claims, updates=len(development.alerts) - 1)


def history(development: StoredDevelopment) -> list[Card]:
    """Return the development's alerts as cards without passages' surroundings, newest first."""
    return [make_card(stored, {}, load_gazetteer()) for stored in reversed(development.alerts)]


async def _cards(here: Here, alerts: tuple[StoredAlert, ...]) -> list[Card]:
    texts = await source_texts(here.engine, articles_of(alerts))
    counts = await alert_counts(here.engine, [stored.development_id for stored in alerts])
    gazetteer = load_gazetteer()
    return [make_card(stored, texts, gazetteer, updates=counts.get(stored.development_id, 1) - 1) for stored in alerts]
