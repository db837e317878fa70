"""The quick look at a page: its language, with declarations that lie, and its rough text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("resiliparse", reason="needs the extra [archive]")

from ingest.archive.fastpage import detect_language, fast_text, primary_language, raw_language

TEXTS = {
    "en": "The council has voted to build a new bridge over the river, which will take two years and cost more than "
    "the mayor had said in spring. Some of the people who live there would rather have kept the ferry. ",
    "de": "Der Stadtrat hat beschlossen, eine neue Brücke über den Fluss zu bauen, die zwei Jahre dauern und mehr "
    "kosten wird, als der Bürgermeister im Frühjahr gesagt hatte. Manche hätten lieber die Fähre behalten. ",
    "zh": "市议会决定在河上修建一座新桥，工程将持续两年，费用比市长春天所说的还要高。附近的居民更希望保留渡船。"
    "警方表示，昨夜的大雨使两条公路无法通行，学校今天停课，商店下午才开门。气象部门提醒大家注意安全，不要靠近水库。"
    "一家老书店迎来了百年纪念，店主说祖父当年用卖茶的钱租下这间屋子，如今仍有许多学生来这里看书写字。",
    "ja": "市議会は川に新しい橋を架けることを決めた。工事には二年かかり、費用は市長が春に述べた額を上回る見込みだ。"
    "警察によると、昨夜の大雨で二本の道路が通れなくなり、学校は休みになった。店は午後から開くという。"
    "古い本屋が百周年を迎え、店主は祖父がお茶を売ったお金でこの部屋を借りたと話している。",
    "ru": "Городской совет решил построить новый мост через реку, который обойдётся дороже, чем говорил мэр весной. "
    "Ночью из-за сильного дождя закрыли две дороги, и школы сегодня не работают, сообщила полиция. ",
}


def page(text: str, lang: str | None = None, charset: str = "utf-8", head: str = "") -> bytes:
    """Return a page with an article of `text`, declared as `lang`."""
    root = f'<html class="no-js" lang="{lang}">' if lang else "<html>"
    paragraphs = f"<p>{text * 2}</p>" * 4
    return (
        f'<!doctype html>{root}<head><meta charset="{charset}">{head}<title>A bridge</title></head>'
        f"<body><nav><a href='/'>Home</a></nav><article><h1>A bridge</h1>{paragraphs}</article></body></html>"
    ).encode(charset)


@pytest.mark.parametrize("language", TEXTS)
def test_a_true_declaration_and_none_at_all_give_the_language(language: str) -> None:
    assert raw_language(page(TEXTS[language], language)) == language
    assert raw_language(page(TEXTS[language])) in (language, None)
    assert fast_text(page(TEXTS[language])).language == language


@pytest.mark.parametrize(("declared", "real"), [("en", "zh"), ("zh-CN", "en"), ("de-DE", "en"), ("en", "de")])
def test_a_declaration_that_the_text_denies_leaves_the_language_open(declared: str, real: str) -> None:
    assert raw_language(page(TEXTS[real], declared)) is None
    assert fast_text(page(TEXTS[real], declared)).language == real


def test_a_declaration_alone_tells_nothing_of_a_page_without_text() -> None:
    assert raw_language(b'<html lang="de"><body></body></html>') is None
    assert fast_text(b'<html lang="de"><body></body></html>').language == "de"


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        ('<meta property="og:locale" content="de_DE">', {}),
        ('<meta http-equiv="content-language" content="de">', {}),
        ("", {"content-language": "de-AT, en"}),
    ],
)
def test_every_place_of_a_declaration_is_read(head: str, headers: dict[str, str]) -> None:
    assert fast_text(page("Kurz. ", head=head), headers).language == "de"
    assert raw_language(page(TEXTS["de"], head=head), headers) == "de"
    assert raw_language(page(TEXTS["en"], head=head), headers) is None


@pytest.mark.parametrize("charset", ["gb18030", "big5"])
def test_chinese_charsets_are_sampled_as_what_they_declare(charset: str) -> None:
    text = "市議會決定在河上修建一座新橋，工程將持續兩年，費用比市長春天所說的還要高。"
    text += "警方表示，昨夜的大雨使兩條公路無法通行，學校今天停課，商店下午才開門。"
    text += "一家老書店迎來百年紀念，店主說祖父當年用賣茶的錢租下這間屋子，如今仍有許多學生來這裡看書寫字。"
    declared = page(text, charset=charset).replace(b"<html>", b"<html lang=zh-TW>")
    # braces are parts of characters in Big5, so that its runs of text may be taken for scripts: it errs to None
    assert raw_language(declared) in ({"zh"} if charset == "gb18030" else {"zh", None})
    found = fast_text(page(text, charset=charset))
    assert found.language == "zh"
    assert "新橋" in found.text


def test_code_and_addresses_do_not_hide_the_language() -> None:
    code = "x = foo_bar(baz) https://host.example/a/b?c=d "
    assert detect_language((TEXTS["en"] + code * 3) * 3) == "en"
    assert detect_language("H100") is None


@pytest.mark.parametrize(
    ("tag", "primary"),
    [("en-US", "en"), ("zh_Hant_TW", "zh"), ("nb-NO", "no"), ("yue", "zh"), ("", None), (None, None), ("12", None)],
)
def test_tags_are_brought_to_one_primary_subtag(tag: str | None, primary: str | None) -> None:
    assert primary_language(tag) == primary


def test_the_main_text_is_taken_without_the_page_around_it() -> None:
    found = fast_text(page(TEXTS["en"]))
    assert found.title == "A bridge"
    assert found.text.count("council") == 8
    assert "Home" not in found.text


def test_the_whole_text_stands_in_where_no_main_part_is_found() -> None:
    rows = "".join(f"<li><a href='/{n}'>{TEXTS['en']}</a></li>" for n in range(20))
    found = fast_text(f"<html><body><nav><ul>{rows}</ul></nav></body></html>".encode())
    assert found.text.count("council") == 20


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2_000) | st.text(alphabet="<>/=\"' abc&#;!-[]\0é大", max_size=500).map(str.encode))
def test_no_bytes_raise(body: bytes) -> None:
    raw_language(body)
    fast_text(body)
    raw_language(b"<html lang=" + body)
    fast_text(b"<html><body><p>" + body, {"content-type": "text/html; charset=\xe9", "content-language": "\0"})


@pytest.mark.parametrize(
    "unit",
    [
        b"<div>",
        b"<html lang=",
        b"<meta ",
        b">word ",
        b"<",
        b"a",
        b"<b><i>",
        b"\0",
        b"\xff",
        b"<script>",
        b"<table>",
        b"&amp;",
    ],
)
def test_fifty_megabytes_of_anything_are_looked_at_in_seconds(unit: bytes) -> None:
    body = b"<html><body>" + unit * ((50 << 20) // len(unit))
    started = time.thread_time()
    raw_language(body)
    fast_text(body)
    assert time.thread_time() - started < 40
