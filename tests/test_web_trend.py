"""The chart of weeks on the pages of entities and of compare: its marks, its axis, its key."""

from datetime import timedelta

from counted_rows import MONDAY
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aiwire.charts.data import Times
from aiwire.web.pages.entity import key_of, times_of
from aiwire.web.svg.trend import NARROW, WIDE, TrendLine, is_cut, manners, trend
from db.pages.weeks import Week

HOSTILE = "<script>alert(1)</script>\"'&"


def week(n, *, share=0.1, partial=False, ok=True):
    start = (MONDAY + timedelta(weeks=n)).date().isoformat()
    return Week(start, 1, 1, 10, share, 0.05, 0.2, partial, ok, f"week/{start}/x/all")


def drawn(values, frame=WIDE):
    line = TrendLine("x", [one.share for one in values], [one.start for one in values], [one.lo for one in values],
                     [one.hi for one in values])  # fmt: skip
    chart = trend([line], times_of(values), "share_stories", frame, title="T", description="D")
    return etree.fromstring(str(chart)), {"s": "http://www.w3.org/2000/svg"}


def test_every_point_says_its_value_and_partial_weeks_are_dashed_and_hollow():
    tree, ns = drawn([week(0), week(1), week(2, partial=True)])
    dots = tree.xpath("//s:circle[contains(@class, 'dot')]", namespaces=ns)
    assert sorted(dot.findtext("s:title", namespaces=ns) for dot in dots) == ["2026-11-16", "2026-11-23", "2026-11-30"]
    assert [("partial" in dot.get("class")) for dot in sorted(dots, key=lambda dot: float(dot.get("cx")))] == [
        False, False, True,
    ]  # fmt: skip
    lines = tree.xpath("//s:path[starts-with(@class, 'series')]/@class", namespaces=ns)
    assert lines == ["series series--1", "series series--1 partial"]


def test_where_no_week_was_looked_at_in_full_the_words_say_so_and_the_line_is_whole():
    values = [week(n, partial=True) for n in range(3)]
    tree, ns = drawn(values)
    assert tree.xpath("//s:path[starts-with(@class, 'series')]/@class", namespaces=ns) == ["series series--1"]
    assert not tree.xpath("//s:circle[contains(@class, 'partial')]", namespaces=ns)
    assert [entry.text for entry in key_of(values, [])] == ["None of these weeks was looked at from beginning to end."]


def test_each_mark_of_the_key_is_the_one_that_the_chart_draws():
    values = [week(0), week(1, partial=True), week(2, ok=False)]
    line = TrendLine("x", [0.1] * 3, [""] * 3, [0.05] * 3, [0.2] * 3)
    marks = {entry.text.split(":")[0].split(",")[0]: str(entry.mark) for entry in key_of(values, [line])}
    assert 'class="band band--1"' in marks["95% interval (Wilson)"]
    assert 'class="dot dot--1 partial"' in marks["week not looked at in full"]
    assert 'class="gap"' in marks["nobody looked"]
    assert len(marks) == 3


def test_the_interval_of_a_rare_name_is_a_whisker_and_that_of_no_story_at_all_is_left_to_the_table():
    shares = [(0.0, 0.0, 0.15), (0.02, 0.003, 0.08), (0.0, 0.0, 0.12), (0.1, 0.07, 0.14), (0.1, 0.07, 0.14)]
    line = TrendLine("x", *zip(*((share, "", low, high) for share, low, high in shares), strict=True))
    assert manners(line) == ["none", "whisker", "none", "band", "band"]
    times = times_of([week(n) for n in range(5)])
    chart = etree.fromstring(str(trend([line], times, "share_stories", WIDE, title="T", description="D")))
    assert len(chart.xpath("//*[contains(@class, 'whisker')]")) == 1
    assert len(chart.xpath("//*[contains(@class, 'band')]")) == 1
    assert [entry.text for entry in key_of([week(n) for n in range(5)], [line])] == [
        "95% interval (Wilson)",
        "the same of a single week, or where it is wider than twice the share",
        "A share of 0 is drawn without its interval, which is in the table.",
    ]


def test_the_axis_follows_the_values_and_not_the_intervals_of_weeks_with_none():
    rare = TrendLine("x", [0.0, 0.02, 0.0], [""] * 3, [0.0, 0.003, 0.0], [0.3, 0.9, 0.3])
    chart = trend([rare], times_of([week(n) for n in range(3)]), "share_stories", WIDE, title="T", description="D")
    ticks = [float(label.text.rstrip("%")) for label in etree.fromstring(str(chart)).xpath("//*[contains(., '%')]")
             if label.text and label.text.endswith("%")]  # fmt: skip
    assert max(ticks) <= 6
    assert is_cut([rare])


def test_weeks_without_coverage_are_shaded_and_weeks_without_stories_leave_a_gap():
    tree, ns = drawn([week(0), week(1, ok=False), week(2, ok=False), week(3)])
    assert len(tree.xpath("//s:rect[@class='gap']", namespaces=ns)) == 1
    broken, _ = drawn([week(0), week(1), week(2, share=None), week(3), week(4)])
    assert len(broken.xpath("//s:path[starts-with(@class, 'series')]", namespaces=ns)) == 2


@given(
    st.lists(st.tuples(st.none() | st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=160),
    st.integers(1, 5), st.sampled_from([WIDE, NARROW]),
)  # fmt: skip
def test_whatever_the_values_a_chart_is_well_formed_and_stays_in_its_frame(points, lines, frame):
    values = [week(n, share=share, partial=partial, ok=ok) for n, (share, partial, ok) in enumerate(points)]
    times: Times = times_of(values)
    each = [TrendLine(HOSTILE, [one.share for one in values], [HOSTILE] * len(values)) for _ in range(lines)]
    chart = str(trend(each, times, "share_stories", frame, title=HOSTILE, description=HOSTILE))
    tree = etree.fromstring(chart)
    assert not tree.xpath("//*[local-name() = 'script']")
    for dot in tree.xpath("//*[local-name() = 'circle']"):
        assert 0 <= float(dot.get("cx")) <= frame.width
        assert 0 <= float(dot.get("cy")) <= frame.height
