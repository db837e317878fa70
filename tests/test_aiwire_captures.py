"""One feed in eight captures over months, run one after the other as cron would have seen them (needs ../shared)."""

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator

from aiwire.cli import cli
from db.connection import connect
from db.dump import dump_rows
from ingest.feeds.parse import parse_feed
from ingest.urls import normalize_url

REPLAY = Path(__file__).resolve().parents[2] / "shared/replay"
needs_shared = pytest.mark.skipif(not REPLAY.is_dir(), reason="needs the captures in ../shared/replay")
CAPTURES = [REPLAY / f"anthropic-{n}.warc.gz" for n in range(1, 9)]


def _bodies():
    for path in CAPTURES:
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type == "response":
                    body = record.content_stream().read()
                    yield gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def _run(folder, capture):
    arguments = ["run", "--db", str(folder / "news.db"), "--sources", str(REPLAY / "anthropic.toml")]
    done = CliRunner().invoke(cli, [*arguments, "--replay", str(capture)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """After each capture: what the run printed, the rows, and the status of the source."""
    folder = tmp_path_factory.mktemp("captures")
    seen = []
    for capture in CAPTURES:
        output = _run(folder, capture)
        db = connect(folder / "news.db")
        seen.append((output, dump_rows(db), db.execute("SELECT status FROM source_state").fetchone()[0]))
        db.close()
    return seen


@needs_shared
def test_every_article_of_any_capture_is_there_once(history):
    feeds = [parse_feed(body, url="https://feeds.example/anthropic-news.xml") for body in _bodies()]
    wanted = {normalize_url(entry.url) for feed in feeds for entry in feed.entries}

    _, rows, _ = history[-1]

    assert len(feeds) == 8
    assert sorted(row[1] for row in rows["articles"]) == sorted(wanted)
    assert len({row[5] for row in rows["articles"]}) == len(wanted), "two articles of one title"


@needs_shared
def test_the_capture_that_had_shrunk_is_suspicious_and_nothing_is_lost(history):
    before, after = ({row[1] for row in history[n][1]["articles"]} for n in (0, 1))

    assert [status for _, _, status in history] == ["ok", "suspicious", *["ok"] * 6]
    assert "suspicious, as they have shrunk: anthropic-news" in history[1][0]
    assert before < after


@needs_shared
def test_the_hourly_announcements_of_the_same_articles_change_nothing(history):
    assert history[6][1] == history[5][1]
    assert history[7][1] == history[5][1]


@needs_shared
def test_a_renamed_article_keeps_the_title_that_it_had(history):
    _, rows, _ = history[-1]
    titles = {row[0]: row[5] for row in rows["articles"]}

    assert rows["article_versions"]
    assert all(titles[version[0]] != version[2] for version in rows["article_versions"])
