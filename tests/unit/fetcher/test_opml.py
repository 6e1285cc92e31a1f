import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher import opml
from services.fetcher.opml import BadOpml, read_opml, write_opml
from services.fetcher.sources import Source, feed_id, load_sources

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def wrap(outlines):
    return f"<?xml version='1.0'?><opml version='2.0'><head/><body>{outlines}</body></opml>".encode()


def test_export_and_import_of_the_starter_list_is_a_round_trip():
    sources = load_sources(None)
    back = read_opml(write_opml(sources, now=NOW))
    assert back.sources == sources
    assert back.skipped == ()


names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=50)


@given(names, st.sampled_from(["wire", "navy"]), st.sampled_from("ABF"), st.sampled_from([None, "KHM", "NATO"]))
def test_any_feed_survives_the_round_trip(name, kind, grade, country):
    url = "https://h.test/feed?a=1&b=<2>"
    source = Source(id=feed_id(url), name=name, url=url, country=country, language="zh-Hans", kind=kind, grade=grade)
    assert read_opml(write_opml([source], now=NOW)).sources == (source,)


def test_folders_are_walked_and_attributes_read_in_any_case():
    raw = wrap(
        "<outline text='Folder'><outline text='Deep'><outline TEXT='One' XMLURL='https://one.test/'/></outline></outline>"
        "<outline title='Two' text='2' type='rss' xmlurl='https://two.test/' htmlUrl='https://two.test/home'/>"
    )
    first, second = read_opml(raw).sources
    assert (first.name, first.kind, first.grade) == ("One", "media", "F")
    assert (second.name, second.site) == ("Two", "https://two.test/home")


def test_bad_outlines_are_told_with_line_and_reason_and_their_neighbours_taken():
    raw = wrap(
        "\n<outline text='Good' xmlUrl='https://good.test/'/>"
        "\n<outline text='Script' xmlUrl='javascript:x'/>"
        "\n<outline text='Again' xmlUrl='http://www.good.test'/>"
        "\n<outline text='Also' xmlUrl='https://also.test/'/>"
    )
    imported = read_opml(raw)
    assert [source.name for source in imported.sources] == ["Good", "Also"]
    assert [(one.line, one.name) for one in imported.skipped] == [(3, "Script"), (4, "Again")]
    assert "Good" in imported.skipped[1].reason


def test_unusable_descriptions_are_dropped_not_the_feed():
    raw = wrap(
        "<outline text='A' xmlUrl='https://a.test/' language='not a tag!' htmlUrl='javascript:x' "
        "category='/kind/blog,/grade/Z,/country/Nowhere,Tech,/x'/>"
    )
    (source,) = read_opml(raw).sources
    assert (source.kind, source.grade, source.country, source.language, source.site) == ("media", "F", None, None, None)


@pytest.mark.parametrize("raw", [b"", b"hello", b"<rss/>", b"\x00\xff\xfe", b"{}"])
def test_what_is_no_opml_is_refused(raw):
    with pytest.raises(BadOpml):
        read_opml(raw)


def test_broken_markup_gives_what_can_be_read():
    raw = b"<opml><body><outline text='A &nbsp; B' xmlUrl='https://a.test/'><outline text='C' xmlUrl='https://c.test/'>"
    assert len(read_opml(raw).sources) == 2


def test_size_and_number_are_limited(monkeypatch):
    monkeypatch.setattr(opml, "MAX_FEEDS", 3)
    imported = read_opml(wrap("".join(f"<outline text='{n}' xmlUrl='https://h{n}.test/'/>" for n in range(5))))
    assert (len(imported.sources), len(imported.skipped)) == (3, 2)
    monkeypatch.setattr(opml, "MAX_BYTES", 10)
    with pytest.raises(BadOpml, match="limit"):
        read_opml(wrap(""))


def test_entities_are_not_expanded_and_files_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    raw = (
        f"<!DOCTYPE opml [<!ENTITY x SYSTEM 'file://{secret}'><!ENTITY b 'boom'>]>"
        "<opml><body><outline text='&x;&b;' xmlUrl='https://a.test/'/></body></opml>"
    ).encode()
    try:
        found = str(read_opml(raw))
    except BadOpml as refused:
        found = str(refused)
    assert "hunter2" not in found


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_read_or_refuse(raw):
    with contextlib.suppress(BadOpml):
        assert read_opml(raw).sources == ()
