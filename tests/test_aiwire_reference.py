"""aiwire reference: imports with every kind of bad file, check, status, show, template."""

import json
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from price_site import H100, archive, call, loaded, rows, settings_of, skypilot

from aiwire.exceptions import DatabaseError, InputError
from db.connection import connect
from db.reference.lookup import parts, thermal_power

NOW = "2026-12-01T06:00:00Z"
HEAD = "provider,region,instance_type,accelerator_id,gpu_count,ondemand_usd_per_gpu_hour,source"
GOOD = f"{HEAD}\nhouse,berlin,h8,{H100},8,2.1,contract 7\nhouse,munich,h8,{H100},8,2.2,contract 7\n"
HELD = """SELECT region, ondemand_usd_per_gpu_hour, origin, as_of FROM cloud_prices
          WHERE provider = 'house' AND superseded_at IS NULL AND implausible IS NULL ORDER BY region"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "news.db").write_bytes(loaded())


def bring(content, *more, table="cloud_prices", name="mine.csv", now=NOW):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return call("import", name, "--table", table, "--now", now, *more)


def report_of(result):
    assert result.exception is None, result.output
    return json.loads(result.stdout)


# ---------------------------------------------------------------- import


def test_an_import_shows_what_would_change_and_writes_nothing(tmp_path):
    (line,) = report_of(bring(GOOD, "--json"))["lines"]

    assert (line["name"], line["counts"]["added"], line["applied"]) == ("import/mine", 2, False)
    assert rows(tmp_path / "news.db", HELD) == []
    assert rows(tmp_path / "news.db", "SELECT count(*) FROM reference_staged") == [(0,)]


def test_an_applied_import_holds_under_its_name_with_the_day(tmp_path):
    bring(GOOD, "--apply")

    assert rows(tmp_path / "news.db", HELD) == [
        ("berlin", 2.1, "import:mine", "2026-12-01"),
        ("munich", 2.2, "import:mine", "2026-12-01"),
    ]


def test_twice_the_same_file_brings_nothing_new(tmp_path):
    bring(GOOD, "--apply")
    before = rows(tmp_path / "news.db", "SELECT * FROM cloud_prices ORDER BY id")

    (line,) = report_of(bring(GOOD, "--apply", "--json"))["lines"]

    assert line["counts"]["unchanged"] == 2
    assert rows(tmp_path / "news.db", "SELECT * FROM cloud_prices ORDER BY id") == before


def test_a_later_file_of_the_name_takes_the_place_of_the_earlier_one(tmp_path):
    bring(GOOD, "--apply")
    later = f"{HEAD}\nhouse,berlin,h8,{H100},8,1.9,contract 8\n"

    (line,) = report_of(bring(later, "--apply", "--json", now="2026-12-02T06:00:00Z"))["lines"]

    assert (line["counts"]["changed"], line["counts"]["ended"]) == (1, 1)
    assert rows(tmp_path / "news.db", HELD) == [("berlin", 1.9, "import:mine", "2026-12-02")]
    past = """SELECT region, superseded_at FROM cloud_prices
              WHERE provider = 'house' AND superseded_at IS NOT NULL ORDER BY region"""
    assert rows(tmp_path / "news.db", past) == [("berlin", "2026-12-02"), ("munich", "2026-12-02")]


def test_a_list_is_ended_by_a_file_of_its_name_without_rows_when_that_is_said(tmp_path):
    bring(GOOD, "--apply")

    refused = bring(HEAD + "\n", "--apply")
    assert refused.exception.code == 1
    assert "--allow-loss" in refused.stdout
    assert len(rows(tmp_path / "news.db", HELD)) == 2

    bring(HEAD + "\n", "--apply", "--allow-loss")
    assert rows(tmp_path / "news.db", HELD) == []


def test_a_list_may_tell_the_history_of_a_price(tmp_path):
    head, first, _ = GOOD.splitlines()
    dated = f"{head},price_date\n{first},2026-03-01\n{first.replace('2.1', '1.7')},2026-09-01\n"

    (line,) = report_of(bring(dated, "--apply", "--json"))["lines"]
    (again,) = report_of(bring(dated, "--apply", "--json"))["lines"]

    assert (line["counts"]["added"], line["counts"]["past"], again["counts"]["unchanged"]) == (1, 1, 1)
    sql = """SELECT ondemand_usd_per_gpu_hour, price_date, superseded_at FROM cloud_prices
             WHERE provider = 'house' ORDER BY price_date"""
    assert rows(tmp_path / "news.db", sql) == [(2.1, "2026-03-01", "2026-09-01"), (1.7, "2026-09-01", None)]


def test_a_list_comes_from_standard_input_too():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "aiwire", "reference", "import", "-", "--table", "cloud_prices", "--json"],
        input=GOOD.encode(), capture_output=True, check=True,
    )  # fmt: skip

    assert json.loads(done.stdout)["lines"][0]["name"] == "import/stdin"


def test_two_lists_stand_beside_each_other(tmp_path):
    bring(GOOD, "--apply")
    bring(GOOD.replace("house", "office"), "--apply", "--name", "second")

    origins = "SELECT DISTINCT provider, origin FROM cloud_prices WHERE provider IN ('house', 'office') ORDER BY 1"
    assert rows(tmp_path / "news.db", origins) == [("house", "import:mine"), ("office", "import:second")]


DEAR = f"{HEAD}\nhouse,berlin,h8,{H100},8,2100,contract 7\n"


def test_an_implausible_price_of_ones_own_is_shown_and_not_used(tmp_path):
    (line,) = report_of(bring(DEAR, "--apply", "--json"))["lines"]

    assert "2,100" in line["implausible"][0]["implausible"]
    assert rows(tmp_path / "news.db", HELD) == []


def test_the_totals_say_that_an_implausible_row_is_not_used_though_its_document_is_applied():
    totals = bring(DEAR, "--apply").stdout.splitlines()[-1]

    assert totals == "1 document: 0 added, 0 changed, 0 ended, 1 implausible (not used); 1 document applied"


def test_it_is_used_when_the_user_insists_and_the_objection_stays_in_the_note(tmp_path):
    bring(DEAR, "--apply")
    bring(DEAR, "--apply", "--accept-implausible")

    assert [row[:2] for row in rows(tmp_path / "news.db", HELD)] == [("berlin", 2100.0)]
    ((note,),) = rows(
        tmp_path / "news.db", "SELECT note FROM cloud_prices WHERE provider = 'house' AND implausible IS NULL"
    )
    assert note.startswith("accepted, although cloud-price-in-band")
    open_ones = "SELECT count(*) FROM cloud_prices WHERE provider = 'house' AND superseded_at IS NULL"
    assert rows(tmp_path / "news.db", open_ones) == [(1,)]


def test_a_row_that_was_accepted_is_shown_as_such_by_the_check_and_breaks_nothing(tmp_path):
    bring(DEAR, "--apply", "--accept-implausible")

    found = [one for one in report_of(call("check", "--json"))["violations"] if one["where"] == "stored"]
    result = call("check")

    assert [(one["row"], one["accepted"]) for one in found] == [(f"house berlin h8 {H100} 8", True)]
    assert f"accepted: stored: cloud_prices: house berlin h8 {H100} 8: cloud-price-in-band: " in result.stderr
    assert "1 accepted by you" in result.stdout
    assert result.exception is None


def test_facts_of_ones_own_reach_the_sheet_of_the_part(tmp_path):
    facts = f"accelerator_id,fact,value,unit,standing,source\n{H100},launch_price_usd,31000,USD,used,https://intranet.example/invoice-7\n"

    bring(facts, "--apply", table="accelerator_facts")

    assert rows(tmp_path / "news.db", "SELECT launch_price_usd FROM accelerators WHERE id = ?", H100) == [(31000.0,)]


BAD = {
    "an empty file": (b"", "is empty"),
    "a web page": (b"<html><body>no</body></html>", "no column"),
    "a NUL byte": (GOOD.encode().replace(b"berlin", b"ber\0lin"), "NUL"),
    "Latin-1": (GOOD.replace("berlin", "Zürich").encode("latin-1"), "UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "UTF-16"),
    "a misspelt column": (GOOD.replace("gpu_count", "gpu_cuont"), "did you mean 'gpu_count'?"),
    "no source": (GOOD.replace(",source", "").replace(",contract 7", ""), "source"),
    "an unknown part": (GOOD.replace(H100, "nvidia-h100-sxm5-80bg"), f"did you mean '{H100}'?"),
    "a price with a comma": (GOOD.replace("2.1", '"1,002.10"'), "thousands"),
    "a price of 0": (GOOD.replace("2.1", "0"), "greater than 0"),
    "not a number": (GOOD.replace("2.1", "NaN"), "must be a number"),
    "a cell too many": (GOOD.replace("2.1,", "2.1,2.2,"), "cells"),
    "an open quote": (GOOD.replace("2.1", '"2.1'), "quote"),
    "the verdict": (
        GOOD.replace(",source", ",source,implausible").replace("contract 7", "contract 7,"),
        "not accepted",
    ),
    "one offer twice": (GOOD.replace("munich", "berlin"), "was there before"),
    "bytes": (bytes(range(256)) * 20, ""),
    "broken gzip": (zlib.compress(b"x", wbits=31)[:-8], "gzip"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_an_error_that_says_what_and_writes_nothing(what, tmp_path):
    content, said = BAD[what]

    result = bring(content, "--apply")

    assert isinstance(result.exception, InputError)
    assert result.exception.exit_status == 2
    assert said in str(result.exception)
    assert "mine.csv" in str(result.exception)
    assert rows(tmp_path / "news.db", "SELECT count(*) FROM cloud_prices WHERE origin LIKE 'import:%'") == [(0,)]


def test_all_errors_of_a_file_are_told_at_once():
    content = GOOD.replace("2.1", "cheap").replace("8,2.2", "none,2.2")

    assert len(str(bring(content).exception).splitlines()) == 2


DEFAULT = "name,low,mid,high,unit,trust,source"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("maintenance_share,1,10,15,share of capital per year,good,contract 7", "from 0 to 1"),
        ("load_fraction,0.43,0.75,100,share of power,good,our meter", "load_fraction is 100"),
        ("mantenance_share,,0.1,,share of capital per year,good,contract 7", "did you mean 'maintenance_share'?"),
    ],
)
def test_a_default_that_no_comparison_could_use_is_refused_even_if_the_user_insists(row, said, tmp_path):
    result = bring(f"{DEFAULT}\n{row}\n", "--apply", "--accept-implausible", table="tco_defaults")

    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert "mine.csv" in str(result.exception)
    assert rows(tmp_path / "news.db", "SELECT count(*) FROM tco_defaults WHERE origin LIKE 'import:%'") == [(0,)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("pue,,1.2,,percent,good,our meter", "mine.csv:3: the unit of pue is 'percent'; it must be 'ratio'"),
        (
            "staff_usd_per_accelerator_year,,100,,USD/month,good,our books",
            "mine.csv:3: the unit of staff_usd_per_accelerator_year is 'USD/month'; it must be 'USD/year'",
        ),
        ("load_fraction,,75,,percent,good,our meter", "mine.csv:3: input load_fraction is 75"),
    ],
)
def test_a_default_in_another_unit_is_refused_with_its_line_and_the_unit_wanted(row, said, tmp_path):
    good = "maintenance_share,,0.05,,share of capital per year,good,contract 7"

    result = bring(f"{DEFAULT}\n{good}\n{row}\n", "--apply", "--accept-implausible", table="tco_defaults")

    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert rows(tmp_path / "news.db", "SELECT count(*) FROM tco_defaults WHERE origin LIKE 'import:%'") == [(0,)]


@pytest.mark.parametrize(
    ("fact", "value", "unit", "said"),
    [
        ("tdp_w", "70000", "W", "power-in-band"),
        ("tdp_w", "1400", "W", "power-in-range"),
        ("memory_gb", "8000", "GB", "memory-in-range"),
        ("bandwidth_gbs", "3.35", "GB/s", "bandwidth-in-range"),
    ],
)
def test_a_slip_in_a_fact_that_differs_is_stored_as_implausible(fact, value, unit, said, tmp_path):
    head = "accelerator_id,fact,value,unit,standing,source,note,as_of"
    row = f"{H100},{fact},{value},{unit},differs,our contract,,2026-11-01"

    bring(f"{head}\n{row}\n", "--apply", table="accelerator_facts")

    ((reason,),) = rows(tmp_path / "news.db", "SELECT implausible FROM accelerator_facts WHERE origin = 'import:mine'")
    assert said in reason


def test_a_fact_that_differs_by_little_makes_the_range_of_what_is_calculated_with_and_a_slip_does_not(tmp_path):
    head = "accelerator_id,fact,value,unit,standing,source"
    powers = []
    for watts in (70000, 720):
        bring(f"{head}\n{H100},tdp_w,{watts},W,differs,our contract\n", "--apply", table="accelerator_facts")
        with connect(tmp_path / "news.db") as db:
            (part,) = parts(db, H100)
            figure = thermal_power(db, part)
        powers.append(figure and (figure.low, figure.mid, figure.high))

    assert powers == [(700, 700, 700), (700, 700, 720)]


def test_a_default_of_ones_own_within_its_limits_takes_the_place_of_ours(tmp_path):
    bring(
        f"{DEFAULT}\nmaintenance_share,,0.05,,share of capital per year,good,contract 7\n",
        "--apply",
        table="tco_defaults",
    )

    held = "SELECT mid FROM tco_defaults WHERE name = 'maintenance_share' AND superseded_at IS NULL"
    assert rows(tmp_path / "news.db", held) == [(0.05,)]


@pytest.mark.parametrize("source", ["contract", "our contract of 2026-03", "https://intranet.example/7"])
def test_a_users_word_is_source_enough(source, tmp_path):
    bring(GOOD.replace("contract 7", source), "--apply")

    assert [row[:2] for row in rows(tmp_path / "news.db", HELD)] == [("berlin", 2.1), ("munich", 2.2)]
    assert report_of(call("check", "--json"))["violations"] == []


def shipped_before_and_after(tmp_path, table, row, sql):
    """Import a row over a shipped one, end the list, and return what holds before, meanwhile and after."""
    head = ",".join(row)
    found = [rows(tmp_path / "news.db", sql)]
    bring(f"{head}\n{','.join(row.values())}\n", "--apply", table=table)
    found.append(rows(tmp_path / "news.db", sql))
    bring(f"{head}\n", "--apply", "--allow-loss", table=table, now="2026-12-02T06:00:00Z")
    return [*found, rows(tmp_path / "news.db", sql)]


OVER_SHIPPED = {
    "tco_defaults": (
        {"name": "pue", "low": "1.1", "mid": "1.21", "high": "1.3", "unit": "ratio", "trust": "good"},
        "SELECT mid FROM tco_defaults WHERE name = 'pue' AND applies_to = '' AND superseded_at IS NULL",
    ),
    "electricity_prices": (
        {"country": "US", "year": "2025", "sector": "industrial", "usd_per_kwh": "0.075"},
        """SELECT usd_per_kwh FROM electricity_prices
           WHERE country = 'US' AND year = 2025 AND sector = 'industrial' AND superseded_at IS NULL""",
    ),
    "accelerator_facts": (
        {"accelerator_id": H100, "fact": "launch_price_usd", "value": "31000", "unit": "USD", "standing": "used"},
        f"SELECT launch_price_usd, memory_gb FROM accelerators WHERE id = '{H100}'",
    ),
}


@pytest.mark.parametrize("table", OVER_SHIPPED)
def test_what_is_shipped_holds_again_when_a_list_ends(table, tmp_path):
    row, sql = OVER_SHIPPED[table]

    before, meanwhile, after = shipped_before_and_after(tmp_path, table, row | {"source": "our contract"}, sql)

    assert before == after != meanwhile


def test_a_list_with_a_corrected_date_holds_and_a_day_to_come_is_refused(tmp_path):
    dated = f"{HEAD},as_of\nhouse,berlin,h8,{H100},8,{{}},contract 7,{{}}\n"

    assert "is after 2026-12-01" in str(bring(dated.format(2.2, "2062-11-30"), "--apply").exception)
    bring(dated.format(2.2, "2026-11-30"), "--apply")
    (line,) = report_of(bring(dated.format(2.4, "2026-11-20"), "--apply", "--json"))["lines"]

    assert (line["counts"]["changed"], line["counts"]["outranked"]) == (1, 0)
    assert rows(tmp_path / "news.db", HELD) == [("berlin", 2.4, "import:mine", "2026-11-20")]


@pytest.mark.parametrize("table", ["accelerators", "cloud_price", "articles; DROP TABLE articles"])
def test_only_tables_for_users_can_be_imported_into(table):
    assert "can be imported" in str(bring(GOOD, table=table).exception)


@pytest.mark.parametrize("name", ["", "../x", "a b", "Ä", "x" * 65])
def test_a_name_that_is_none_is_refused(name):
    assert "is no name" in bring(GOOD, "--name", name).exception.format_message()


def test_a_file_that_is_not_there_is_one_line():
    assert "cannot be read" in str(call("import", "none.csv", "--table", "cloud_prices").exception)


# ---------------------------------------------------------------- template, check, status, show


@pytest.mark.parametrize(
    "table", ["cloud_prices", "hardware_prices", "api_prices", "electricity_prices", "tco_defaults"]
)
def test_a_template_is_the_head_of_a_file_that_can_be_imported(table):
    head = call("template", table).stdout

    (line,) = report_of(bring(head, "--json", table=table))["lines"]

    assert line["rows"] == 0


def test_a_template_tells_what_each_column_takes_beside_the_file():
    result = call("template", "electricity_prices")

    assert len(result.stdout.splitlines()) == 1
    assert "US dollars per kWh" in result.stderr


def test_a_template_of_no_table_names_the_nearest():
    assert "there is cloud_prices" in call("template", "cloudprices").exception.format_message()


def test_the_shipped_files_break_no_rule():
    found = report_of(call("check", "--json"))

    assert found["violations"] == []
    assert len(found["rules"]) > 20
    assert found["checked"]["shipped"]["accelerators"] >= 200
    assert all(rule["why"] for rule in found["rules"])


def test_a_row_in_the_database_that_breaks_a_rule_is_named_and_the_exit_status_is_1(tmp_path):
    bring(GOOD, "--apply")
    db = connect(tmp_path / "news.db")
    db.execute("UPDATE cloud_prices SET ondemand_usd_per_gpu_hour = 9999 WHERE region = 'berlin'")
    db.close()

    result = call("check", "--json")

    (broken,) = json.loads(result.stdout)["violations"]
    assert result.exception.code == 1
    assert (broken["where"], broken["table"], broken["row"]) == ("stored", "cloud_prices", f"house berlin h8 {H100} 8")


def test_status_tells_when_each_document_was_good_and_what_waits(tmp_path):
    settings_of(tmp_path, "skypilot/fine", "skypilot/gone")
    offers = skypilot(("h8", "H100-SXM", 8, 20.0, "", "r"))
    archive(
        tmp_path / "1.warc.gz", datetime(2026, 12, 1, 6, tzinfo=UTC), {"skypilot/fine": offers, "skypilot/gone": 410}
    )
    call("refresh", "--replay", "1.warc.gz")

    states = {state["name"]: state for state in report_of(call("status", "--json"))}

    assert (states["skypilot/fine"]["outcome"], states["skypilot/fine"]["staged"]) == ("staged", 1)
    assert states["skypilot/fine"]["ok_at"] == NOW
    assert (states["skypilot/gone"]["outcome"], states["skypilot/gone"]["ok_at"]) == ("vanished", None)
    assert "410" in call("status").stdout


def test_status_without_a_database_names_the_remedy():
    assert isinstance(call("status", "--db", "none.db").exception, DatabaseError)


@pytest.mark.parametrize("with_database", [False, True])
def test_show_has_facts_sources_and_prices_on_100_columns(with_database, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    shown = call("show", H100, "--db", "news.db" if with_database else "none.db").stdout

    assert "memory_gb" in shown
    assert "cloud prices" in shown
    assert "hardware prices" in shown
    assert "[1] " in shown.partition("sources")[2]
    tables = shown.partition("\nsources")[0].splitlines()
    assert max(map(len, tables)) <= 100


def test_show_takes_what_was_imported():
    bring(GOOD, "--apply")

    offers = [offer for part in report_of(call("show", H100, "--json")) for offer in part["cloud_prices"]]

    assert {offer["provider"] for offer in offers if offer["source"] == "contract 7"} == {"house"}


def test_load_counts_the_rows_of_each_table():
    lines = dict(line.split(": ") for line in call("load").stdout.splitlines())

    assert int(lines["accelerators"].split()[0]) >= 200
    assert all(int(rows.split()[0]) > 0 for rows in lines.values())
