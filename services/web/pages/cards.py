"""What the pages show of an alert: its row, the texts its quotes stand in, and the names of its parties. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.web.pages.excerpt import Excerpt, excerpt
from services.web.queries.alerts import StoredAlert
from services.web.queries.articles import SourceText, StoredClaim
from services.web.syndication import is_link
from shared.events import Alert, AlertEvidence, Matter
from shared.gazetteer import Gazetteer

DASHES = "-\N{EN DASH}\N{EM DASH}"


@dataclass(frozen=True)
class Passage:
    """A piece of evidence in its surroundings, with why it counts. `url` is None where it is no link to follow."""

    evidence: AlertEvidence
    excerpt: Excerpt
    url: str | None
    language: str | None
    score: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """An alert as a page shows it: `parties` are names in the order of the dyad, then the others."""

    alert: Alert
    parties: tuple[str, ...]
    others: tuple[str, ...]
    line: str
    passages: tuple[Passage, ...]
    updates: int = 0

    @property
    def lead(self) -> Passage | None:
        """The passage to show where there is room for one: of the first matter that any tells, from a body if possible.

        A quote from a title says no more than the title, which is shown anyway.
        """
        for matter in self.alert.matters:
            told = [
                one
                for one in self.passages
                if (one.evidence.topic, one.evidence.status) == (matter.topic, matter.status)
            ]
            if told:
                return min(told, key=lambda one: one.evidence.field == "title")
        return self.passages[0] if self.passages else None

    @property
    def is_superseded(self) -> bool:
        """Whether the development has gone on since."""
        return self.alert.sequence < self.updates


def make_card(
    stored: StoredAlert,
    texts: Mapping[str, SourceText],
    gazetteer: Gazetteer,
    *,
    claims: Sequence[StoredClaim] = (),
    updates: int = 0,
) -> Card:
    """Build the card of one alert. `updates` is how many alerts its development has raised besides the first."""
    alert = stored.read()
    others = [code for code in alert.parties if code not in alert.dyad]
    return Card(
        alert=alert,
        parties=tuple(gazetteer.party_name(code) for code in alert.dyad),
        others=tuple(gazetteer.party_name(code) for code in others),
        line=without_dyad(alert.line, alert.dyad),
        passages=tuple(_passage(evidence, texts.get(evidence.article_id), claims) for evidence in alert.evidence),
        updates=updates,
    )


def without_dyad(line: str, dyad: Sequence[str]) -> str:
    """Leave out the codes a line begins with, where the page has the names above it already."""
    for dash in DASHES:
        for codes in (dyad, tuple(reversed(dyad))):
            beginning = f"{dash.join(codes)} · "
            if line.startswith(beginning) and len(line) > len(beginning):
                rest = line[len(beginning) :]
                return rest[0].upper() + rest[1:]
    return line


def matter_parties(matter: Matter, dyad: Sequence[str], gazetteer: Gazetteer) -> str:
    """Name who a matter is between, or nothing where that is the alert's own dyad."""
    if not matter.parties or set(matter.parties) == set(dyad):
        return ""
    return "\N{EN DASH}".join(gazetteer.party_name(code) for code in matter.parties)


def articles_of(alerts: Sequence[StoredAlert]) -> set[str]:
    """Return the ids of the articles these alerts quote."""
    return {evidence.article_id for stored in alerts for evidence in stored.read().evidence}


def _passage(evidence: AlertEvidence, source: SourceText | None, claims: Sequence[StoredClaim]) -> Passage:
    field = "" if source is None else source.title if evidence.field == "title" else source.text
    behind = [
        claim
        for claim in (stored.read() for stored in claims if stored.article_id == evidence.article_id)
        if (claim.topic, claim.status, claim.rule) == (evidence.topic, evidence.status, evidence.rule)
    ]
    return Passage(
        evidence=evidence,
        excerpt=excerpt(field, evidence.start, evidence.end, evidence.quote),
        url=evidence.url if is_link(evidence.url) else None,
        language=source.language if source else None,
        score=behind[0].score if behind else None,
        reasons=behind[0].reasons if behind else (),
    )
