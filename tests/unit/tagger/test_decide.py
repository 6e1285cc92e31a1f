from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tagger.decide import Tagging, load_tagger, tag
from shared.vocabulary import Severity, Topic


@pytest.mark.parametrize(
    "text",
    [
        "Shelling by Russia killed two soldiers near Kharkiv in Ukraine.",  # war
        "The president of Peru appointed a new defence minister.",  # domestic
        "Chile beat Peru in a football match; fans of both nations met.",  # sport
        "Spain and Peru signed a trade agreement on fruit.",  # trade
        "Kenya's army rescued people from floods.",  # at home
        "A fire drill at a school in Peru went wrong, said a Chilean visitor.",  # another drill
        "Russian troops captured a village in eastern Ukraine.",  # combat
        "",  # nothing
    ],
)
def test_noise_has_no_claims(read: Callable[..., Tagging], text: str) -> None:
    assert read(text).claims == ()


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("Chile and Peru signed a defence cooperation agreement.", Severity.P1),  # a change in instruments
        ("Chile and Peru begin joint naval drills.", Severity.P2),  # a change in practice
        ("Chile and Peru discussed joint naval drills.", Severity.P3),  # talk
    ],
)
def test_severity_follows_what_changed(read: Callable[..., Tagging], text: str, severity: Severity) -> None:
    decision = read(text).decision
    assert decision.severity is severity
    assert decision.alert


def test_an_opinion_piece_raises_no_alert(read: Callable[..., Tagging]) -> None:
    decision = read("Chile and Peru begin joint naval drills.", genre="opinion").decision
    assert not decision.alert
    assert "opinion" in decision.reasons


def test_military_pressure_alone_raises_no_alert(read: Callable[..., Tagging]) -> None:
    tagging = read("Norway says a Russian fighter jet violated its airspace.")
    assert [c.topic for c in tagging.claims] == [Topic.COERCION_INCIDENT]
    assert not tagging.decision.alert
    assert tagging.decision.reasons == ("context-only",)


def test_a_language_not_supported_passes_through_with_a_reason(read: Callable[..., Tagging]) -> None:
    tagging = read("Le ministre des Armées a rencontré son homologue.", language="fr")
    assert tagging.claims == ()
    assert tagging.decision.reasons == ("language-not-supported",)


def test_evidence_is_told_in_the_field_it_stands_in(read: Callable[..., Tagging]) -> None:
    title = "Chile and Peru begin joint naval drills"
    (claim,) = read("The navies sailed on Monday.", title=title).claims
    (evidence,) = claim.evidence
    assert evidence.field == "title"
    assert title[evidence.start : evidence.end] == evidence.quote


def test_the_same_claim_always_has_the_same_id(read: Callable[..., Tagging]) -> None:
    text = "Chile and Peru begin joint naval drills."
    assert read(text, article_id="a").claims[0].id == read(text, article_id="a").claims[0].id
    assert read(text, article_id="a").claims[0].id != read(text, article_id="b").claims[0].id


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Chile and Peru signed a defence cooperation agreement on Monday.",
            "CHL\u2013PER · agreed: defence agreement, 3 Jun 2024.",
        ),
        ("Chile suspended joint drills with Peru.", "CHL\u2013PER · suspended: joint drills, 4 Jun 2024."),
        (
            "Chile and Peru agreed to resume joint drills.",
            "CHL\u2013PER · agreed: resume joint drills, 4 Jun 2024.",
        ),
        ("Chile withdraws its troops from Peru.", "CHL\u2013PER · withdrawn: troops, 4 Jun 2024."),
        ("Chile will send more troops to Peru.", "CHL\u2013PER · agreed: more troops, 4 Jun 2024."),
        ("A Chilean frigate made a port call in Peru.", "CHL\u2013PER · made: port call, 4 Jun 2024."),
        ("Chile agrees to sell tanks to Peru.", "CHL\u2013PER · agreed: sale of tanks, 4 Jun 2024."),
        ("Chile imposes an arms embargo on Peru.", "CHL\u2013PER · imposed: arms embargo, 4 Jun 2024."),
        (
            "Peru denies that Chile was granted special basing rights at a navy base.",
            "CHL\u2013PER · PER denies special Chilean basing rights, 4 Jun 2024.",
        ),
    ],
)
def test_the_line_reads_well(read: Callable[..., Tagging], text: str, line: str) -> None:
    assert read(text).decision.line == line


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "Chile",
                "Peru",
                "U.S.",
                "NATO",
                "joint",
                "drills",
                "will",
                "not",
                "sign",
                "pact",
                "troops",
                "in",
                ".",
                "\n",
                "“",
                "’s",
                "\u200b",
            ]
        ),
        max_size=40,
    )
)
def test_any_text_is_tagged_and_every_quote_is_exact(words: list[str]) -> None:
    text = " ".join(words)
    tagging = tag("", text, published=date(2024, 6, 4), tagger=load_tagger())
    for claim in tagging.claims:
        assert list(claim.parties) == sorted(set(claim.parties))
        for evidence in claim.evidence:
            assert text[evidence.start : evidence.end] == evidence.quote


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["Chile", "Peru", "joint drills", "denies", "signed a defence pact", "with", ",", ".", "in 2019"]
        )
    ),
    st.sampled_from(["  ", "\t", " \u200b", "\xa0"]),
)
def test_the_same_text_is_always_tagged_the_same_however_it_is_spaced(words: list[str], space: str) -> None:
    def told(text: str) -> list[tuple[object, ...]]:
        tagging = tag("", text, published=date(2024, 6, 4), tagger=load_tagger())
        return [(c.topic, c.status, c.parties, c.score, c.rule) for c in tagging.claims] + [tagging.decision.reasons]

    assert told(" ".join(words)) == told(" ".join(words)) == told(space.join(words))
