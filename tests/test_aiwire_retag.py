"""A retag after a change of the lexicon: the rows of a new database, with as little work as it takes."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from db_rows import NOW, article, make_db, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwire.cli.tagging import prepared_tagger
from aiwire.pipeline.retag import Retagged, tag_stored
from aiwire.sample.build import gold_texts
from aiwire.types import Correction
from db.connection import connect
from db.corrections import add_corrections
from db.dump import dump_rows
from db.lexicon import kept_version
from nlp.gazetteer import DATA, FILES
from nlp.overlay import with_lines
from nlp.pipeline import TaggerConfig

MADE = {
    "quorvex": "The start-up Quorvex raised $40 million for its H100 cloud, its CEO said. NVIDIA leads. H100s cost "
    "$2.50 per GPU-hour at Quorvex, it said.",
    "zubrix": "They met at the Zubrix Partner Days. We partnered with Zubrix Labs on chips. Zubrix Labs raised $7 "
    "million.",
    "system": "They bought eight DGX H100 systems for self-hosted inference in a data centre in Frankfurt.",
    "price": "The list price is $4.20 per GPU-hour. Nobody pays less than $30,000 per card this year.",
    "rules": "GDPR compliance keeps banks from the public cloud, and the EU AI Act adds obligations for models.",
    "meta": "Meta said it will buy Scale. At scale, Block and Arm differ. Meta's engineers run Llama models on MI300X.",
    "chinese": "英伟达H100芯片与华为昇腾910B在数据中心竞争。",
    "rack": "Rack Nine arrives. AMD, NVIDIA, Intel and Dell wait for servers. Intel says so.",
    "quoted": "Sales of servers will fall, analysts at AMD said. Data from AMD says so.",
    "none": "The weather was fine in the park, and the band played on until the evening came.",
}
TEXTS = {re.sub(r"\W", "-", text["id"]): (text["title"], text["text"]) for text in gold_texts()} | {
    name: (f"Of {name}: {text.partition(' arrives')[0][:9]}", text) for name, text in MADE.items()
}
ALL = "\n".join(f"{title}\n{text}" for title, text in TEXTS.values())
LOW = ALL.lower()
THEMES = ("pricing", "regulatory-compliance", "energy", "self-hosted", "public-cloud", "data-sovereignty", "funding")
CORRECTIONS = (
    Correction("https://example.org/none", "missing-tag", "nvidia", about=True, evidence="The weather was fine"),
    Correction("https://example.org/none", "missing-tag", "energy"),
    Correction("https://example.org/meta", "wrong-tag", "amd-mi300"),
    Correction("https://example.org/rules", "wrong-tag", "gdpr"),
    Correction("https://example.org/quorvex", "wrong-tag", "quorvex"),
)
# names and words that a made-up alias or term may be: some are tagged, proposed or part of longer names already
WORDS = sorted({
    *re.findall(r"\b[A-Z]\w+(?: [A-Z]\w+)?", ALL)[::7], *re.findall(r"\b[a-z]{4,}\b", ALL)[::97],
    "Quorvex", "Zubrix", "Zubrix Labs", "Zubrix Partner Days", "H100", "DGX", "Scale", "list price", "910B", "芯片",
    "EU AI Act", "per card", "at", "e",
})  # fmt: skip
IDS = ("quorvex", "zubrix-labs", "zubrix", "partner-days", "brand-new", "self")

Lists = dict[str, list[dict]]  # by file


def _listed() -> Lists:
    """Return the shipped lines that can be found in the texts, with those that they point at."""
    shipped = {
        file: [json.loads(line) for line in (DATA / file).read_text(encoding="utf-8").splitlines()] for file in FILES
    }
    wanted = {*THEMES}
    for line in (line for of_file in shipped.values() for line in of_file):
        if any(alias["s"].lower() in LOW for alias in line.get("aliases", ())):
            wanted |= {line["id"], line.get("parent"), *line.get("implies", ())}
    for line in (line for of_file in shipped.values() for line in of_file):  # parents of what is pointed at
        wanted |= {line.get("parent")} if line["id"] in wanted else set()
    return {file: [line for line in of_file if line["id"] in wanted] for file, of_file in shipped.items()}


LISTED = _listed()


def write_lists(folder: Path, lists: Lists) -> Path:
    """Write a data folder."""
    folder.mkdir()
    for path in DATA.iterdir():
        if path.match("themes.*.jsonl"):  # terms in other languages, of the themes that are there
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["id"] in THEMES]
            (folder / path.name).write_text("\n".join(kept), encoding="utf-8")
        elif path.name not in FILES and path.is_file():
            shutil.copy(path, folder)
    for file, of_file in lists.items():
        (folder / file).write_text(with_lines("", of_file), encoding="utf-8")
    return folder


def untagged(path: Path) -> Path:
    """Make a database of `TEXTS` without tags."""
    with closing(make_db(path)) as db:
        save(db, *(article(name, text, title=title, tagged=False) for name, (title, text) in TEXTS.items()))
        add_corrections(db, CORRECTIONS)
        db.conn.commit()
    return path


def retag(path: Path, config: TaggerConfig, *, everything: bool = False) -> Retagged:
    with closing(connect(path)) as db:
        tagger = prepared_tagger(db, config)
        return tag_stored(db, tagger, stale_for=None if everything else tagger.versions, now=NOW)


def rows(path: Path) -> dict:
    with closing(connect(path)) as db:
        return dump_rows(db)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lists (data), a database that they have tagged (tagged.db), and one without tags (new.db)."""
    folder = tmp_path_factory.mktemp("base")
    write_lists(folder / "data", LISTED)
    untagged(folder / "new.db")
    shutil.copy(folder / "new.db", folder / "tagged.db")
    retag(folder / "tagged.db", TaggerConfig(folder / "data"))
    return folder


# ---------------------------------------------------------------- random edits


def _entities(lists: Lists) -> list[dict]:
    return [line for file, of_file in lists.items() if file != "themes.jsonl" for line in of_file]


@st.composite
def _edited_names(draw: st.DrawFn, lists: Lists) -> None:
    line = draw(st.sampled_from(_entities(lists)))
    aliases = line["aliases"]
    alias = draw(st.sampled_from(aliases))
    what = draw(st.sampled_from(("add", "drop", "policy", "prior", "veto", "order")))
    if what == "add":
        policy = draw(st.sampled_from(("any", "cased", "context")))
        aliases.insert(draw(st.integers(0, 1)), {"s": draw(st.sampled_from(WORDS)), "policy": policy})
    elif what == "drop" and len(aliases) > 1:
        aliases.remove(alias)
    elif what == "policy":
        alias["policy"] = draw(st.sampled_from(("any", "cased", "context")))
    elif what == "prior":
        alias |= {"policy": "context", "prior": draw(st.sampled_from((-2.0, 0.0, 0.6, 2.0)))}
    elif what == "veto":
        side = draw(st.sampled_from(("veto_left", "veto_right")))
        alias[side] = [draw(st.sampled_from((" ", "'s", " said", "At ", "by ")))]
    else:
        aliases.reverse()


@st.composite
def _edited_entity(draw: st.DrawFn, lists: Lists) -> None:
    file, line = draw(st.sampled_from([(f, line) for f in lists if f != "themes.jsonl" for line in lists[f]]))
    companies = [company["id"] for company in lists["companies.jsonl"]]
    what = draw(st.sampled_from(("remove", "first", "parent", "category", "flag", "name", "implies")))
    if what == "remove":
        lists[file].remove(line)
        for other in _entities(lists):
            if other.get("parent") == line["id"]:
                del other["parent"]
            if line["id"] in other.get("implies", ()):
                other["implies"].remove(line["id"])
    elif what == "first":
        lists[file].remove(line)
        lists[file].insert(0, line)
    elif what == "parent":
        line["parent"] = draw(st.sampled_from(companies))
    elif what == "category":
        line["category"] = draw(st.sampled_from(("bank", "series", "chips", "analyst")))
    elif what == "flag" and file == "companies.jsonl":
        line |= {draw(st.sampled_from(("venue", "news_outlet"))): draw(st.booleans())}
    elif what == "name":
        line |= {"name": draw(st.sampled_from(WORDS)), "description": "x"}
    elif what == "implies" and file == "accelerators.jsonl":
        line["implies"] = [draw(st.sampled_from([other["id"] for other in lists[file]]))]


@st.composite
def _added_entity(draw: st.DrawFn, lists: Lists) -> None:
    file = draw(st.sampled_from([file for file in lists if file != "themes.jsonl"]))
    entity_id = draw(st.sampled_from(IDS))
    if all(line["id"] != entity_id for of_file in lists.values() for line in of_file):
        alias = {"s": draw(st.sampled_from(WORDS)), "policy": draw(st.sampled_from(("any", "cased", "context")))}
        lists[file].append({"id": entity_id, "kind": FILES[file], "name": alias["s"], "aliases": [alias]})


@st.composite
def _edited_theme(draw: st.DrawFn, lists: Lists) -> None:
    theme = draw(st.sampled_from(lists["themes.jsonl"]))
    held = [term for term in theme["terms"] if term["s"].rstrip("*") in LOW]
    term = draw(st.sampled_from(held or theme["terms"]))
    what = draw(st.sampled_from(("add", "weight", "near", "threshold", "strong", "negation", "field", "evidence")))
    if what == "add":
        theme["terms"].append({"s": draw(st.sampled_from(WORDS)).lower(), "w": draw(st.sampled_from((-1, 0.4, 1.5)))})
    elif what == "weight":
        term["w"] = draw(st.sampled_from((-1, 0.3, 0.6, 1.5)))
    elif what == "near":
        term["near"] = [draw(st.sampled_from(("@company", "@accelerator", "!@price")))]
    elif what in ("threshold", "strong"):
        theme[what] = draw(st.sampled_from((0.3, 1.0, 2.0)))
    elif what == "evidence":
        theme[what] = {draw(st.sampled_from(("price", "regulation"))): draw(st.sampled_from((0.3, 1.5)))}
    else:
        theme[what] = not theme.get(what, False)
    if not any(term.get("w", 1) > 0 for term in theme["terms"]):
        theme["terms"].append({"s": "whatever", "w": 1})


@st.composite
def changed(draw: st.DrawFn, lists: Lists) -> Lists:
    """Return the lists after a few edits."""
    lists = json.loads(json.dumps(lists))
    for _ in range(draw(st.integers(1, 3))):
        draw(draw(st.sampled_from((_edited_names, _edited_entity, _added_entity, _edited_theme)))(lists))
    return lists


own_lines = st.lists(
    st.sampled_from((
        {"not_company": "Quorvex"}, {"not_company": "Zubrix Labs"}, {"not_company": "Zubrix Partner"},
        {"id": "nvidia", "remove_aliases": []}, {"id": "quorvex-gmbh", "kind": "company", "name": "Quorvex"},
    )), unique_by=str, max_size=3,
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_retag_gives_the_rows_of_a_new_database(tmp_path_factory, base, data):
    folder = tmp_path_factory.mktemp("edited")
    shutil.copy(base / "tagged.db", folder)
    shutil.copy(base / "new.db", folder)
    lists = LISTED
    for number in range(data.draw(st.integers(1, 2), label="changes one after the other")):
        lists = data.draw(changed(lists), label="lists")
        (folder / f"own{number}.jsonl").write_text(with_lines("", data.draw(own_lines, label="own")), encoding="utf-8")
        config = TaggerConfig(write_lists(folder / f"data{number}", lists), (folder / f"own{number}.jsonl",))
        retag(folder / "tagged.db", config)
    retag(folder / "new.db", config)

    retagged, new = rows(folder / "tagged.db"), rows(folder / "new.db")

    assert {table: set(retagged[table]) ^ set(new[table]) for table in new if retagged[table] != new[table]} == {}
    shutil.rmtree(folder)


# ---------------------------------------------------------------- what is done


class Cut(Exception):
    """The program ends here."""


class CutAt:
    """Progress that ends the program after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def stage(self, name: str, total: int | None) -> None:
        pass

    def step(self, detail: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cut


ALIAS = {"id": "amd", "aliases": ["Zubrix Partner Days", "eight DGX"]}  # of "zubrix" and "system"


@pytest.fixture
def folder(base, tmp_path):
    """A folder with the tagged database, the one without tags, and the lists."""
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    return tmp_path


def own(folder: Path, *lines: dict, data: str = "data") -> TaggerConfig:
    """Return the lists of the folder with lines of the user's over them."""
    path = folder / f"own{len(list(folder.iterdir()))}.jsonl"
    path.write_text(with_lines("", lines), encoding="utf-8")
    return TaggerConfig(folder / data, (path,))


def stored(path: Path, sql: str) -> list[tuple]:
    with closing(connect(path)) as db:
        return db.execute(sql).fetchall()


def change(path: Path, sql: str) -> None:
    with closing(connect(path)) as db:
        db.execute(sql)
        db.conn.commit()


RACK = {"id": "acme-rack", "kind": "accelerator", "name": "Rack", "aliases": ["Rack Nine"], "implies": ["acme-x9"]}
WHIM = {"id": "whim", "kind": "theme", "name": "Whim", "terms": ["whimsical"]}
X9 = {"id": "acme-x9", "kind": "accelerator", "name": "Acme X9", "parent": "nvidia"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([WHIM | {"evidence": {"price": 1.2}}], [WHIM], id="a-price-is-no-term-any-more"),
        pytest.param([WHIM | {"evidence": {"regulation": 1.2}}], [WHIM], id="nor-is-a-regulation"),
        pytest.param([RACK, X9], [RACK, X9 | {"parent": "amd"}], id="maker-of-an-implied-chip"),
        pytest.param([], [{"id": "zubrix-labs", "kind": "company", "name": "Xyz"}], id="id-of-an-unlisted-name"),
        pytest.param([{"id": "zubrix-labs", "kind": "company", "name": "Xyz"}], [], id="id-that-is-free-again"),
        pytest.param([], [{"not_company": "Zubrix Labs"}], id="no-company"),
        pytest.param([], [{"id": "energy", "remove": True}], id="tag-that-a-person-has-added"),
        pytest.param([], [{"id": "amd", "category": "bank"}], id="nothing-but-the-role"),
    ],
)
def test_a_change_reaches_articles_in_roundabout_ways(folder, before, after):
    retag(folder / "tagged.db", own(folder, *before))
    was = rows(folder / "tagged.db")
    config = own(folder, *after)

    retag(folder / "tagged.db", config)
    retag(folder / "new.db", config)

    assert rows(folder / "tagged.db")["article_entities"] != was["article_entities"]
    assert rows(folder / "tagged.db") == rows(folder / "new.db")


def test_which_of_two_lists_comes_first_reaches_the_articles_that_hold_a_name_of_both(folder):
    shared = {"s": "Zubrix Partner Days", "policy": "any"}
    for entity_id in ("one", "two"):
        line = {"id": entity_id, "kind": "company", "name": entity_id, "aliases": [shared]}
        (folder / f"{entity_id}.jsonl").write_text(json.dumps(line), encoding="utf-8")
    files = (folder / "one.jsonl", folder / "two.jsonl")
    retag(folder / "tagged.db", TaggerConfig(folder / "data", files))

    assert retag(folder / "tagged.db", TaggerConfig(folder / "data", files[::-1])).tagged == 1

    retag(folder / "new.db", TaggerConfig(folder / "data", files[::-1]))
    assert rows(folder / "tagged.db") == rows(folder / "new.db")


def test_a_changed_line_retags_only_the_articles_that_hold_its_new_spellings(folder):
    change(folder / "tagged.db", "UPDATE articles SET tagged_at = 'before'")

    done = retag(folder / "tagged.db", own(folder, ALIAS))

    assert done == Retagged(looked_at=len(TEXTS), tagged=2)
    assert done.unchanged == len(TEXTS) - 2
    urls = stored(folder / "tagged.db", "SELECT url FROM articles WHERE tagged_at <> 'before' ORDER BY url")
    assert urls == [("https://example.org/system",), ("https://example.org/zubrix",)]


def test_a_change_that_no_tag_depends_on_retags_nothing(folder):
    done = retag(folder / "tagged.db", own(folder, {"id": "nvidia", "description": "Chips."}))

    assert done == Retagged(looked_at=len(TEXTS), tagged=0)
    assert retag(folder / "tagged.db", own(folder, {"id": "nvidia", "description": "Chips."})) == Retagged(0, 0)


def test_all_retags_everything_whatever_has_changed(folder):
    done = retag(folder / "tagged.db", own(folder, ALIAS), everything=True)

    assert done == Retagged(looked_at=len(TEXTS), tagged=len(TEXTS))


def test_articles_of_another_version_than_the_kept_one_are_retagged(folder):
    change(folder / "tagged.db", "UPDATE articles SET taxonomy_version = 'older' WHERE url LIKE '%/none'")
    change(folder / "tagged.db", "UPDATE articles SET tagger_version = '0' WHERE url LIKE '%/price'")

    assert retag(folder / "tagged.db", own(folder, ALIAS)).tagged == 4


def test_untagged_articles_are_tagged_though_the_change_does_not_concern_them(folder):
    change(folder / "tagged.db", "UPDATE articles SET taxonomy_version = NULL, tagger_version = NULL")

    assert retag(folder / "tagged.db", own(folder, ALIAS)).tagged == len(TEXTS)


def test_without_kept_lists_everything_is_retagged(folder):
    change(folder / "tagged.db", "DELETE FROM lexicon")

    assert retag(folder / "tagged.db", own(folder, ALIAS)).tagged == len(TEXTS)
    assert retag(folder / "tagged.db", own(folder)).tagged == 2


@pytest.mark.parametrize("steps", [0, 1, len(TEXTS) - 3, len(TEXTS) - 2, len(TEXTS) - 1])
@pytest.mark.parametrize("goes_on_with", ["the same lists", "those before", "others"])
def test_a_retag_that_was_cut_is_finished_by_the_next(folder, steps, goes_on_with):
    config = own(folder, ALIAS)
    with closing(connect(folder / "tagged.db")) as db:
        kept = kept_version(db)
        tagger = prepared_tagger(db, config)
        with pytest.raises(Cut):
            tag_stored(db, tagger, stale_for=tagger.versions, now=NOW, progress=CutAt(steps))
        assert kept_version(db) == kept

    if goes_on_with == "those before":
        config = TaggerConfig(folder / "data")
    elif goes_on_with == "others":
        config = own(folder, {"id": "nvidia", "aliases": ["the band"]})
    retag(folder / "tagged.db", config)
    retag(folder / "new.db", config)

    assert rows(folder / "tagged.db") == rows(folder / "new.db")


def test_a_new_database_keeps_what_its_first_lists_say_and_later_ones_do_not_replace_it(folder):
    with closing(connect(folder / "new.db")) as db:
        first = prepared_tagger(db, TaggerConfig(folder / "data"))
        assert kept_version(db) == first.versions[1]
        tag_stored(db, first, stale_for=first.versions, now=NOW)

        prepared_tagger(db, own(folder, ALIAS))

        assert kept_version(db) == first.versions[1]
