"""`aiwire export chart` over a real database: what it draws, what it refuses, what it says."""

import os
import subprocess
import sys
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from db_rows import NOW, article, make_db, save

from aiwire.charts import MEASURES
from aiwire.cli import cli
from aiwire.cli.chart import COLUMNS
from aiwire.exceptions import ConfigError

WEEKS = 20


def _text(week):
    """Let NVIDIA be in one text a week, the H100 in more and more of them."""
    return "NVIDIA sells the H100." if week > 12 else "NVIDIA sells a card."


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "news.db"
    db = make_db(path)
    for week in range(WEEKS):
        day = NOW - timedelta(weeks=WEEKS - 1 - week)
        copies = 6 if week > WEEKS - 6 else 1
        known = [article(f"{week}-{n}", f"{_text(week)} Number {week * 100 + n}.", day=day) for n in range(copies)]
        other = [article(f"other-{week}-{n}", f"Nothing {week} {n} is named here.", day=day) for n in range(30)]
        save(db, *known, *other, now=day)
    db.close()
    return path


def _chart(archive, output, *args):
    cli.main(["export", "chart", "--db", str(archive), "--now", "2026-11-24T06:00:00Z", "-o", str(output), *args],
             standalone_mode=False)  # fmt: skip
    return output.read_bytes()


def _texts(svg):
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_columns_of_the_command_are_those_that_can_be_drawn():
    assert list(COLUMNS) == list(MEASURES)


def test_entities_are_drawn_as_lines_with_names_source_and_moment(archive, tmp_path):
    svg = _chart(archive, tmp_path / "trend.svg", "--entity", "nvidia", "--entity", "nvidia-h100")

    texts = _texts(svg)
    assert {"NVIDIA", "NVIDIA H100", "Share of stories", "% of the stories of a week"} <= set(texts)
    assert "aiwire · 3 sources · dedupe rule: stories (copies of a text count once)" in texts
    assert "as of 2026-11-24 06:00 UTC" in texts
    assert "week not over, or not seen whole" in texts  # the last one


@pytest.mark.parametrize("suffix", ["svg", "png", "PNG"])
def test_the_same_database_and_moment_give_the_same_bytes(archive, tmp_path, suffix):
    output = tmp_path / f"trend.{suffix}"

    assert _chart(archive, output, "--entity", "nvidia") == _chart(archive, output, "--entity", "nvidia")
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_drawn_or_said_to_be_empty(archive, tmp_path, column):
    args = ("--entity", "tco" if column == "theme_lift" else "nvidia", "--column", column)
    if column == "theme_lift":
        with pytest.raises(ConfigError, match="theme_lift has no value in these 20 weeks"):
            _chart(archive, tmp_path / "trend.svg", *args)
        return

    texts = _texts(_chart(archive, tmp_path / "trend.svg", *args))

    assert MEASURES[column].unit.format(period="week") in texts


@pytest.mark.parametrize(("grain", "count"), [("day", "articles a day"), ("month", "articles a month")])
def test_other_grains_are_drawn(archive, tmp_path, grain, count):
    svg = _chart(archive, tmp_path / "trend.svg", "--entity", "nvidia", "--grain", grain, "--column", "articles")

    assert count in _texts(svg)


def test_the_window_is_what_was_asked_for(archive, tmp_path):
    svg = _chart(
        archive, tmp_path / "trend.svg", "--entity", "nvidia", "--since", "2026-09-02", "--until", "2026-10-01",
        "--segment", "Independent",
    )  # fmt: skip

    assert "2026-08-31 to 2026-10-04, without vendors' own voices" in _texts(svg)


def test_movers_have_panels_or_it_is_said_that_nobody_moves(archive, tmp_path, capsys):
    moved = _texts(_chart(archive, tmp_path / "movers.svg", "--movers", "2"))
    still = _texts(_chart(archive, tmp_path / "still.svg", "--movers", "--until", "2026-08-10", "--size", "390"))

    assert any(text.startswith("▲ rising ×") for text in moved)
    assert "Rising and falling: share of stories, week of 2026-11-16" in moved
    assert "2 changes called (false discovery rate 10%)" in " ".join(moved)
    assert "Most stories: share of stories" in " ".join(still)
    assert "no entity is called rising or falling" in capsys.readouterr().err


def test_without_a_full_week_the_movers_are_those_of_the_newest_with_news(tmp_path, capsys):
    db = make_db(tmp_path / "new.db")
    save(db, article("a", day=NOW - timedelta(days=9)), article("b", "No name here.", day=NOW))
    db.close()

    texts = _texts(_chart(tmp_path / "new.db", tmp_path / "movers.svg", "--movers"))

    assert "Most stories: share of stories, week of 2026-11-09" in texts
    assert "no week was seen whole yet; shown: those with the most stories" in texts
    assert "no week was seen whole yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param((), "name one to 5 entities", id="none"),
        pytest.param(("--entity", "nvidea"), "did you mean 'nvidia'", id="unknown"),
        pytest.param([x for n in range(6) for x in ("--entity", f"e{n}")], "more than 5 lines", id="six"),
        pytest.param(("--entity", "nvidia", "--segment", "*"), "one segment", id="all-segments"),
        pytest.param(("--entity", "nvidia", "--segment", "lang:xx"), "no segment 'lang:xx'", id="no-segment"),
        pytest.param(("--entity", "nvidia", "--movers"), "leave --entity away", id="both"),
        pytest.param(("--entity", "nvidia", "--kind", "company"), "--kind goes with --movers", id="kind"),
        pytest.param(("--movers", "--since", "2027-01-04"), "there is no data", id="no-data"),
        pytest.param(("--entity", "nvidia", "--until", "2001-01-01"), "there is no data", id="too-early"),
        pytest.param(
            ("--entity", "nvidia", "--since", "2026-11-01", "--until", "2026-10-01"), "is later than", id="days"
        ),
        pytest.param(
            ("--entity", "nvidia", "--size", "320x320", "--segment", "independent"), "larger --size", id="small"
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_remedy(archive, tmp_path, args, message):
    with pytest.raises(ConfigError, match=message) as refused:
        _chart(archive, tmp_path / "trend.svg", *args)

    assert refused.value.exit_status == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "args", "message"),
    [
        pytest.param("trend.pdf", (), "trend.pdf: a chart is an .svg or a .png", id="suffix"),
        pytest.param("trend", (), "trend: a chart is an .svg or a .png", id="no-suffix"),
        pytest.param("none/trend.svg", (), "none/trend.svg: cannot be written", id="no-folder"),
        pytest.param("trend.svg", ("--size", "10x10"), "width and height must be 320 to 8192 pixels", id="tiny"),
        pytest.param("trend.svg", ("--size", "large"), "is no size in pixels such as 1280x720", id="no-size"),
        pytest.param("trend.svg", ("--movers", "0"), "0 is not in the range", id="no-movers"),
        pytest.param("trend.svg", ("--column", "likes"), "'likes' is not one of", id="column"),
    ],
)
def test_a_bad_call_is_one_line_and_status_2(archive, tmp_path, output, args, message):
    command = [sys.executable, "-P", "-m", "aiwire", "export", "chart", "--entity", "nvidia", "-o", output, *args]
    done = subprocess.run(
        [*command, "--db", str(archive)], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_neither_a_home_nor_a_display_nor_a_known_backend_is_needed(archive, tmp_path):
    command = [sys.executable, "-P", "-m", "aiwire", "export", "chart", "--entity", "nvidia", "-o", "trend.png"]
    done = subprocess.run(
        [*command, "--db", str(archive)], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"HOME": "/proc/none", "PATH": os.environ["PATH"], "MPLBACKEND": "nonsense"},
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "trend.png").read_bytes().startswith(b"\x89PNG")


def test_an_existing_chart_stays_as_it_is_when_the_new_one_fails(archive, tmp_path):
    (tmp_path / "trend.svg").write_text("before")

    with pytest.raises(ConfigError):
        _chart(archive, tmp_path / "trend.svg", "--entity", "nvidea")

    assert (tmp_path / "trend.svg").read_text() == "before"


def test_an_empty_database_says_what_to_do(tmp_path):
    make_db(tmp_path / "empty.db").close()

    with pytest.raises(ConfigError, match=r"there is no data.*aiwire run"):
        _chart(tmp_path / "empty.db", tmp_path / "trend.svg", "--entity", "nvidia")
