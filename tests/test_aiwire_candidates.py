"""`aiwire candidates` as a user calls it: list, accept, reject, and the history that follows the decision."""

import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from db_rows import article, make_db, save

from aiwire.cli import cli
from aiwire.exceptions import ConfigError
from aiwire.paths import package_file
from db.connection import connect
from db.dump import dump_rows
from nlp.gazetteer import load_lexicon
from nlp.unlisted import load_unlisted_rules

TEXTS = {
    "a": "The start-up Quorvex raised $40 million for its H100 cloud. NVIDIA leads.",
    "b": "NVIDIA and Quorvex sell GPU servers. Nobody else sells so many of them this year.",
    "c": "They met at the Zubrix Partner Days, said AMD. We partnered with Zubrix Labs on chips.",
    "d": "The start-up Zubrix Labs raised $7 million. It tuned Brandix-70B on H100 servers.",
    "e": "Nothing of it concerns AMD. Its GPU is late.",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of `TEXTS`, as yet untagged."""
    path = tmp_path_factory.mktemp("archive") / "news.db"
    db = make_db(path)
    save(db, *(article(name, text, tagged=False) for name, text in TEXTS.items()))
    db.close()
    return path


@pytest.fixture(scope="module")
def tagged(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, tagged with the shipped lexicon."""
    folder = tmp_path_factory.mktemp("tagged")
    path = Path(shutil.copy(archive, folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        aiwire("tag")
    return path


@pytest.fixture
def folder(tagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the tagged database in it."""
    shutil.copy(tagged, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def aiwire(*args: str) -> str:
    """Return what the command prints.

    Raises:
        AiwireError: what it raises.
    """
    done = CliRunner().invoke(cli, args, catch_exceptions=False, standalone_mode=False)
    assert done.exit_code == 0
    return str(done.output)


def waiting() -> list[str]:
    return [found["name"] for found in json.loads(aiwire("candidates", "list", "--json"))]


def tags_of(folder: Path, entity_id: str) -> dict[str, bool]:
    """Return the articles that have the tag, and whether the entity is listed."""
    db = connect(folder / "news.db")
    rows = db.execute(
        "SELECT title, listed FROM article_entities JOIN articles ON articles.id = article_id"
        " JOIN entities ON entities.id = entity_id WHERE entity_id = ?",
        [entity_id],
    ).fetchall()
    db.close()
    return {title.removeprefix("Title of "): bool(listed) for title, listed in rows}


def rows_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    db = connect(folder / "news.db")
    rows = dump_rows(db)
    db.close()
    return rows


def test_the_list_tells_tags_and_proposals_apart(folder: Path) -> None:
    found = {name["name"]: name for name in json.loads(aiwire("candidates", "list", "--json"))}

    assert (found["Quorvex"]["looks_like"], found["Quorvex"]["tagged"]) == ("company", 1)
    assert (found["Brandix-70B"]["looks_like"], found["Brandix-70B"]["tagged"]) == ("product", 0)
    assert found["Quorvex"]["evidence"] == TEXTS["a"].split(". ")[0] + "."


def test_the_list_is_tab_separated_where_no_terminal_is(folder: Path) -> None:
    header, *rows = (line.split("\t") for line in aiwire("candidates", "list", "--looks-like", "product").splitlines())

    assert header[:4] == ["name", "looks like", "articles", "tagged"]
    assert [row[:4] for row in rows] == [["Brandix-70B", "product", "1", "0"]]
    assert {len(row) for row in rows} == {len(header)}


def test_an_accepted_name_is_tagged_in_the_whole_history(folder: Path) -> None:
    assert tags_of(folder, "quorvex") == {"a": False}

    out = aiwire("candidates", "accept", "Quorvex", "--category", "cloud", "--country", "de", "--parent", "nvidia")

    assert "Quorvex (quorvex): tagged in 2 articles, 1 of them new" in out
    assert tags_of(folder, "quorvex") == {"a": True, "b": True}
    assert "Quorvex" not in waiting()
    assert (folder / "gazetteer.jsonl").read_text() == (
        '{"id": "quorvex", "kind": "company", "name": "Quorvex", "category": "cloud", "parent": "nvidia",'
        ' "country": "DE"}\n'
    )


def test_the_rows_after_accept_and_reject_are_those_of_a_fresh_database(
    folder: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aiwire("candidates", "accept", "Quorvex")
    aiwire("candidates", "reject", "Zubrix Labs")

    fresh = tmp_path / "fresh"
    fresh.mkdir()
    shutil.copy(archive, fresh)
    monkeypatch.chdir(fresh)
    aiwire("tag", "--gazetteer", str(folder / "gazetteer.jsonl"))

    assert rows_of(fresh) == rows_of(folder)


def test_a_rejected_name_is_neither_tagged_nor_proposed_and_can_be_taken_back(folder: Path) -> None:
    before = rows_of(folder)
    assert tags_of(folder, "zubrix-labs") == {"c": False, "d": False}

    out = aiwire("candidates", "reject", "Zubrix Labs", "Brandix-70B")

    assert "Zubrix Labs: rejected, its tag taken from 2 articles\n" in out
    assert "Brandix-70B: rejected, no longer proposed\n" in out
    assert tags_of(folder, "zubrix-labs") == {}
    assert not {"Zubrix Labs", "Brandix-70B"} & set(waiting())

    (folder / "gazetteer.jsonl").unlink()
    aiwire("tag")
    assert rows_of(folder) == before


def test_what_is_in_the_file_stays_byte_for_byte(folder: Path) -> None:
    before = b"\xef\xbb\xbf# ours\r\n\r\n" + '{"not_company":   "Bücher"}  '.encode()
    (folder / "mine.jsonl").write_bytes(before)
    (folder / "aiwire.toml").write_text('gazetteer = ["mine.jsonl", "more.jsonl"]\n')
    (folder / "more.jsonl").write_text("")

    aiwire("candidates", "accept", "Quorvex")

    assert (folder / "mine.jsonl").read_bytes() == (
        before + b'\n{"id": "quorvex", "kind": "company", "name": "Quorvex"}\n'
    )
    assert (folder / "more.jsonl").read_text() == ""
    assert "quorvex" in load_lexicon(gazetteer=[folder / "mine.jsonl"]).by_id()


def test_several_names_are_decided_at_once(folder: Path) -> None:
    out = aiwire("candidates", "accept", "Quorvex", "Zubrix Labs", "Quorvex")

    assert [line.split(" (")[0] for line in out.splitlines() if "tagged in" in line] == ["Quorvex", "Zubrix Labs"]
    assert len((folder / "gazetteer.jsonl").read_text().splitlines()) == 2


def test_the_next_run_knows_the_file_beside_the_settings(folder: Path) -> None:
    aiwire("candidates", "accept", "Quorvex")

    assert "0 articles tagged" in aiwire("tag")
    assert tags_of(folder, "quorvex") == {"a": True, "b": True}


def test_a_file_that_the_settings_do_not_name_is_warned_of(folder: Path) -> None:
    out = aiwire("candidates", "accept", "Quorvex", "--gazetteer", "other.jsonl")

    assert f'set gazetteer = ["{folder}/other.jsonl"] in aiwire.toml' in out
    (folder / "aiwire.toml").write_text('gazetteer = ["other.jsonl"]\n')
    assert "set gazetteer" not in aiwire("candidates", "reject", "Zubrix Labs", "--gazetteer", "other.jsonl")
    assert len((folder / "other.jsonl").read_text().splitlines()) == 2


def test_a_name_may_be_shown_otherwise_and_count_only_in_context(folder: Path) -> None:
    aiwire("candidates", "accept", "Quorvex", "--name", "Quorvex AG", "--id", "qv", "--policy", "context")

    record = load_lexicon(gazetteer=[folder / "gazetteer.jsonl"]).by_id()["qv"]
    assert record.entity.name == "Quorvex AG"
    assert [(a.surface, a.policy) for a in record.aliases] == [("Quorvex", "context"), ("Quorvex AG", "cased")]


def test_an_ordinary_word_counts_only_in_context(folder: Path) -> None:
    lexicon = load_lexicon()
    known = {alias.surface.lower() for record in lexicon.records for alias in record.aliases}
    word = next(word.capitalize() for word in sorted(lexicon.common_words) if word not in known)

    aiwire("candidates", "accept", word, "--force", "--id", "word-of-ours")

    record = load_lexicon(gazetteer=[folder / "gazetteer.jsonl"]).by_id()["word-of-ours"]
    assert [(a.surface, a.policy) for a in record.aliases] == [(word, "context")]


def test_words_that_the_finder_of_unlisted_names_holds_ordinary_count_only_in_context(folder: Path) -> None:
    lexicon = load_lexicon()
    known = {alias.surface.lower() for record in lexicon.records for alias in record.aliases}
    more = load_unlisted_rules().vocabulary.common - lexicon.common_words - known
    word = min(word for word in more if word.isalpha()).capitalize()

    aiwire("candidates", "accept", word, "--force", "--id", "word-of-ours")

    record = load_lexicon(gazetteer=[folder / "gazetteer.jsonl"]).by_id()["word-of-ours"]
    assert [(a.surface, a.policy) for a in record.aliases] == [(word, "context")]


def test_a_name_that_is_then_found_all_over_is_warned_of(folder: Path) -> None:
    db = connect(folder / "news.db")
    save(db, *(article(f"z{n}", "The Zubrix Labs plan.", tagged=False) for n in range(5)))
    db.close()

    assert "Zubrix Labs is now tagged in 7 of 10 articles" in aiwire("candidates", "accept", "Zubrix Labs")
    assert "is now tagged" not in aiwire("candidates", "accept", "Quorvex")


def test_a_product_is_accepted_as_what_it_is(folder: Path) -> None:
    with pytest.raises(ConfigError, match="looks like a product: say --kind accelerator or --kind model"):
        aiwire("candidates", "accept", "Brandix-70B")

    aiwire("candidates", "accept", "Brandix-70B", "--kind", "model")

    assert tags_of(folder, "brandix-70b") == {"d": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["accept", "Quorvax"], "'Quorvax' waits in no article: did you mean 'Quorvex'?", id="near"),
        pytest.param(["reject", "Nobody Inc"], "waits in no article: `aiwire candidates list` shows", id="unknown"),
        pytest.param(["accept", "NVIDIA"], "'NVIDIA' is a name of 'nvidia' already (companies.jsonl:", id="listed"),
        pytest.param(["reject", "nvidia"], "'nvidia' is a name of 'nvidia' already (companies.jsonl:", id="reject"),
        pytest.param(["accept", "Quorvex", "--id", "tco"], "the id 'tco' is taken", id="id-taken"),
        pytest.param(["accept", "Quorvex", "--id", "Q V"], "--id 'Q V' is no lower-case slug", id="id-form"),
        pytest.param(["accept", "芯力", "--force"], "gives no id: name one with --id", id="no-slug"),
        pytest.param(["accept", "Quorvex", "--country", "Germany"], "is no ISO 3166-1 code", id="country"),
        pytest.param(
            ["accept", "Zubrix Labs", "Quorvex", "--parent", "nvidai"],
            "--parent 'nvidai' is the id of no company; did you mean 'nvidia'?",
            id="parent",
        ),
    ],
)
def test_what_cannot_be_decided_is_an_error_and_nothing_is_written(
    folder: Path, arguments: list[str], message: str
) -> None:
    before = rows_of(folder)

    with pytest.raises(ConfigError) as error:
        aiwire("candidates", *arguments)

    assert message in str(error.value)
    assert not (folder / "gazetteer.jsonl").exists()
    assert rows_of(folder) == before


def test_a_decision_is_not_made_twice(folder: Path) -> None:
    aiwire("candidates", "accept", "Quorvex")
    aiwire("candidates", "reject", "Zubrix Labs")

    with pytest.raises(ConfigError, match=r"already .*gazetteer\.jsonl:1.*, change line 1 of "):
        aiwire("candidates", "accept", "Quorvex")
    with pytest.raises(ConfigError, match=r"'Zubrix Labs' has been rejected: to change that, take its .* out of"):
        aiwire("candidates", "accept", "Zubrix Labs")


def test_one_id_or_name_is_for_one_candidate(folder: Path) -> None:
    with pytest.raises(click.UsageError, match="--id and --name are for one NAME"):
        aiwire("candidates", "accept", "Quorvex", "Zubrix Labs", "--id", "x")


SAMPLE = ["--sources", str(package_file("sample", "sources.toml")), "--replay"]


@pytest.mark.parametrize("given", [False, True], ids=["beside the settings", "by option"])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["candidates", "accept", "Quorvex"], id="accept"),
        pytest.param(["tag"], id="tag"),
        pytest.param(["tag-text", "-"], id="tag-text"),
        pytest.param(["evaluate"], id="evaluate"),
        pytest.param(["demo"], id="demo"),
        pytest.param(["run", *SAMPLE, str(package_file("sample", "sample.warc.gz"))], id="run"),
    ],
)
def test_a_broken_file_is_an_error_that_names_its_line(folder: Path, command: list[str], given: bool) -> None:
    name = "ours.jsonl" if given else "gazetteer.jsonl"
    (folder / name).write_text('# ours\n{"id": "nvida", "country": "US"}\n')

    with pytest.raises(ConfigError, match=rf"^{folder}/{name}:2: there is no id 'nvida'; did you mean 'nvidia'\?"):
        aiwire(*command, *(["--gazetteer", name] if given else []))


def test_a_file_by_option_lies_over_those_of_the_settings(folder: Path) -> None:
    (folder / "aiwire.toml").write_text('gazetteer = ["first.jsonl"]\n')
    (folder / "first.jsonl").write_text('{"id": "quorvex", "kind": "company", "name": "Quorvex"}\n')
    (folder / "second.jsonl").write_text('{"id": "quorvex", "name": "Quorvex AG"}\n')
    (folder / "text.jsonl").write_text(json.dumps({"id": 1, "title": "", "text": TEXTS["b"]}))

    def names(*options: str) -> list[str]:
        tags = json.loads(aiwire("tag-text", "text.jsonl", *options))["tags"]
        return [tag["name"] for tag in tags if tag["id"] == "quorvex"]

    assert names() == ["Quorvex"]
    assert names("--gazetteer", "second.jsonl") == ["Quorvex AG"]
    assert names("--gazetteer", "./first.jsonl") == ["Quorvex"]  # given twice, it counts once
