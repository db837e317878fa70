"""The filters and small commands as a user calls them: shapes, bad input, exit statuses; never a traceback."""

import gzip
import json
import os
import subprocess
import sys

import pytest

from aiwire.paths import package_file

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title><link>https://wire.example/</link>
<item><title>AWS cuts H100 prices</title><link>https://wire.example/1</link><guid>1</guid>
<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate><description>Short.</description></item></channel></rss>"""
PAGE = b"""<html lang="en"><head><title>Chips | Wire</title><link rel="canonical" href="https://wire.example/1"></head>
<body><nav>Home Login</nav>
<article><h1>Chips</h1><p>%s</p></article></body></html>""" % (b"The company said it would build a data centre. " * 20)


def _aiwire(*args, stdin=b"", cwd=None, env=None):
    return subprocess.run(
        [sys.executable, "-P", "-m", "aiwire", *map(str, args)],
        input=stdin, cwd=cwd, capture_output=True, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip


def _lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_parse_prints_a_feed_line_and_its_entries():
    done = _aiwire("parse", "--feed", "--url", "https://wire.example/feed", "-", stdin=RSS)

    feed, entry = _lines(done)
    assert done.returncode == 0
    assert feed == {
        "file": "-",
        "feed": {
            "title": "Wire",
            "url": "https://wire.example/",
            "language": None,
            "kind": "rss20",
            "entries": 1,
            "error": None,
        },
    }
    assert list(entry) == [
        "file", "guid", "url", "title", "author", "published", "updated", "date_source", "summary", "content",
        "language", "enclosures",
    ]  # fmt: skip
    assert (entry["title"], entry["published"]) == ("AWS cuts H100 prices", "2026-03-02T06:00:00Z")


def test_parse_opens_gzip_and_goes_on_after_a_file_that_is_no_feed(tmp_path):
    (tmp_path / "good.xml.gz").write_bytes(gzip.compress(RSS))
    (tmp_path / "page.html").write_bytes(PAGE)

    done = _aiwire("parse", "--feed", "page.html", "good.xml.gz", "missing.xml")

    lines = _lines(done)
    errors = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert [line["file"] for line in lines] == ["page.html", "good.xml.gz", "good.xml.gz", "missing.xml"]
    assert lines[0]["feed"]["error"]
    assert [e.split(": ")[1] for e in errors] == ["page.html", "missing.xml"]


def test_a_gzip_bomb_is_refused(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\0" * (200 << 20), 9))

    done = _aiwire("parse", "bomb.gz")

    assert done.returncode == 1
    assert done.stderr.decode() == "aiwire: bomb.gz: larger than 128 MiB; split it\n"


def test_extract_takes_addresses_from_a_map(tmp_path):
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "map.tsv").write_text("a.html\thttps://wire.example/asked\n")

    [line] = _lines(_aiwire("extract", "--urls", "map.tsv", "a.html"))

    assert list(line) == [
        "file",
        "url",
        "canonical_url",
        "title",
        "author",
        "published",
        "language",
        "text",
        "paywalled",
        "date_source",
        "rights",
    ]
    assert (line["url"], line["canonical_url"], line["title"]) == (
        "https://wire.example/asked",
        "https://wire.example/1",
        "Chips",
    )
    assert "Login" not in line["text"]


def test_tag_text_prints_the_shape_of_the_design():
    record = {"id": "x", "title": "", "text": "Lambda rents the NVIDIA H100 at $2.99 per GPU-hour."}

    [line] = _lines(_aiwire("tag-text", "-", stdin=json.dumps(record).encode()))

    h100 = next(tag for tag in line["tags"] if tag["id"] == "nvidia-h100")
    assert list(line) == ["id", "tags", "prices"]
    assert set(h100) == {
        "kind", "id", "name", "surfaces", "count", "about", "role", "listed", "salience", "confidence", "evidence",
        "mentions",
    }  # fmt: skip
    for mention in h100["mentions"]:
        assert record["text"][mention["start"] : mention["end"]] in h100["surfaces"]
    [price] = line["prices"]
    assert (price["quote"], price["amount"], price["currency"], price["unit"], price["accelerator"]) == (
        "$2.99 per GPU-hour", 2.99, "USD", "gpu-hour", "nvidia-h100",
    )  # fmt: skip


def test_tag_text_reports_bad_lines_and_does_the_others():
    lines = [
        b'{"id": 1, "text": "Nvidia."}',
        b"not json",
        b'{"text": "no id"}',
        b'["list"]',
        b'{"id": 2, "text": 5}',
        b'{"id": 3, "text": "\\ud800 AMD"}',
    ]

    done = _aiwire("tag-text", "-", stdin=b"\n".join(lines))

    assert done.returncode == 1
    assert [line["id"] for line in _lines(done)] == [1, 3]
    assert [e.split(": ")[1] for e in done.stderr.decode().splitlines()] == ["-:2", "-:3", "-:4", "-:5"]


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        pytest.param(["nonsense"], 2, "No such command 'nonsense'", id="command"),
        pytest.param(["run", "--frce"], 2, "No such option '--frce'", id="option"),
        pytest.param(["run"], 2, "sources.toml", id="no-source-list"),
        pytest.param(["run", "--replay", "no.warc.gz", "--record", "x.warc.gz"], 2, "exclude each other", id="both"),
        pytest.param(["run", "--config", "no.toml"], 2, "no such settings file", id="no-config"),
        pytest.param(["run", "--now", "yesterday"], 2, "is no ISO 8601 time", id="now"),
        pytest.param(["parse"], 2, "Missing argument", id="no-file"),
        pytest.param(["parse", "--url", "x", "a", "b"], 2, "--url is for one input", id="url-for-two"),
        pytest.param(["export", "trends"], 2, "news.db", id="no-database"),
        pytest.param(["export", "trends", "--since", "soon"], 2, "is no date", id="date"),
        pytest.param(["tag-text", "no.jsonl"], 1, "no.jsonl: cannot be read", id="no-texts"),
        pytest.param(["evaluate", "no.jsonl"], 2, "no.jsonl: cannot be read", id="no-gold"),
        pytest.param(["evaluate", os.devnull], 2, "holds no labelled document", id="empty-gold"),
        pytest.param(["serve"], 2, "news.db", id="serve-nothing"),
        pytest.param(["sources", "import", "-"], 2, "OPML", id="no-opml"),
        pytest.param(["reference", "show", "nvidia-h10"], 2, "nvidia-h100", id="nearest-part"),
    ],
)
def test_bad_input_is_one_clear_line_and_the_right_status(args, status, message):
    done = _aiwire(*args)

    stderr = done.stderr.decode()
    assert done.returncode == status, stderr
    assert message in stderr
    assert "Traceback" not in stderr
    assert stderr.startswith("aiwire: ")
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("{0} parse - <&-", 1, id="stdin-closed"),
        pytest.param("{0} sources list --sources {1} >&-", 2, id="stdout-closed"),
        pytest.param("{0} sources list --sources {1} >/dev/full", 2, id="stdout-full"),
        pytest.param("{0} parse --headers deep.json page.html", 2, id="deep-json"),
        pytest.param("{0} run --sources deep.toml", 2, id="deep-toml"),
        pytest.param("{0} evaluate --floors deep.json", 2, id="deep-floors"),
        pytest.param("{0} run --now 0001-01-01T00:00:00+14:00", 2, id="now-too-early"),
        pytest.param("{0} run --now 9999-12-31T23:59:59Z", 2, id="now-too-late"),
        pytest.param("{0} run --max-seconds nan", 2, id="nan"),
        pytest.param("{0} demo /proc/no", 2, id="demo-nowhere"),
        pytest.param("{0} sources add https://a.example/f --owner nvidea", 2, id="unknown-owner"),
        pytest.param("AIWIRE_PORT=x {0} doctor", 2, id="doctor-without-settings"),
        pytest.param("{0} tag --db typo.db", 2, id="tag-nothing"),
        pytest.param("AIWIRE_PORTT=5 {0} sources list", 2, id="unknown-variable"),
        pytest.param("{0} evaluate gold.jsonl --texts bad_texts.jsonl", 2, id="bad-texts"),
        pytest.param("""echo '{{"id": NaN, "text": "x"}}' | {0} tag-text -""", 1, id="nan-id"),
    ],
)
def test_what_nobody_expects_is_one_line_too(tmp_path, command, status):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    (tmp_path / "page.html").write_bytes(PAGE)
    (tmp_path / "gold.jsonl").write_text('{"id": 1, "companies": [], "accelerators": [], "themes": [], "prices": []}\n')
    (tmp_path / "bad_texts.jsonl").write_text('{"id": 1, "title": 5, "text": []}\n')
    aiwire, sample = f"{sys.executable} -P -m aiwire", package_file("sample", "sources.toml")

    done = subprocess.run(command.format(aiwire, sample), shell=True, capture_output=True, text=True, check=False)

    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("aiwire: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_init_mends_a_broken_settings_file(tmp_path):
    (tmp_path / "aiwire.toml").write_text("broken = ")

    assert _aiwire("sources", "list").returncode == 2
    assert _aiwire("init", "--force").returncode == 0
    assert _aiwire("sources", "list").returncode == 0


def test_an_outline_that_makes_no_source_is_left_out_and_named(tmp_path):
    outlines = (
        '<outline text="Good" xmlUrl="https://a.example/f"/><outline text="Bad" xmlUrl="https://u:p@b.example/f"/>'
    )
    (tmp_path / "in.opml").write_text(f'<opml version="2.0"><head/><body>{outlines}</body></opml>')

    done = _aiwire("sources", "import", "in.opml")

    assert done.returncode == 0
    assert "left out 'Bad'" in done.stderr.decode()
    assert [s["name"] for s in json.loads(_aiwire("sources", "list", "--json").stdout)] == ["Good"]


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    many = RSS.replace(b"</channel>", RSS[RSS.index(b"<item>") : RSS.index(b"</item>") + 7] * 5000 + b"</channel>")
    (tmp_path / "many.xml").write_bytes(many)
    command = f"{sys.executable} -P -m aiwire parse many.xml | head -n 1"

    done = subprocess.run(command, shell=True, capture_output=True, check=False)

    assert done.stderr == b""
    assert len(done.stdout.splitlines()) == 1


def test_init_writes_files_that_load_and_keeps_what_is_there(tmp_path):
    first, second, doctor = _aiwire("init"), _aiwire("init"), _aiwire("doctor")

    assert first.returncode == 0
    assert (second.returncode, "already there" in second.stderr.decode()) == (2, True)
    assert doctor.returncode == 0, doctor.stdout
    assert b"ok    sources: " in doctor.stdout


def test_sources_can_be_added_listed_exported_and_imported(tmp_path):
    assert (
        _aiwire(
            "sources",
            "add",
            "https://wire.example/feed.xml",
            "--unchecked",
            "--id",
            "wire",
            "--name",
            "Wire",
            "--category",
            "press",
        ).returncode
        == 0
    )
    assert _aiwire("sources", "export", "-o", "out.opml").returncode == 0
    (tmp_path / "sources.toml").rename(tmp_path / "old.toml")
    assert _aiwire("sources", "import", "out.opml").returncode == 0

    [source] = json.loads(_aiwire("sources", "list", "--json").stdout)

    assert (source["id"], source["name"], source["url"], source["category"]) == (
        "wire",
        "Wire",
        "https://wire.example/feed.xml",
        "press",
    )


def test_a_source_that_is_there_already_is_not_added_again():
    _aiwire("sources", "add", "https://wire.example/feed.xml", "--unchecked")

    done = _aiwire("sources", "add", "https://wire.example/feed.xml")

    assert done.returncode == 2
    assert "has the same URL as source 'wire-example'" in done.stderr.decode()


def test_evaluate_scores_the_bundled_gold_and_a_floor_fails(tmp_path):
    (tmp_path / "floors.json").write_text('{"companies_f1": 1.01}')

    plain, floored = _aiwire("evaluate", "--json"), _aiwire("evaluate", "--floors", "floors.json")

    assert json.loads(plain.stdout)["documents"] == 16
    assert floored.returncode == 1
    assert "companies_f1: " in floored.stderr.decode()


def test_demo_ends_with_what_was_found_the_csv_and_how_to_browse(tmp_path):
    done = _aiwire("demo")

    out = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    for word in (
        "Companies",
        "Accelerators",
        "Themes",
        "NVIDIA",
        "demo/trends_weekly.csv",
        "aiwire serve --db demo/news.db",
    ):
        assert word in out, word
    assert (tmp_path / "demo" / "trends_weekly.csv").read_text().startswith("period_start,")
    assert json.loads((tmp_path / "demo" / "trends_weekly.meta.json").read_text())


def test_environment_and_settings_name_the_database(tmp_path):
    sample = package_file("sample", "sample.warc.gz")
    (tmp_path / "aiwire.toml").write_text(
        f'db = "from_file.db"\nsources = "{package_file("sample", "sources.toml")}"\n'
    )

    _aiwire("run", "--replay", sample)
    _aiwire("run", "--replay", sample, env={"AIWIRE_DB": "from_env.db"})
    _aiwire("run", "--replay", sample, "--db", "from_option.db", env={"AIWIRE_DB": "from_env.db"})

    assert sorted(p.name for p in tmp_path.glob("*.db")) == ["from_env.db", "from_file.db", "from_option.db"]
