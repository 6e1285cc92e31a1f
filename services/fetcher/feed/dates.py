"""Dates as feeds write them: RFC 822 and ISO 8601 with their breakages, then all that feedparser knows."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

from feedparser.datetimes import _parse_date as parse_unusual_date

MAX_DATE_CHARS = 100
EARLIEST_YEAR = 1900
MONTHS = {
    # Spanish, Portuguese, French, Italian, German, Dutch, Indonesian and Malay, where English readers would fail
    **dict.fromkeys(["ene", "enero", "janv", "janvier", "janeiro", "januar", "jänner", "januari", "gen"], "Jan"),
    **dict.fromkeys(["gennaio"], "Jan"),
    **dict.fromkeys(["feb", "febrero", "févr", "février", "fevr", "fev", "fevereiro", "febbraio", "februar"], "Feb"),
    **dict.fromkeys(["marzo", "mars", "março", "marco", "mär", "märz", "mrt", "maart", "mac", "maret"], "Mar"),
    **dict.fromkeys(["abr", "abril", "avr", "avril", "aprile"], "Apr"),
    **dict.fromkeys(["mayo", "mai", "maio", "mag", "maggio", "mei"], "May"),
    **dict.fromkeys(["junio", "juin", "junho", "giu", "giugno", "juni"], "Jun"),
    **dict.fromkeys(["julio", "juil", "juillet", "julho", "lug", "luglio", "juli", "julai"], "Jul"),
    **dict.fromkeys(["ago", "agosto", "août", "aout", "augustus", "agu", "agustus", "ogos"], "Aug"),
    **dict.fromkeys(["septiembre", "septembre", "set", "setembro", "settembre", "sept"], "Sep"),
    **dict.fromkeys(["octubre", "octobre", "out", "outubro", "ott", "ottobre", "okt", "oktober"], "Oct"),
    **dict.fromkeys(["noviembre", "novembre", "novembro"], "Nov"),
    **dict.fromkeys(["dic", "diciembre", "déc", "décembre", "dez", "dezembro", "dezember", "dicembre"], "Dec"),
    **dict.fromkeys(["des", "desember", "dis", "disember"], "Dec"),
}
ZONES = {  # hours east; the zones of RFC 822 itself are email.utils' own
    "WET": 0.0,
    "WEST": 1.0,
    "BST": 1.0,
    "CET": 1.0,
    "CEST": 2.0,
    "EET": 2.0,
    "EEST": 3.0,
    "MSK": 3.0,
    "SAST": 2.0,
    "IST": 5.5,
    "PKT": 5.0,
    "MMT": 6.5,
    "ICT": 7.0,
    "WIB": 7.0,
    "WITA": 8.0,
    "WIT": 9.0,
    "SGT": 8.0,
    "MYT": 8.0,
    "HKT": 8.0,
    "PHT": 8.0,
    "AWST": 8.0,
    "JST": 9.0,
    "KST": 9.0,
    "ACST": 9.5,
    "AEST": 10.0,
    "AEDT": 11.0,
    "NZST": 12.0,
    "NZDT": 13.0,
    "BRT": -3.0,
    "ART": -3.0,
    "AKST": -9.0,
    "AKDT": -8.0,
    "HST": -10.0,
}
RFC822_ZONES = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AST": -4,
    "ADT": -3,
}
HUNGARIAN = dict(
    zip(
        (
            *("január", "február", "március", "április", "május", "június"),
            *("július", "augusztus", "szeptember", "október", "november", "december"),
        ),
        (f"{number:02}" for number in range(1, 13)),
        strict=True,
    )
)
EAST_ASIAN = {"年": 8, "년": 9}  # local time where no zone is written
AFTERNOON = frozenset(["PM", "오후", "下午", "午後"])
FORENOON = frozenset(["AM", "오전", "上午", "午前"])

_WORD = re.compile(r"[^\W\d_]+\.?")
_NAMED_ZONE = re.compile(r"\s([A-Z]{3,4})$")
_COLON_ZONE = re.compile(r"([+-]\d\d):(\d\d)$")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:?\d\d|$)")
_CLOCK = (
    r"(?:\D{0,6}?(?P<half>오전|오후|上午|下午|午前|午後)?\s*(?P<hour>\d{1,2})[:時时시]\s*(?P<minute>\d\d)"
    r"(?:[:分분](?P<second>\d\d))?)?"
)
_TAIL = r"\D{0,3}?(?P<ampm>[AaPp]\.?[Mm]\b\.?)?\s*(?P<zone>Z|UTC|GMT|[A-Z]{3,4}|[+-]\d\d:?\d\d)?\s*$"
_NUMBERS = re.compile(
    r"^(?:[A-Za-z]{3,9},?\s*)?(?P<year>\d{4})\s?(?P<mark>[/.年년-])\s?(?P<month>\d{1,2})\s?[/.月월-]\s?"
    r"(?P<day>\d{1,2})(?!\d)[日일T]?" + _CLOCK + _TAIL
)
_MONTH = r"(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_MONTH_FIRST = re.compile(_MONTH + r"\s" + _DAY + r",?\s" + _YEAR + _CLOCK + _TAIL, re.IGNORECASE)
_DAY_FIRST = re.compile(
    _DAY + r"[\s.-]*(?:de\s)?" + _MONTH + r"[\s,.-]*(?:de\s)?" + _YEAR + _CLOCK + _TAIL, re.IGNORECASE
)
_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def parse_date(raw: str | None) -> datetime | None:
    """Return the moment a feed's date stands for, aware, in UTC; None when nobody can tell. No zone means UTC."""
    text = " ".join(raw.split()) if raw and len(raw) <= MAX_DATE_CHARS else ""
    if not text:
        return None
    try:
        return _parse_iso(text) or _parse_words(text) or _parse_numbers(text) or _parse_unusual(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _parse_iso(text: str) -> datetime | None:
    if _EPOCH.match(text):
        return datetime.fromtimestamp(int(text[:10]), UTC)
    if not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "Z").replace(" GMT", "Z"))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_words(text: str) -> datetime | None:
    """Read dates whose month is a word: RFC 822 as the library knows it, else day, month, year in either order."""
    if not any(c.isalpha() for c in text):
        return None
    english = _WORD.sub(lambda m: MONTHS.get(m[0].rstrip(".").casefold(), m[0]), text)
    named = _MONTH_FIRST.search(english) or _DAY_FIRST.search(english)
    if named:
        return _moment(named, _ENGLISH.index(named["name"][:3].lower()) + 1)
    fields = parsedate_tz(_COLON_ZONE.sub(r"\1\2", english))
    if fields is None or fields[0] < EARLIEST_YEAR:
        return None
    year, month, day, hour, minute, second = fields[:6]
    zone = _NAMED_ZONE.search(english)
    offset = int(ZONES[zone[1]] * 3600) if zone and zone[1] in ZONES else fields[9] or 0
    try:
        local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(timedelta(seconds=offset)))
    except ValueError:
        return None
    return local.astimezone(UTC)


def _parse_numbers(text: str) -> datetime | None:
    """Read year, month and day as numbers with any separators, East Asian ones too, and Hungarian month names."""
    numbered = _WORD.sub(lambda m: HUNGARIAN.get(m[0].casefold(), m[0]), text)
    match = _NUMBERS.match(numbered)
    return _moment(match, int(match["month"])) if match else None


def _moment(match: re.Match[str], month: int) -> datetime | None:
    parts = match.groupdict()
    hour = int(parts["hour"] or 0)
    half = parts.get("half") or (parts["ampm"] or "").replace(".", "").upper()
    if (half in AFTERNOON and hour < 12) or (half in FORENOON and hour == 12):  # noqa: PLR2004 - noon
        hour = (hour + 12) % 24
    clock = timedelta(hours=hour, minutes=int(parts["minute"] or 0), seconds=int(parts["second"] or 0))
    zone = parts["zone"] or ""
    default = EAST_ASIAN.get(parts.get("mark") or "", 0) if parts["hour"] else 0
    try:
        day = datetime(int(parts["year"]), month, int(parts["day"]), tzinfo=UTC)
    except ValueError:
        return None
    return day + clock - _offset(zone, default)


def _offset(zone: str, default: float) -> timedelta:
    if zone[:1] in {"+", "-"}:
        digits = zone[1:].replace(":", "")
        east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return east if zone[0] == "+" else -east
    if zone.upper() in RFC822_ZONES:
        return timedelta(hours=RFC822_ZONES[zone.upper()])
    return timedelta(hours=ZONES.get(zone.upper(), default if not zone else 0))


def _parse_unusual(text: str) -> datetime | None:
    fields = parse_unusual_date(text)
    if not fields:
        return None
    year, month, day, hour, minute, second = fields[:6]
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
