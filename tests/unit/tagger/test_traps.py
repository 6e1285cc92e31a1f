"""The sixteen traps of a garbled visit report, on a text of the same shape with other countries."""

from collections.abc import Callable

import pytest

from services.tagger.decide import Tagging
from shared.events import Claim
from shared.vocabulary import Aim, Certainty, Place, Status, Topic

ARTICLE = """\
Japan Defense Minister Laos: In talks with Laotian officials on Monday, Japan’s Defense Minister Minoru Kihara offered a reset in strained relations between the two nations over Laos’s tilt towards Russia and weighed the possibility of restarting joint naval drills.
According to the Japanese Defense Ministry, Kihara met with Defense Minister Chansamone Chanyalath and President Thongloun Sisoulith. The president’s brother is a retired general.
According to a statement from Japanese Defense Ministry spokesman Adm. Ito, the ministers discussed ways to deepen defense ties, such as by starting up military training exchanges again, providing training on demining, and allowing Laotians to take part in Japanese military education programs.
Philippines counts 21 Chinese coast guard ships near shoal
Laos, which is Russia’s closest ally in the region, stopped holding military drills with Japan in 2016.
The warm ties between Laos and Russia, especially Russia’s military presence at a Laotian air base near Pakse that was rebuilt with Moscow’s help, have made things tense between the two countries for a long time.
Officials from Laos say that their country has a neutral defense policy and deny any idea that Russia will be given special basing rights.
After attending the Shangri-La Dialogue and having talks with his Chinese counterpart, Adm. Dong Jun, Kihara flew in from Singapore. This comes as Japan and China are slowly restoring the communication channels between their militaries.
Kihara made his first trip to Laos. The visit has given rise to rumours of a thaw in Japan-Laos ties.
China and Japan Defense Ministers Hold rare Talks in Singapore
Before taking office, Chansamone served as a cadet. Kihara and he became the first cadets from Laos to graduate from the National Defense Academy of Japan, in 1985 and 1992.
Kihara also had a meeting with former Japanese military education students from Laos on Monday.
The Defense Ministry said Kihara will travel to Italy from Laos for ceremonies marking the 80th anniversary of the landings at Anzio."""


@pytest.fixture
def tagging(read: Callable[..., Tagging]) -> Tagging:
    return read(ARTICLE)


def claims(tagging: Tagging, topic: Topic, **wanted: object) -> list[Claim]:
    return [c for c in tagging.claims if c.topic is topic and all(getattr(c, k) == v for k, v in wanted.items())]


def quoted(tagging: Tagging) -> str:
    return " | ".join(e.quote for c in tagging.claims for e in c.evidence)


def test_trap_1_another_storys_headline_is_no_claim_and_brings_no_party(tagging: Tagging) -> None:
    assert "coast guard" not in quoted(tagging)
    assert "rare Talks" not in quoted(tagging)
    assert not any("PHL" in c.parties for c in tagging.claims)


def test_trap_2_a_denial_is_denied_and_stands_beside_the_presence_it_is_about(tagging: Tagging) -> None:
    (denial,) = claims(tagging, Topic.BASING_ACCESS, place=Place.NEWS)
    assert (denial.status, denial.parties) == (Status.DENIED, ("LAO", "RUS"))
    (presence,) = claims(tagging, Topic.FORCE_PRESENCE)
    assert (presence.status, presence.parties) == (Status.STANDING, ("LAO", "RUS"))


def test_trap_3_what_was_stopped_in_a_past_year_is_background(tagging: Tagging) -> None:
    (old,) = claims(tagging, Topic.JOINT_EXERCISE, place=Place.BACKGROUND)
    assert (old.status, old.year) == (Status.SUSPENDED, 2016)


def test_trap_4_resuming_is_only_the_aim_of_what_is_weighed(tagging: Tagging) -> None:
    (talked_of,) = claims(tagging, Topic.JOINT_EXERCISE, place=Place.NEWS)
    assert (talked_of.status, talked_of.aim) == (Status.UNDER_DISCUSSION, Aim.RESUMED)
    assert not any(c.status is Status.RESUMED for c in tagging.claims)


def test_trap_5_the_writers_reset_is_no_more_than_inferred(tagging: Tagging) -> None:
    (offered,) = claims(tagging, Topic.RELATIONS_SHIFT, status=Status.PROPOSED)
    assert offered.certainty is Certainty.INFERRED


def test_trap_6_nothing_is_learnt_from_a_biography(tagging: Tagging) -> None:
    assert "Academy" not in quoted(tagging)
    assert any(s.reason == "stands in biography" for s in tagging.suppressed) or "cadet" not in quoted(tagging)


def test_trap_7_the_two_countries_are_those_of_the_article_not_of_the_sentence(tagging: Tagging) -> None:
    (strained,) = claims(
        tagging, Topic.RELATIONS_SHIFT, status=Status.STANDING, parties=("JPN", "LAO"), certainty=Certainty.INFERRED
    )
    assert strained.evidence[0].quote.startswith("made things tense")


def test_trap_8_a_persons_own_post_is_the_source_not_the_outlet_that_relays_it(read: Callable[..., Tagging]) -> None:
    tagging = read(
        "According to NBC News, Hun Manet’s Facebook post, he and Lloyd Austin talked about holding joint military drills."
    )
    (claim,) = claims(tagging, Topic.JOINT_EXERCISE)
    assert claim.said_by == "Hun Manet"


def test_trap_9_a_second_pair_and_a_destination_stay_apart(tagging: Tagging) -> None:
    assert claims(tagging, Topic.SENIOR_MEETING, parties=("CHN", "JPN"))
    assert tagging.decision.dyad == ("JPN", "LAO")
    assert not any("ITA" in c.parties for c in tagging.claims)


def test_trap_10_a_commemoration_is_no_claim(tagging: Tagging) -> None:
    assert "anniversary" not in quoted(tagging)


def test_trap_11_closest_ally_is_an_epithet(tagging: Tagging) -> None:
    assert not claims(tagging, Topic.ALLIANCE_GUARANTEE)
    (old,) = claims(tagging, Topic.JOINT_EXERCISE, place=Place.BACKGROUND)
    assert old.parties == ("JPN", "LAO")


def test_trap_12_a_glued_headline_is_not_read_as_words_of_the_sentence(tagging: Tagging) -> None:
    assert not any("Minister Laos" in e.quote for c in tagging.claims for e in c.evidence)


def test_trap_13_a_base_without_a_name_gets_no_name(tagging: Tagging) -> None:
    (built,) = claims(tagging, Topic.BASING_ACCESS, place=Place.BACKGROUND)
    assert (built.status, built.parties) == (Status.CONCLUDED, ("LAO", "RUS"))
    assert not any("base" in name for name in tagging.decision.names)


def test_trap_14_what_a_copy_leaves_out_is_not_made_up(tagging: Tagging) -> None:
    assert not claims(tagging, Topic.PEACEKEEPING)
    assert not claims(tagging, Topic.HADR_MEDICAL)


def test_trap_15_a_visit_told_many_times_is_one_claim(tagging: Tagging) -> None:
    (visit,) = claims(tagging, Topic.SENIOR_MEETING, parties=("JPN", "LAO"))
    assert len(visit.evidence) == 3


def test_trap_16_the_weekday_is_dated_by_the_day_of_publication(read: Callable[..., Tagging], tagging: Tagging) -> None:
    assert "3 Jun 2024" in tagging.decision.line
    assert "Monday" in read(ARTICLE, published=None).decision.line


def test_every_quote_is_exact(tagging: Tagging) -> None:
    for claim in tagging.claims:
        for evidence in claim.evidence:
            assert ARTICLE[evidence.start : evidence.end] == evidence.quote


def test_topics_lead_with_the_meeting_and_other_pairs_are_context(tagging: Tagging) -> None:
    assert tagging.decision.topics[:2] == (Topic.SENIOR_MEETING, Topic.JOINT_EXERCISE)
    assert set(tagging.decision.topics) == {
        Topic.SENIOR_MEETING,
        Topic.JOINT_EXERCISE,
        Topic.RELATIONS_SHIFT,
        Topic.TRAINING_CAPACITY,
        Topic.MINE_ACTION,
        Topic.MILITARY_EDUCATION,
    }
    assert tagging.decision.context == (Topic.BASING_ACCESS, Topic.FORCE_PRESENCE, Topic.MILITARY_CHANNELS)
