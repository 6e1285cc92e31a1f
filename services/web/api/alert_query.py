"""The query parameters of /api/alerts, checked by pydantic, and the filter they ask for."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.web.cursor import BadCursor, Cursor, read_cursor
from services.web.queries.alerts import AlertFilter
from shared.subscriptions.values import Refused, value_of
from shared.vocabulary import AlertKind, Severity, Status, Topic

MAX_PAGE = 200
MAX_WORDS = 10
MAX_TEXT = 200


def _as_subscribed(kind: str) -> AfterValidator:
    """Check a value as subscriptions do, so that what can be asked for once can be subscribed to."""

    def check(written: str) -> str:
        try:
            value: str = value_of(kind, written)
        except Refused as refused:
            hint = f"; {refused.suggestion}" if refused.suggestion else ""
            raise ValueError(refused.reason + hint) from None
        return value

    return AfterValidator(check)


def _cursor(written: str) -> str:
    try:
        read_cursor(written)
    except BadCursor as error:
        raise ValueError(f"{error}; take it from `next_cursor` of the page before") from error
    return written


class AlertQuery(BaseModel):
    """What may be asked of the list of alerts. Unknown parameters are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid")

    topic: list[Topic] = Field(default=[], description="Topic of a matter; repeat for any of several.")
    status: list[Status] = Field(
        default=[], description="Status of a matter (the same matter as `topic`); repeat for any of several."
    )
    party: list[Annotated[str, _as_subscribed("party")]] = Field(
        default=[], description="A party involved: ISO 3166-1 alpha-3, NATO, EU, UN, ASEAN or AU; repeat for any."
    )
    dyad: list[Annotated[str, _as_subscribed("dyad")]] = Field(
        default=[], description="Two parties both involved, joined by '-'; repeat for any.", examples=[["KHM-USA"]]
    )
    severity: Severity | None = Field(default=None, description="At least this severe: P2 brings P1 and P2.")
    kind: list[AlertKind] = Field(default=[], description="Raised or updated.")
    language: list[Annotated[str, _as_subscribed("language")]] = Field(
        default=[], description="BCP 47 language of one of the reports; en brings en-GB too."
    )
    q: str = Field(
        default="",
        max_length=MAX_TEXT,
        description="Words that must all stand in the alert's line, or in the title or text of one of its reports.",
    )
    since: AwareDatetime | date | None = Field(
        default=None, description="Raised at or after: RFC 3339, or a date for its beginning in UTC."
    )
    until: AwareDatetime | date | None = Field(default=None, description="Raised before: the same forms.")
    limit: int | None = Field(
        default=None,
        ge=1,
        description=f"Alerts a page (JSON and Atom: at most {MAX_PAGE}, 50 if not given), or in all (CSV and JSON "
        "Lines: every one if not given).",
    )
    cursor: Annotated[str, AfterValidator(_cursor)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )
    format: Literal["json", "csv", "jsonl", "atom"] | None = Field(
        default=None, description="Overrules the Accept header."
    )

    def wanted(self) -> AlertFilter:
        """Return the filter."""
        return AlertFilter(
            topics=tuple(self.topic),
            statuses=tuple(self.status),
            parties=tuple(self.party),
            dyads=tuple((first, second) for first, second in (dyad.split("-") for dyad in self.dyad)),
            severity=self.severity,
            kinds=tuple(self.kind),
            languages=tuple(self.language),
            words=words_of(self.q),
            since=_moment(self.since),
            until=_moment(self.until),
        )

    def after(self) -> Cursor | None:
        """Return where the page begins."""
        return None if self.cursor is None else read_cursor(self.cursor)


def words_of(text: str) -> tuple[str, ...]:
    """Split free text into the words looked for; NUL, which PostgreSQL refuses in a text, parts words like a space."""
    return tuple(text.replace("\x00", " ").split()[:MAX_WORDS])


def _moment(written: datetime | date | None) -> datetime | None:
    if written is None or isinstance(written, datetime):
        return written
    return datetime.combine(written, time(), UTC)
