"""Capitalised names in raw text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.names import Named, name_at, name_before, name_lists, trimmed

ENDS = frozenset({"the", "on", "monday", "said", "ai"})


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Quorvex Labs raised", "Quorvex Labs"),
        ("iQuor AI and others", "iQuor AI"),
        ("7Quor's chips", "7Quor"),
        ("Quor.ai, a firm", "Quor.ai"),
        ("Éclair Énergie grew", "Éclair Énergie"),
        ("Quor & Vex LLP", "Quor & Vex LLP"),
        ("quorvex", None),
    ],
)
def test_a_name_begins_with_a_capital_and_goes_on_over_capitals(raw: str, name: str | None) -> None:
    assert name_at(raw, 0) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("On Monday Quorvex Labs", "On Monday Quorvex Labs"),
        ("he asked Quorvex", "Quorvex"),
        ("(see Quorvex", "Quorvex"),
        ("first line\nQuorvex Labs", "Quorvex Labs"),
        ("Nvidia, Quorvex", "Quorvex"),
        ("One Two Three Four Five", "Two Three Four Five"),
        ("Quor & Vex", "Quor & Vex"),
        ("and & Vex", "Vex"),
        ("he said", None),
        ("", None),
    ],
)
def test_the_name_before_a_place_is_the_longest_of_four_words(raw: str, name: str | None) -> None:
    found = name_before(raw, len(raw))

    assert found == (Named(name, raw.index(name)) if name else None)


@pytest.mark.parametrize(
    ("name", "after", "left"),
    [
        ("The Quorvex", True, "Quorvex"),
        ("On Monday Quorvex", True, "Quorvex"),
        ("Quorvex CEO Ada Bar", True, "Quorvex"),
        ("Quorvex CEO Ada Bar", False, "Ada Bar"),
        ("Boston-based Quorvex", True, "Quorvex"),
        ("AI-powered Quorvex", True, "Quorvex"),
        ("Quorvex Inc.", True, "Quorvex"),
        ("Quorvex GmbH", True, "Quorvex"),
        ("Quorvex's", True, "Quorvex"),
        ("Quorvex AI", True, "Quorvex AI"),
        ("New Quorvex", True, "New Quorvex"),
        ("Monday", True, ""),
    ],
)
def test_what_is_no_part_of_a_name_is_cut_from_it(name: str, after: bool, left: str) -> None:
    cut = trimmed(Named(name, 10), ENDS, after=after)

    assert cut.name == left
    assert not left or cut.start == 10 + name.index(left)


def test_lists_are_found_with_tickers_and_whatever_joins_the_last() -> None:
    raw = "Rivals are Quor (NYSE: QUO), Vex Labs, Zorn and Plim. Ada and Bob left. quor, vex"

    lists = [[item.name for item in items] for items in name_lists(raw, 0, len(raw))]

    assert lists == [["Quor", "Vex Labs", "Zorn", "Plim"], ["Ada", "Bob"]]


def test_two_names_that_may_be_one_are_left_out_of_a_list() -> None:
    raw = "The publishers are Quor, Vex, and Plim and Zorn."

    assert [[item.name for item in items] for items in name_lists(raw, 0, len(raw))] == [["Quor", "Vex"]]


@pytest.mark.parametrize("unit", ["A", "Foo ", "Foo, ", "A & ", "A'", "1", "Foo-", "Foo (BAR), ", "Foo and "])
def test_no_text_makes_the_search_for_lists_slow(unit: str) -> None:
    raw = unit * (100_000 // len(unit))
    started = time.thread_time()

    for _ in name_lists(raw, 0, len(raw)):
        pass

    assert time.thread_time() - started < 2


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("AbC &,.-'()\nÉ1"), max_size=60), st.booleans())
def test_a_name_is_what_the_text_has_at_its_place(raw: str, after: bool) -> None:
    for end in range(len(raw) + 1):
        if (found := name_before(raw, end)) is not None:
            assert raw[found.start : end] == found.name
            assert 1 <= len(found.name.split(" ")) <= 4
            cut = trimmed(found, ENDS, after=after)
            assert raw[cut.start : cut.start + len(cut.name)] == cut.name
    for items in name_lists(raw, 0, len(raw)):
        assert items == sorted(items, key=lambda item: item.start)
        assert all(raw.startswith(item.name, item.start) for item in items)
