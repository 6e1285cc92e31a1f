"""The tagger as it ships, and short ways to ask it."""

from collections.abc import Callable
from datetime import date

import pytest

from services.tagger.decide import Tagger, Tagging, load_tagger, tag


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    return load_tagger()


@pytest.fixture
def read(tagger: Tagger) -> Callable[..., Tagging]:
    """Tag a text of mine, published on 2024-06-04 unless the test says otherwise."""

    def run(text: str, title: str = "", published: date | None = date(2024, 6, 4), **hints: str) -> Tagging:
        return tag(title, text, published=published, tagger=tagger, **hints)

    return run
