from collections.abc import Callable

import pytest

from services.tagger.decide import Tagging
from shared.vocabulary import Topic

D = Topic.JOINT_EXERCISE


@pytest.mark.parametrize(
    ("text", "topic", "status", "aim"),
    [
        ("Chile and Peru begin joint naval drills.", D, "begun", None),  # a change under way
        ("Chile and Peru have suspended joint naval drills.", D, "suspended", None),  # stopped, may come back
        ("Joint naval drills by Chile and Peru were suspended.", D, "suspended", None),  # the same in the passive
        ("Chile and Peru have cancelled joint naval drills.", D, "cancelled-ended", None),  # stopped for good
        ("Chile and Peru resume joint naval drills.", D, "resumed", None),  # back after a break
        ("Chile and Peru agreed to resume joint naval drills.", D, "agreed-signed", "resumed"),  # an aim
        ("Chile and Peru are to resume joint naval drills.", D, "agreed-signed", "resumed"),  # announced
        ("Chile and Peru will hold joint naval drills in May.", D, "agreed-signed", "begun"),  # future
        ("Chile proposed to Peru to resume joint naval drills.", D, "proposed", "resumed"),  # one side
        ("Chile and Peru discussed resuming joint naval drills.", D, "under-discussion", "resumed"),  # both talk
        ("Chile may hold joint naval drills with Peru.", D, "proposed", "begun"),  # a mere possibility
        ("Chile denied that it will hold joint naval drills with Peru.", D, "denied", "begun"),  # a denial takes all
        ("Chile will not hold joint naval drills with Peru.", D, "denied", "begun"),  # a refusal too
        ("Bolivia condemned the joint naval drills of Chile and Peru.", D, "criticised", None),  # an objection
        ("No decision has been taken on joint naval drills of Chile and Peru.", D, "under-discussion", "begun"),  # open
        ("Chile and Peru wrapped up joint naval drills.", D, "concluded", None),  # finished as planned
        ("Peru blocks arms while Chile and Ecuador hold joint drills.", D, "begun", None),  # a cue in another clause
        ("Chile and Peru signed a defence cooperation agreement.", Topic.DEFENCE_AGREEMENT, "agreed-signed", None),
        ("Chile is expelling the military attaché of Peru.", Topic.ATTACHE_EXCHANGE, "cancelled-ended", None),
        ("Chile and Peru are restoring a military hotline.", Topic.MILITARY_CHANNELS, "begun", "resumed"),  # under way
        ("The army chief of Chile met his counterpart from Peru to discuss drills.", Topic.SENIOR_MEETING, "concluded", None),
        ("NATO begins joint drills with Peru.", D, "begun", None),  # a name that ends like "to"
        ("Chile announced that it has completed joint naval drills with Peru.", D, "concluded", None),  # already so
        ("Chile announces an arms embargo on Peru.", Topic.RESTRICTION_EMBARGO, "begun", None),  # done by being said
        ("Plans for joint naval drills of Chile and Peru have been suspended.", D, "suspended", None),  # what they came to
        ("Chile accepts a proposal of Peru for joint naval drills.", D, "agreed-signed", "begun"),  # no longer one side's
    ],
)  # fmt: skip
def test_status_and_aim_are_read(
    read: Callable[..., Tagging], text: str, topic: Topic, status: str, aim: str | None
) -> None:
    found = [(str(c.status), c.aim and str(c.aim)) for c in read(text).claims if c.topic is topic]
    assert found == [(status, aim)]


def test_a_past_year_makes_a_claim_background(read: Callable[..., Tagging]) -> None:
    (claim,) = read("Chile and Peru suspended joint naval drills in 2011.").claims
    assert (str(claim.place), claim.year) == ("background", 2011)


def test_background_alone_raises_no_alert(read: Callable[..., Tagging]) -> None:
    decision = read("Chile and Peru suspended joint naval drills in 2011.").decision
    assert not decision.alert
    assert decision.reasons == ("background-only",)
