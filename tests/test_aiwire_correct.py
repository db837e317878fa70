"""`aiwire correct` as a user calls it, on the bundled archive; corrections as CSV."""

import csv
import io
import json
import shutil
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aiwire.cli import cli
from aiwire.exceptions import ConfigError, InputError
from aiwire.paths import package_file
from aiwire.pipeline.correctionfile import COLUMNS, KINDS, checked, read_corrections, write_corrections
from aiwire.sample.build import CAPTURES
from aiwire.types import Correction, iso
from db.connection import open_existing
from db.dump import dump_rows

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
SAMPLE = package_file("sample", "sample.warc.gz")
GAUDI = "https://chipledger.example/posts/intel-prices-gaudi-3"
BRAMLEY = "https://chipledger.example/posts/off-duty-bramley"
EDITED = "https://chipledger.example/posts/meta-orders-six-gigawatts"
STARGATE = "https://sovereigncloud.example/news/2025/stargate-half-a-trillion/"
COPY = "https://wire.example/2025/01/21/stargate-project/"


def aiwire(*args):
    """Run a command in this process and return what it prints."""
    words = [*map(str, args), "--now", iso(NOW)] if "--now" not in args else [*map(str, args)]
    return CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)


def failing(error, *args):
    """Run a command that must raise `error`; return its message."""
    result = CliRunner().invoke(cli, [*map(str, args), "--now", iso(NOW)], standalone_mode=False)
    assert isinstance(result.exception, error), result.exception or result.output
    return str(getattr(result.exception, "message", result.exception))


def run(*days, db="news.db", force=True):
    for day in days:
        forced = ["--force"] if force else []
        sources = package_file("sample", "sources.toml")
        aiwire("run", "--db", db, "--sources", sources, "--replay", SAMPLE, *forced, "--now", iso(day))


@pytest.fixture(scope="module")
def first_day(tmp_path_factory):
    """The bundled archive as of its first day."""
    path = tmp_path_factory.mktemp("sample") / "news.db"
    run(CAPTURES[0], db=path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, first_day):
    """An own folder with that database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shutil.copy(first_day, tmp_path / "news.db")
    return tmp_path


def rows(sql, *values, path="news.db"):
    with closing(open_existing(path)) as db:
        return db.execute(sql, values).fetchall()


def dumped(path="news.db"):
    with closing(open_existing(path)) as db:
        return dump_rows(db)


def tag_of(url, entity, path="news.db"):
    sql = """
        SELECT about, role, count, evidence, correction FROM article_entities
        JOIN articles ON articles.id = article_id WHERE url = ? AND entity_id = ?
    """
    found = rows(sql, url, entity, path=path)
    return found[0] if found else None


# ---------------------------------------------------------------- the commands


def test_a_wrong_tag_is_gone_at_once_from_tags_and_trends_and_comes_back_when_undone():
    before = dumped()
    weekly = "SELECT sum(articles) FROM trends_weekly WHERE entity_id = 'tsmc' AND segment = 'all'"
    [(articles,)] = rows(weekly)

    said = aiwire("correct", "tag", GAUDI + "?utm_source=rss", "tsmc", "--wrong", "--note", "only in the footer")

    assert said.stdout == f"{GAUDI}: no tag tsmc\n"
    assert tag_of(GAUDI, "tsmc") is None
    assert rows(weekly) == [(articles - 1,)]
    assert "tsmc" not in aiwire("export", "trends", "--since", "2024-06-03", "--until", "2024-06-09").stdout
    assert aiwire("correct", "undo", GAUDI, "--entity", "tsmc").stdout == f"{GAUDI}: 1 taken back\n"
    assert dumped() == before


def test_a_missing_tag_counts_in_trends_and_says_who_made_it():
    sentence = rows("SELECT substr(text, 1, instr(text, '.')) FROM articles WHERE url = ?", BRAMLEY)[0][0]

    aiwire("correct", "tag", BRAMLEY, "energy", "--missing", "--about", "--evidence", f"  {sentence}\n")

    assert tag_of(BRAMLEY, "energy") == (1, "subject", 1, sentence, "added")
    [(rule, confidence)] = rows("SELECT rule, confidence FROM mentions WHERE entity_id = 'energy'"
                                " AND article_id = (SELECT id FROM articles WHERE url = ?)", BRAMLEY)  # fmt: skip
    assert (rule, confidence) == ("correction", 1.0)
    exported = aiwire("export", "trends", "--entity", "energy", "--since", "2025-10-20", "--until", "2025-10-26").stdout
    assert [row["articles_about"] for row in csv.DictReader(io.StringIO(exported))] == ["1"]


def test_about_alone_is_put_right_by_the_option_alone_and_keeps_what_was_said_before():
    article_id = rows("SELECT id FROM articles WHERE url = ?", GAUDI)[0][0]
    assert tag_of(GAUDI, "nvidia")[:2] == (0, "mention")
    sentence = tag_of(GAUDI, "nvidia")[3]

    aiwire("correct", "tag", article_id, "nvidia", "--evidence", sentence, "--note", "why")
    said = aiwire("correct", "tag", article_id, "nvidia", "--about")

    assert "nvidia, about it" in said.stdout
    assert tag_of(GAUDI, "nvidia")[:2] == (1, "subject")
    [kept] = json.loads(aiwire("correct", "list", GAUDI, "--json").stdout)
    assert kept == {
        "url": GAUDI, "kind": "missing-tag", "entity": "nvidia", "about": True, "value": "", "evidence": sentence,
        "note": "why", "made_at": iso(NOW), "stored": True,
    }  # fmt: skip
    aiwire("correct", "tag", article_id, "nvidia", "--not-about")
    assert tag_of(GAUDI, "nvidia")[:2] == (0, "mention")


def test_a_date_moves_the_article_and_a_later_run_leaves_it_there():
    said = aiwire("correct", "date", EDITED, "2026-01-05")

    assert said.stdout == f"{EDITED}: of 2026-01-05T00:00:00Z\n"
    for _ in range(2):
        assert rows("SELECT published_at, week, date_source FROM articles WHERE url = ?", EDITED) == [
            ("2026-01-05T00:00:00Z", "2026-01-05", "correction")
        ]
        assert rows("SELECT articles FROM trends_weekly WHERE entity_id = 'meta' AND period_start = '2026-01-05'"
                    " AND segment = 'all'") == [(1,)]  # fmt: skip
        run(CAPTURES[1])  # the feed stamps it anew, the page is read again
    aiwire("correct", "undo", EDITED)
    run(CAPTURES[1], db="plain.db")  # the same day alone
    dates = "SELECT published_at, dated_at, week, date_source FROM articles WHERE url = ?"
    assert rows(dates, EDITED) == rows(dates, EDITED, path="plain.db")


def test_what_is_said_of_a_story_takes_effect_at_once_and_holds_through_retags_and_runs():
    before = dumped()
    stories = "SELECT articles, publishers FROM stories WHERE articles > 1"
    assert rows(stories) == [(2, 2)]

    said = aiwire("correct", "story", BRAMLEY, "--same-as", STARGATE.removesuffix("/"), "--note", "no news")

    assert said.stdout == f"{BRAMLEY}: a story of 3 articles, led by {COPY}\n"
    assert aiwire("correct", "story", COPY, "--own").stdout == f"{COPY}: a story of its own\n"
    for _ in range(2):
        assert rows(stories) == [(2, 2)]
        assert rows("SELECT title FROM articles JOIN stories ON stories.id = articles.id WHERE articles > 1") == rows(
            "SELECT title FROM articles WHERE url = ?", STARGATE
        )
        aiwire("tag", "--all")
        run(CAPTURES[0])
    lines = [line.split("\t") for line in aiwire("correct", "list").stdout.splitlines()]
    assert lines[0] == [*COLUMNS, "stored"]
    assert [(line[0], line[1], line[4], line[6]) for line in lines[1:]] == [
        (BRAMLEY, "wrong-story", STARGATE, "no news"),
        (COPY, "wrong-story", "own", ""),
    ]
    aiwire("correct", "undo", COPY, "--kind", "wrong-story")
    aiwire("correct", "undo", BRAMLEY)
    assert told(dumped()) == told(before)


def told(dump):
    """Return what a dump says of stories and trends."""
    return {table: rows for table, rows in dump.items() if table.startswith(("stor", "trends", "period", "cooccur"))}


def test_what_is_said_of_the_story_of_an_untagged_article_waits(folder):
    sources = package_file("sample", "sources.toml")
    aiwire("fetch", "--db", "raw.db", "--sources", sources, "--replay", SAMPLE, "--now", iso(CAPTURES[0]))

    said = aiwire("correct", "story", BRAMLEY, "--same-as", STARGATE, "--db", "raw.db")

    assert "takes effect when `aiwire tag` has tagged the articles" in said.stdout
    aiwire("tag", "--db", "raw.db")
    assert rows("SELECT max(articles) FROM stories", path="raw.db") == [(3,)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("tag", GAUDI, "nvidai", "--missing"), "did you mean 'nvidia'?"),
        (("tag", GAUDI, "Hewlett Packard Enterprise", "--missing"), "did you mean 'hpe'?"),
        (("tag", GAUDI, " ", "--missing"), "names an entity by its id"),
        (("tag", GAUDI, "zzzzzzzzzzzz", "--missing"), "the table `entities` has all ids"),
        (("tag", GAUDI, "NVIDIA", "--missing"), "did you mean 'nvidia'?"),
        (("tag", GAUDI, "nvdia", "--wrong"), "did you mean 'nvidia'?"),
        (("tag", GAUDI, "openai", "--wrong"), "has no tag 'openai'"),
        (("tag", BRAMLEY, "nvidia", "--wrong"), "it has none"),
        (("tag", GAUDI, "openai", "--not-about"), "--missing adds one"),
        (("tag", GAUDI, "nvidia", "--missing", "--evidence", "It never said so."), "a sentence of its title or text"),
        (("tag", BRAMLEY, "nvidia", "--missing"), "give the sentence"),
        (("tag", BRAMLEY, "energy", "--missing"), "give the sentence"),
        (("tag", "https://example.org/none", "nvidia", "--missing"), "there is no article"),
        (("tag", "17", "nvidia", "--missing"), "there is no article '17'"),
        (("tag", "9" * 30, "nvidia", "--missing"), "there is no article"),
        (("tag", GAUDI, "nvidia", "--about", "--note", "x" * 2001), "at most 2000 characters"),
        (("date", "https://example.org/none", "2026-03-01"), "there is no article"),
        (("date", GAUDI, "2026-11-24"), "still to come"),
        (("story", GAUDI, "--same-as", "https://example.org/none"), "there is no article"),
        (("story", GAUDI, "--same-as", GAUDI), "another article"),
        (("undo", GAUDI), "nothing like that was put right"),
        (("undo", "https://example.org/none"), "there is no article"),
        (("list", "https://example.org/none"), "there is no article"),
    ],
)
def test_what_cannot_be_put_right_is_an_error_with_a_remedy_and_changes_nothing(args, message):
    before = dumped()

    assert message in failing(InputError, "correct", *args)
    assert dumped() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("tag", GAUDI, "nvidia"), "say what is to be put right"),
        (("tag", GAUDI, "nvidia", "--wrong", "--missing"), "--wrong stands alone"),
        (("tag", GAUDI, "nvidia", "--wrong", "--not-about"), "--wrong stands alone"),
        (("date", GAUDI, "yesterday"), "no ISO 8601 time"),
        (("story", GAUDI), "one of --same-as and --own"),
        (("story", GAUDI, "--own", "--same-as", COPY), "one of --same-as and --own"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(args, message):
    import click

    assert message in failing(click.UsageError, "correct", *args)


def test_a_theme_is_not_added_where_themes_are_not_looked_for():
    with closing(open_existing("news.db")) as db:
        db.execute("UPDATE articles SET language = 'de' WHERE url = ?", [GAUDI])
        db.conn.commit()
    aiwire("tag", "--all")

    message = failing(InputError, "correct", "tag", GAUDI, "energy", "--missing", "--evidence", "Gaudi 3")

    assert "not in English" in message


# ---------------------------------------------------------------- kept through retags, taken elsewhere


def _put_everything_right():
    sentence = tag_of(EDITED, "meta")[3]
    aiwire("correct", "tag", GAUDI, "tsmc", "--wrong")
    aiwire("correct", "tag", EDITED, "energy", "--missing", "--about", "--evidence", sentence)
    aiwire("correct", "tag", EDITED, "nvidia", "--about")
    aiwire("correct", "tag", STARGATE, "nvidia-h100", "--missing", "--evidence", tag_of(STARGATE, "openai")[3])
    aiwire("correct", "date", EDITED, "2026-01-05")
    aiwire("correct", "story", COPY, "--own")


def test_a_fresh_database_with_the_imported_corrections_has_the_same_rows_and_retags_change_none():
    _put_everything_right()
    aiwire("correct", "export", "-o", "corrections.csv")
    run(CAPTURES[1])
    rows_here = dumped()
    assert tag_of(GAUDI, "tsmc") is None
    assert tag_of(EDITED, "energy")[:2] == (1, "subject")

    taken = aiwire("correct", "import", "corrections.csv", "--db", "fresh.db")
    run(*CAPTURES, db="fresh.db")

    assert taken.stdout == "6 new or changed, 0 kept already; 0 articles put right, 4 to come\n"
    assert dumped("fresh.db") == rows_here
    again = aiwire("correct", "import", "corrections.csv")
    assert again.stdout == "0 new or changed, 6 kept already; 0 articles put right, 0 to come\n"
    aiwire("tag", "--all")
    run(CAPTURES[1])
    assert dumped() == rows_here
    run(*CAPTURES, db="late.db")  # the corrections come last
    assert "4 articles put right, 0 to come" in aiwire("correct", "import", "corrections.csv", "--db", "late.db").stdout
    assert dumped("late.db") == rows_here


def test_undone_one_by_one_nothing_is_left():
    before = dumped()
    _put_everything_right()

    for url in (GAUDI, EDITED, STARGATE, COPY):
        aiwire("correct", "undo", url)

    assert dumped() == before


def test_what_waits_for_its_article_can_be_listed_and_taken_back(folder):
    (folder / "x.csv").write_text("url,kind,entity\nhttps://example.org/to-come?utm_source=x,wrong-tag,acme\n")
    aiwire("correct", "import", "x.csv")

    [one] = json.loads(aiwire("correct", "list", "--json").stdout)
    assert (one["url"], one["stored"]) == ("https://example.org/to-come", False)
    aiwire("correct", "undo", "https://example.org/to-come", "--kind", "wrong-tag")
    assert aiwire("correct", "list", "--json").stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("url,kind\nhttps://e.org/a,wrong\n", "x.csv:2: 'kind' is one of wrong-tag"),
        ("url,kind,entity\nftp://e.org/a,wrong-tag,nvidia\n", "x.csv:2: 'ftp://e.org/a' is no address"),
        ("url,kind,entity\nhttps://e.org/a,wrong-tag,\n", "x.csv:2: a wrong-tag names an entity by its id"),
        ("url,kind,entity\nhttps://e.org/a,missing-tag,nvdia\n", "x.csv:2: there is no entity 'nvdia'; did you mean"),
        ("url,kind,value\nhttps://e.org/a,wrong-date,01.03.2026\n", "x.csv:2: a wrong-date has the right one"),
        ("url,kind,value\nhttps://e.org/a,wrong-date,1066-03-01\n", "of the years 1990 to 2100"),
        ("url,kind,value\nhttps://e.org/a,wrong-date,2062-03-01\n", "x.csv:2: 2062-03-01T00:00:00Z was still to come"),
        ("url,kind,value\nhttps://e.org/a,wrong-story,\n", "x.csv:2: a wrong-story names another article"),
        ("url,kind,value\nhttps://e.org/a,wrong-story,b\n", "x.csv:2: 'b' is no address"),
        ("url,kind,entity,about\nhttps://e.org/a,missing-tag,nvidia,maybe\n", "x.csv:2: 'about' is 1, 0 or empty"),
        ("url,kind,entity,about\nhttps://e.org/a,wrong-tag,nvidia,1\n", "x.csv:2: a wrong-tag has no 'about'"),
        ("url,kind,made_at\nhttps://e.org/a,wrong-story,soon\n", "x.csv:2: 'made_at' is an ISO 8601 time"),
        ("url,kind,colour\nhttps://e.org/a,wrong-tag,red\n", "x.csv:1: there is no column 'colour'"),
        ("url;kind;entity\nhttps://e.org/a;wrong-tag;nvidia\n", "x.csv:1: there is no column 'url;kind;entity'"),
        ("url,entity\nhttps://e.org/a,nvidia\n", "x.csv:1: the column 'kind' is missing"),
        ("url,kind,kind\n", "x.csv:1: a column is named twice"),
        ("url,kind,entity\nhttps://e.org/a,wrong-tag\n", "x.csv:2: has 2 cells, the first line names 3"),
        ('url,kind,entity\nhttps://e.org/a,wrong-tag,"nv"idia\n', "x.csv:2: is no CSV"),
        ("", "x.csv: is empty"),
        (
            'url,kind,entity,note\nhttps://e.org/a,wrong-tag,nvidia,"two\nlines"\n\nhttp://e.org/a,missing-tag,nvidia,\n'
            "https://e.org/a,missing-tag,nvidia,\n",
            "x.csv:6: contradicts x.csv:2",
        ),
    ],
)
def test_a_file_with_an_error_is_refused_as_a_whole_and_the_line_is_named(folder, text, wanted):
    (folder / "x.csv").write_text(text, encoding="utf-8")

    assert wanted in failing(InputError, "correct", "import", "x.csv")
    assert rows("SELECT count(*) FROM corrections") == [(0,)]


def test_all_errors_of_a_file_are_told_and_what_is_right_in_it_is_not_taken(folder):
    bad = "".join(f"https://e.org/{n},missing-tag,nobody-{n}\n" for n in range(25))
    (folder / "x.csv").write_text(f"url,kind,entity\n{GAUDI},wrong-tag,tsmc\n{bad}")

    message = failing(InputError, "correct", "import", "x.csv").splitlines()

    assert [line.split(" ")[0] for line in message[:3]] == ["x.csv:3:", "x.csv:4:", "x.csv:5:"]
    assert (len(message), message[-1]) == (21, "and 5 lines more")
    assert tag_of(GAUDI, "tsmc") is not None


def test_a_file_that_is_not_utf_8_is_refused(folder):
    (folder / "x.csv").write_bytes("url,kind,note\nhttps://e.org/a,wrong-tag,Müller\n".encode("latin-1"))

    assert "is not UTF-8" in failing(InputError, "correct", "import", "x.csv")
    assert "cannot be read" in failing(InputError, "correct", "import", "none.csv")


def test_a_tag_that_nobody_knows_is_kept_with_a_warning_if_the_article_is_stored(folder):
    (folder / "x.csv").write_text(f"url,kind,entity\n{GAUDI},wrong-tag,nvdia\n")

    said = aiwire("correct", "import", "x.csv")

    assert "x.csv:2: no article has a tag 'nvdia'; did you mean 'nvidia'?; kept all the same" in said.stderr
    assert "1 new or changed" in said.stdout
    assert aiwire("correct", "import", "x.csv").stderr == ""


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (f"{GAUDI},missing-tag,nvidia,nope", "x.csv:3: " + GAUDI + " does not say 'nope'"),
        (f"{BRAMLEY},missing-tag,nvidia,", "x.csv:3: " + BRAMLEY + " does not name"),
    ],
)
def test_a_tag_that_is_not_in_a_stored_article_is_refused_as_by_the_command(folder, row, wanted):
    (folder / "x.csv").write_text(f"url,kind,entity,evidence\n{GAUDI},wrong-tag,tsmc,\n{row}\n")

    assert wanted in failing(InputError, "correct", "import", "x.csv")
    assert rows("SELECT count(*) FROM corrections") == [(0,)]


def test_evidence_for_an_article_to_come_that_it_does_not_hold_is_not_claimed(folder):
    (folder / "x.csv").write_text(f"url,kind,entity,evidence\n{BRAMLEY},missing-tag,energy,It never said so.\n")

    aiwire("correct", "import", "x.csv", "--db", "fresh.db")
    run(CAPTURES[0], db="fresh.db")

    [(title,)] = rows("SELECT title FROM articles WHERE url = ?", BRAMLEY)
    assert tag_of(BRAMLEY, "energy", path="fresh.db")[3] == title


def test_only_articles_that_change_count_as_put_right(folder):
    (folder / "x.csv").write_text(
        f"url,kind,entity\n{GAUDI},wrong-tag,openai\n{EDITED},wrong-tag,nosuch\n{STARGATE},wrong-tag,openai\n"
    )

    said = aiwire("correct", "import", "x.csv")

    assert said.stdout == "3 new or changed, 0 kept already; 1 articles put right, 2 as they were, 0 to come\n"
    assert "x.csv:2: " + GAUDI + " has no tag 'openai' to take away; kept all the same" in said.stderr


def test_a_spreadsheet_may_add_a_mark_reorder_columns_and_end_lines_its_own_way(folder):
    text = f'\ufeffnote,entity,KIND,url\r\n"\'=a, b",tsmc,wrong-tag,{GAUDI}\r\n,,,\r\n'.replace("KIND", "kind")
    (folder / "x.csv").write_bytes(text.encode())

    aiwire("correct", "import", "x.csv")

    [one] = json.loads(aiwire("correct", "list", "--json").stdout)
    assert (one["entity"], one["note"], one["made_at"]) == ("tsmc", "=a, b", iso(NOW))
    assert "'=a, b" in aiwire("correct", "export").stdout


def test_an_export_that_cannot_be_written_is_an_error(folder):
    assert "cannot be written" in failing(ConfigError, "correct", "export", "-o", folder / "none" / "x.csv")


# ---------------------------------------------------------------- the file


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda text: "\0" not in text)
HAZARDS = st.sampled_from(["=1+1", "'=1", "''@x", "'", "-2", "+", "\t=x", '"', "a,b", "line\nbreak", "'quoted'", "@"])
PROSE = st.one_of(WORDS, HAZARDS, st.builds(str.__add__, HAZARDS, WORDS))
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2100, 12, 30), timezones=st.just(UTC)).map(iso)  # noqa: DTZ001 - hypothesis wants naive bounds
URLS = st.sampled_from(["https://example.org/a", "https://example.org/b?c=,d", "https://example.org/log#v=2"])
IDS = st.one_of(
    st.sampled_from(["nvidia", "=cmd", "@x", "'-y"]), st.text(min_size=1, max_size=9).filter(lambda t: t.isalnum())
)


@st.composite
def corrections(draw):
    kind = draw(st.sampled_from(KINDS))
    more = {}
    if kind in ("wrong-tag", "missing-tag"):
        more["entity"] = draw(IDS)
    if kind == "missing-tag":
        more |= {"about": draw(st.sampled_from([None, True, False])), "evidence": draw(PROSE)}
    right, made_at = sorted((draw(MOMENTS), draw(MOMENTS)))
    if kind == "wrong-date":
        more["value"] = right
    if kind == "wrong-story":
        more["value"] = draw(st.sampled_from(["own", "https://example.org/other"]))
    return checked(Correction(draw(URLS), kind, note=draw(PROSE), made_at=made_at, **more))


def _key(one):
    return one.url, "tag" if one.is_of_tag else one.kind, one.entity


@given(st.lists(corrections(), unique_by=_key, max_size=8))
def test_what_is_written_is_read_again(said):
    out = io.StringIO()

    assert write_corrections(said, out) == len(said)

    lines = read_corrections(out.getvalue().encode(), origin="x.csv", now=NOW, url_of=str)
    assert [line.correction for line in lines] == said
    cells = [cell for row in csv.reader(io.StringIO(out.getvalue(), newline="")) for cell in row]
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@")) or cell[:1] in "\t\r"] == [
        cell for cell in cells if cell == ""
    ]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_the_bytes_are_they_are_read_or_refused(data):
    with suppress(InputError):  # anything else is a bug
        lines = read_corrections(data, origin="x.csv", now=NOW, url_of=str)
        assert all(line.correction.kind in KINDS for line in lines)


def test_a_correction_has_one_spelling():
    said = Correction("https://example.org/a", "wrong-date", value="2026-03-01T01:00:00+02:00", note=" two\n words ")

    assert checked(said) == replace(said, value="2026-02-28T23:00:00Z", note="two words")
    with pytest.raises(InputError, match="a character that is none"):
        checked(replace(said, note="\ud800"))
