"""Copies are found, and nothing else is: on texts that we made copies of, on look-alikes, on a real archive."""

import itertools
from collections.abc import Mapping

import pytest
from click.testing import CliRunner
from sqlite_utils import Database
from story_copies import SHARED, Story
from story_gold import found, is_found, missed, pairs, sample, texts

from aiwire.cli import cli
from aiwire.copies import is_copy, piece
from nlp.similarity import sketch

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")

REPLAY = SHARED / "replay"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Story]:
    """The articles of the replay archive by their URLs, and the texts by their ids."""
    path = tmp_path_factory.mktemp("stories") / "news.db"
    warcs = [argument for name in ("feeds", "pages") for argument in ("--replay", str(REPLAY / f"{name}.warc.gz"))]
    done = CliRunner().invoke(cli, ["fetch", "--db", str(path), "--sources", str(REPLAY / "sources.toml"), *warcs])
    assert done.exit_code == 0, done.output
    db = Database(path)
    rows = db.execute(
        "SELECT articles.url, title, text, publisher FROM articles JOIN sources ON sources.id = source_id"
    ).fetchall()
    db.close()
    return texts() | {url: Story(title, text, publisher) for url, title, text, publisher in rows}


def test_copies_of_the_sample_archive_are_found() -> None:
    made = list(pairs("sample", sample()))

    assert len(made) >= 40
    assert len(missed(made)) <= 0.05 * len(made)


def test_the_sample_archive_holds_one_copy() -> None:
    stories = itertools.combinations(sample().items(), 2)

    copies = [{one, other} for (one, first), (other, second) in stories if is_found(first, second)]

    assert copies == [{"sample:stargate", "sample:stargate-copy"}]


def test_templates_walls_quotes_and_digests_are_no_copies() -> None:
    written = list(pairs("written", {}))

    assert len(written) >= 60
    assert found(written) == []


@needs_shared
@pytest.mark.parametrize(("name", "count", "recall"), [("main", 110, 0.98), ("random", 160, 0.95), ("hard", 110, 0.93)])
def test_copies_are_found(name: str, count: int, recall: float) -> None:
    made = list(pairs(name, texts()))

    assert len(made) >= count
    assert len(missed(made)) <= (1 - recall) * len(made)


@needs_shared
@pytest.mark.parametrize(("name", "count"), [("quoting", 60), ("digest", 30)])
def test_pieces_with_passages_in_common_are_no_copies(name: str, count: int) -> None:
    made = list(pairs(name, texts()))

    assert len(made) >= count
    assert found(made) == []


@needs_shared
@pytest.mark.parametrize(("name", "count"), [("shared words", 160), ("topic", 220)])
def test_pieces_on_one_topic_are_no_copies(name: str, count: int, archive: Mapping[str, Story]) -> None:
    alike = list(pairs(name, archive))

    assert len(alike) >= count
    assert found(alike) == []


@needs_shared
def test_in_the_archive_those_and_only_those_are_found_that_were_read(archive: Mapping[str, Story]) -> None:
    read = {frozenset((one, other)) for _, one, other in pairs("archive", {url: url for url in archive})}
    pieces = {url: piece(story.title, story.publisher, story.text) for url, story in archive.items()}
    bands: dict[int, list[str]] = {}
    for url, story in archive.items():
        for band in sketch(story.title, story.text).bands:
            bands.setdefault(band, []).append(url)

    together = {frozenset(pair) for urls in bands.values() for pair in itertools.combinations(urls, 2)}
    copies = {pair for pair in together if is_copy(*(pieces[url] for url in pair))}

    assert copies == read
