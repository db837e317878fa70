"""Reference files, shipped and users': what is read, and what is said of a file that cannot be used."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_files import CARBON, FACT, MODEL, OFFER, ONE_OF_EACH, TARIFF, content

from aiwire.exceptions import ConfigError, InputError
from db.reference import OBSERVATIONS, TABLES, describe_columns, files, read_rows, template

TODAY = "2026-11-23"


def users(table, data, **more):
    return read_rows(table, data, name="mine.csv", users=True, **more)


def refused(table, data, **more):
    """Return what is said of a user's file."""
    with pytest.raises(InputError) as caught:
        users(table, data, **more)
    return str(caught.value)


@pytest.mark.parametrize("table", TABLES)
def test_a_shipped_row_is_read_with_the_types_of_its_table(table):
    [row] = read_rows(table, content(table, ONE_OF_EACH[table]), name="x.csv")

    assert list(row) == list(TABLES[table])
    assert {name: value for name, value in row.items() if value is not None} == {
        name: value for name, value in ONE_OF_EACH[table][0].items() if value != ""
    } | ({"applies_to": ""} if table == "tco_defaults" else {})


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("ondemand_usd_per_gpu_hour", "0", "must be greater than 0; leave it empty if it is unknown"),
        ("ondemand_usd_per_gpu_hour", "-1", "must be greater than 0"),
        ("ondemand_usd_per_gpu_hour", "1,234.50", "must be a number such as 1234.5: no thousands separators"),
        ("ondemand_usd_per_gpu_hour", "2,5", "must be a number such as 1234.5"),
        ("ondemand_usd_per_gpu_hour", "$2.50", "must be a number such as 1234.5"),
        ("ondemand_usd_per_gpu_hour", "nan", "must be a number"),
        ("ondemand_usd_per_gpu_hour", "inf", "must be a number"),
        ("ondemand_usd_per_gpu_hour", "1e999", "too large to be true"),
        ("ondemand_usd_per_gpu_hour", "1_000", "must be a number"),
        ("ondemand_usd_per_gpu_hour", "２", "must be a number"),
        ("gpu_count", "0", "must be 1 or more"),
        ("gpu_count", "8.0", "must be a whole number"),
        ("gpu_count", "1" * 30, "must be a whole number"),
        ("provider", "My Cloud", "must be small letters and digits"),
        ("provider", "", "must not be empty: who rents it out"),
        ("price_date", "2026-02-30", "must be a date that exists"),
        ("price_date", "23.11.2026", "must be a date that exists"),
        ("as_of", "2026-11", "must be a date such as 2026-11-23"),
        ("as_of", "", "must not be empty: day on which the source was read"),
        ("source", "", "must not be empty: where it can be read up"),
        ("source", "x" * 301, "has 301 characters; at most 300 are kept"),
        ("region", "x" * 2001, "has 2001 characters; at most 2000 are read"),
        ("region", "a\nb", "must be one line without control characters"),
        ("region", "a\x9b31mb", "must be one line without control characters"),
        ("region", "a\u202egnp.exe", "must be one line without control characters or marks of direction"),
        ("region", "a\u2028b", "must be one line without control characters"),
    ],
)
def test_a_wrong_cell_is_said_with_line_column_and_what_is_accepted(column, cell, message):
    rows = [OFFER, OFFER | {"region": "s", column: cell}]

    said = refused("cloud_prices", content("cloud_prices", rows, columns=[*OFFER, "price_date"]))

    assert said.startswith(f"mine.csv:3: {column} ")
    assert message in said
    assert len(said) < 200


@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("electricity_prices", TARIFF | {"country": "Germany"}, "two capital letters of ISO 3166-1, such as DE"),
        ("electricity_prices", TARIFF | {"year": "25"}, "must be a year from 1940 to 2100"),
        ("accelerator_facts", FACT | {"standing": "use"}, "must be one of used, differs, rejected; did you mean used?"),
        ("accelerator_facts", FACT | {"fact": "memory"}, "did you mean memory_"),
        ("accelerator_facts", FACT | {"unit": "GB/s"}, "the unit of memory_gb must be GB"),
        ("accelerator_facts", FACT | {"value": "80 GB"}, "memory_gb '80 GB': must be a number"),
        ("accelerator_facts", FACT | {"fact": "status", "value": "sold", "unit": ""}, "status 'sold': must be one of"),
        ("accelerator_facts", FACT | {"fact": "status", "value": "available"}, "the unit of status must be left empty"),
        ("accelerator_facts", FACT | {"fact": "release_date", "value": "May", "unit": ""}, "release_date 'May': must"),
        ("model_shapes", ONE_OF_EACH["model_shapes"][0] | {"full_layers": -1}, "must not be below 0"),
    ],
)  # fmt: skip
def test_cells_of_all_kinds_say_what_is_accepted(table, row, message):
    assert message in refused(table, content(table, [row], columns=row))


def test_all_errors_of_a_file_are_said_at_once_up_to_a_limit():
    bad = [OFFER | {"region": f"r{i}", "gpu_count": 0} for i in range(50)]

    said = refused("cloud_prices", content("cloud_prices", bad[:3], columns=OFFER)).splitlines()
    many = refused("cloud_prices", content("cloud_prices", bad, columns=OFFER)).splitlines()

    assert [line.split(": ")[0] for line in said] == ["mine.csv:2", "mine.csv:3", "mine.csv:4"]
    assert len(many) == files.MAX_ERRORS + 1
    assert many[-1] == "mine.csv: reading stopped after 20 errors"


def test_a_users_file_may_order_its_columns_leave_some_out_and_be_from_a_spreadsheet():
    columns = ["country", "source", "usd_per_kwh", "sector", "year"]
    row = {name: TARIFF[name] for name in columns}
    plain = content("electricity_prices", [row], columns=columns)
    expected = [dict.fromkeys(TABLES["electricity_prices"]) | row | {"as_of": TODAY}]

    for data in (
        plain,
        b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"),
        content("electricity_prices", [row], columns=columns, delimiter=";") + b";;;;\n",
        content("electricity_prices", [row], columns=columns, delimiter="\t") + b"\n",
        plain.replace(b"country,", b' "country" ,'.replace(b" ", b"")),
    ):
        assert users("electricity_prices", data, as_of=TODAY) == expected


def test_a_users_file_without_dates_needs_a_day_of_reading():
    columns = [name for name in TARIFF if name != "as_of"]
    data = content("electricity_prices", [{name: TARIFF[name] for name in columns}], columns=columns)

    assert "the column as_of is missing" in refused("electricity_prices", data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "mine.csv:1: is empty; `aiwire reference template grid_carbon` prints the columns"),
        (b"<!DOCTYPE html>\n<html>", "mine.csv:1: there is no column '<!DOCTYPE html>'"),
        (b"Country,year,g_co2e_per_kwh,source\n", "there is no column 'Country'; did you mean 'country'?"),
        (b"country,year,source\n", "the column g_co2e_per_kwh is missing"),
        (b"country,year,year,g_co2e_per_kwh,source\n", "the column 'year' is there 2 times"),
        (b"country,year,g_co2e_per_kwh,source,implausible\n", "a column 'implausible' is not accepted"),
        (b"country,year,g_co2e_per_kwh,source\nDE,2024,350\n", "mine.csv:2: has 3 cells, the head has 4"),
        (b"country,year,g_co2e_per_kwh,source\nDE,2024,350,a,b\n", "mine.csv:2: has 5 cells, the head has 4"),
        (b'country,year,g_co2e_per_kwh,source\nDE,2024,350,"a\n', "mine.csv:2: unexpected end of data"),
        (b'country,year,g_co2e_per_kwh,source\nDE,2024,350,"a"b\n', "mine.csv:2: "),
        (b"country,year,g_co2e_per_kwh,source\nDE,20\x0024,350,a\n", "mine.csv:2: holds a NUL byte"),
        (b"country,year,g_co2e_per_kwh,source\nDE,2024,350,caf\xe9\n", "mine.csv:2: is not UTF-8 (byte 0xe9)"),
        ("country,year".encode("utf-16"), "mine.csv: is UTF-16; save it as CSV in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_place(data, message):
    assert message in refused("grid_carbon", data, as_of=TODAY)


def test_limits_are_said_before_anything_is_kept(monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 200)
    monkeypatch.setattr(files, "MAX_ROWS", 2)
    rows = [CARBON | {"year": year} for year in range(2000, 2004)]

    assert "at most 200 are read: split the file" in refused("grid_carbon", content("grid_carbon", rows))
    monkeypatch.setattr(files, "MAX_BYTES", 20_000)
    assert "mine.csv:4: more than 2 rows; split the file" in refused(
        "grid_carbon", content("grid_carbon", rows, columns=CARBON)
    )


def test_the_line_of_an_error_is_right_after_cells_with_line_breaks():
    rows = [CARBON | {"note": "two\nlines"}, CARBON | {"year": 0}]

    said = refused("grid_carbon", content("grid_carbon", rows, columns=[*CARBON, "note"])).splitlines()

    assert [line.split(":")[1] for line in said] == ["2", "4"]


def test_an_id_that_nobody_has_is_refused_with_the_nearest():
    data = content("cloud_prices", [OFFER], columns=OFFER)

    assert users("cloud_prices", data, ids={"accelerators": {"acme-x1-pcie"}})
    assert "mine.csv:2: accelerator_id 'acme-x1-pcie' is not in accelerators; did you mean 'acme-x1-sxm'?" in refused(
        "cloud_prices", data, ids={"accelerators": {"acme-x1-sxm"}}
    )


def test_two_rows_of_one_key_are_refused_unless_the_users_prices_have_dates():
    twice = [MODEL | {"price_date": "2026-01-01"}, MODEL | {"price_date": "2026-05-01"}]
    columns = list(twice[0])

    assert len(users("api_prices", content("api_prices", twice, columns=columns))) == 2
    assert "mine.csv:3: talky, talk-1, 2026-01-01 was there before, in line 2" in refused(
        "api_prices", content("api_prices", [twice[0], twice[0]], columns=columns)
    )
    with pytest.raises(
        ConfigError, match=r"x\.csv:3: talky, talk-1 was there before, in line 2; only one row can hold"
    ):
        read_rows("api_prices", content("api_prices", twice), name="x.csv")
    read_rows("api_prices", content("api_prices", [twice[0] | {"superseded_at": "2026-05-01"}, twice[1]]), name="x.csv")


@pytest.mark.parametrize(
    ("column", "day"),
    [("as_of", "2062-11-23"), ("as_of", "2026-11-24"), ("price_date", "2026-11-24"), ("price_date", "2026-12"),
     ("price_date", "2027")],
)  # fmt: skip
def test_a_users_row_from_a_day_to_come_is_refused_with_its_line(column, day):
    said = refused("cloud_prices", content("cloud_prices", [OFFER, OFFER | {"region": "b", column: day}], columns=[
        *OFFER, *({column} - OFFER.keys())]), as_of=TODAY)  # fmt: skip

    assert said == f"mine.csv:3: {column} {day} is after 2026-11-23: it must be today or before"


@pytest.mark.parametrize("day", ["2026-11-23", "2026-11", "2026"])
def test_a_users_price_may_be_of_today_or_of_this_month_or_year(day):
    row = OFFER | {"as_of": TODAY, "price_date": day}

    assert users("cloud_prices", content("cloud_prices", [row], columns=[*row]), as_of=TODAY)[0]["price_date"] == day


@pytest.mark.parametrize("source", ["-", "x", "me"])
def test_a_source_that_says_nothing_is_refused_in_a_users_file(source):
    said = refused("cloud_prices", content("cloud_prices", [OFFER | {"source": source}], columns=[*OFFER]))

    assert said == f"mine.csv:2: source {source!r}: say where the value is from: an address, a contract"


def test_a_history_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_HISTORY", 2)
    dated = [MODEL | {"price_date": f"2026-0{month}-01"} for month in range(1, 6)]

    said = refused("api_prices", content("api_prices", dated, columns=dated[0]))

    assert said == "mine.csv:4: more than 2 prices of talky, talk-1; leave the oldest out"


def test_a_shipped_file_must_have_exactly_its_columns():
    with pytest.raises(ConfigError, match=r"x\.csv:1: the columns must be country, year, g_co2e_per_kwh, source, note"):
        read_rows("grid_carbon", content("grid_carbon", [CARBON], columns=CARBON), name="x.csv")


def test_tables_that_users_may_not_import_are_named():
    said = refused("accelerators", b"id\n")

    assert "there is no table 'accelerators' for imports" in said
    assert all(table in said for table in OBSERVATIONS)


@pytest.mark.parametrize("table", OBSERVATIONS)
def test_a_template_with_the_examples_filled_in_can_be_imported(table):
    columns = {column["column"]: column for column in describe_columns(table)}
    assert template(table).rstrip("\n").split(",") == list(columns)
    assert template(table).count("\n") == 1
    assert all(column["meaning"] for column in columns.values())

    example = {name: column["example"] for name, column in columns.items()}
    [row] = users(table, content(table, [example], columns=columns), as_of=TODAY)
    assert row["source"] == "https://example.org/prices"
    needed = {name: cell for name, cell in example.items() if columns[name]["required"] or name == "unit"}
    assert len(users(table, content(table, [needed], columns=needed), as_of=TODAY)) == 1


cells = st.text(max_size=20) | st.sampled_from(["DE", "2024", "350", "1e5", "", '"', ",", "\0", "2026-11-23", "\ufeff"])


@given(st.binary(max_size=200) | st.lists(st.lists(cells, max_size=6), max_size=6))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_rows_or_a_clear_error(document):
    if isinstance(document, list):
        text = io.StringIO()
        csv.writer(text).writerows([["country", "year", "g_co2e_per_kwh", "source"], *document])
        document = text.getvalue().encode("utf-8", "surrogatepass")
    said = None
    try:
        rows = users("grid_carbon", document, as_of=TODAY)
    except InputError as e:
        said, rows = str(e), []

    assert said is None or all(line.startswith("mine.csv") for line in said.splitlines())
    assert all(list(row) == list(TABLES["grid_carbon"]) and row["g_co2e_per_kwh"] >= 0 for row in rows)


names = st.text("abcdefgh ü,;\"'", min_size=1, max_size=20).map(str.strip).filter(bool)


@given(
    st.lists(
        st.tuples(names, names, st.integers(1, 10**6), st.floats(1e-6, 1e6)), max_size=8, unique_by=lambda row: row[:3]
    ),
    st.sampled_from(",;\t"),
)
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back(rows, delimiter):
    given_rows = [
        OFFER | {"region": region, "instance_type": kind, "gpu_count": count, "ondemand_usd_per_gpu_hour": price}
        for region, kind, count, price in rows
    ]

    read = users("cloud_prices", content("cloud_prices", given_rows, columns=OFFER, delimiter=delimiter))

    assert [{name: row[name] for name in OFFER} for row in read] == given_rows
