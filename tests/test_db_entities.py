"""Entities and sources: brought into line with the lexicon and sources.toml."""

from dataclasses import replace

import pytest
from db_rows import ENTITIES, NOW, article, id_of, make_db, one, save, tag

from aiwire.exceptions import ConfigError
from aiwire.types import (
    Alias,
    Entity,
    Source,
    Tagging,
)
from db.dump import dump_rows
from db.store import (
    save_tagging,
    sync_entities,
    sync_sources,
)
from db.summary import counts


def test_unlisted_names_come_and_go_with_the_articles_and_do_not_depend_on_order():
    first = article("a", "Acme grows.", tagging=tag("x", "Acme grows.", unlisted=["Acme"]))
    shouted = tag("x", "ACME grows.", unlisted=["ACME"])
    second = article("b", "ACME grows.", tagging=replace(shouted, tags=(replace(shouted.tags[0], id="acme"),)))
    one_way, other_way = make_db(), make_db()
    save(one_way, first, second)
    save(other_way, second)
    save(other_way, first)
    assert dump_rows(one_way) == dump_rows(other_way)
    assert one(one_way, "SELECT name, kind, listed FROM entities WHERE id = 'acme'") == ("ACME", "company", 0)

    save_tagging(one_way, id_of(one_way, "b"), Tagging(tagger_version="1", taxonomy_version="t"), now=NOW)
    assert one(one_way, "SELECT name FROM entities WHERE id = 'acme'") == ("Acme",)
    save_tagging(one_way, id_of(one_way, "a"), Tagging(tagger_version="1", taxonomy_version="t"), now=NOW)

    assert one(one_way, "SELECT name FROM entities WHERE id = 'acme'") is None
    one_way.close()
    other_way.close()


def test_an_entity_that_left_the_lists_stays_while_an_article_names_it(db):
    save(db, article("a", "TCO of NVIDIA."))
    rest = [e for e in ENTITIES if e.id not in ("tco", "reuters")]

    sync_entities(db, rest)

    assert one(db, "SELECT listed, category FROM entities WHERE id = 'tco'") == (0, None)
    assert one(db, "SELECT 1 FROM entities WHERE id = 'reuters'") is None
    save_tagging(db, id_of(db), Tagging(tagger_version="2", taxonomy_version="t"), now=NOW)
    assert one(db, "SELECT 1 FROM entities WHERE id = 'tco'") is None


def test_sync_entities_replaces_what_changed_and_again_changes_nothing(db):
    changed = [
        replace(e, name="Nvidia Corp", aliases=(Alias("Nvidia", "cased"),)) if e.id == "nvidia" else e for e in ENTITIES
    ]
    sync_entities(db, changed)
    before = dump_rows(db)

    sync_entities(db, reversed(changed))

    assert dump_rows(db) == before
    assert db.execute("SELECT surface, policy FROM aliases WHERE entity_id = 'nvidia'").fetchall() == [
        ("Nvidia", "cased")
    ]
    assert one(db, "SELECT name FROM entities WHERE id = 'nvidia'") == ("Nvidia Corp",)


def test_an_unknown_parent_is_an_error_and_nothing_is_changed(db):
    before = dump_rows(db)

    with pytest.raises(ConfigError, match="'h': unknown parent 'nobody'"):
        sync_entities(db, [Entity("h", "accelerator", "H", parent="nobody")])

    assert dump_rows(db) == before


def test_a_source_that_left_the_file_becomes_inactive_and_comes_back(db):
    example = Source("example", "Example", "feed", "https://example.org/feed", "example")
    sync_sources(db, [])
    assert db.execute("SELECT DISTINCT active FROM sources").fetchall() == [(0,)]

    sync_sources(db, [example])

    assert one(db, "SELECT active FROM sources WHERE id = 'example'") == (1,)
    assert counts(db)["sources"] == 1


def test_a_source_that_gets_an_owner_moves_its_articles_to_the_owned_segment(db):
    save(db, article("a"))
    example = Source("example", "Example", "feed", "https://example.org/feed", "example", owner="nvidia")

    sync_sources(db, [example])

    segments = {row[0] for row in db.execute("SELECT segment FROM period_totals")}
    assert segments == {"all", "owned", "lang:en"}


def test_how_much_of_a_source_may_be_quoted_is_kept_and_taken_back(db):
    example = Source("example", "Example", "feed", "https://example.org/feed", "example", excerpt_chars=0)
    sync_sources(db, [example])
    assert one(db, "SELECT excerpt_chars FROM sources WHERE id = 'example'") == (0,)

    sync_sources(db, [replace(example, excerpt_chars=None)])

    assert one(db, "SELECT excerpt_chars FROM sources WHERE id = 'example'") == (None,)


def test_the_precision_of_listed_entities_is_kept_beside_them_and_goes_with_the_measurement(db):
    def stored():
        return db.execute(
            "SELECT id, tag_precision, gold_tags FROM entities WHERE gold_tags > 0 ORDER BY id"
        ).fetchall()

    entities = [Entity("a", "company", "A"), Entity("b", "company", "B")]
    sync_entities(db, entities, judged={"a": (0.9, 10), "b": (None, 2), "company": (0.95, 12)})
    first = stored()
    sync_entities(db, entities, judged={"a": (0.8, 20)})
    second = stored()
    sync_entities(db, entities[1:])

    assert first == [("a", 0.9, 10), ("b", None, 2)]
    assert second == [("a", 0.8, 20)]
    assert stored() == []
