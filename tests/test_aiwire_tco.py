"""`aiwire tco` over a real database: what it prints, in three forms, what it draws and what it refuses."""

import csv
import io
import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from importlib import resources
from itertools import takewhile
from pathlib import Path

import click
import pytest
from cost_rows import add_article, cost_db, quote
from db_rows import make_db
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from aiwire.cli.tco.command import scenario_of, tco
from aiwire.cli.tco.rows import COLUMNS
from aiwire.cli.tco.table import print_table
from aiwire.exceptions import AiwireError, ConfigError, DatabaseError
from aiwire.pipeline.costs.report import of_draws
from aiwire.tco.inputs import INPUTS
from aiwire.tco.scenario import Scenario, dump, read

ASKED = ("--accelerator", "nvidia-h100", "--count", "8", "--compare", "aws,lambda", "--utilisation", "0.6", "--years",
         "3", "--country", "DE")  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "news.db"
    db = cost_db(path)
    of = {"accelerator": "nvidia-h100"}
    add_article(db, "near", quote("$25,000", 25000.0, "card", **of))
    add_article(db, "far", quote("$40,000", 40000.0, "card", **of))
    add_article(db, "euro", quote("€25,000", 25000.0, "card", currency="EUR", **of))
    db.close()
    return path


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")  # whatever the terminal of the tests is


@pytest.fixture
def run(archive, capsys):
    def call(*args, asked=ASKED):
        tco.main([*asked, "--db", str(archive), "--now", "2026-11-23T06:00:00Z", *args], standalone_mode=False)
        return capsys.readouterr()

    return call


def test_the_answer_comes_first_and_every_number_has_its_source(run):
    out = run().out

    first = out.splitlines()
    assert first[0] == "8 x H100 SXM5 80GB, at work 60% of all hours, for 36 months, in DE"
    assert first[1].startswith("lambda is the cheapest: $377,429 in 36 months; then buy $601,071 (+59%)")
    assert "Buying has cost no more than aws from month 19.3 on" in out
    assert "accelerator_usd" in out
    assert "20,000–27,000" in out
    for line in out.partition("\nSources")[2].strip().splitlines():
        assert line.startswith("[")
        assert len(line.split("]", 1)[1].strip()) > 5
    assert "https://example.org/hardware_prices/1; street price of card" in out


def test_prices_without_a_range_are_named_and_those_without_a_date_have_none(run):
    out = " ".join(run().out.split())
    found = json.loads(run("--json").out)

    assert "draws; 3 of the prices have no known range." in out
    names = ["usd_per_kwh", "aws.rate_usd_per_gpu_hour", "lambda.rate_usd_per_gpu_hour"]
    assert f"No range is known of these prices, so that they count as certain: {', '.join(names)}." in out
    assert found["without_range"] == names
    assert "rate_usd_per_gpu_hour 6.88 USD/GPU-hour not dated fair" in out
    rate = next(one for one in found["inputs"] if one["name"] == "aws.rate_usd_per_gpu_hour")
    assert (rate["as_of"], rate["trust"]) == (None, "fair")
    assert rate["note"].startswith("not dated, read 2026-11-01; ")
    given = run("--no-buy", "--set", "aws.rate_usd_per_gpu_hour=2", "--set", "lambda.rate_usd_per_gpu_hour=3").out
    assert "known range" not in given


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0%"), (0.0005, "under 1%"), (0.01, "1%"), (0.5, "50%"), (0.99, "99%"), (0.9995, "over 99%"), (1, "100%")],
)
def test_nearly_all_draws_are_not_all(value, text):
    assert of_draws(value) == text


def test_equals_are_not_called_the_cheapest(run):
    out = " ".join(run("--set", "rate_usd_per_gpu_hour=2").out.split())

    assert "aws and lambda are the cheapest: $252,461 each in 36 months; then buy $601,071 (+138%)." in out
    assert "aws or lambda is the cheapest in 100% of 2,000 draws" in out
    found = json.loads(run("--set", "rate_usd_per_gpu_hour=2", "--json").out)
    assert found["cheapest_equals"] == ["aws", "lambda"]
    assert [one["cheapest_in"] for one in found["uncertainty"]["ranges"]] == [0, 0.5, 0.5]


def test_the_choice_of_ours_that_decides_is_named_under_the_answer(run):
    lines = run().out.splitlines()
    assert "If idle hours are paid too (paid_idle_share=1), buy is the cheapest" in lines[2]
    assert "Our choices made otherwise, all else the same: buying less the cheapest other" in lines
    assert "paid_idle_share=1" not in run("--set", "paid_idle_share=1").out
    cheap = run("--set", "lambda.rate_usd_per_gpu_hour=0.1").out.splitlines()
    assert cheap[2] == "No single choice of ours, made otherwise, changes which is the cheapest."
    choice = next(one for one in json.loads(run("--json").out)["choices"] if one["name"] == "paid_idle_share")
    assert (choice["tried"], choice["cheapest"], choice["flips"]) == (1, ["buy"], True)


def test_a_flip_by_whole_instances_is_in_the_table_and_not_in_the_headline(run):
    found = json.loads(run("--json").out)
    rows = {one["name"]: one for one in found["sensitivity"]}

    assert rows["accelerators"]["flips"]  # ten cost what sixteen cost
    assert rows["accelerators"]["whole_instances"]
    assert "No single input, a quarter lower or higher, changes which is the cheapest." in found["headline"]
    assert "yes, whole instances" in run().out
    csv_rows = csv.DictReader(io.StringIO(run("--csv").out))
    [row] = [row for row in csv_rows if (row["section"], row["name"]) == ("sensitivity", "accelerators")]
    assert row["remark"] == "flips, whole instances"


def test_accelerators_that_are_paid_and_not_wanted_are_named_under_the_answer(run):
    out = " ".join(run("--count", "9").out.split())
    said = (
        "More accelerators are paid for than the 9 wanted: aws 16 (in instances of 8), lambda 16 (in instances of 8)."
    )
    assert said in out
    assert "More accelerators" not in run().out


def test_never_is_said_of_this_utilisation(run):
    out = " ".join(run("--set", "lambda.rate_usd_per_gpu_hour=1").out.split())
    assert "Buying does not pay off against lambda within the time, nor ever at this utilisation" in out


def test_a_total_of_nearly_nothing_has_no_percentage_beside_it(run):
    for rate, said in (("1e-320", "buy $601,071, aws"), ("0.0001", "buy $601,071 (over 1,000 times as much)")):
        assert said in run("--set", f"lambda.rate_usd_per_gpu_hour={rate}").out.replace("\n", " ")


def test_every_footnote_that_is_named_is_there(run):
    body, _, sources = run().out.partition("\nSources")

    named = set(re.findall(r"\[(\d+)\]", body))
    assert named == set(re.findall(r"^\[(\d+)\]", sources, re.M))
    assert len(named) > 5


@pytest.mark.parametrize("columns", ["80", "100", None])
def test_lines_without_addresses_fit_the_console(run, monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    body = run("--compare", "api:openai/gpt-5", "--tokens-per-second", "5000", "--output-share", "0.3").out
    assert max(len(line.rstrip()) for line in body.splitlines() if "https://" not in line) <= int(columns or 100)


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,12}(?:[_ ./][a-z]{1,12}){0,4}", fullmatch=True), st.integers(0, 10**9)),
             min_size=1, max_size=4),
    st.integers(60, 120),
)  # fmt: skip
def test_a_table_breaks_names_and_never_numbers(rows, width):
    out = Console(file=io.StringIO(), width=width, color_system=None)
    print_table(out, ("name of the input", "a long head of numbers"), [(name, f"{n:,}") for name, n in rows], texts=1)

    printed = out.file.getvalue()
    assert max(len(line) for line in printed.splitlines()) <= width
    assert all(f"{n:,}" in printed for _, n in rows)
    assert all(piece in printed for name, _ in rows for piece in re.findall("[a-z]+", name))


def test_articles_are_shown_for_and_against(run):
    out = run().out

    assert "accelerator_usd = 23,500 USD: 1 support, 1 contradict" in out
    assert "supports: 2026-10-01 Example: '$25,000' in 'Title of near' https://example.org/near" in out
    assert "contradicts: 2026-10-01 Example: '$40,000' in 'Title of far' https://example.org/far" in out
    assert "'€25,000', in EUR: only US dollars are compared" in out
    assert "Articles of the last" not in run("--press-months", "0").out


def test_json_has_everything(run):
    found = json.loads(run("--json").out)

    assert found["cheapest"] == "lambda"
    assert read(found["scenario"]).compare == ("buy", "aws", "lambda")
    buy = found["options"][0]
    assert len(buy["monthly"]) == 36
    assert len(buy["cumulative"]) == 37
    assert buy["cumulative"][-1] == pytest.approx(buy["total"]) == pytest.approx(sum(buy["parts"].values()))
    by_name = {one["name"]: one for one in found["inputs"]}
    assert by_name["accelerator_usd"]["evidence"][0]["url"].startswith("https://example.org/")
    assert {"low", "mid", "high", "unit", "source", "as_of", "trust", "given_by"} <= set(by_name["pue"])
    assert found["press"]["set_aside"][0]["reason"].startswith("in EUR")
    assert found["energy"]["kg_co2e_per_year"] > 0
    assert {one["other"] for one in found["break_even"]} == {"aws", "lambda"}


def test_csv_is_tidy_and_says_the_same(run):
    rows = list(csv.DictReader(io.StringIO(run("--csv").out)))
    found = json.loads(run("--json").out)

    assert tuple(rows[0]) == COLUMNS
    total = {row["option"]: float(row["value"]) for row in rows if (row["section"], row["name"]) == ("option", "total")}
    assert total == {one["name"]: one["total"] for one in found["options"]}
    inputs = [row for row in rows if row["section"] == "input"]
    assert len(inputs) == len(found["inputs"])
    assert all(row["source"] and row["unit"] for row in inputs)
    assert {row["remark"] for row in inputs} == {"user", "reference", "default"}
    assert {row["remark"] for row in rows if row["section"] == "evidence"} == {"supports", "contradicts"}
    tried = [(row["name"], float(row["value"]), row["option"]) for row in rows if row["section"] == "choice"]
    assert tried == [(one["name"], one["tried"], " ".join(one["cheapest"])) for one in found["choices"]]


def test_a_cell_that_a_spreadsheet_would_run_is_a_text(run):
    saved = run("--set", "=cmd.rate_usd_per_gpu_hour=2", "--compare", "=cmd", "--csv").out

    assert "'=cmd" in saved
    assert not [row for row in csv.reader(io.StringIO(saved)) if any(cell.startswith("=") for cell in row)]


def test_a_saved_scenario_gives_the_same_answer(run, tmp_path, archive):
    file = tmp_path / "ours.toml"
    first = run(
        "--set", "pue=1.2:1.3:1.4", "--set", "aws.managed_share=0.1", "--save-scenario", str(file), "--json"
    ).out

    again = run("--json", "--scenario", str(file), asked=()).out

    assert json.loads(again) == json.loads(first)
    with pytest.raises(ConfigError, match=r"ours.toml: is there already"):
        run("--save-scenario", str(file))


def test_options_go_before_what_the_file_says(run, tmp_path):
    file = tmp_path / "ours.toml"
    run("--save-scenario", str(file))

    found = json.loads(run("--scenario", str(file), "--count", "16", "--tariff", "0.5", "--json", asked=()).out)

    by_name = {one["name"]: one["mid"] for one in found["inputs"]}
    assert (by_name["accelerators"], by_name["usd_per_kwh"], by_name["utilisation"]) == (16, 0.5, 0.6)


def test_what_is_set_goes_before_what_the_file_says_and_is_saved_once(run, tmp_path):
    file, again = tmp_path / "ours.toml", tmp_path / "again.toml"
    run("--save-scenario", str(file))
    file.write_text("\ufeff" + file.read_text(), encoding="utf-8")  # as editors on Windows do

    out = run(
        "--scenario", str(file), "--set", "accelerators=16", "--save-scenario", str(again), "--json", asked=()
    ).out

    assert next(one["mid"] for one in json.loads(out)["inputs"] if one["name"] == "accelerators") == 16
    assert read(again.read_text()).given()["accelerators"].mid == 16


def test_the_examples_of_the_help_run(archive, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = tco.help.partition("Examples:")[2].replace("\\\n", " ").strip().splitlines()
    Path("ours.toml").write_text(_indented("unless `--no-buy` says otherwise."), encoding="utf-8")
    for example in examples:
        name, command, *args = shlex.split(example)
        assert (name, command) == ("aiwire", "tco")
        tco.main([*args, "--db", str(archive), "--now", "2026-11-23T06:00:00Z"], standalone_mode=False)
        assert "is the cheapest" in capsys.readouterr().out


def test_without_a_database_the_shipped_reference_is_taken_and_it_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIWIRE_DB", raising=False)

    tco.main([*ASKED, "--now", "2026-11-23T06:00:00Z"], standalone_mode=False)

    said = capsys.readouterr()
    assert "there is no database news.db: the shipped reference was taken, and no articles were asked" in said.err
    assert "is the cheapest" in said.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("country", ["US", "DE"])
def test_the_draws_of_the_shipped_reference_do_not_lean(capsys, tmp_path, monkeypatch, country):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIWIRE_DB", raising=False)

    tco.main([*ASKED, "--country", country, "--now", "2026-11-23T06:00:00Z", "--json"], standalone_mode=False)

    found = json.loads(capsys.readouterr().out)
    totals = {one["name"]: one["total"] for one in found["options"]}
    for one in found["uncertainty"]["ranges"]:
        assert one["p50"] == pytest.approx(totals[one["name"]], rel=0.03)


def test_a_database_that_was_named_must_be_there_and_hold_the_reference(tmp_path, archive):
    with pytest.raises(DatabaseError, match="there is no such database"):
        tco.main([*ASKED, "--db", str(tmp_path / "no.db")], standalone_mode=False)
    make_db(tmp_path / "bare.db").close()
    with pytest.raises(ConfigError, match="the reference is not loaded; run `aiwire reference load"):
        tco.main([*ASKED, "--db", str(tmp_path / "bare.db")], standalone_mode=False)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--set", "pu=1.2"), "there is no input 'pu'; did you mean 'pue'"),
        (("--set", "pue"), "accepted is NAME=VALUE or NAME=LOW:MID:HIGH"),
        (
            ("--set", "pue=much"),
            "input pue: 'much' is neither VALUE nor LOW:MID:HIGH; accepted is a number",
        ),
        (("--set", "pue=1.4:1.3:1.5"), "is not in rising order"),
        (("--set", "pue=0.5"), "input pue is 0.5; accepted is a number"),
        (("--set", "pue=nan"), "input pue is nan; accepted"),
        (("--utilisation", "0"), "input utilisation is 0; accepted is a number above 0"),
        (("--utilisation", "60"), "input utilisation is 60; accepted is a number above 0"),
        (("--years", "0"), "input horizon_months is 0"),
        (("--count", "-1"), "input accelerators is -1"),
        (("--country", "Germany"), "--country 'Germany': accepted is a code of two letters"),
        (("--country", "FR"), "--tariff USD_PER_KWH, or --country CODE .there are: DE, US"),
        (("--tariff", "-1"), "input usd_per_kwh is -1"),
        (("--compare", "aws:weekly"), "'weekly' is no way of renting"),
        (("--compare", "api:"), "has no name"),
        (("--accelerator", "nvidia-h10"), "did you mean nvidia-h100"),
        (("--part", "nvidia-h101"), "no part or family 'nvidia-h101'"),
        (("--chart", "costs.pdf"), "a chart is an .svg or a .png"),
        (
            ("--chart", "costs.svg", "--compare", "a,b,c,d,e"),
            "costs.svg: a chart shows up to 5 options, not 8: compare fewer",
        ),
        (("--set", "accelerators=5"), "--count and --set accelerators=… are both given: leave one out"),
        (("--tariff", "1", "--set", "usd_per_kwh=2"), "--tariff and --set usd_per_kwh=… are both given"),
        (("--compare", ",".join(f"p{n}" for n in range(30))), "up to 20 options, not 33"),
        (("--scenario", "no.toml"), "no.toml: cannot be read"),
    ],
)
def test_a_bad_input_is_one_line_that_names_it_and_the_remedy(run, args, message):
    with pytest.raises(AiwireError, match=message) as caught:
        run(*args)
    assert "\n" not in str(caught.value)


def test_two_forms_at_once_are_refused(run):
    with pytest.raises(click.UsageError, match="--json and --csv"):
        run("--json", "--csv")


def test_all_inputs_can_be_listed(capsys):
    tco.main(["--inputs"], standalone_mode=False)
    out = capsys.readouterr().out
    assert all(name in out for name in INPUTS)


def test_buying_is_compared_unless_it_is_left_out(run):
    assert [one["name"] for one in json.loads(run("--json").out)["options"]] == ["buy", "aws", "lambda"]
    found = json.loads(run("--no-buy", "--json").out)
    assert [one["name"] for one in found["options"]] == ["aws", "lambda"]
    assert found["break_even"] == []
    assert "Energy of buying" not in run("--no-buy").out


def test_an_input_without_effect_is_named_on_stderr(run):
    assert "input output_share is given, but changes nothing" in run("--output-share", "0.3").err


shares = st.floats(0.01, 1, allow_nan=False)


@given(st.integers(1, 999), st.floats(0.1, 20), shares, shares, st.booleans())
def test_what_the_command_line_asks_for_is_what_a_saved_file_says(count, years, use, managed, no_buy):
    made = scenario_of(
        Scenario(), compare=("aws, lambda",), no_buy=no_buy, settings=(f"aws.managed_share={managed!r}",), count=count,
        years=years, utilisation=use, accelerator="nvidia-h100", country="de",
    )  # fmt: skip

    assert read(dump(made)) == made
    assert made.compare == (("aws", "lambda") if no_buy else ("buy", "aws", "lambda"))
    assert made.figures["aws.managed_share"].mid == managed
    assert made.country == "DE"


def test_figures_of_options_that_are_not_compared_any_more_go_with_them():
    file = read(
        '[scenario]\ncompare = ["buy", "aws", "ours"]\n[options.ours]\nkind = "rent"\nrate_usd_per_gpu_hour = 2\n'
        "[options.aws]\nmanaged_share = 0.1\n"
    )

    made = scenario_of(file, compare=("aws",), no_buy=False, settings=())

    assert made.compare == ("buy", "aws")
    assert list(made.figures) == ["aws.managed_share"]
    assert "ours" not in made.options


# -- the chart


def test_the_chart_names_its_options_and_where_buying_has_paid_off(run, tmp_path):
    run("--chart", str(tmp_path / "costs.svg"))

    tree = ElementTree.fromstring((tmp_path / "costs.svg").read_bytes())
    texts = {"".join(text.itertext()) for text in tree.iter("{http://www.w3.org/2000/svg}text")}
    assert {"buy", "aws", "lambda", "$377k", "a: buying has cost no more than aws from month 19.3 on"} <= texts
    [described] = tree.iter("{http://www.w3.org/2000/svg}desc")
    assert "lambda: $377k after 36 months" in described.text


@pytest.mark.parametrize("width", ["390", "1280"])
def test_the_same_question_gives_the_same_picture(run, tmp_path, width):
    files = tmp_path / "a.png", tmp_path / "b.png"
    for file in files:
        run("--chart", str(file), "--width", width)

    one, other = (file.read_bytes() for file in files)
    assert one == other
    assert one.startswith(b"\x89PNG")
    assert int.from_bytes(one[16:20], "big") == int(width)


# -- docs/tco.md

DOCS = (Path(__file__).parent.parent / "docs" / "tco.md").read_text(encoding="utf-8")


def _indented(after):
    """Return the indented block that follows a text."""
    lines = DOCS.partition(after)[2].splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("    "))
    block = takewhile(lambda line: line.startswith("    ") or not line, lines[start:])
    return "\n".join(line[4:] for line in block).rstrip()


def test_the_example_in_the_docs_is_what_the_command_prints(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AIWIRE_DB", raising=False)
    Path("ours.toml").write_text(_indented("unless `--no-buy` says otherwise."), encoding="utf-8")

    tco.main(["--scenario", "ours.toml", "--now", "2026-11-23T00:00:00Z"], standalone_mode=False)

    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert printed.startswith(_indented("`aiwire tco --scenario ours.toml` begins:"))


def test_the_defaults_in_the_docs_are_those_that_ship():
    content = resources.files("db.reference").joinpath("data/tco_defaults.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(io.StringIO(content)):
        if row["superseded_at"] or row["implausible"]:
            continue
        ends = f"{row['low'] or row['mid']} to {row['high'] or row['mid']}" if row["low"] or row["high"] else ""
        why = "; ".join(text for text in (row["source"], row["note"]) if text)
        cells = (f"`{row['name']}`", row["applies_to"] or "all", row["mid"], ends, row["unit"], row["trust"], why)
        assert f"| {' | '.join(cells)} |" in DOCS
