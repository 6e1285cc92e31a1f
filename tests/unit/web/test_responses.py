import pytest

from services.web.responses import etag_of, matches, preferred

OFFERED = ["application/json", "text/csv"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.2, text/csv;q=0.3", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("*/*, application/json;q=0", "text/csv"),
        ("text/csv; charset=utf-8; q=0.5, application/json;q=0.4", "text/csv"),
        ("image/png", None),
        ("text/csv;q=0", None),
        ("text/csv;q=much", None),
    ],
)
def test_the_client_gets_what_it_likes_best(accept, chosen):
    assert preferred(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, False), ("*", True), ("{}", True), ("W/{}", True), ('"other", {}', True), ('"other"', False)],
)
def test_a_version_is_found_in_the_header(header, expected):
    etag = etag_of(b"body")
    assert matches(header and header.format(etag), etag) is expected


def test_other_bytes_are_another_version():
    assert etag_of(b"a") != etag_of(b"b")
    assert etag_of(b"a") == etag_of(b"a")
