"""What a refresh holds back, leaves aside and refuses: losses, unknown names, choices, bugs, hostile text."""

import json

import pytest
from price_site import (
    H100,
    NAMES,
    SECOND,
    archive,
    call,
    gpuhunt,
    lines,
    prices,
    refresh,
    settings_of,
    skypilot,
    three,
    two_weeks,
)


@pytest.fixture
def world(tmp_path):
    """A folder with settings, a database and two archives, a week apart."""
    return two_weeks(tmp_path)


# ---------------------------------------------------------------- losses


def _loss(world, offers, name="3"):
    archive(world / f"{name}.warc.gz", SECOND, {"skypilot/fine": skypilot(*offers)})
    return world


def test_a_document_that_lost_most_of_its_offers_is_held_back(world):
    refresh(world, 1, "--apply")
    _loss(world, [("h8", "H100-SXM", 8, 20.0, "", "region-0")])

    report = refresh(world, 3, "--apply", "--source", "skypilot/fine")

    assert report["lines"][0]["suspicious"] == "it lacks 2 of the 3 rows that it had before"
    assert report["documents"]["held_back"] == 1
    assert {row[3] for row in prices(world, "fine")} == {None}


def test_it_is_applied_when_that_is_asked_for(world):
    refresh(world, 1, "--apply")
    _loss(world, [("h8", "H100-SXM", 8, 20.0, "", "region-0")])

    report = refresh(world, 3, "--apply", "--allow-loss", "--source", "skypilot/fine")

    assert report["lines"][0]["applied"]
    assert [row[3] for row in prices(world, "fine")] == [None, "2026-12-01", "2026-12-01"]


def test_an_empty_catalogue_is_held_back(world):
    refresh(world, 1, "--apply")
    _loss(world, [])

    (line,) = refresh(world, 3, "--apply", "--source", "skypilot/fine")["lines"]

    assert "no row that can be used" in line["suspicious"]
    assert not line["applied"]


def test_a_first_document_that_is_cut_off_does_not_end_the_shipped_copy(world):
    settings_of(world, "skypilot/lambda", "skypilot/vast")
    row = ("gpu_1x_h100", "H100-SXM", 1, 2.5, "", "r")
    archive(
        world / "3.warc.gz",
        SECOND,
        {"skypilot/lambda": skypilot(row), "skypilot/vast": skypilot(("x", "HAL9000", 1, 2.0, "", "r"))},
    )
    held = "SELECT count(*) FROM cloud_prices WHERE provider = ? AND superseded_at IS NULL"
    before = [prices(world, provider, held) for provider in ("lambda", "vast")]

    report = refresh(world, 3, "--apply")

    assert "of them shipped, and sells nothing like these" in report["lines"][0]["suspicious"]
    assert "no row that can be used, and had" in report["lines"][1]["suspicious"]
    assert [prices(world, provider, held) for provider in ("lambda", "vast")] == before
    assert report["documents"]["held_back"] == 2


# ---------------------------------------------------------------- names, settings, choices


def test_a_jump_that_the_user_knows_to_be_right_is_taken_and_holds_from_then_on(world):
    refresh(world, 1, "--apply")
    for number, day in ((3, 1), (4, 8)):
        archive(
            world / f"{number}.warc.gz", SECOND.replace(day=day), {"skypilot/implausible": three((20.0, 0.8, 24.0))}
        )
    source = ("--source", "skypilot/implausible", "--apply")
    refresh(world, 3, *source)
    held = """SELECT ondemand_usd_per_gpu_hour FROM cloud_prices WHERE provider = ? AND region = 'region-1'
              AND superseded_at IS NULL AND implausible IS NULL"""
    assert prices(world, "implausible", held) == [(2.75,)]

    refresh(world, 3, *source, "--accept-implausible")

    assert prices(world, "implausible", held) == [(0.1,)]
    refresh(world, 4, *source)
    assert prices(world, "implausible", held) == [(0.1,)]


def test_prices_that_look_wrong_are_not_accepted_of_everybody(world):
    result = call("refresh", "--db", world / "news.db", "--config", world / "aiwire.toml", "--accept-implausible")

    assert "goes with --source" in result.exception.format_message()


def test_names_that_no_part_has_are_counted_and_not_guessed(world):
    _loss(
        world,
        [("x1", "HAL9000", 1, 2.0, "", "r"), ("x2", "HAL9000", 2, 4.0, "", "r"), ("h", "H100-SXM", 1, 2.5, "", "r")],
    )

    (line,) = refresh(world, 3, "--source", "skypilot/fine")["lines"]

    assert line["unknown"] == {"HAL9000": 2}
    assert line["counts"]["added"] == 1


def test_two_spellings_of_a_part_in_one_instance_give_its_cheapest_offer_with_a_note(world):
    _loss(world, [("h", "H100-SXM", 1, 2.5, "", "r"), ("h", "H100_SXM", 1, 2.4, "", "r")])

    (line,) = refresh(world, 3, "--source", "skypilot/fine")["lines"]

    (row,) = line["added"]
    assert row["ondemand_usd_per_gpu_hour"] == 2.4
    assert row["note"] == "the cheapest of 2 offers under this name"


def test_a_catalogue_or_a_document_can_be_asked_for_alone(world):
    assert [line["name"] for line in refresh(world, 1, "--source", "skypilot")["lines"]] == list(NAMES)
    assert [line["name"] for line in refresh(world, 1, "--source", "ours")["lines"]] == ["ours"]


def test_a_source_that_is_not_in_the_settings_is_an_error_that_names_those_that_are(world):
    result = call("refresh", "--config", world / "aiwire.toml", "--db", world / "news.db", "--source", "azure")

    assert result.exception.exit_code == 2
    assert "skypilot/fine" in result.exception.format_message()


def test_what_the_archive_lacks_is_a_failure_of_its_own(world):
    archive(world / "3.warc.gz", SECOND, {"skypilot/fine": three()})

    report = lines(refresh(world, 3))

    assert report["skypilot/changed"]["outcome"] == "not-in-archive"
    assert report["skypilot/fine"]["outcome"] == "staged"


def test_strict_makes_a_failure_exit_status_1(world):
    arguments = ("refresh", "--config", world / "aiwire.toml", "--db", world / "news.db", "--strict")

    assert call(*arguments, "--replay", world / "1.warc.gz").exception is None
    assert call(*arguments, "--replay", world / "2.warc.gz").exception.code == 1


def test_a_users_own_price_outranks_the_catalogue(world):
    head = "provider,region,instance_type,accelerator_id,gpu_count,ondemand_usd_per_gpu_hour,source\n"
    (world / "mine.csv").write_text(f"{head}fine,region-0,h8,{H100},8,2.1,our contract\n")
    call(
        "import",
        world / "mine.csv",
        "--table",
        "cloud_prices",
        "--apply",
        "--db",
        world / "news.db",
        "--now",
        "2026-11-23T00:00:00Z",
    )

    line = lines(refresh(world, 1, "--apply"))["skypilot/fine"]

    held = """SELECT ondemand_usd_per_gpu_hour FROM cloud_prices
              WHERE provider = ? AND region = 'region-0' AND superseded_at IS NULL"""
    assert prices(world, "fine", held) == [(2.1,)]
    assert (line["counts"]["added"], line["counts"]["outranked"]) == (2, 1)


def test_a_cloud_that_moves_to_the_other_catalogue_leaves_no_old_offers_behind(world):
    refresh(world, 1, "--apply")
    settings_of(world, "gpuhunt/fine")
    offers = [("h8", f"region-{n}", price, 8, "H100", 80, "False") for n, price in enumerate((20.0, 22.0))]
    archive(world / "3.warc.gz", SECOND, {"gpuhunt/fine": gpuhunt(*offers)})

    refresh(world, 3, "--apply")

    assert [row[:4] for row in prices(world, "fine")][-1] == ("region-2", 3.0, "2026-11-24", "2026-12-01")
    assert [row[3] for row in prices(world, "fine")] == [None, None, "2026-12-01"]


def test_a_bug_that_one_document_meets_is_told_and_stops_no_other(world, monkeypatch):
    from aiwire.pipeline.prices import catalogs

    resolve = catalogs.names.resolve

    def stumble(catalog, name, memory_gb, *, provider, instance_type):
        if provider == "changed":
            raise ZeroDivisionError("oops")
        return resolve(catalog, name, memory_gb, provider=provider, instance_type=instance_type)

    monkeypatch.setattr(catalogs.names, "resolve", stumble)
    result = call(
        "refresh", "--config", world / "aiwire.toml", "--db", world / "news.db", "--replay", world / "1.warc.gz",
        "--apply", "--json",
    )  # fmt: skip

    report = json.loads(result.stdout)
    assert result.exception.code == 1
    assert report["internal_errors"] == 1
    assert "please report it: ZeroDivisionError: oops" in lines(report)["skypilot/changed"]["error"]
    assert sum(line["applied"] for line in report["lines"]) == 6


def test_what_strangers_write_does_not_reach_the_terminal_as_it_is(world):
    _loss(world, [("\x1b[31mred", "HAL\x1b[2J", 1, 2.0, "", "r"), ("h\x1b]0;x", "H100-SXM", 1, 9000.0, "", "\x1b[0m")])

    result = call(
        "refresh", "--config", world / "aiwire.toml", "--db", world / "news.db", "--replay", world / "3.warc.gz",
        "--source", "skypilot/fine",
    )  # fmt: skip

    assert result.exception is None
    assert "\x1b" not in result.output


def test_settings_without_any_document_are_an_error_with_a_remedy(world):
    settings_of(world)

    result = call("refresh", "--config", world / "aiwire.toml", "--db", world / "news.db")

    assert "set gpuhunt_catalogs" in str(result.exception)


def test_the_table_for_eyes_has_a_row_per_document_and_the_changes_below(world):
    refresh(world, 1, "--apply")

    result = call(
        "refresh", "--config", world / "aiwire.toml", "--db", world / "news.db", "--replay", world / "2.warc.gz"
    )

    assert all(name in result.stdout for name in NAMES)
    assert "ondemand 2.75 -> 1.375 (-50.0%)" in result.stdout
    assert "outside of" in result.stdout
    assert result.stdout.splitlines()[-1].startswith(
        "7 documents: 0 added, 1 changed, 1 ended, 1 implausible (not used); nothing"
    )
    assert "skypilot/vanished: gone: HTTP 404 Not Found; its prices stay" in result.stderr
