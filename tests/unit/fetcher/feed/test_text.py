"""Plain text from markup, and addresses that may be opened."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.feed.document import Text
from services.fetcher.feed.text import is_absolute, looks_like_markup, one_line, plain, safe_url


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\n\nb"),
        ("R&amp;D &#8211; &eacute;", "R&D – é"),
        ("keep<script>drop()</script><style>p{}</style> this", "keep this"),
        ("a\n  broken\nline", "a\nbroken\nline"),
        ("<b>un<i>closed", "unclosed"),
        ("<!-- gone -->here", "here"),
        ("", ""),
    ],
)
def test_markup_becomes_plain_text(markup, expected):
    assert plain(Text(markup, markup=True)) == expected


def test_text_that_is_not_markup_keeps_its_brackets():
    assert plain(Text("2 < 3 & <blink>")) == "2 < 3 & <blink>"


def test_characters_that_do_harm_are_left_out():
    assert one_line(Text("a\x00b\x1b[31m\u202ereversed\u2066\ufeff \u200fc\x85d\ud800")) == "ab[31mreversed cd"


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("<b>x</b>", True),
        ("x<br/>", True),
        ("AT&amp;T", True),
        ("<foo onload=alert(1)>", True),
        ("1 < 2", False),
        ("R&D; more", False),
        ("the <tag> itself", False),
    ],
)
def test_markup_is_told_from_text(text, markup):
    assert looks_like_markup(text) is markup


@pytest.mark.parametrize(
    ("raw", "base", "expected"),
    [
        (" https://a.example/x y ", None, "https://a.example/x%20y"),
        ("HTTP://a.example/", None, "http://a.example/"),
        ("../b", "https://a.example/x/y", "https://a.example/b"),
        ("//cdn.example/z", None, "https://cdn.example/z"),
        ("news/1", None, "news/1"),
        ("java\nscript:alert(1)", None, None),
        (" JavaScript:alert(1)", "https://a.example/", None),
        ("javascript://a.example/%0aalert(1)", None, None),
        ("data:text/html,x", None, None),
        ("file:///etc/passwd", "https://a.example/", None),
        ("mailto:a@b.example", None, None),
        ("http://", None, None),
        ("http://[broken/", None, None),
        ("https://a.example/" + "x" * 5000, None, None),
        ("", None, None),
    ],
)
def test_only_web_addresses_pass(raw, base, expected):
    result = safe_url(raw, base)
    assert (result or "").replace("HTTP://", "http://") == (expected or "")


@given(st.text(max_size=80), st.sampled_from([None, "https://a.example/x/"]))
def test_no_address_has_another_scheme(raw, base):
    url = safe_url(raw, base)
    relative = url is not None and base is None and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", url) is None
    assert url is None or is_absolute(url) or relative
