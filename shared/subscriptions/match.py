"""Does this subscription want this alert, and why. Pure; the reason goes into the delivery and before the watcher."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from shared.events import Alert, Matter
from shared.subscriptions.model import Condition, Subscription
from shared.vocabulary import Severity

SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese: scripts that put no space between words."""


@dataclass(frozen=True)
class Wanted:
    """The subscription wants the alert; `reason` names what held."""

    reason: str


@dataclass(frozen=True)
class NotWanted:
    """It does not; `reason` names the first thing that failed or the exclusion that held."""

    reason: str


def wants(subscription: Subscription, alert: Alert) -> Wanted | NotWanted:
    """Decide whether `subscription` is to be told of `alert`. An exclusion (`none`) outweighs everything else."""
    if not subscription.enabled:
        return NotWanted("the subscription is switched off")
    match = subscription.match
    for condition in match.none:
        excluded = check(condition, alert)
        if isinstance(excluded, Wanted):
            return NotWanted(f"excluded: {excluded.reason}")
    reasons: list[str] = []
    for condition in match.all:
        needed = check(condition, alert)
        if isinstance(needed, NotWanted):
            return needed
        reasons.append(needed.reason)
    if match.any:
        choices = [check(condition, alert) for condition in match.any]
        chosen = next((choice for choice in choices if isinstance(choice, Wanted)), None)
        if chosen is None:
            return NotWanted("nothing under any: " + "; ".join(choice.reason for choice in choices))
        reasons.append(chosen.reason)
    return Wanted("; ".join(reasons) or "every alert is wanted")


def check(condition: Condition, alert: Alert) -> Wanted | NotWanted:
    """Tell whether one condition holds of `alert`, in words."""
    held: list[str] = []
    for verdict in _verdicts(condition, alert):
        if isinstance(verdict, NotWanted):
            return verdict
        held.append(verdict.reason)
    return Wanted(", ".join(held))


def _verdicts(condition: Condition, alert: Alert) -> Iterable[Wanted | NotWanted]:
    if condition.topics or condition.statuses or condition.aims:
        yield _matter(condition, alert)
    else:
        if condition.parties:
            yield _found("party", condition.parties, everyone(alert))
        if condition.dyads:
            yield _dyad(condition.dyads, alert)
    if condition.languages:
        yield _language(condition.languages, alert.languages)
    if condition.min_severity is not None:
        yield _severity(condition.min_severity, alert.severity)
    if condition.kinds:
        yield _found("kind", condition.kinds, (alert.kind,))
    if condition.text:
        yield _text(condition.text, alert)


def everyone(alert: Alert) -> tuple[str, ...]:
    """Return every party an alert involves: of its dyad, of itself, of its matters."""
    matters = (party for matter in alert.matters for party in matter.parties)
    return tuple(dict.fromkeys((*alert.dyad, *alert.parties, *matters)))


def _matter(condition: Condition, alert: Alert) -> Wanted | NotWanted:
    for matter in alert.matters:
        if (
            (not condition.topics or matter.topic in condition.topics)
            and (not condition.statuses or matter.status in condition.statuses)
            and (not condition.aims or matter.aim in condition.aims)
        ):
            parties = _parties_of(matter, alert)
            if (not condition.parties or any(party in parties for party in condition.parties)) and (
                not condition.dyads or any(_both(dyad, parties) for dyad in condition.dyads)
            ):
                aim = f" (aim {matter.aim})" if matter.aim else ""
                return Wanted(f"{matter.topic} {matter.status}{aim} between {' and '.join(parties)}")
    sought = [
        f"{key} {_or(values)}"
        for key, values in (
            ("topic", condition.topics),
            ("status", condition.statuses),
            ("aim", condition.aims),
            ("party", condition.parties),
            ("dyad", condition.dyads),
        )
        if values
    ]
    return NotWanted("no matter with " + ", ".join(sought))


def _parties_of(matter: Matter, alert: Alert) -> tuple[str, ...]:
    """Return who a matter is between; one that names fewer than two is taken to be between the alert's dyad."""
    return matter.parties if len(matter.parties) > 1 else tuple(dict.fromkeys((*matter.parties, *alert.dyad)))


def _both(dyad: str, parties: Iterable[str]) -> bool:
    return set(dyad.split("-")) <= set(parties)


def _dyad(dyads: tuple[str, ...], alert: Alert) -> Wanted | NotWanted:
    groups = (alert.dyad, *(_parties_of(matter, alert) for matter in alert.matters))
    for dyad in dyads:
        if any(_both(dyad, group) for group in groups):
            return Wanted(f"dyad {dyad}")
    return NotWanted(f"dyad {_or(dyads)} not among {', '.join(everyone(alert))}")


def _found(key: str, sought: tuple[str, ...], present: tuple[str, ...]) -> Wanted | NotWanted:
    for value in sought:
        if value in present:
            return Wanted(f"{key} {value}")
    return NotWanted(f"{key} {_or(sought)} not among {', '.join(present) or 'none'}")


def _language(sought: tuple[str, ...], present: tuple[str, ...]) -> Wanted | NotWanted:
    for language in sought:
        if any((tag.lower() + "-").startswith(language.lower() + "-") for tag in present):
            return Wanted(f"language {language}")
    return NotWanted(f"language {_or(sought)} not among {', '.join(present) or 'none known'}")


def _severity(least: Severity, actual: Severity) -> Wanted | NotWanted:
    order = list(Severity)
    if order.index(actual) <= order.index(least):
        return Wanted(f"severity {actual}")
    return NotWanted(f"severity {actual} is below {least}")


def _text(phrases: tuple[str, ...], alert: Alert) -> Wanted | NotWanted:
    quotes = (part for evidence in alert.evidence for part in (evidence.title, evidence.quote))
    text = fold("\n".join((alert.line, *quotes)))
    for phrase in phrases:
        if _phrase_pattern(phrase).search(text):
            return Wanted(f"text {phrase!r}")
    return NotWanted(f"text {_or(tuple(map(repr, phrases)))} not found")


def fold(text: str) -> str:
    """Return text without case, accents of Latin, Greek and Cyrillic, or typographic apostrophes."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", plain).casefold().replace("\u2019", "'")


@lru_cache(maxsize=4096)
def _phrase_pattern(phrase: str) -> re.Pattern[str]:
    words = fold(phrase).split()
    before = "" if SPACELESS.match(words[0]) else r"(?<!\w)"
    after = "" if SPACELESS.match(words[-1][-1]) else r"(?!\w)"
    return re.compile(before + r"\s+".join(map(re.escape, words)) + after)


def _or(values: Iterable[str]) -> str:
    return " or ".join(values)
