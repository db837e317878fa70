"""HTML fragments to plain text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import cpu_under

from ingest.htmltext import html_to_text, title_text


@pytest.mark.parametrize(
    "text",
    [
        "a < b",
        "AT&T",
        "5 <6 & 7> 3",
        "if a<b and c>d then",
        "List<String> and Map<K, V>",
        "I <3 you",
        "?a=1&copy=2",
        "R&D",
    ],
)
def test_plain_text_comes_through_unharmed(text: str) -> None:
    assert html_to_text(text) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One.</p><p>Two.</p>", "One.\nTwo."),
        ("<p>un<b>brok</b>en</p>", "unbroken"),
        ("<h2>Head</h2>body<ul><li>one<li>two</ul>", "Head\nbody\none\ntwo"),
        ("x<br>y<br/>z", "x\ny\nz"),
        ("<p>folded\n   white\u00a0space</p>", "folded white space"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("a<script>if (a<b) {'<p>'}</script>b<style>p{}</style>c", "abc"),
        ("t<svg><text>x</text></svg><iframe src=x>y</iframe>u", "tu"),
        ("<p title='a > b'>q</p><a href=\"x>y\">l</a>", "q\nl"),
        ("AT&amp;T &#8217; &#x27; &hellip; &bogus;", "AT&T ’ ' … &bogus;"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("&lt;p&gt;escaped &amp;amp; twice&lt;/p&gt;", "escaped & twice"),
        ("text<!-- comment <b> -->more", "textmore"),
        ("<![CDATA[<p>inside</p>]]>", "inside"),
        ("<o:p></o:p>Word<my-card>s</my-card>", "Words"),
        ("soft\u00adhyphen and zero\u200bwidth", "softhyphen and zerowidth"),
        ("first line\n\nsecond line", "first line\nsecond line"),
        ("lost <script> never closed", "lost"),
        ("<iframe> never closed", "never closed"),
    ],
)
def test_markup_becomes_lines_of_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


def test_a_title_is_one_line() -> None:
    assert title_text(" <b>NVIDIA&#8217;s</b>\n H100 <br>vs. A100 ") == "NVIDIA’s H100 vs. A100"


@given(st.text(alphabet="<>/!-&;ab p\"'=\n[]", max_size=80) | st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_markup_raises_and_lines_are_clean(markup: str) -> None:
    text = html_to_text(markup)

    assert all(line == line.strip() and line for line in text.split("\n")) or text == ""
    assert "  " not in text


@given(st.text(alphabet="abc ÄÖ中&.,:!?", max_size=60))
@settings(max_examples=100, deadline=None)
def test_text_without_angle_brackets_only_loses_white_space(text: str) -> None:
    assert html_to_text(text).split() == text.split()


@pytest.mark.parametrize(
    "piece", ["<a ", "<", '<a "', "<script>", "<svg>", "<!--", "</", "<a '\"", "<![CDATA[", "<svg><iframe>", " \n", "&"]
)
def test_time_grows_with_length_only(piece: str) -> None:
    with cpu_under(20):
        html_to_text(piece * 20_000)
