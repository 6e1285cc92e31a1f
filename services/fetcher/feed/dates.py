"""Dates as feeds write them: RFC 822 and ISO 8601 with their breakages, then all that feedparser knows."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

from feedparser.datetimes import _parse_date as parse_unusual_date

MAX_DATE_CHARS = 100
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
_WORD = re.compile(r"[^\W\d_]+\.?")
_ZONE = re.compile(r"\s([A-Z]{3,4})$")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


def parse_date(raw: str | None) -> datetime | None:
    """Return the moment a feed's date stands for, aware, in UTC; None when nobody can tell. No zone means UTC."""
    if not raw:
        return None
    text = " ".join(raw.split())
    if not text or len(text) > MAX_DATE_CHARS:
        return None
    try:
        return _parse_iso(text) or _parse_rfc822(text) or _parse_unusual(text)
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


def _parse_rfc822(text: str) -> datetime | None:
    if not any(c.isalpha() for c in text):
        return None
    english = _WORD.sub(lambda m: MONTHS.get(m[0].rstrip(".").casefold(), m[0]), text)
    fields = parsedate_tz(english)
    if fields is None:
        return None
    year, month, day, hour, minute, second = fields[:6]
    offset = fields[9]
    named = _ZONE.search(english)
    if named and named[1] in ZONES:
        offset = int(ZONES[named[1]] * 3600)
    try:
        zone = timezone(timedelta(seconds=offset or 0))
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_unusual(text: str) -> datetime | None:
    fields = parse_unusual_date(text)
    if not fields:
        return None
    year, month, day, hour, minute, second = fields[:6]
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
