"""The reference article, where it lies beside the checkout: its claims as an expert recorded them, and its one line."""

from datetime import date
from pathlib import Path

import pytest

from services.tagger.decide import Tagger, Tagging, tag

ARTICLE = Path(__file__).parents[4] / "shared" / "reference" / "article.txt"
pytestmark = pytest.mark.skipif(not ARTICLE.is_file(), reason="the reference article is not beside this checkout")

LINE = (
    "KHM\u2013USA · Austin meets Hun Manet, Hun Sen, Tea Seiha, 4 Jun 2024"
    " · discussed: resume joint drills (stopped 2017), training exchanges, demining, US school places"
    " · KHM denies special Chinese basing rights."
)
# topic, status, aim, parties, place, certainty, number of spans
CLAIMS = {
    ("senior-meeting", "concluded", None, "KHM USA", "news", "claimed", 3),  # C1 C4 C20
    ("relations-shift", "proposed", "resumed", "KHM USA", "news", "inferred", 1),  # C2
    ("joint-exercise", "under-discussion", "resumed", "KHM USA", "news", "claimed", 2),  # C3 C10
    ("relations-shift", "under-discussion", "expanded", "KHM USA", "news", "claimed", 1),  # C5
    ("training-capacity", "under-discussion", "resumed", "KHM USA", "news", "claimed", 1),  # C6
    ("mine-action", "under-discussion", "begun", "KHM USA", "news", "claimed", 1),  # C7
    ("military-education", "under-discussion", "resumed", "KHM USA", "news", "confirmed", 2),  # C8 C9
    ("joint-exercise", "suspended", None, "KHM USA", "background", "reported", 1),  # C11
    ("force-presence", "standing", None, "CHN KHM", "news", "reported", 1),  # C12
    ("basing-access", "concluded", None, "CHN KHM", "background", "reported", 1),  # C13
    ("relations-shift", "standing", None, "KHM USA", "news", "inferred", 1),  # C14
    ("relations-shift", "standing", None, "KHM", "news", "claimed", 1),  # C15
    ("basing-access", "denied", "begun", "CHN KHM", "news", "claimed", 1),  # C16
    ("dialogue-forum", "concluded", None, "USA", "news", "reported", 1),  # C17
    ("senior-meeting", "concluded", None, "CHN USA", "news", "reported", 1),  # C18
    ("military-channels", "begun", "resumed", "CHN USA", "news", "reported", 1),  # C19
    ("relations-shift", "standing", None, "KHM USA", "news", "rumoured", 1),  # C21
    ("military-education", "concluded", None, "KHM USA", "news", "reported", 1),  # C22
}


@pytest.fixture(scope="module")
def text() -> str:
    return ARTICLE.read_text("utf-8")


@pytest.fixture(scope="module")
def tagging(tagger: Tagger, text: str) -> Tagging:
    return tag("", text, published=date(2024, 6, 4), tagger=tagger)


def test_the_claims_are_those_an_expert_records(tagging: Tagging) -> None:
    found = {
        (
            str(c.topic),
            str(c.status),
            str(c.aim) if c.aim else None,
            " ".join(c.parties),
            str(c.place),
            str(c.certainty),
            len(c.evidence),
        )
        for c in tagging.claims
    }
    assert found == CLAIMS


def test_no_claim_comes_from_links_biography_or_commemoration(tagging: Tagging, text: str) -> None:
    lines = [line for line in text.split("\n") if line.strip()]
    silent = [(text.index(lines[n]), text.index(lines[n]) + len(lines[n])) for n in (3, 10, 11, 13)]
    spans = [(e.start, e.end) for c in tagging.claims for e in c.evidence]
    assert not [span for span in spans for start, end in silent if start <= span[0] < end]


def test_who_said_it_is_kept(tagging: Tagging) -> None:
    said = {(str(c.topic), c.year, c.said_by) for c in tagging.claims}
    assert ("senior-meeting", None, "the Pentagon") in said
    assert ("joint-exercise", None, "Hun Manet") in said
    assert ("basing-access", None, "Representatives from Cambodia") in said


def test_there_is_one_alert_and_its_line(tagging: Tagging) -> None:
    decision = tagging.decision
    assert decision.alert
    assert decision.line == LINE
    assert decision.dyad == ("KHM", "USA")
    assert decision.topics == (
        "senior-meeting",
        "joint-exercise",
        "relations-shift",
        "military-education",
        "training-capacity",
        "mine-action",
    )
    assert decision.context == ("basing-access", "force-presence", "military-channels")


def test_without_a_date_the_line_has_the_weekday_as_written(tagger: Tagger, text: str) -> None:
    assert ", Tuesday · " in tag("", text, tagger=tagger).decision.line
