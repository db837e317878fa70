"""A refresh end to end, from archives: one document is fine, one changed, one implausible, one broken, one vanished."""

import shutil
from datetime import UTC, datetime
from importlib import resources

import pytest
from price_site import (
    A100,
    API_HEAD,
    BASE,
    BEFORE,
    ETAGS,
    FIRST,
    GONE,
    H100,
    SECOND,
    archive,
    call,
    lines,
    prices,
    refresh,
    rows,
    skypilot,
    three,
    two_weeks,
)

from aiwire.pipeline.prices import catalogs, refreshing


@pytest.fixture
def world(tmp_path):
    """A folder with settings, a database and two archives, a week apart."""
    return two_weeks(tmp_path)


def everything(folder):
    """All that a refresh may change, but for the state of documents."""
    tables = ("cloud_prices", "api_prices", "hardware_prices", "reference_staged", "accelerators", "accelerator_facts")
    return {table: rows(folder / "news.db", f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}


def test_without_apply_nothing_but_the_staging_is_written(world):
    before = everything(world)

    report = refresh(world, 1)

    after = everything(world)
    assert report["rows"]["added"] == 5 * 3 + 1 + 1
    assert len(after.pop("reference_staged")) == 17
    assert not before.pop("reference_staged")
    assert after == before


def test_applied_offers_hold_with_address_and_date(world):
    refresh(world, 1, "--apply")

    assert prices(world, "fine") == [
        ("region-0", 2.5, "2026-11-24", None, 0),
        ("region-1", 2.75, "2026-11-24", None, 0),
        ("region-2", 3.0, "2026-11-24", None, 0),
    ]
    ((origin, source, part),) = set(
        prices(world, "fine", "SELECT origin, source, accelerator_id FROM cloud_prices WHERE provider = ?")
    )
    assert (origin, source, part) == ("skypilot", f"{BASE}/skypilot/v9/fine/vms.csv", H100)


def test_spot_and_on_demand_of_the_other_catalogue_are_one_row(world):
    refresh(world, 1, "--apply")

    sql = """SELECT origin, accelerator_id, ondemand_usd_per_gpu_hour, spot_usd_per_gpu_hour FROM cloud_prices
             WHERE provider = ?"""
    assert prices(world, "other", sql) == [("gpuhunt", A100, 1.5, 0.75)]


def test_each_document_of_the_second_week_gets_what_it_deserves_and_none_stops_the_others(world):
    refresh(world, 1, "--apply")

    report = refresh(world, 2, "--apply")

    assert {name: (line["outcome"], line["applied"]) for name, line in lines(report).items()} == {
        "skypilot/fine": ("not-modified", False),
        "skypilot/changed": ("staged", True),
        "skypilot/implausible": ("staged", True),
        "skypilot/broken": ("broken", False),
        "skypilot/vanished": ("vanished", False),
        "gpuhunt/other": ("failed", False),
        "ours": ("broken", False),
    }
    assert report["documents"]["failed"] == 4


def test_a_changed_price_keeps_the_old_one_with_its_dates(world):
    refresh(world, 1, "--apply")

    line = lines(refresh(world, 2, "--apply"))["skypilot/changed"]

    assert prices(world, "changed") == [
        ("region-0", 2.5, "2026-12-01", None, 0),  # still so
        ("region-1", 2.75, "2026-11-24", "2026-12-01", 0),
        ("region-1", 1.375, "2026-12-01", None, 0),
        ("region-2", 3.0, "2026-11-24", "2026-12-01", 0),  # no longer offered
    ]
    (change,) = line["changed"]
    assert change["cells"] == [{"column": "ondemand_usd_per_gpu_hour", "old": 2.75, "new": 1.375, "ratio": 0.5}]
    assert [row["region"] for row in line["ended"]] == ["region-2"]


def test_an_implausible_price_is_kept_with_its_reason_and_takes_no_place(world):
    refresh(world, 1, "--apply")

    line = lines(refresh(world, 2, "--apply"))["skypilot/implausible"]

    assert [row for row in prices(world, "implausible") if row[0] == "region-1"] == [
        ("region-1", 2.75, "2026-11-24", None, 0),
        ("region-1", 2750.0, "2026-12-01", None, 1),
    ]
    assert "2,750" in line["implausible"][0]["implausible"]


@pytest.mark.parametrize("provider", ["broken", "vanished"])
def test_what_holds_of_a_document_that_failed_stays(world, provider):
    refresh(world, 1, "--apply")
    before = prices(world, provider)

    refresh(world, 2, "--apply")

    assert prices(world, provider) == before
    assert len(before) == 3


def test_the_errors_say_what_came_instead(world):
    refresh(world, 1, "--apply")

    errors = {name: line["error"] for name, line in lines(refresh(world, 2)).items()}

    assert "HTML" in errors["skypilot/broken"]
    assert "404" in errors["skypilot/vanished"]
    assert "503" in errors["gpuhunt/other"]
    assert "'cheap'" in errors["ours"]


def test_prices_of_a_vanished_document_end_when_that_is_asked_for(world):
    refresh(world, 1, "--apply")

    line = lines(refresh(world, 2, "--apply", "--end-vanished"))["skypilot/vanished"]

    assert (line["outcome"], line["applied"], line["counts"]["ended"]) == ("vanished", True, 3)
    assert {row[3] for row in prices(world, "vanished")} == {"2026-12-01"}


def test_a_document_that_was_ended_and_comes_back_unchanged_is_read_whole_and_holds_again(world):
    refresh(world, 1, "--apply", "--source", "skypilot/fine")
    archive(world / "3.warc.gz", SECOND, {"skypilot/fine": GONE})
    refresh(world, 3, "--apply", "--end-vanished", "--source", "skypilot/fine")

    (line,) = refresh(world, 2, "--apply", "--source", "skypilot/fine", "--now", "2026-12-02T06:00:00Z")["lines"]

    assert line["outcome"] == "staged"
    held = "SELECT count(*) FROM cloud_prices WHERE provider = ? AND superseded_at IS NULL"
    assert prices(world, "fine", held) == [(3,)]


def test_a_vanished_document_ends_nothing_without_apply(world):
    refresh(world, 1, "--apply")

    refresh(world, 2, "--end-vanished")

    assert {row[3] for row in prices(world, "vanished")} == {None}


def test_a_document_that_was_not_modified_is_confirmed(world):
    refresh(world, 1, "--apply")

    refresh(world, 2, "--apply")

    assert {(row[2], row[3]) for row in prices(world, "fine")} == {("2026-12-01", None)}
    since = "SELECT read_since FROM cloud_prices WHERE provider = ?"
    assert prices(world, "fine", since) == [("2026-11-24",)] * 3  # when it held is not lost


@pytest.mark.parametrize("looked_first", [False, True])
def test_a_price_list_that_was_not_modified_keeps_the_dates_that_it_gives(world, looked_first):
    listed = API_HEAD.replace(b"source", b"source,as_of") + b"openai,house-model,1.5,6,contract 7,2026-10-01\n"
    for number, now in ((3, FIRST), (4, SECOND)):
        archive(world / f"{number}.warc.gz", now, {"ours": listed}, etags={"ours": '"1"'})
    refresh(world, 3, "--source", "ours", *([] if looked_first else ["--apply"]))

    (line,) = refresh(world, 4, "--source", "ours", "--apply")["lines"]

    assert line["outcome"] == "not-modified"
    sql = "SELECT as_of, superseded_at, origin FROM api_prices WHERE model = ?"
    assert rows(world / "news.db", sql, "house-model") == [("2026-10-01", None, "ours")]


@pytest.mark.parametrize("looked_first", [False, True])
def test_new_names_and_rules_reach_a_document_that_did_not_change_at_once(world, monkeypatch, looked_first):
    refresh(world, 1, "--source", "skypilot/fine", *([] if looked_first else ["--apply"]))
    monkeypatch.setattr(refreshing, "read_with", lambda: "others")

    (line,) = refresh(world, 2, "--apply", "--source", "skypilot/fine")["lines"]
    (again,) = refresh(world, 2, "--apply", "--source", "skypilot/fine")["lines"]

    assert (line["outcome"], line["counts"]["unchanged" if not looked_first else "added"]) == ("staged", 3)
    assert again["outcome"] == "not-modified"


def test_a_document_that_did_not_change_for_months_is_not_asked_for_whole_without_a_reason(world):
    refresh(world, 1, "--apply", "--source", "skypilot/fine")
    archive(world / "3.warc.gz", datetime(2027, 3, 4, tzinfo=UTC), BEFORE, etags=ETAGS)

    (line,) = refresh(world, 3, "--apply", "--source", "skypilot/fine")["lines"]

    assert line["outcome"] == "not-modified"


def test_what_documents_are_read_with_follows_from_names_rules_and_readers(monkeypatch, tmp_path):
    for folder in ("db.reference", "ingest.catalogs"):
        shutil.copytree(resources.files(folder), tmp_path / folder)
    monkeypatch.setattr(catalogs.resources, "files", lambda package: tmp_path / package)
    fresh = catalogs.read_with.__wrapped__
    assert fresh() == catalogs.read_with()
    seen = {fresh()}
    for file in ("data/catalog_names.csv", "data/known_rates.csv", "rules/cloud.py", "../ingest.catalogs/gpuhunt.py"):
        with (tmp_path / "db.reference" / file).open("a") as text:
            text.write("\n")
        seen.add(fresh())
    assert len(seen) == 5
    (tmp_path / "db.reference" / "data" / "api_prices.csv").write_text("")  # tables are no names and no rules
    assert fresh() in seen


def test_what_was_staged_is_applied_by_a_later_call_that_gets_304(world):
    refresh(world, 1)

    line = lines(refresh(world, 2, "--apply"))["skypilot/fine"]

    assert (line["outcome"], line["applied"], line["counts"]["added"]) == ("not-modified", True, 3)
    assert {(row[2], row[3]) for row in prices(world, "fine")} == {("2026-12-01", None)}


def test_twice_brings_nothing_new(world):
    refresh(world, 1, "--apply")
    refresh(world, 2, "--apply")
    before = everything(world)

    report = refresh(world, 2, "--apply")

    assert everything(world) == before
    assert (report["rows"]["added"], report["rows"]["changed"], report["rows"]["ended"]) == (0, 0, 0)
    assert not before["reference_staged"]


def test_applying_at_once_and_looking_first_end_alike(world, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("aiwire.toml", "1.warc.gz", "2.warc.gz", "news.db"):
        (other / name).write_bytes((world / name).read_bytes())
    for number in (1, 2):
        refresh(world, number, "--apply")
        refresh(other, number)
        refresh(other, number, "--apply")

    assert everything(other) == everything(world)


def test_an_older_archive_takes_no_place_of_newer_prices(world):
    refresh(world, 2, "--apply")
    held = "SELECT region, ondemand_usd_per_gpu_hour FROM cloud_prices WHERE provider = ? AND superseded_at IS NULL"
    before = prices(world, "changed", held)

    line = lines(refresh(world, 1, "--apply", "--source", "skypilot/changed"))["skypilot/changed"]

    assert line["counts"]["outranked"] == 1
    assert set(before) <= set(prices(world, "changed", held))


def test_an_older_archive_ends_nothing_that_was_read_later(world):
    later = three((20.0, 22.0, 24.0, 26.0, 28.0, 23.0, 25.0))
    archive(world / "3.warc.gz", SECOND, {"skypilot/fine": later})
    refresh(world, 3, "--apply", "--source", "skypilot/fine")

    (line,) = refresh(world, 1, "--apply", "--source", "skypilot/fine")["lines"]

    assert (line["counts"]["ended"], line["suspicious"]) == (0, None)
    held = "SELECT count(*) FROM cloud_prices WHERE provider = ? AND superseded_at IS NULL"
    assert prices(world, "fine", held) == [(7,)]


# ---------------------------------------------------------------- held back


@pytest.fixture(params=["empty", "halved"])
def shrunk(world, request):
    """A folder where the archive 3 has a document that has lost its rows, or most of them, as its ETag tells."""
    refresh(world, 1, "--apply", "--source", "skypilot/changed")
    left = {"empty": skypilot(), "halved": three((20.0,))}[request.param]
    archive(world / "3.warc.gz", SECOND, {"skypilot/changed": left}, etags={"skypilot/changed": '"2"'})
    return world


def again(folder, *more):
    (line,) = refresh(folder, 3, "--source", "skypilot/changed", *more)["lines"]
    return line


def state_of(folder):
    (state,) = rows(folder / "news.db", "SELECT outcome, error, etag FROM reference_sources")
    return state


@pytest.mark.parametrize("first", [[], ["--allow-loss"], ["--apply"]])
@pytest.mark.parametrize("second", [[], ["--apply"]])
def test_a_document_that_is_held_back_is_read_whole_and_held_back_again(shrunk, first, second):
    again(shrunk, *first)
    line = again(shrunk, *second)

    assert (line["outcome"], line["applied"]) == ("staged", False)
    assert state_of(shrunk) == ("staged", line["suspicious"], None)
    assert {row[3] for row in prices(shrunk, "changed")} == {None}


@pytest.mark.parametrize("first", [[], ["--apply"]])
def test_a_document_that_was_held_back_is_applied_when_its_loss_is_allowed_and_then_it_is_as_any_other(shrunk, first):
    again(shrunk, *first)
    line = again(shrunk, "--apply", "--allow-loss")

    assert line["applied"]
    assert line["counts"]["ended"] >= 2
    assert state_of(shrunk) == ("staged", None, '"2"')
    assert again(shrunk)["outcome"] == "not-modified"


def test_a_document_is_asked_for_whole_when_its_loss_is_allowed(world):
    for _ in range(2):
        line = lines(refresh(world, 1, "--apply", "--allow-loss"))["skypilot/fine"]
        assert line["outcome"] == "staged"


def test_the_status_says_why_a_document_is_held_back_and_how_to_apply_it(shrunk):
    reason = again(shrunk, "--apply")["suspicious"]

    said = call("status", "--db", shrunk / "news.db").stdout
    again(shrunk, "--apply", "--allow-loss")
    later = call("status", "--db", shrunk / "news.db").stdout

    assert "HELD BACK" in said
    assert f"skypilot/changed: {reason}; " in said
    assert "--source skypilot/changed --apply --allow-loss" in said
    assert "HELD BACK" not in later
    assert reason not in later
