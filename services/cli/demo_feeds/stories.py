"""The sample stories: loading them, and writing them as RSS 2.0, Atom 1.0 and JSON Feed 1.1 up to a given day."""

import json
import tomllib
import xml.etree.ElementTree as ET  # only writes here
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from importlib.resources import files

FIRST_DAY = date(2024, 6, 4)
"""The day of the visit the stories tell; the demo's clock plays this day and the next."""

ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}


@dataclass(frozen=True)
class Outlet:
    """An invented outlet and the format of its feed."""

    id: str
    name: str
    format: str
    country: str
    kind: str
    grade: str


@dataclass(frozen=True)
class Story:
    """One sample story; `expect` is the dyad it must alert on (sorted, lower case, joined by "-"), or None.

    `update` marks a story that must change what is known, and so update the alert raised before.
    """

    outlet: str
    day: int
    published: datetime
    title: str
    text: str
    expect: str | None
    update: bool

    @property
    def slug(self) -> str:
        """A stable name for the story's link."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


def load_stories() -> tuple[tuple[Outlet, ...], tuple[Story, ...]]:
    """Read the bundled outlets and stories."""
    data = tomllib.loads(files(__package__).joinpath("stories.toml").read_text("utf-8"))
    stories = tuple(
        Story(
            outlet=row["outlet"],
            day=row["day"],
            published=datetime.combine(
                FIRST_DAY + timedelta(days=row["day"] - 1), time.fromisoformat(row["at"]), tzinfo=UTC
            ),
            title=row["title"],
            text=row["text"].strip(),
            expect=row.get("expect"),
            update=row.get("update", False),
        )
        for row in data["story"]
    )
    return tuple(Outlet(**row) for row in data["outlet"]), stories


def write_feed(outlet: Outlet, stories: tuple[Story, ...], base_url: str) -> bytes:
    """Write the outlet's feed, newest story first."""
    own = sorted((s for s in stories if s.outlet == outlet.id), key=lambda s: s.published, reverse=True)
    writer = {"rss": _rss, "atom": _atom, "json": _json}[outlet.format]
    return writer(outlet, own, f"{base_url}/{outlet.id}")


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{p}</p>" for p in text.replace("&", "&amp;").replace("<", "&lt;").split("\n\n"))


def _rss(outlet: Outlet, stories: list[Story], site: str) -> bytes:
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    for name, value in (("title", outlet.name), ("link", site), ("description", "Sample stories"), ("language", "en")):
        ET.SubElement(channel, name).text = value
    for story in stories:
        item = ET.SubElement(channel, "item")
        ET.SubElement(item, "title").text = story.title
        ET.SubElement(item, "link").text = f"{site}/{story.slug}"
        ET.SubElement(item, "guid").text = f"{site}/{story.slug}"
        ET.SubElement(item, "pubDate").text = format_datetime(story.published)
        ET.SubElement(item, "description").text = _paragraphs(story.text)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _atom(outlet: Outlet, stories: list[Story], site: str) -> bytes:
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    ET.SubElement(root, f"{{{ATOM}}}title").text = outlet.name
    ET.SubElement(root, f"{{{ATOM}}}id").text = site
    ET.SubElement(root, f"{{{ATOM}}}link", href=site)
    for story in stories:
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        ET.SubElement(entry, f"{{{ATOM}}}title").text = story.title
        ET.SubElement(entry, f"{{{ATOM}}}id").text = f"{site}/{story.slug}"
        ET.SubElement(entry, f"{{{ATOM}}}link", href=f"{site}/{story.slug}")
        ET.SubElement(entry, f"{{{ATOM}}}published").text = story.published.isoformat()
        ET.SubElement(entry, f"{{{ATOM}}}updated").text = story.published.isoformat()
        ET.SubElement(entry, f"{{{ATOM}}}content", type="html").text = _paragraphs(story.text)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _json(outlet: Outlet, stories: list[Story], site: str) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": site,
        "language": "en",
        "items": [
            {
                "id": f"{site}/{story.slug}",
                "url": f"{site}/{story.slug}",
                "title": story.title,
                "content_html": _paragraphs(story.text),
                "date_published": story.published.isoformat(),
            }
            for story in stories
        ],
    }
    return json.dumps(feed, ensure_ascii=False).encode("utf-8")
