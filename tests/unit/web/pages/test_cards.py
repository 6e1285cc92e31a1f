import msgspec
import pytest

from services.web.api.documents import EXAMPLE_ALERT
from services.web.pages.cards import make_card, matter_parties, without_dyad
from services.web.queries.alerts import StoredAlert
from services.web.queries.articles import SourceText
from shared.events import Alert, Matter
from shared.gazetteer import load_gazetteer
from shared.vocabulary import Status, Topic


def stored(alert: Alert) -> StoredAlert:
    return StoredAlert(
        alert.id, alert.development_id, alert.raised_at, alert.sequence, msgspec.json.encode(alert).decode()
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KHM–USA · discussed: drills", "Discussed: drills"),
        ("USA-KHM · discussed: drills", "Discussed: drills"),
        ("KHM–USA · ", "KHM–USA · "),
        ("KHM–CHN · discussed: drills", "KHM–CHN · discussed: drills"),
        ("Ministers meet", "Ministers meet"),
    ],
)
def test_codes_that_the_names_repeat_are_left_out_of_the_line(line, expected):
    assert without_dyad(line, ("KHM", "USA")) == expected


def test_a_card_names_parties_and_puts_the_quote_into_its_text():
    source = SourceText(
        "Ministers weigh a return to drills", "On Monday both ministries discussed resuming joint exercises.", "en"
    )
    alert = msgspec.structs.replace(EXAMPLE_ALERT, parties=("CHN", "KHM", "USA"))
    card = make_card(stored(alert), {alert.evidence[0].article_id: source}, load_gazetteer())
    assert card.parties == ("Cambodia", "United States")
    assert card.others == ("China",)
    assert card.passages[0].excerpt.before == "On Monday both ministries "
    assert card.passages[0].url == "https://news.example/drills"


def test_a_quote_without_its_article_stands_alone():
    card = make_card(stored(EXAMPLE_ALERT), {}, load_gazetteer())
    assert card.passages[0].excerpt.quote == EXAMPLE_ALERT.evidence[0].quote
    assert card.passages[0].excerpt.before == ""


def test_an_unknown_party_is_shown_by_its_code():
    card = make_card(stored(msgspec.structs.replace(EXAMPLE_ALERT, dyad=("QQQ", "USA"))), {}, load_gazetteer())
    assert card.parties == ("QQQ", "United States")


def test_the_leading_passage_tells_the_first_matter_that_any_tells():
    first = EXAMPLE_ALERT.evidence[0]
    denial = msgspec.structs.replace(first, topic=Topic.BASING_ACCESS, status=Status.DENIED, quote="deny")
    matters = (Matter(topic=Topic.BASING_ACCESS, status=Status.DENIED, parties=("CHN", "KHM")), *EXAMPLE_ALERT.matters)
    headline = msgspec.structs.replace(denial, field="title", quote="denies")
    alert = msgspec.structs.replace(EXAMPLE_ALERT, evidence=(first, headline, denial), matters=matters)
    card = make_card(stored(alert), {}, load_gazetteer())
    assert card.lead is not None
    assert card.lead.evidence.quote == "deny"
    bare = make_card(stored(msgspec.structs.replace(EXAMPLE_ALERT, evidence=())), {}, load_gazetteer())
    assert bare.lead is None


def test_parties_of_a_matter_are_named_where_they_are_not_the_dyad():
    gazetteer = load_gazetteer()
    matter = Matter(topic=Topic.BASING_ACCESS, status=Status.DENIED, parties=("CHN", "KHM"))
    assert matter_parties(matter, ("KHM", "USA"), gazetteer) == "China–Cambodia"
    assert matter_parties(matter, ("KHM", "CHN"), gazetteer) == ""
