"""CSV from strangers: what is whole is read, what is not is named, and nothing else comes out than a ParseError."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_catalogs import csv_bytes

from aiwire.exceptions import ParseError
from ingest.catalogs import csvfile
from ingest.catalogs.cells import BadCellError, count_of, gigabytes_of, name_of, price_of
from ingest.catalogs.csvfile import read_table
from ingest.catalogs.tpu import tpu_slice

URL = "https://prices.example.org/a.csv"
WANTED = ("name", "price")


def _read(body, required=WANTED):
    return read_table(body, required=required, url=URL)


def _cells(table):
    return [record.cells for record in table.records]


def test_columns_are_found_by_name_in_any_order_and_case():
    table = _read(b" Price ,Extra,NAME\n1.5,x, a \n")

    assert _cells(table) == [{"price": "1.5", "extra": "x", "name": "a"}]
    assert table.columns == ("price", "extra", "name")


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, b""], ids=["with-mark", "plain"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(mark, end):
    body = mark + f'name,price{end}"Zürich, CH",2{end}{end}b,3{end}'.encode()

    assert _cells(_read(body)) == [{"name": "Zürich, CH", "price": "2"}, {"name": "b", "price": "3"}]


def test_utf_16_is_read_by_its_mark():
    assert _cells(_read("name,price\na,1\n".encode("utf-16"))) == [{"name": "a", "price": "1"}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b"", "an empty body instead of CSV", id="empty"),
        pytest.param(b" \r\n\t ", "an empty body instead of CSV", id="blank"),
        pytest.param(
            b"<!doctype html><title>Sign  in</title><p>x", "an HTML or XML page instead of CSV, which says: Sign in",
            id="html",
        ),
        pytest.param(
            b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "which says: AccessDenied", id="s3-error"
        ),
        pytest.param(b'{"message": "Not Found"}', "JSON instead of CSV", id="json"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer", id="lfs"),
        pytest.param(b"PK\x03\x04....", "a zip archive instead of CSV", id="zip"),
        pytest.param(b"\x1f\x8b\x08\x00", "gzip data instead of CSV", id="gzip"),
        pytest.param(b"name,price\na\0b,1\n", "NUL characters", id="nul"),
        pytest.param(b"name,price\n\xff\xfe,1\n", "not CSV in UTF-8: invalid start byte at byte 11", id="latin"),
        pytest.param(b"404: Not Found\n", "the head has no column name, price; it has: 404: not found", id="text"),
        pytest.param(b"name,cost\na,1\n", "the head has no column price", id="other-columns"),
        pytest.param(b"name,price,name\na,1,b\n", "the head has a column twice: name", id="twice"),
        pytest.param(b'name,price\na,"1\nb,2\nc,3\n', "no whole CSV: unexpected end of data", id="quote-never-closed"),
        pytest.param(b'name,price\n"a"b,1\n', "no whole CSV", id="text-after-a-quote"),
        pytest.param(b"name,price\na,1\nb", "cut short: the last line (3) is no whole row of 2 cells", id="half-row"),
        pytest.param(b"name,price\na\nb\nc,1\n", "2 of 3 rows do not fit the head (line 2: 1 cells", id="ragged"),
        pytest.param(b",".join(b"c%d" % n for n in range(200)) + b"\n", "200 columns", id="columns"),
        pytest.param(b"name,price\n" + b'"' + b"x" * 200_000 + b'",1\n', "no whole CSV: field larger", id="huge-cell"),
    ],
)  # fmt: skip
def test_what_is_no_csv_is_said(body, message):
    with pytest.raises(ParseError) as caught:
        _read(body)

    assert message in str(caught.value)
    assert caught.value.url == URL


def test_the_caps_hold(monkeypatch):
    monkeypatch.setattr(csvfile, "MAX_ROWS", 3)
    monkeypatch.setattr(csvfile, "MAX_BYTES", 60)
    assert len(_read(b"name,price\na,1\nb,2\n").records) == 2
    with pytest.raises(ParseError, match="more than 3 rows"):
        _read(b"name,price\na,1\nb,2\nc,3\n")
    with pytest.raises(ParseError, match="61 bytes of CSV, at most 60 are read"):
        _read(b"name,price\n" + b"a,1\n" * 12 + b"b\n")


def test_a_row_that_does_not_fit_its_head_is_left_out_and_named():
    table = _read(b"name,price\na,1\nb\nc,1,2\n" + b"x" * 5_000 + b",1\nd,4\n" + b"e,5\n" * 3)

    assert [cells["name"] for cells in _cells(table)] == ["a", "d", "e", "e", "e"]
    assert [(row.line, row.reason) for row in table.skipped] == [
        (3, "1 cells, the head has 2"),
        (4, "3 cells, the head has 2"),
        (5, "a cell of more than 4,000 characters"),
    ]


def test_a_last_row_without_a_line_end_may_be_cut_and_is_left_out():
    table = _read(b"name,price\na,1\nb,2.2")

    assert [cells["name"] for cells in _cells(table)] == ["a"]
    assert [(row.line, row.reason) for row in table.skipped] == [
        (3, "the file ends without a line end: its last row may be cut")
    ]


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(str.strip).filter(bool)


@given(st.lists(st.fixed_dictionaries({"name": NAMES, "price": NAMES})))
def test_what_was_written_is_read(rows):
    assert _cells(_read(csv_bytes(WANTED, rows))) == rows


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda tail: b"name,price\n" + tail))
def test_any_bytes_are_rows_or_a_parse_error(body):
    try:
        table = _read(body)
    except ParseError:
        return
    assert all(set(WANTED) <= set(record.cells) for record in table.records)


@given(st.lists(st.fixed_dictionaries({"name": NAMES, "price": NAMES}), min_size=1), st.data())
def test_a_file_that_is_cut_gives_whole_rows_or_an_error(rows, data):
    body = csv_bytes(WANTED, rows)
    try:
        table = _read(body[: data.draw(st.integers(0, len(body)))])
    except ParseError:
        return
    assert _cells(table) == rows[: len(table.records)]


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "None", "null", "0", "0.00", "-0.0", "-"])
def test_a_price_that_is_not_said_is_none(cell):
    assert price_of(cell) is None


@pytest.mark.parametrize(
    "cell", ["-1", "inf", "-inf", "1e400", "1_000", "٣", "1,5", "$2", "2 USD", "0x10", "1e99", "9999999", "1" * 50]
)
def test_a_price_that_cannot_be_one_is_refused(cell):
    with pytest.raises(BadCellError):
        price_of(cell)


@given(st.text() | st.floats().map(repr))
def test_a_price_is_positive_and_finite_or_none(cell):
    try:
        price = price_of(cell)
    except BadCellError:
        return
    assert price is None or 0 < price <= 1_000_000


def test_counts_are_whole():
    assert [count_of(cell) for cell in ("8", "8.0", "", "0", "nan")] == [8, 8, 0, 0, 0]
    for cell in ("0.5", "-1", "inf", "1e9", "eight"):
        with pytest.raises(BadCellError):
            count_of(cell)


def test_memory_is_a_hint_and_never_an_error():
    assert [gigabytes_of(cell) for cell in ("80.0", "79.63", "0", "", "-4", "inf", "many", "99999")] == [
        80.0, 79.6, None, None, None, None, None, None,
    ]  # fmt: skip


def test_names_are_short_and_printable():
    assert (name_of("p5.48xlarge", "x"), name_of("", "x")) == ("p5.48xlarge", None)
    for cell in ("a\nb", "x" * 200, "\x1b[2J"):
        with pytest.raises(BadCellError, match="no usable region"):
            name_of(cell, "region")


@pytest.mark.parametrize(
    ("name", "chips"),
    [
        ("tpu-v2-8", ("tpu-v2", 4)),
        ("tpu-v3-32", ("tpu-v3", 16)),
        ("TPU-v4-8", ("tpu-v4", 4)),
        ("tpu-v5p-3840", ("tpu-v5p", 1920)),
        ("v5p-8", ("tpu-v5p", 4)),
        ("v5litepod-4", ("tpu-v5litepod", 4)),
        ("tpu-v6e-64", ("tpu-v6e", 64)),
        ("H100", None),
        ("V100-32GB", None),
        ("v100-32", None),
    ],
)
def test_a_slice_name_tells_its_chips(name, chips):
    assert tpu_slice(name) == chips


@pytest.mark.parametrize("name", ["tpu-v5p-7", "tpu-v6e-0", "tpu-v9x-16", "tpu7x-16", "tpu-v4", "tpu"])
def test_a_slice_whose_chips_are_not_known_is_refused(name):
    with pytest.raises(BadCellError):
        tpu_slice(name)
