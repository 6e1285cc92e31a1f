"""A guess at the encoding of bytes that are not UTF-8 and say nothing true about themselves.

Each candidate reads the bytes; the one whose result looks most like the writing it is for wins. Natural text is
made of few, common letters: a wrong reading shows rare ones, capitals inside words and unassigned code points.
"""

import re
from itertools import pairwise

SAMPLE_BYTES = 60_000
MANY_ERRORS = 0.02
FEW = 10  # bytes that could be anything
SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
)
TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
)
HANGUL = frozenset("이다는의을에가고하를지한로들사은기대도자서정시인부국군과장방해일원위")
COMMON = {
    "cyrillic": frozenset("оеаинтсрвлкмдпуяыьгзбчйхжш"),
    "greek": frozenset("αοιετσνηυρπκμλςάόίέήύώθδγ"),
    "hebrew": frozenset("יוהלאתרבשמנםדחקעפגכסןזטצ"),
    "arabic": frozenset("اليمونرتبةعدسفهكقحجشصطخضغذثءأإىئظ"),
    "thai": frozenset("านรอกเงยลมวทส่ดต้ปะีค็ขชัิพใหบไแโผซถ์"),
    "turkish": frozenset("çğıöşüİÇĞÖŞÜ"),
    "latin": frozenset("áéíóúàèìòùâêîôûäëïöüãõåæøñçßÁÉÍÓÚÄÖÜÅÆØÑÇ’‘“”–—«»…°£©®€"),  # noqa: RUF001 - typography is what tells it
    "central": frozenset("ąćęłńóśźżáčďéěíňřšťúůýžőűăîâșțđĄĆĘŁŚŻČŘŠŽŐŰ„”–"),  # noqa: RUF001 - the same
}
SINGLE_BYTE = (
    ("cp1251", "cyrillic", "ru uk bg sr mk be mn kk"),
    ("koi8-r", "cyrillic", "ru uk"),
    ("iso8859-5", "cyrillic", "ru bg sr"),
    ("cp1253", "greek", "el"),
    ("iso8859-7", "greek", "el"),
    ("cp1255", "hebrew", "he iw"),
    ("cp1256", "arabic", "ar fa ur"),
    ("cp874", "thai", "th"),
    ("cp1254", "turkish", "tr az"),
    ("cp1250", "central", "pl cs sk hu ro hr sl"),
    ("iso8859-2", "central", "pl cs sk hu hr sl"),
    ("cp1252", "latin", "en fr de es pt it nl sv da no fi id ms"),
)
MULTI_BYTE = (
    ("cp932", "ja"),
    ("euc_jp", "ja"),
    ("cp949", "ko"),
    ("gb18030", "zh"),
    ("big5", "zh"),
)
_ASCII = re.compile(rb"[\x00-\x7f]+")


def detect(body: bytes, language: str | None = None) -> str:
    """Return the codec whose reading of `body` is most plausible; `language` (two letters) tips close calls."""
    sample = body[:SAMPLE_BYTES]
    if len(_ASCII.sub(b"", sample)) < FEW and language is None:
        return "cp1252"
    scores = {codec: _score_single(sample, codec, script) for codec, script, _ in SINGLE_BYTE}
    scores |= {codec: _score_multi(sample, codec) for codec, _ in MULTI_BYTE}
    for codec, languages in (*((c, ls) for c, _, ls in SINGLE_BYTE), *MULTI_BYTE):
        if language and language in languages.split():
            scores[codec] += 0.2
    return max(scores, key=lambda codec: scores[codec])


def _score_single(sample: bytes, codec: str, script: str) -> float:
    """Return the share of non-ASCII characters that are common in the script, less what betrays a wrong reading."""
    text = sample.decode(codec, "replace")
    high = [c for c in text if c > "\x7f"]
    if not high:
        return 0.0
    common = sum(c in COMMON[script] for c in high)
    wrong = sum(not c.isprintable() and c != "\xa0" for c in high) + text.count("\ufffd")
    inner = sum(b.isupper() and a.islower() and b > "\x7f" for a, b in pairwise(text))
    score = (common - 2 * wrong - inner) / len(high)
    # Latin scripts hold single accented letters among ASCII ones; the others hold runs of their own letters.
    in_runs = sum(a > "\x7f" and b > "\x7f" for a, b in pairwise(text)) / len(high)
    western = script in {"latin", "central", "turkish"}
    return score - (in_runs if western else 0.6 * (1 - in_runs)) - (0.05 if script != "latin" and western else 0)


def _score_multi(sample: bytes, codec: str) -> float:
    text = sample.decode(codec, "replace")
    high = [c for c in text if c > "\x7f"]
    if not high or text.count("\ufffd") > MANY_ERRORS * len(high) + 1:
        return -1.0
    kana = sum("\u3041" <= c <= "\u30fe" for c in high) / len(high)
    half = sum("\uff61" <= c <= "\uff9f" for c in high) / len(high)
    hangul = sum("\uac00" <= c <= "\ud7a3" for c in high) / len(high)
    strange = sum("\ue000" <= c <= "\uf8ff" or c > "\uffff" for c in high) / len(high)
    han = sum("\u4e00" <= c <= "\u9fff" for c in high) / len(high)
    if codec in {"cp932", "euc_jp"}:
        return 1.6 * kana + 0.4 * han - half - strange if kana else 0.2 * han - half - strange
    if codec == "cp949":
        return 0.5 * hangul + 2 * sum(c in HANGUL for c in high) / len(high) - strange - han * 0.5
    letters = SIMPLIFIED if codec == "gb18030" else TRADITIONAL
    return 2.5 * sum(c in letters for c in high) / len(high) + 0.5 * han - strange - kana - hangul
