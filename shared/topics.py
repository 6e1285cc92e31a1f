"""The topics: what is on each, what keys it and why, and how long it is kept.

Keys. `articles` by article id: revisions of one article stay in order. `tagged` by dyad: two reports of one
development meet the same store replica, so they make one alert. `alerts` by development: a raise comes before its
updates. Dead letters keep the key of the record they copy.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.events import ALERT, ARTICLE, HEARTBEAT, TAGGED, Kind

HEARTBEAT_KEY = "heartbeat"


@dataclass(frozen=True)
class TopicSpec:
    """A topic of the log: `key` says in words what its records are keyed by."""

    name: str
    kinds: tuple[Kind, ...]
    key: str
    retention: timedelta
    about: str


ARTICLES = TopicSpec(
    "articles",
    (ARTICLE, HEARTBEAT),
    "article id",
    timedelta(days=14),
    "Feed items, in every revision, as the fetcher read them.",
)
TAGGED_ARTICLES = TopicSpec(
    "tagged",
    (TAGGED, HEARTBEAT),
    "dyad, or the article id where there is none",
    timedelta(days=14),
    "Articles with claims and decision.",
)
ALERTS = TopicSpec("alerts", (ALERT, HEARTBEAT), "development id", timedelta(days=30), "Alerts raised and updated.")


def dead_letters_of(topic: str) -> str:
    """Name the topic that takes the records of `topic` which can never be handled."""
    return f"{topic}.dead"


DEAD_LETTERS = tuple(
    TopicSpec(
        dead_letters_of(spec.name),
        spec.kinds,
        "as the record copied",
        timedelta(days=30),
        f"Records of {spec.name} that could not be handled, byte for byte.",
    )
    for spec in (ARTICLES, TAGGED_ARTICLES, ALERTS)
)
TOPICS: dict[str, TopicSpec] = {spec.name: spec for spec in (ARTICLES, TAGGED_ARTICLES, ALERTS, *DEAD_LETTERS)}
