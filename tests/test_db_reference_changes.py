"""Staged rows against rows that hold: what is added, changed, ended, left alone, or looks like a broken document."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.reference.changes import compare
from db.reference.tables import KEYS, key_of, observations_of

TABLE = "cloud_prices"


def offer(instance="p5", price=4.0, **values):
    return {
        "provider": "aws", "region": "us-east-1", "instance_type": instance, "accelerator_id": "nvidia-h100-sxm5-80gb",
        "gpu_count": 8, "ondemand_usd_per_gpu_hour": price, "spot_usd_per_gpu_hour": None,
        "reserved_1y_usd_per_gpu_hour": None, "reserved_3y_usd_per_gpu_hour": None, "price_date": None,
        "source": "https://prices.example/aws.csv", "note": None, "as_of": "2026-11-23", "implausible": None,
        "origin": "skypilot", "superseded_at": None,
    } | values  # fmt: skip


def held(*args, origin="skypilot", **values):
    return offer(*args, origin=origin, **values)


def changes(staged, current=()):
    return compare(TABLE, staged, current, is_own=lambda row: row["origin"] in ("skypilot", "shipped"))


def test_a_row_that_nobody_had_is_added():
    found = changes([offer()])

    assert (found.added, found.changed, found.ended, found.suspicious) == ((offer(),), (), (), None)


def test_a_row_that_says_the_same_another_day_from_another_place_is_unchanged():
    found = changes([offer(as_of="2026-12-01", source="https://elsewhere.example", note="new words")], [held()])

    assert len(found.unchanged) == 1
    assert (found.added, found.changed, found.ended) == ((), (), ())


def test_a_change_names_column_old_and_new_value_and_how_much():
    (change,) = changes([offer(price=3.0)], [held(price=4.0)]).changed

    (cell,) = change.cells
    assert (cell.column, cell.old, cell.new, cell.ratio) == ("ondemand_usd_per_gpu_hour", 4.0, 3.0, 0.75)


def test_a_price_that_appears_or_goes_has_no_ratio():
    (change,) = changes([offer(price=None, spot_usd_per_gpu_hour=1.5)], [held()]).changed

    assert [(cell.column, cell.ratio) for cell in change.cells] == [
        ("ondemand_usd_per_gpu_hour", None),
        ("spot_usd_per_gpu_hour", None),
    ]


def test_the_biggest_change_comes_first_up_or_down():
    staged = [offer("a", 4.4), offer("b", 1.0), offer("c", 8.0)]
    found = changes(staged, [held("a", 4.0), held("b", 4.0), held("c", 4.0)])

    assert [change.new["instance_type"] for change in found.changed] == ["b", "c", "a"]


def test_an_own_row_that_the_document_lacks_has_ended_and_others_rows_have_not():
    current = [held("a"), held("b"), held("c"), held("other", origin="gpuhunt"), held("old", origin="shipped")]
    found = changes([offer("a"), offer("b")], current)

    assert [row["instance_type"] for row in found.ended] == ["c", "old"]
    assert found.suspicious is None


def test_an_implausible_row_changes_nothing_and_ends_nothing():
    found = changes([offer("a", 400.0, implausible="too dear")], [held("a")])

    assert [row["implausible"] for row in found.implausible] == ["too dear"]
    assert (found.changed, found.ended, found.suspicious) == ((), (), None)


def test_a_row_that_counts_for_more_stays():
    found = changes([offer(price=3.0)], [held(origin="import:ours")])

    assert len(found.outranked) == 1
    assert (found.added, found.changed, found.ended) == ((), (), ())


def test_a_row_that_counts_for_more_and_says_the_same_is_no_news():
    found = changes([offer()], [held(origin="import:ours")])

    assert (len(found.unchanged), found.outranked) == (1, ())


@pytest.mark.parametrize(("left", "suspicious"), [(4, False), (2, False), (1, True), (0, True)])
def test_a_document_that_lost_more_than_half_of_its_rows_is_suspicious(left, suspicious):
    current = [held(name) for name in "abcd"]
    found = changes([offer(name) for name in "abcd"[:left]], current)

    assert bool(found.suspicious) == suspicious
    assert len(found.ended) == 4 - left


def test_an_empty_document_says_that_it_is_empty():
    assert changes([], [held()]).suspicious == "it has no row that can be used, and had 1 before"


def test_a_document_without_a_row_that_can_be_used_is_suspicious_whatever_was_before():
    assert changes([]).suspicious == "it has no row that can be used"
    assert "had 3 before" in changes([], [held(name, origin="shipped") for name in "abc"]).suspicious


def test_a_first_document_that_most_of_the_shipped_copy_is_missing_from_is_suspicious():
    current = [held(name, origin="shipped", gpu_count=count) for count, name in enumerate("abc", 1)]

    found = changes([offer("new")], [*current, held("d")])

    assert found.suspicious == (
        "it lacks 4 of the 4 rows that it had before, 3 of them shipped, and sells nothing like these"
    )
    assert len(found.ended) == 4


def test_a_first_document_that_names_offers_otherwise_than_the_shipped_copy_is_not_suspicious():
    current = [held(name, origin="shipped", gpu_count=count) for count, name in enumerate("abc", 1)]

    found = changes([offer("other", gpu_count=1), offer("other", gpu_count=2)], current)

    assert (len(found.ended), found.suspicious) == (3, None)


def test_reserved_prices_stand_beside_others_of_an_offer():
    reserved = held(None, None, reserved_1y_usd_per_gpu_hour=2.4, origin="shipped", source="an article")
    current = [held(None, 4.0), reserved]

    found = compare(TABLE, [offer(None, 3.0)], current, is_own=lambda row: row["origin"] == "skypilot")

    (change,) = found.changed
    assert [cell.column for cell in change.cells] == ["ondemand_usd_per_gpu_hour"]
    assert found.ended == ()


def test_of_a_history_in_one_file_the_newest_price_is_compared():
    old, new = offer(price=5.0, price_date="2026-01-01"), offer(price=4.0, price_date="2026-06-01")
    for staged in ([old, new], [new, old]):
        found = changes(staged, [held(price=4.0, price_date="2026-06-01")])

        assert (found.unchanged, found.past) == ((new,), (old,))


# ---------------------------------------------------------------- properties

PRICES = st.one_of(st.none(), st.floats(0.01, 1000))
OFFERS = st.builds(
    offer, st.sampled_from("abcdef"), PRICES, implausible=st.sampled_from([None, None, None, "wrong"]),
    price_date=st.sampled_from([None, "2026-01-01", "2026-02-01"]),
)  # fmt: skip
HELD = st.lists(
    st.builds(held, st.sampled_from("abcdef"), PRICES, origin=st.sampled_from(["skypilot", "shipped", "import:ours"])),
    unique_by=lambda row: key_of(TABLE, row),
)


@given(st.lists(OFFERS), HELD)
def test_every_staged_row_becomes_exactly_one_thing(staged, current):
    found = changes(staged, current)

    parts = [*found.added, *(c.new for c in found.changed), *found.unchanged, *found.outranked, *found.past]
    assert sorted(map(repr, [*parts, *found.implausible])) == sorted(map(repr, staged))


@given(st.lists(OFFERS), HELD)
def test_nothing_ends_that_the_document_has_or_that_is_not_its_own(staged, current):
    keys = {key_of(TABLE, row) for row in staged}

    for row in changes(staged, current).ended:
        assert key_of(TABLE, row) not in keys
        assert row["origin"] in ("skypilot", "shipped")


@given(st.lists(OFFERS, unique_by=lambda row: key_of(TABLE, row)))
def test_once_its_rows_hold_a_document_brings_no_more_news(staged):
    sound = [row for row in staged if not row["implausible"]]

    found = changes(staged, [row | {"origin": "skypilot"} for row in sound])

    assert len(found.unchanged) == len(sound)
    assert (found.added, found.changed, found.ended, bool(found.suspicious)) == ((), (), (), not staged)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_ratio_is_a_number_above_0_or_not_said(old, new):
    found = changes([offer(price=new)], [held(price=old)])

    for change in found.changed:
        assert 0 <= change.size < math.inf
        assert all(cell.ratio is None or 0 < cell.ratio < math.inf for cell in change.cells)


@given(st.lists(PRICES, min_size=4, max_size=4))
def test_the_pieces_of_an_offer_say_together_what_it_says_and_have_keys_of_their_own(rates):
    columns = [column for column in offer() if column.endswith("_usd_per_gpu_hour")]
    row = offer(**dict(zip(columns, rates, strict=True)))

    pieces = observations_of(TABLE, row)

    assert len({key_of(TABLE, piece) for piece in pieces}) == len(pieces)
    assert all(observations_of(TABLE, piece) == [piece] for piece in pieces)
    for column, value in row.items():
        said = [piece[column] for piece in pieces if piece[column] is not None]
        assert set(said) == ({value} if value is not None else set())
        assert len(said) <= 1 or column not in columns


def test_the_key_of_an_offer_is_what_the_tables_say():
    assert key_of(TABLE, offer()) == tuple(offer()[column] for column in KEYS[TABLE])
