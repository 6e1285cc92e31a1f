"""What is legal and still hardly meant: subscriptions that never match, match everything, or repeat another. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from shared.subscriptions.model import Channel, Condition, Match, Subscription, Webhook
from shared.vocabulary import AIM_BEARING, Severity

SET_KEYS = ("topics", "statuses", "aims", "kinds", "text")


@dataclass(frozen=True)
class Remark:
    """One finding. `code` is never-matches, too-wide, duplicate, shadowed or insecure; only the first is an error."""

    subscription_id: str
    code: Literal["never-matches", "too-wide", "duplicate", "shadowed", "insecure"]
    message: str

    @property
    def is_error(self) -> bool:
        """Whether the subscription cannot do what anyone could want of it."""
        return self.code == "never-matches"


def lint(subscriptions: Sequence[Subscription]) -> tuple[Remark, ...]:
    """Return what is odd about these subscriptions, in their order; what is switched off is left alone."""
    active = [subscription for subscription in subscriptions if subscription.enabled]
    remarks = [remark for subscription in active for remark in _alone(subscription)]
    dead = {remark.subscription_id for remark in remarks if remark.is_error}
    alive = [subscription for subscription in active if subscription.id not in dead]
    for first, second in combinations(alive, 2):
        if _receiver(first.channel) != _receiver(second.channel):
            continue
        wider, narrower = implies(second.match, first.match), implies(first.match, second.match)
        if wider and narrower:
            remarks.append(Remark(second.id, "duplicate", f"asks for the same as {first.id!r}, on the same channel"))
        elif wider or narrower:
            small, large = (second, first) if wider else (first, second)
            remarks.append(
                Remark(small.id, "shadowed", f"{large.id!r} sends all of its alerts to the same channel already")
            )
    order = {subscription.id: index for index, subscription in enumerate(active)}
    return tuple(sorted(remarks, key=lambda remark: order[remark.subscription_id]))


def _alone(subscription: Subscription) -> list[Remark]:
    remarks = [Remark(subscription.id, "never-matches", reason) for reason in _contradictions(subscription.match)]
    if not subscription.match.all and not subscription.match.any:
        extent = "every alert but those under none" if subscription.match.none else "every alert"
        remarks.append(Remark(subscription.id, "too-wide", f"has no condition that must hold: it wants {extent}"))
    if isinstance(subscription.channel, Webhook) and subscription.channel.url.startswith("http:"):
        remarks.append(
            Remark(subscription.id, "insecure", "http: anyone on the way can read the alerts; use https where you can")
        )
    return remarks


def _contradictions(match: Match) -> list[str]:
    reasons = [
        f"{words(needed)} must hold, and {words(excluded)} must not"
        for needed in match.all
        for excluded in match.none
        if condition_implies(needed, excluded)
    ]
    excluded_choices = [
        any(condition_implies(choice, excluded) for excluded in match.none) or _impossible(choice) is not None
        for choice in match.any
    ]
    if match.any and all(excluded_choices):
        reasons.append("nothing under any is left by what stands under none")
    reasons.extend(reason for needed in match.all if (reason := _impossible(needed)) is not None)
    kinds = [set(needed.kinds) for needed in match.all if needed.kinds]
    if kinds and not set.intersection(*kinds):
        reasons.append("an alert has one kind, and the conditions ask for different ones")
    return reasons


def _impossible(condition: Condition) -> str | None:
    if condition.aims and condition.statuses and not AIM_BEARING & set(condition.statuses):
        return f"status {', '.join(condition.statuses)} never has an aim"
    return None


def implies(narrow: Match, wide: Match) -> bool:
    """Tell whether every alert that `narrow` wants is surely wanted by `wide` (False where we cannot tell)."""
    return (
        all(_surely(narrow, needed) for needed in wide.all)
        and (not wide.any or any(_surely(narrow, choice) for choice in wide.any) or _each_choice(narrow, wide))
        and all(any(condition_implies(no, mine) for mine in narrow.none) for no in wide.none)
    )


def _surely(match: Match, condition: Condition) -> bool:
    return any(condition_implies(needed, condition) for needed in match.all) or (
        bool(match.any) and all(condition_implies(choice, condition) for choice in match.any)
    )


def _each_choice(narrow: Match, wide: Match) -> bool:
    return bool(narrow.any) and all(any(condition_implies(mine, choice) for choice in wide.any) for mine in narrow.any)


def condition_implies(narrow: Condition, wide: Condition) -> bool:
    """Tell whether an alert that shows `narrow` surely shows `wide`."""
    for key in SET_KEYS:
        allowed, given = set(getattr(wide, key)), set(getattr(narrow, key))
        if allowed and (not given or not given <= allowed):
            return False
    return (
        _parties_imply(narrow, wide)
        and _languages_imply(narrow.languages, wide.languages)
        and _severity_implies(narrow.min_severity, wide.min_severity)
    )


def _parties_imply(narrow: Condition, wide: Condition) -> bool:
    dyads = [set(dyad.split("-")) for dyad in narrow.dyads]
    if wide.dyads and not (narrow.dyads and set(narrow.dyads) <= set(wide.dyads)):
        return False
    by_party = bool(narrow.parties) and set(narrow.parties) <= set(wide.parties)
    by_dyad = bool(dyads) and all(dyad & set(wide.parties) for dyad in dyads)
    return not wide.parties or by_party or by_dyad


def _languages_imply(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    if not wide:
        return True
    return bool(narrow) and all(
        any((mine.lower() + "-").startswith(other.lower() + "-") for other in wide) for mine in narrow
    )


def _severity_implies(narrow: Severity | None, wide: Severity | None) -> bool:
    order = list(Severity)
    return wide is None or (narrow is not None and order.index(narrow) <= order.index(wide))


def _receiver(channel: Channel) -> object:
    return ("webhook", channel.url) if isinstance(channel, Webhook) else channel


def words(condition: Condition) -> str:
    """Write a condition in words: topic a or b, status c."""
    singular = {
        "topics": "topic",
        "statuses": "status",
        "aims": "aim",
        "parties": "party",
        "dyads": "dyad",
        "languages": "language",
        "kinds": "kind",
        "text": "text",
    }
    said = [
        f"{word} {' or '.join(getattr(condition, key))}" for key, word in singular.items() if getattr(condition, key)
    ]
    if condition.min_severity:
        said.append(f"severity at least {condition.min_severity}")
    return ", ".join(said)
