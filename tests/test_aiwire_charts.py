"""Charts: what is written and marked in them, that nothing overlaps or hangs on colour alone, the same bytes again."""

import io
import math
import subprocess
import sys
import unicodedata
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aiwire.charts import (
    MEASURES,
    Line,
    Lines,
    Mover,
    Movers,
    Size,
    Times,
    describe,
    draw,
    fonts,
    image,
    missing_glyphs,
    movers_height,
)
from aiwire.charts.marks import GAP, STYLES
from aiwire.charts.scales import time_ticks, value_label, value_ticks
from aiwire.charts.sheet import INK, MUTED, PAPER, Sheet
from aiwire.charts.text import MOST_CHARS, clean, fit, spread, wrap
from aiwire.exceptions import ConfigError

SVG = "{http://www.w3.org/2000/svg}"
SHARE, COUNT = MEASURES["share_stories"], MEASURES["stories"]
PHONE, WIDE = Size(390, 420), Size(1280, 720)
NAMES = ("NVIDIA H100", "AMD Instinct MI300X", "Google TPU v5p", "AWS Trainium2", "Intel Gaudi 3")
LONG = (
    "A very long name of an accelerator family that goes on and on, second edition",
    "Another company with an elaborate name, registered office and legal form",
    "Unverwechselbarkeitsgewährleistungsgesellschaftsvertragsentwurf",
    "Four",
    "A fifth name that is long as well, so that all of them need several lines",
)
CHINESE = ("华为昇腾人工智能处理器", "寒武纪思元", "NVIDIA 英伟达")
MONDAY = date(2026, 11, 16)


def _times(periods, *, partial=(), gaps=(), grain="week"):
    days = {"day": 1, "week": 7}[grain]
    starts = tuple(MONDAY - timedelta(days=days * (periods - 1 - n)) for n in range(periods))
    return Times(
        grain,
        starts,
        tuple(start + timedelta(days=days) for start in starts),
        tuple(n in partial or n - periods in partial for n in range(periods)),
        tuple(n not in gaps for n in range(periods)),
    )


def _line(label, values, measure=SHARE):
    values = np.array(values, dtype=np.float64)
    if measure.interval is None:
        return Line(label, values)
    return Line(label, values, np.maximum(values - 0.02, 0), values + 0.03)


def _chart(names=NAMES[:3], periods=26, *, values=None, measure=SHARE, segment="all", notes=(), **times):
    rng = np.random.default_rng(1)
    lines = [_line(name, rng.uniform(0.02, 0.1, periods) if values is None else values, measure) for name in names]
    return Lines(
        measure, _times(periods, **times), tuple(lines), segment, sources=152, as_of="2026-11-23T06:00:00Z", notes=notes
    )


def _movers(signals, periods=30):
    names = [*NAMES, *LONG, *CHINESE][: len(signals)]
    movers = tuple(
        Mover(_line(name, np.linspace(0.0, 0.1 * 2**n, periods)), signal, 2.5, 1.2, 4.0)
        for n, (name, signal) in enumerate(zip(names, signals, strict=True))
    )
    return Movers(
        SHARE, _times(periods, partial=(-1,), gaps=(3,)), movers, "all", 152, "2026-11-23T06:00:00Z",
        "Rising and falling: share of stories, week of 2026-11-09", "the 6 largest of 9 changes called",
    )  # fmt: skip


def _size_of(chart, width):
    return Size(width, movers_height(chart, width)) if isinstance(chart, Movers) else (PHONE if width == 390 else WIDE)


def _texts(svg):
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def _boxes(figure):
    """Return the extents of all texts that are seen."""
    renderer = figure.canvas.get_renderer()
    found = list(figure.texts)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        found += [tick.label1 for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        found += [tick.label1 for tick in axes.yaxis.get_major_ticks()]
    return [
        (text.get_text(), text.get_window_extent(renderer)) for text in found if text.get_text() and text.get_visible()
    ]


def _luminance(colour):
    channels = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in mpl.colors.to_rgb(colour))
    return sum(weight * x for weight, x in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def _contrast(one, other):
    less, more = sorted((_luminance(one), _luminance(other)))
    return (more + 0.05) / (less + 0.05)


CASES = {
    "one": _chart(NAMES[:1]),
    "three": _chart(partial=(0, -1), gaps=(5, 6)),
    "five": _chart(NAMES, partial=(-1,)),
    "same values": _chart(NAMES, values=[0.05] * 26),
    "long names": _chart(LONG, gaps=(1,), notes=("no value of share_stories: A sixth that had none in all of this",)),
    "chinese": _chart(CHINESE, 156),
    "zeros": _chart(NAMES[:2], values=[0.0] * 26),
    "one period": _chart(NAMES[:3], 1, partial=(0,), gaps=(0,)),
    "two periods": _chart(NAMES[:2], 2),
    "days": _chart(NAMES[:2], 92, grain="day"),
    "years": _chart(NAMES[:2], 600),
    "counts": _chart(NAMES[:2], values=np.arange(26) * 4000.0, measure=COUNT, segment="lang:zh"),
    "below zero": _chart(NAMES[:1], values=np.linspace(-3, 9, 26), measure=MEASURES["burst_z"]),
    "movers": _movers(["rising"] * 4 + ["falling"] * 3 + ["flat", "too_few"]),
    "one mover": _movers(["rising"]),
}


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", CASES)
def test_no_text_overlaps_another_or_leaves_the_picture(name, width):
    chart = CASES[name]
    size = _size_of(chart, width)

    boxes = _boxes(draw(chart, size))

    assert len(boxes) > 8
    for n, (text, box) in enumerate(boxes):
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= size.width, text
        assert box.y1 <= size.height, text
        for other, beside in boxes[n + 1 :]:
            across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            along = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            assert across <= 0.5 or along <= 0.5, (text, other)


@pytest.mark.parametrize("name", CASES)
def test_an_svg_is_valid_and_says_all_that_a_reader_must_know(name):
    chart = CASES[name]

    svg = image(chart, _size_of(chart, 1280), "svg")

    root = ElementTree.fromstring(svg)
    said = " ".join(_texts(svg))
    assert root.find(f"{SVG}title").text in said
    assert chart.measure.unit.format(period=chart.times.grain) in said
    assert "aiwire · 152 sources · dedupe rule:" in said
    assert "as of 2026-11-23 06:00 UTC" in said
    assert root.find(f"{SVG}desc").text == describe(chart)
    assert root.get("aria-describedby") == root.find(f"{SVG}desc").get("id")
    assert float(root.get("width").removesuffix("pt")) == 1280 * 0.75


def test_every_line_is_named_at_its_end_in_the_order_of_the_ends():
    chart = _chart(NAMES[:3])
    figure = draw(chart, WIDE)
    [axes] = figure.axes

    names = [(text, box) for text, box in _boxes(figure) if text in NAMES]

    assert {text for text, _ in names} == set(NAMES[:3])
    assert all(box.x0 > axes.get_window_extent().x1 for _, box in names)
    by_height = [text for text, _ in sorted(names, key=lambda name: name[1].y0)]
    assert by_height == [line.label for line in sorted(chart.lines, key=lambda line: line.values[-1])]


def test_lines_differ_in_dashes_and_markers_and_not_by_colour_alone():
    [axes] = draw(_chart(NAMES), WIDE).axes

    kinds = {}
    for line in axes.get_lines():
        found = kinds.setdefault(line.get_color(), {"dashes": None, "marker": None})
        if line.get_marker() not in ("", "None", None):
            found["marker"] = line.get_marker()
        elif line.get_linewidth() == max(other.get_linewidth() for other in axes.get_lines()):
            found["dashes"] = str(line._dash_pattern)

    assert len(kinds) == 5
    assert len({kind["dashes"] for kind in kinds.values()}) == 5
    assert len({kind["marker"] for kind in kinds.values()}) == 5


def test_colours_are_distinct_and_contrast_with_the_paper():
    assert len({style.colour for style in STYLES}) == len(STYLES)
    assert all(_contrast(style.colour, PAPER) >= 3 for style in STYLES)  # WCAG 2.2, 1.4.11
    assert all(_contrast(ink, PAPER) >= 4.5 for ink in (INK, MUTED))  # 1.4.3
    assert all(_contrast(ink, GAP["facecolor"]) >= 4.5 for ink in (INK, MUTED))


def test_a_period_that_is_not_over_is_hollow_and_dotted_and_named():
    svg = image(_chart(NAMES[:1], 6, partial=(-1,)), WIDE, "svg")
    [axes] = draw(_chart(NAMES[:1], 6, partial=(-1,)), WIDE).axes

    hollow = [line for line in axes.get_lines() if line.get_markerfacecolor() == PAPER]
    solid = [line for line in axes.get_lines() if line.get_linestyle() == "-"]
    assert [list(line.get_xdata()) for line in hollow] == [[5.0]]
    assert np.isnan(solid[0].get_ydata()[-1])
    assert "week not over, or not seen whole" in _texts(svg)
    assert "week not over, or not seen whole" not in _texts(image(_chart(NAMES[:1], 6), WIDE, "svg"))


def test_a_period_without_enough_answers_is_hatched_and_named():
    [axes] = draw(_chart(periods=6, gaps=(2,)), WIDE).axes
    hatched = [patch for patch in axes.patches if patch.get_hatch()]

    assert [(patch.get_x(), patch.get_width()) for patch in hatched] == [(1.5, 1.0)]
    assert "too few sources answered" in _texts(image(_chart(periods=6, gaps=(2,)), WIDE, "svg"))
    assert "too few sources answered" not in _texts(image(_chart(periods=6), WIDE, "svg"))


def test_a_share_has_its_interval_and_a_count_has_none():
    share, count = _chart(NAMES[:1]), _chart(NAMES[:1], measure=COUNT)

    [band, *_] = draw(share, WIDE).axes[0].collections
    assert band.get_datalim(band.axes.transData).y1 == pytest.approx(share.lines[0].high.max())
    assert not draw(count, WIDE).axes[0].collections
    assert "95% interval (Wilson)" in _texts(image(share, WIDE, "svg"))
    assert not any("interval" in text for text in _texts(image(count, WIDE, "svg")))


def test_what_was_not_seen_whole_has_no_interval():
    lone = image(_chart(NAMES[:1], 6, partial=range(6), gaps=range(6)), WIDE, "svg")
    [band, *_] = draw(_chart(NAMES[:1], 6, partial=(0, -1)), WIDE).axes[0].collections

    assert (band.get_datalim(band.axes.transData).x0, band.get_datalim(band.axes.transData).x1) == (1.0, 4.0)
    assert not {"95% interval (Wilson)", "too few sources answered"} & set(_texts(lone))


def test_an_interval_far_beyond_the_values_is_cut_off_and_said_to_be():
    line = Line("A", np.full(5, 0.01), np.zeros(5), np.full(5, 0.9))
    chart = Lines(SHARE, _times(5), (line,), "all", 1, "2026-11-23T06:00:00Z")

    [axes] = draw(chart, WIDE).axes

    assert axes.get_ylim()[1] <= 0.03
    assert "95% interval (Wilson), cut off at the top" in _texts(image(chart, WIDE, "svg"))


def test_the_scale_begins_at_zero_and_speaks_in_percent():
    [axes] = draw(_chart(), WIDE).axes
    labels = [tick.get_text() for tick in axes.get_yticklabels()]

    assert axes.get_ylim()[0] == 0
    assert labels[0] == "0%"
    assert all(label.endswith("%") for label in labels)
    assert draw(CASES["below zero"], WIDE).axes[0].get_ylim()[0] < -2.9


def test_missing_values_break_the_line_and_lone_ones_have_a_marker():
    chart = _chart(NAMES[:1], values=[0.1, np.nan, 0.2, np.nan, 0.3, 0.3], periods=6)
    [axes] = draw(chart, WIDE).axes

    marked = {x for line in axes.get_lines() if line.get_marker() == "o" for x in line.get_xdata()}

    assert {0.0, 2.0, 5.0} <= marked
    assert not {1.0, 3.0} & marked
    assert "no value" not in describe(chart)
    assert "no value" in describe(_chart(NAMES[:1], values=[np.nan] * 6, periods=6))


def test_what_is_written_is_data_and_never_markup_or_a_formula():
    name = "$x^2$ <b>&amp; \\frac{1}{2}\x00\x1b\u202e"

    svg = image(_chart((name, "B")), WIDE, "svg")

    assert "$x^2$ <b>&amp; \\frac{1}{2}" in _texts(svg)
    assert image(_chart((name, "B")), PHONE, "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["svg", "png"])
@pytest.mark.parametrize("name", ["three", "chinese", "movers"])
def test_the_same_data_give_the_same_bytes_whatever_this_user_has_set(name, kind):
    chart = CASES[name]
    size = _size_of(chart, 390)
    once = image(chart, size, kind)

    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        again = image(chart, size, kind)

    assert again == once


def test_a_png_has_the_size_that_was_asked_for_and_no_trace_of_the_software():
    png = image(_chart(), Size(640, 480), "png")

    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size == (640, 480)
        assert set(picture.info) == {"Title", "Description", "dpi"}
        assert picture.info["Description"] == describe(_chart())


def test_chinese_names_are_drawn_with_a_font_that_has_them():
    if missing_glyphs(CASES["chinese"]):
        pytest.skip("no CJK font is installed")

    svg = image(CASES["chinese"], WIDE, "svg").decode()

    assert any(family in svg for family in fonts.CANDIDATES)
    assert image(CASES["chinese"], WIDE, "png") != image(_chart(("□" * 11, "□" * 5, "NVIDIA □□□"), 156), WIDE, "png")


def test_characters_that_no_font_has_are_told(monkeypatch):
    monkeypatch.setattr(fonts, "CANDIDATES", ())

    assert missing_glyphs(_chart(("寒武纪 A",))) == "寒武纪"
    assert missing_glyphs(_chart(("Ärger ▲",))) == ""
    assert image(_chart(("寒武纪 A",)), WIDE, "png").startswith(b"\x89PNG")  # and no warning of matplotlib's


def test_movers_have_a_panel_each_in_order_with_signal_and_momentum():
    chart = _movers(["rising", "rising", "falling", "too_few"])

    svg = image(chart, _size_of(chart, 1280), "svg")
    figure = draw(chart, _size_of(chart, 1280))

    assert len(figure.axes) == 4
    assert [text for text in _texts(svg) if text in NAMES] == list(NAMES[:4])
    assert [text for text in _texts(svg) if "×2.5" in text and "(" in text] == [
        "▲ rising ×2.5 (1.2 to 4.0)", "▲ rising ×2.5 (1.2 to 4.0)", "▼ falling ×2.5 (1.2 to 4.0)",
    ]  # fmt: skip
    assert "too few stories to say" in _texts(svg)
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert len({axes.get_ylim() for axes in figure.axes}) == 4
    assert any("each panel has a scale of its own" in text for text in _texts(svg))


def test_a_mover_without_momentum_shows_its_signal_alone():
    chart = _movers(["flat"])
    chart = replace(chart, movers=(replace(chart.movers[0], momentum=math.nan, low=math.nan, high=math.nan),))

    assert "flat" in _texts(image(chart, _size_of(chart, 390), "svg"))


def test_a_size_that_is_too_small_is_refused_with_one_that_is_not():
    chart = _movers(["rising"] * 9)

    with pytest.raises(ConfigError, match="390x600 pixels are too few for 9 panels") as refused:
        draw(chart, Size(390, 600))
    width, height = str(refused.value).split("choose ")[1].split()[0].split("x")
    assert draw(chart, Size(int(width), int(height))).axes
    with pytest.raises(ConfigError, match="larger --size"):
        draw(_chart(), Size(320, 200))


def test_six_lines_are_refused():
    with pytest.raises(ValueError, match="6 lines"):
        draw(_chart([*NAMES, "Six"]), WIDE)


def test_letters_are_never_smaller_than_12_pixels():
    assert [Sheet(Size(width, 400)).letters for width in (320, 390, 1280, 4000)] == [12, 12, 15, 15]


# ---------------------------------------------------------------- texts and scales


@given(
    boxes=st.lists(st.tuples(st.floats(-100, 900), st.floats(1, 80)), min_size=1, max_size=8), high=st.floats(640, 900)
)
def test_boxes_are_spread_without_overlap_within_their_bounds(boxes, high):
    wanted, heights = zip(*boxes, strict=True)

    edges = spread(wanted, heights, 0.0, high)

    placed = sorted(zip(edges, heights, strict=True))
    assert all(edge >= -1e-6 and edge + height <= high + 1e-6 for edge, height in placed)
    assert all(one + height <= other + 1e-6 for (one, height), (other, _) in pairwise(placed))


@given(wanted=st.lists(st.integers(0, 20), min_size=1, max_size=6, unique=True))
def test_boxes_that_do_not_overlap_stay_where_they_are(wanted):
    wanted = [30.0 * edge for edge in wanted]

    assert spread(wanted, [30.0] * len(wanted), 0.0, 1000.0) == pytest.approx(wanted)


@given(text=st.text(max_size=300), width=st.integers(2, 40), lines=st.integers(1, 4))
def test_a_text_is_fitted_into_its_lines_and_its_width(text, width, lines):
    fitted = fit(text, width, lines, len)

    assert len(fitted) <= lines
    assert all(0 < len(line) <= width for line in fitted)
    if len(text) <= MOST_CHARS and len(wrap(text, width, len)) <= lines:
        assert "".join("".join(fitted).split()) == "".join(text.split())
    elif text.strip():
        assert any("…" in line for line in fitted)


def test_a_long_name_keeps_both_its_ends():
    assert fit("Advanced Micro Devices Instinct MI300X accelerator family", 16, 2, len) == [
        "Advanced Micro …",
        "family",
    ]
    assert fit("Unverwechselbarkeit", 10, 1, len) == ["Unver…keit"]
    assert fit("华为昇腾人工智能处理器", 4, 2, len) == ["华为昇腾", "…处理器"]


@given(st.text())
def test_a_cleaned_text_is_one_printable_line(text):
    cleaned = clean(text)

    assert cleaned.isprintable()
    assert cleaned == clean(cleaned)
    kept = [char for char in text if unicodedata.category(char)[0] not in "CZ"]
    assert [char for char in cleaned if char != " "] == kept


@given(low=st.floats(-1e3, 0), high=st.floats(0, 1e6), most=st.integers(2, 6), name=st.sampled_from(sorted(MEASURES)))
def test_value_ticks_hold_the_values_and_have_different_labels(low, high, most, name):
    measure = MEASURES[name]
    ticks = value_ticks(low, high, measure, most)

    labels = [value_label(tick, ticks, measure) for tick in ticks]

    assert ticks[0] <= low + 1e-9 * (high - low)
    assert ticks[-1] >= high - 1e-9 * (high - low)
    if high - low > 1e-3:
        assert len(set(labels)) == len(labels)


@given(periods=st.integers(1, 700), most=st.integers(2, 20), grain=st.sampled_from(["day", "week"]))
def test_time_ticks_are_few_in_order_and_say_the_year(periods, most, grain):
    times = _times(periods, grain=grain)

    ticks = time_ticks(times, most)

    assert 0 < len(ticks) <= max(2, most)
    assert all(-0.5 <= place <= periods - 0.5 for place, _ in ticks)
    assert [place for place, _ in ticks] == sorted({place for place, _ in ticks})
    assert times.starts[0].year <= int(ticks[0][1].split("\n")[1]) <= times.stops[-1].year


def test_the_command_line_does_not_load_matplotlib():
    code = "import sys, aiwire.cli; print('matplotlib' in sys.modules or 'numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
