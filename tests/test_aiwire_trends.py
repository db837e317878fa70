"""`aiwire trends`: says whether the stored trends are what the tags give, and puts them right."""

from contextlib import closing

import pytest
from click.testing import CliRunner
from db_rows import article, make_db, save

from aiwire.cli import cli
from aiwire.exceptions import DatabaseError
from db.connection import open_existing
from db.dump import dump_rows


@pytest.fixture
def path(tmp_path):
    db = make_db(tmp_path / "news.db")
    save(db, article("a", "NVIDIA sells the H100 to keep the TCO low."), article("b"))
    db.close()
    return tmp_path / "news.db"


def trends(path, *options):
    return CliRunner().invoke(cli, ["trends", "--db", str(path), *options], catch_exceptions=False)


def rows(path):
    with closing(open_existing(path)) as db:
        return dump_rows(db)


def spoil(path, *statements):
    with closing(open_existing(path)) as db:
        for statement in statements:
            db.execute(statement)
    return rows(path)


def test_trends_that_are_right_are_left_as_they_are(path):
    trends(path)  # loads the reference tables, too
    before = rows(path)

    checked, done = trends(path, "--check"), trends(path)

    assert (checked.exit_code, checked.stdout) == (0, "trends of 1 week counted anew; they are as stored\n")
    assert (done.exit_code, done.stdout) == (0, "trends of 1 week rolled up anew; they were as stored\n")
    assert rows(path) == before


def test_a_check_tells_how_many_rows_differ_and_changes_none(path):
    spoilt = spoil(
        path,
        "UPDATE trends_daily SET articles = 7 WHERE entity_id = 'nvidia' AND segment = 'all'",
        "DELETE FROM cooccurrence_weekly WHERE entity_b = 'tco'",
    )

    done = trends(path, "--check")

    assert done.exit_code == 1
    assert done.stderr == "aiwire: trends of 1 week: 3 rows differ from what the tags say; run `aiwire trends`\n"
    assert rows(path) == spoilt


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM period_totals WHERE grain = 'day' AND segment = 'all'", "1 row differed and was put right"),
        ("DELETE FROM period_totals WHERE grain = 'day'", "3 rows differed and were put right"),
        ("INSERT INTO trends_monthly VALUES ('tco', 'owned', '2001-01-01', 1, 1, 1, 1, 1, 1, 1)", "1 row differed"),
    ],
)
def test_what_is_wrong_is_put_right_and_told(path, statement, said):
    trends(path)
    before = rows(path)
    spoil(path, statement)

    done = trends(path)

    assert done.exit_code == 0
    assert said in done.stdout
    assert rows(path) == before


def test_without_a_database_there_is_nothing_to_check_and_none_is_made(tmp_path):
    with pytest.raises(DatabaseError, match="there is no such database"):
        trends(tmp_path / "news.db", "--check")

    assert list(tmp_path.iterdir()) == []
