"""Bytes to text: the byte order mark, then UTF-8 if the bytes are valid UTF-8, then what was declared, then a guess.

The order is deliberate: feeds lie about their encoding far more often than text of another encoding happens to be
valid UTF-8, so a declaration is believed only when the bytes are not.
"""

import codecs
import re
from dataclasses import dataclass

from services.fetcher.feed.detect import detect

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNMARKED = (  # "<" or "<?" or "{" without a mark: XML 1.0, appendix F
    (re.compile(rb"\s*[<{]\x00\x00\x00"), "utf-32-le"),
    (re.compile(rb"\x00\x00\x00[<{]"), "utf-32-be"),
    (re.compile(rb"[<{]\x00[^\x00]"), "utf-16-le"),
    (re.compile(rb"\x00[<{]\x00"), "utf-16-be"),
    (re.compile(rb"\x4c\x6f\xa7\x94"), "cp037"),
)
WIDER = {  # what is meant by the name in practice (WHATWG Encoding)
    **dict.fromkeys(["iso8859-1", "ascii", "latin-1"], "cp1252"),
    **dict.fromkeys(["gb2312", "gbk"], "gb18030"),
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "big5": "big5hkscs",
}
STATEFUL = ("iso2022", "hz", "utf-7", "cp037", "cp500", "cp1140")
HTTP_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9._:-]+)", re.IGNORECASE)
PROLOG = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_LANGUAGE = re.compile(rb"(?:<(?:dc:)?language>\s*|xml:lang\s*=\s*[\"'])([A-Za-z]{2,3})", re.IGNORECASE)


@dataclass(frozen=True)
class Decoded:
    """The text, the codec it was read with, and what was wrong with the declaration, if anything."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(body: bytes, content_type: str | None = None) -> Decoded:
    """Turn a feed's bytes into text; never fails, at worst replaces what no codec can read."""
    for mark, encoding in MARKS:
        if body.startswith(mark):
            return _read(body[len(mark) :], encoding, ())
    for pattern, encoding in UNMARKED:
        if pattern.match(body[:64]):
            return _read(body, encoding, ())
    http = HTTP_CHARSET.search(content_type or "")
    prolog = PROLOG.match(body[:400])
    declared = [
        (where, name, codec)
        for where, name in (
            ("HTTP header", http and http[1]),
            ("XML declaration", prolog and prolog[1].decode("ascii")),
        )
        if name and (codec := _codec(name))
    ]
    unknown = tuple(
        f"encoding: {name!r} is unknown or not what the bytes are"
        for name in (http and http[1], prolog and prolog[1].decode("ascii"))
        if name and not _codec(name)
    )
    for _, _, codec in declared:  # stateful encodings are plain ASCII to the eye
        if codec.startswith(STATEFUL) and (text := _strict(body, codec)) is not None:
            return Decoded(text, codec, unknown)
    if (text := _strict(body, "utf-8")) is not None:
        wrong = (
            ()
            if body.isascii()
            else tuple(f"encoding: {w} says {n}, the bytes are UTF-8" for w, n, c in declared if c != "utf-8")
        )
        return Decoded(text, "utf-8", unknown + wrong)
    for _, _, codec in declared:
        if codec != "utf-8" and (text := _strict(body, codec)) is not None:
            return Decoded(text, codec, unknown)
    return _guess(body, declared, unknown)


def _guess(body: bytes, declared: list[tuple[str, str, str]], warnings: tuple[str, ...]) -> Decoded:
    """Choose between a declaration that is nearly true (a few bad bytes do not make it wrong) and the detector."""
    candidates = [codec for _, _, codec in declared] or ["utf-8"]
    for codec in candidates:
        text = body.decode(codec, "replace")
        high = sum(c > "\x7f" for c in text)
        if text.count("\ufffd") * 10 <= high and codec != "cp1252":
            return Decoded(text, codec, (*warnings, f"encoding: {text.count(chr(0xFFFD))} bytes are no {codec}"))
    language = _LANGUAGE.search(body[:4000])
    codec = detect(body, language[1].decode("ascii").lower() if language else None)
    return _read(body, codec, (*warnings, f"encoding: guessed {codec}"))


def _codec(name: str) -> str | None:
    try:
        info = codecs.lookup(name.strip())
    except (LookupError, ValueError, UnicodeError):
        return None
    if not getattr(info, "_is_text_encoding", True) or info.name in {"undefined", "idna", "punycode"}:
        return None
    if info.name in {"unicode_escape", "raw_unicode_escape", "mbcs", "oem"}:
        return None
    if info.name.startswith(("utf-16", "utf-32")):
        return None  # that it is not was seen before any declaration was asked
    return WIDER.get(info.name, info.name)


def _strict(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeError:
        return _cp1252(body) if codec == "cp1252" else None


def _cp1252(body: bytes) -> str:
    """Windows-1252 with the five bytes it leaves undefined read as Latin-1: every byte string is some text."""
    return body.decode("cp1252", "surrogateescape").translate({0xDC00 + b: b for b in (0x81, 0x8D, 0x8F, 0x90, 0x9D)})


def _read(body: bytes, codec: str, warnings: tuple[str, ...]) -> Decoded:
    text = _strict(body, codec)
    if text is None:
        text = body.decode(codec, "replace")
        warnings = (*warnings, f"encoding: {text.count(chr(0xFFFD))} places are no {codec}")
    return Decoded(text.lstrip("\ufeff"), codec, warnings)
