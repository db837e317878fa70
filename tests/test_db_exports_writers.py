"""Tables as bytes: what spreadsheets, pandas, DuckDB and LibreOffice make of them."""

import csv
import io
import json
import shutil
import subprocess
import sys
from datetime import date

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.exports import writers
from db.exports.table import Column, Table, frames, schema
from db.exports.writers import FORMATS, write_table

COLUMNS = (
    Column("day", "date", "ISO date", "A day."),
    Column("name", "text", "", "A name."),
    Column("number", "integer", "things", "How many."),
    Column("ratio", "real", "share", "How much.", null="unknown"),
    Column("flag", "boolean", "0 or 1", "Whether."),
)
ROWS = [("2026-11-16", "a", 1, 0.25, 1), ("2026-11-23", None, None, None, None), (None, 'b "c", d\ne', -3, 1e-9, 0)]


def table(rows, columns=COLUMNS, *, size=20_000):
    return Table("t", columns, ("day",), frames(columns, rows, size=size), {})


def written(rows, form, columns=COLUMNS, *, excel=False, size=20_000):
    out = io.BytesIO()
    assert write_table(table(rows, columns, size=size), out, form, excel=excel) == len(rows)
    return out.getvalue()


def duck(data, path):
    path.write_bytes(data)
    return duckdb.sql(f"SELECT * FROM '{path}'")


def test_a_csv_has_a_header_line_feeds_and_quotes_only_where_they_are_needed():
    assert written(ROWS, "csv").decode() == (
        "day,name,number,ratio,flag\n"
        "2026-11-16,a,1,0.250000,1\n"
        "2026-11-23,,,,\n"
        ',"b ""c"", d\ne",-3,0.000000,0\n'
    )  # fmt: skip


def test_a_json_is_one_array_with_a_row_on_each_line():
    text = written(ROWS, "json").decode()

    assert json.loads(text) == [
        {"day": "2026-11-16", "name": "a", "number": 1, "ratio": 0.25, "flag": 1},
        {"day": "2026-11-23", "name": None, "number": None, "ratio": None, "flag": None},
        {"day": None, "name": 'b "c", d\ne', "number": -3, "ratio": 0.0, "flag": 0},
    ]
    assert len(text.splitlines()) == len(ROWS) + 2


def test_an_empty_table_is_a_header_alone(tmp_path):
    assert written([], "csv") == b"day,name,number,ratio,flag\n"
    assert json.loads(written([], "json")) == []
    found = duck(written([], "parquet"), tmp_path / "t.parquet")
    assert (found.columns, found.fetchall()) == ([column.name for column in COLUMNS], [])


def test_pandas_reads_numbers_as_numbers_without_options():
    rows = [*ROWS, ("2026-11-30", "NaN", 7, float("nan"), 1), ("2026-12-07", "x", 10**12, float("inf"), 1)]

    frame = pd.read_csv(io.BytesIO(written(rows, "csv")), parse_dates=["day"])

    assert pd.api.types.is_datetime64_any_dtype(frame["day"])
    assert all(pd.api.types.is_numeric_dtype(frame[name]) for name in ("number", "ratio", "flag"))
    assert frame["ratio"].isna().tolist() == [False, True, False, True, True]


def test_pandas_reads_a_column_that_is_always_there_as_integers():
    frame = pd.read_csv(io.BytesIO(written([ROWS[0]], "csv")), parse_dates=["day"])

    assert str(frame["number"].dtype) == "int64"


def test_duckdb_reads_the_parquet_with_real_types(tmp_path):
    found = duck(written(ROWS, "parquet"), tmp_path / "t.parquet")

    assert dict(zip(found.columns, map(str, found.types), strict=True)) == {
        "day": "DATE", "name": "VARCHAR", "number": "BIGINT", "ratio": "DOUBLE", "flag": "BIGINT",
    }  # fmt: skip
    assert found.fetchall() == [
        (date(2026, 11, 16), "a", 1, 0.25, 1),
        (date(2026, 11, 23), None, None, None, None),
        (None, 'b "c", d\ne', -3, 0.0, 0),
    ]


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", " =1", "\n+1", "\u00a0@x", "\ufeff=1", "\u200b-1", "＝1", "＠x"],
)
def test_no_cell_of_a_csv_is_a_formula_and_other_formats_hold_the_text_as_it_is(text, tmp_path):
    rows = [("2026-11-16", text, 1, 1, 1)]

    [cells] = csv.DictReader(io.StringIO(written(rows, "csv").decode(), newline=""))

    assert cells["name"] == f"'{text}"
    assert json.loads(written(rows, "json"))[0]["name"] == text
    assert duck(written(rows, "parquet"), tmp_path / "t.parquet").fetchall()[0][1] == text


@pytest.mark.parametrize("text", ["a=1", "x-1", "'=1", "mail@example.org", "−1", '"=1'])
def test_a_text_that_is_no_formula_stays_as_it_is(text):
    [cells] = csv.DictReader(io.StringIO(written([("2026-11-16", text, 1, 1, 1)], "csv").decode(), newline=""))

    assert cells["name"] == text


def test_no_header_is_a_formula():
    columns = (COLUMNS[0], Column("=1", "real", "", ""))

    assert written([("2026-11-16", 0.5)], "csv", columns) == b"day,'=1\n2026-11-16,0.500000\n"


def test_negative_numbers_are_numbers():
    assert written([("2026-11-16", "a", -3, -0.5, 1)], "csv").endswith(b"2026-11-16,a,-3,-0.500000,1\n")
    assert written([("2026-11-16", "a", -3, -1e-9, 1)], "csv").endswith(b"2026-11-16,a,-3,0.000000,1\n")  # no -0


def test_an_empty_text_is_a_cell_that_is_not_known(tmp_path):
    rows = [("2026-11-16", "", 1, 1, 1)]

    assert written(rows, "csv").endswith(b"\n2026-11-16,,1,1.000000,1\n")
    assert json.loads(written(rows, "json"))[0]["name"] is None
    assert duck(written(rows, "parquet"), tmp_path / "t.parquet").fetchall()[0][1] is None


def test_excel_gets_a_byte_order_mark_before_the_same_bytes():
    plain = written(ROWS, "csv")

    assert written(ROWS, "csv", excel=True) == b"\xef\xbb\xbf" + plain
    assert b"\r" not in plain


CELLS = st.tuples(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)).map(str),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(-(2**63), 2**63 - 1) | st.none(),
    st.floats(-1e9, 1e9) | st.none(),
    st.sampled_from([0, 1, None]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, max_size=20))
def test_what_is_written_is_what_is_read(rows):
    found = list(csv.reader(io.StringIO(written(rows, "csv").decode(), newline="")))[1:]
    records = json.loads(written(rows, "json"))
    parquet = pl.read_parquet(io.BytesIO(written(rows, "parquet"))).rows()

    for row, cells, record, typed in zip(rows, found, records, parquet, strict=True):
        day, text, number, ratio, flag = row
        assert (cells[0], record["day"], str(typed[0])) == (day, day, day)
        assert cells[1] in (text, f"'{text}")
        assert record["name"] == typed[1] == (text or None)
        assert (cells[2], record["number"], typed[2]) == ("" if number is None else str(number), number, number)
        if ratio is None:
            assert (cells[3], record["ratio"], typed[3]) == ("", None, None)
        else:
            assert float(cells[3]) == pytest.approx(ratio, abs=5.1e-7, rel=1e-12)
            assert float(cells[3]) == pytest.approx(record["ratio"], abs=1e-9)
            assert record["ratio"] == typed[3]
        assert (cells[4], record["flag"], typed[4]) == ("" if flag is None else str(flag), flag, flag)


@pytest.mark.parametrize("form", FORMATS)
def test_the_size_of_the_chunks_does_not_show_in_the_file(form, monkeypatch):
    rows = [(f"2026-01-{day:02}", f"n{day}", day, day / 7, day % 2) for day in range(1, 29)]
    whole = written(rows, form)

    monkeypatch.setattr(writers, "CHUNK_ROWS", 5)

    assert written(rows, form, size=1) == written(rows, form, size=3) == written(rows, form) == whole


def test_every_chunk_is_counted_for_the_eye():
    counted = []

    write_table(table(ROWS, size=2), io.BytesIO(), "csv", step=counted.append)

    assert sum(counted) == 3


MEMORY = """
import io, resource, sys
import polars as pl
from db.exports.table import Column, Table
from db.exports.writers import write_table

def rows(chunks):
    for start in range(0, chunks * 20_000, 20_000):
        number = pl.int_range(start, start + 20_000, eager=True)
        yield pl.DataFrame({"number": number, "text": "https://example.org/" + number.cast(pl.String)})

class Nothing(io.RawIOBase):
    def write(self, data): return len(data)

columns = (Column("number", "integer", "", ""), Column("text", "text", "", ""))
peaks = []
for chunks in (10, 250):
    write_table(Table("t", columns, ("number",), rows(chunks), {}), Nothing(), sys.argv[1])
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print(peaks[1] - peaks[0])
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_longer_table_takes_no_more_memory(form):
    done = subprocess.run([sys.executable, "-P", "-c", MEMORY, form], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 60  # MiB; as frames, the 240 chunks more take about 200


def test_frames_are_typed_and_no_larger_than_asked():
    found = list(frames(COLUMNS, iter(ROWS), size=2))

    assert [frame.height for frame in found] == [2, 1]
    assert all(dict(frame.schema) == schema(COLUMNS) for frame in found)


def test_libreoffice_reads_as_many_rows_as_there_are(tmp_path):
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("needs LibreOffice (soffice)")
    rows = [(f"2026-01-{day:02}", name, day, day / 7, 1) for day in range(1, 29) for name in ("=1+1", "é,\n", "英伟达")]
    (tmp_path / "in.csv").write_bytes(written(rows, "csv", excel=True))

    subprocess.run(
        [program, f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless",
         "--infilter=Text - txt - csv (StarCalc):44,34,76,1",  # comma, quote, UTF-8: what its dialogue proposes
         "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1", "--outdir", tmp_path / "out",
         tmp_path / "in.csv"],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip

    with (tmp_path / "out" / "in.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(rows)
    assert list(found[0]) == [column.name for column in COLUMNS]  # the mark is no part of the first name
    assert {row["name"].lstrip("'") for row in found} == {"=1+1", "é,\n", "英伟达"}
