"""Which encoding bytes are read with, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.feed.decode import decode
from services.fetcher.feed.parse import parse

WORDS = {
    "cp1251": "Министр обороны обсудил с делегацией совместные учения военно-морских сил",
    "koi8-r": "Министр обороны обсудил с делегацией совместные учения военно-морских сил",
    "cp1253": "Ο υπουργός άμυνας συναντήθηκε με τον ομόλογό του στην Αθήνα",
    "cp1255": "שר הביטחון נפגש עם עמיתו ודן בשיתוף פעולה ביטחוני",
    "cp1256": "وزير الدفاع يلتقي نظيره ويبحث التعاون العسكري بين البلدين",
    "cp874": "รัฐมนตรีว่าการกระทรวงกลาโหมพบหารือกับผู้แทนจากต่างประเทศ",
    "cp1250": "Minister obrony spotkał się z delegacją, żeby omówić współpracę wojskową i ćwiczenia",
    "cp1252": "Le ministre des armées a été reçu à l’École; la coopération de défense est renforcée",
    "cp932": "防衛大臣は国防相と会談し、共同訓練について協議しました",
    "euc_jp": "防衛大臣は国防相と会談し、共同訓練について協議しました",
    "cp949": "국방부 장관은 국방장관과 회담을 갖고 양국 군사 협력 방안을 논의했다",
    "gb18030": "国防部长会见了代表团,双方讨论了联合军事演习和两国军队的合作",
    "big5": "國防部長會見了代表團,雙方討論了聯合軍事演習和兩國軍隊的合作",
}


@pytest.mark.parametrize("codec", WORDS)
def test_undeclared_encoding_is_recognised_by_its_words(codec):
    body = f"<rss><channel><title>{WORDS[codec]}</title></channel></rss>".encode(codec)
    feed = parse(body)
    assert feed.title is not None
    assert feed.title.value == WORDS[codec]
    assert any("guessed" in warning for warning in feed.warnings)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_unicode_is_recognised_with_and_without_a_mark(codec):
    body = "<?xml version='1.0'?><rss><channel><title>Élan ភាសា</title></channel></rss>".encode(codec)
    feed = parse(body)
    assert feed.title is not None
    assert feed.title.value == "Élan ភាសា"


def test_valid_utf8_wins_over_every_declaration():
    body = "<?xml version='1.0' encoding='iso-8859-1'?><rss>é</rss>".encode()
    decoded = decode(body, "text/xml; charset=koi8-r")
    assert decoded.encoding == "utf-8"
    assert len(decoded.warnings) == 2


def test_header_wins_over_the_prolog_and_latin_1_means_windows():
    body = "<?xml version='1.0' encoding='koi8-r'?><rss>“é”</rss>".encode("cp1252")
    decoded = decode(body, 'text/xml; charset="ISO-8859-1"')
    assert (decoded.encoding, "“é”" in decoded.text) == ("cp1252", True)


def test_seven_bit_japanese_is_read_although_it_is_valid_utf8():
    body = "<?xml version='1.0' encoding='iso-2022-jp'?><rss>日本</rss>".encode("iso-2022-jp")
    assert "日本" in decode(body).text


def test_unknown_encoding_is_told():
    assert decode(b"<rss/>", "text/xml; charset=klingon").warnings


def test_few_bad_bytes_do_not_make_a_declaration_wrong():
    decoded = decode(b"<?xml version='1.0' encoding='utf-8'?>" + ("é" * 50).encode() + b"\xff")
    assert (decoded.encoding, decoded.text.count("é")) == ("utf-8", 50)


@given(
    st.binary(max_size=200), st.sampled_from([None, "text/xml; charset=utf-16", "charset=big5", "charset=undefined"])
)
def test_decoding_never_fails(body, content_type):
    assert isinstance(decode(body, content_type).text, str)
