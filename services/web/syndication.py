"""Alerts for other programs: CSV rows (RFC 4180) and an Atom feed (RFC 4287). Pure."""

import csv
import io
import re
import uuid
import xml.etree.ElementTree as ET  # only writes here
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from shared.events import Alert, Matter
from shared.vocabulary import TOPIC_TITLES

ATOM = "http://www.w3.org/2005/Atom"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\x00")
"""What makes a spreadsheet take a cell for a formula (OWASP ASVS 1.2.10)."""
NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CSV_COLUMNS = (
    "id",
    "development_id",
    "kind",
    "sequence",
    "raised_at",
    "published",
    "severity",
    "dyad",
    "parties",
    "matters",
    "line",
    "changes",
    "quote",
    "outlet",
    "title",
    "url",
    "reports",
    "languages",
)


def csv_lines(alerts: Iterable[Alert], *, header: bool) -> str:
    """Write alerts as CSV lines, each ended by CR LF, after a header line if asked for."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if header:
        writer.writerow(CSV_COLUMNS)
    for alert in alerts:
        writer.writerow([guarded(cell) for cell in _cells(alert)])
    return out.getvalue()


def guarded(cell: str) -> str:
    """Return the cell so that no spreadsheet runs it: a leading apostrophe before whatever could begin a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def _cells(alert: Alert) -> tuple[str, ...]:
    shown = alert.evidence[0] if alert.evidence else None
    return (
        alert.id,
        alert.development_id,
        alert.kind,
        str(alert.sequence),
        timestamp(alert.raised_at),
        timestamp(alert.published) if alert.published else "",
        alert.severity,
        "-".join(alert.dyad),
        " ".join(alert.parties),
        "; ".join(matter_words(matter) for matter in alert.matters),
        alert.line,
        "; ".join(alert.changes),
        shown.quote if shown else "",
        shown.outlet if shown else "",
        shown.title if shown else "",
        (shown.url or "") if shown else "",
        str(alert.reports),
        " ".join(alert.languages),
    )


def matter_words(matter: Matter) -> str:
    """Write a matter in codes: joint-exercise: under-discussion -> resumed."""
    return f"{matter.topic}: {matter.status}" + (f" -> {matter.aim}" if matter.aim else "")


def timestamp(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def atom_feed(alerts: Sequence[Alert], *, base_url: str, self_url: str, query: str) -> bytes:
    """Write alerts as an Atom feed. `base_url` is where the pages are, `query` what was asked, which names the feed.

    Ids come from the content, not from the address, so a feed read through two host names is one feed.
    """
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", _urn(f"alerts?{query}"))
    _add(feed, "title", "Attaché: alerts")
    _add(feed, "updated", timestamp(max((alert.raised_at for alert in alerts), default=datetime.fromtimestamp(0, UTC))))
    _add(_add(feed, "author"), "name", "Attaché")
    _add(feed, "link", rel="self", type="application/atom+xml", href=self_url)
    _add(feed, "link", rel="alternate", type="text/html", href=f"{base_url}/" + (f"?{query}" if query else ""))
    for alert in alerts:
        _entry(feed, alert, base_url)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(feed: ET.Element, alert: Alert, base_url: str) -> None:
    entry = _add(feed, "entry")
    _add(entry, "id", _urn(alert.id))
    _add(entry, "title", alert.line)
    _add(entry, "published", timestamp(alert.raised_at))
    _add(entry, "updated", timestamp(alert.raised_at))
    _add(entry, "link", rel="alternate", type="text/html", href=f"{base_url}/alerts/{alert.id}")
    for url in dict.fromkeys(evidence.url for evidence in alert.evidence if is_link(evidence.url)):
        _add(entry, "link", rel="via", href=url)
    _add(entry, "category", term=str(alert.severity), label=f"Severity {alert.severity}")
    for topic in dict.fromkeys(matter.topic for matter in alert.matters):
        _add(entry, "category", term=str(topic), label=TOPIC_TITLES[topic])
    lines = [matter_words(matter) for matter in alert.matters]
    lines += [f"“{evidence.quote}” — {evidence.outlet}" for evidence in alert.evidence]
    _add(entry, "content", "\n".join(lines), type="text")


def is_link(url: str | None) -> bool:
    """Tell whether a URL from outside may become a link: http or https, with a host, without spaces and controls."""
    if not url or re.search(r"[\x00-\x20\x7f-\x9f]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _urn(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"attache:{name}").urn


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str | None) -> ET.Element:
    child = ET.SubElement(parent, f"{{{ATOM}}}{name}")
    child.attrib.update({key: NOT_XML.sub("", value) for key, value in attributes.items() if value is not None})
    if text is not None:
        child.text = NOT_XML.sub("", text)
    return child
