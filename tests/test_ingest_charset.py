"""Which charset are the bytes really in?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.charset import Decoded, decode

RUSSIAN = "Новости об ускорителях и дата-центрах"


def test_valid_utf8_wins_over_a_wrong_declaration() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?><t>Zürich 中文</t>'.encode()

    assert decode(body) == Decoded(body.decode(), "utf-8", "declared as cp1252, but is valid utf-8")


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-16", "utf-16-le", "utf-8-sig", "utf-32"])
def test_a_declared_charset_is_used(charset: str) -> None:
    text = f'<?xml version="1.0" encoding="{charset}"?><t>{RUSSIAN}</t>'

    assert decode(text.encode(charset)).text == text


@pytest.mark.parametrize(
    ("declared", "real"),
    [("iso-8859-1", "cp1252"), ("gb2312", "gb18030"), ("shift_jis", "cp932"), ("iso-2022-jp", "iso-2022-jp")],
)
def test_a_label_is_read_as_browsers_read_it(declared: str, real: str) -> None:
    text = "“quoted” €" if real == "cp1252" else "日本①" if real == "cp932" else "日本"
    body = f'<meta charset="{declared}">'.encode() + text.encode(real)

    assert decode(body).text.endswith(text)


def test_the_document_is_believed_before_a_default_of_the_server() -> None:
    body = f'<?xml version="1.0" encoding="koi8-r"?><t>{RUSSIAN}</t>'.encode("koi8-r")

    assert RUSSIAN in decode(body, {"Content-Type": "text/xml; charset=ISO-8859-1"}).text


def test_the_header_counts_where_the_document_is_silent() -> None:
    assert decode(RUSSIAN.encode("cp1251"), {"content-type": "text/html; charset=windows-1251"}).text == RUSSIAN


def test_a_few_broken_bytes_do_not_spoil_the_rest() -> None:
    decoded = decode("Zürich, Genève, Köln, Malmö, Besançon".encode() + b" \xff.")

    assert decoded.text == "Zürich, Genève, Köln, Malmö, Besançon \ufffd."
    assert decoded.warning == "1 characters are not valid utf-8"


def test_western_bytes_without_a_declaration_are_windows_1252() -> None:
    assert decode("Übergröße – „schön“".encode("cp1252")).text == "Übergröße – „schön“"


@given(
    st.binary(max_size=200),
    st.sampled_from([None, {"content-type": "text/xml; charset=base64"}, {"content-type": "x; charset="}]),
)
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise(body: bytes, headers: dict[str, str] | None) -> None:
    assert isinstance(decode(body, headers).text, str)


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_utf8_text_comes_back(text: str) -> None:
    plain = text.replace("\x00", "").replace("\x1b", "").lstrip("\ufeff")

    assert decode(plain.encode("utf-8", "replace")).text == plain.encode("utf-8", "replace").decode()
