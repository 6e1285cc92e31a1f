"""What one poll brought back, as values."""

from dataclasses import dataclass

from services.fetcher.feed.articles import Harvest
from services.fetcher.outcomes import Failure
from services.fetcher.schedule import Wishes
from shared.http import Fetched, NotModified


@dataclass(frozen=True)
class Read:
    """A feed was read: the answer it came in, its articles, its hints, and what it was (for the history)."""

    answer: Fetched
    harvest: Harvest
    wishes: Wishes
    about: str
    audit: bool = False


@dataclass(frozen=True)
class Unchanged:
    """The host says nothing has changed."""

    answer: NotModified
    wishes: Wishes
    about: str = ""


Result = Read | Unchanged | Failure
