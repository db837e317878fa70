"""`aiwire reference history` and `aiwire export price-history`: on a terminal, in a file, as a chart."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from aiwire.charts.prices import PriceChart, Voice, describe_prices
from aiwire.cli import cli
from aiwire.exceptions import AiwireError, ConfigError, DatabaseError
from aiwire.paths import package_file
from aiwire.types import iso
from db.connection import connect
from db.reference import load_reference

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
H100 = "nvidia-h100"


def database(path, *, loaded=True):
    """Make a database without articles."""
    db = connect(path)
    if loaded:
        load_reference(db)
    db.close()


def aiwire(*words, error=None):
    result = CliRunner().invoke(cli, [*map(str, words), "--now", iso(NOW)], standalone_mode=False)
    if error is not None:
        assert isinstance(result.exception, error), result.exception or result.output
        return str(result.exception)
    assert result.exception is None, result.exception
    return result.stdout


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The bundled archive, which quotes prices of the H100."""
    path = tmp_path_factory.mktemp("sample") / "news.db"
    archive, sources = package_file("sample", "sample.warc.gz"), package_file("sample", "sources.toml")
    CliRunner().invoke(
        cli,
        ["run", "--db", str(path), "--sources", str(sources), "--replay", str(archive)],
        catch_exceptions=False,
        standalone_mode=False,
    )
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    return tmp_path


def test_months_are_shown_with_what_is_left_out(sample):
    said = aiwire("reference", "history", H100, "--db", sample)
    rows = json.loads(aiwire("reference", "history", H100, "--db", sample, "--json"))["prices"]

    assert "US dollars per gpu-hour" in said
    assert "2026-11" in said
    assert {row["voice"] for row in rows} == {"cloud"}
    assert all(row["source"] for row in rows)
    assert f"{len(rows)} prices" in said
    assert "instance-hour 2" in said  # what the press quotes


def test_the_press_has_its_own_column(sample):
    said = aiwire("reference", "history", H100, "--db", sample, "--unit", "instance-hour")

    assert "76.68 (55.04 to 98.32, 2)" in said


def test_cards_have_prices_of_the_reference(sample):
    rows = json.loads(aiwire("reference", "history", H100, "--db", sample, "--unit", "card", "--json"))["prices"]

    assert {row["voice"] for row in rows} >= {"reference"}
    assert all(row["unit"] == "card" for row in rows)


def test_the_export_has_every_price_with_its_source_and_verdict(sample):
    rows = list(csv.DictReader(io.StringIO(aiwire("export", "price-history", "--db", sample, "--entity", H100))))

    assert {row["voice"] for row in rows} == {"reference", "cloud", "press"}
    assert {row["family_id"] for row in rows} == {H100}
    assert all(row["source"] and row["as_of"] for row in rows)
    assert all((row["is_plausible"] == "0") == bool(row["why_not"]) for row in rows)
    press = [row for row in rows if row["voice"] == "press"]
    assert all(row["sentence"] and row["article_id"] for row in press)


@pytest.mark.parametrize(("name", "start"), [("p.svg", b"<?xml"), ("p.PNG", b"\x89PNG")])
def test_a_chart_is_drawn_the_same_every_time(sample, folder, name, start):
    for _ in range(2):
        aiwire("reference", "history", H100, "--db", sample, "--chart", name, "--width", "390")
        data = (folder / name).read_bytes()
        (folder / name).rename(folder / f"{len(list(folder.iterdir()))}.kept")

    assert data.startswith(start)
    assert len({path.read_bytes() for path in folder.glob("*.kept")}) == 1


def test_a_chart_says_in_words_what_it_shows():
    voice = Voice("cloud", (NOW.date(),), (2.5,), [2.5])
    doubted = Voice("implausible", (NOW.date(),), (250.0,), [float("nan")])
    chart = PriceChart("H100", "gpu-hour", (NOW.date().replace(day=1),), (voice,), doubted, iso(NOW))

    assert describe_prices(chart) == (
        "H100. US dollars per gpu-hour. cloud: 1 prices, median $2.50 in 2026-11."
        " 1 implausible prices are crossed and in no line."
    )


def test_what_cannot_be_shown_has_a_remedy(sample, folder):
    empty = folder / "empty.db"
    database(empty)

    assert "did you mean 'nvidia-h100'" in aiwire(
        "reference", "history", "nvidia-h1000", "--db", sample, error=ConfigError
    )
    assert "x.gif: a chart is an .svg or a .png" in aiwire(
        "reference", "history", H100, "--db", sample, "--chart", "x.gif", error=ConfigError
    )
    assert "nothing to draw" in aiwire(
        "reference", "history", "nvidia-hopper", "--db", empty, "--chart", "x.svg", error=ConfigError
    )
    assert not (folder / "x.svg").exists()
    assert "no such database" in aiwire("reference", "history", H100, "--db", "none.db", error=DatabaseError)


def test_without_a_database_the_shipped_prices_are_shown_and_it_is_said(folder):
    words = ["reference", "history", H100, "--json", "--chart", "h100.svg", "--now", iso(NOW)]
    shown = CliRunner().invoke(cli, words, standalone_mode=False)
    database(folder / "loaded.db")

    assert shown.exception is None, shown.exception
    assert "there is no database news.db: these are the shipped prices, and none of the press" in shown.stderr
    assert json.loads(shown.stdout)["prices"]
    assert shown.stdout == aiwire("reference", "history", H100, "--json", "--db", "loaded.db")
    assert (folder / "h100.svg").read_bytes().startswith(b"<?xml")
    assert not (folder / "news.db").exists()


def test_a_chart_needs_no_display_and_no_known_backend(folder):
    command = [sys.executable, "-P", "-m", "aiwire", "reference", "history", H100, "--json", "--chart", "h100.png"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False,
        env={"HOME": "/proc/none", "PATH": os.environ["PATH"], "MPLBACKEND": "nonsense"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (folder / "h100.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["history", "show"])
def test_a_database_without_the_reference_says_how_to_load_it(folder, command):
    database(folder / "news.db", loaded=False)

    said = aiwire("reference", command, H100, error=AiwireError)

    assert "the reference is not loaded; run `aiwire reference load" in said


def test_the_export_takes_families_and_parts_where_no_article_was_fetched(folder):
    database(folder / "loaded.db")

    def exported(*asked):
        words = [word for name in asked for word in ("--entity", name)]
        return list(csv.DictReader(io.StringIO(aiwire("export", "price-history", "--db", "loaded.db", *words))))

    assert {row["family_id"] for row in exported(H100)} == {H100}
    assert exported("nvidia-h100-sxm5-80gb") == exported(H100)
    assert {row["family_id"] for row in exported(H100, "nvidia-a100")} == {H100, "nvidia-a100"}
    assert exported("nvidia-hopper") == []  # a family whose price nobody tells
    assert "did you mean 'nvidia-h100'" in aiwire(
        "export", "price-history", "--db", "loaded.db", "--entity", "nvidia-h1000", error=ConfigError
    )


def test_an_entity_without_a_family_has_no_price_but_is_known(sample):
    assert (
        list(csv.DictReader(io.StringIO(aiwire("export", "price-history", "--db", sample, "--entity", "nvidia")))) == []
    )
