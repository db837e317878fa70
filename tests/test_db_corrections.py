"""What people put right: laid over every tagging, kept through edits, pages and retags, undone without a trace."""

from dataclasses import replace
from datetime import timedelta

import pytest
from db_rows import NOW, article, id_of, make_db, one, page_update, save, tag
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.pipeline.correcting import put_right, stored_url
from aiwire.types import Alias, Correction, Entity, Price, Tagging
from db.connection import transaction
from db.corrections import add_corrections, all_corrections, corrected, load_corrections, names_it
from db.dump import dump_rows
from db.store import save_page, save_tagging, sync_entities
from db.trends import rebuild

URL = "https://example.org/a"
MADE = "2026-11-23T06:00:00Z"
TEXT = "NVIDIA sells the H100. Its maker counts on graphics cards."
H100 = Entity("nvidia-h100", "accelerator", "NVIDIA H100", aliases=(Alias("H100", "any"), Alias("H100 PCIe", "any")))
THEME = Entity("tco", "theme", "TCO")


def tagger(texts):
    return ((text, tag(text.title, text.text)) for text in texts)


def wrong(entity="nvidia", name="a"):
    return Correction(f"https://example.org/{name}", "wrong-tag", entity, made_at=MADE)


def missing(entity="nvidia", name="a", **more):
    return Correction(f"https://example.org/{name}", "missing-tag", entity, made_at=MADE, **more)


def right_day(day, name="a"):
    return Correction(f"https://example.org/{name}", "wrong-date", value=f"{day}T00:00:00Z", made_at=MADE)


def apply(tagging, *corrections, title="Title", text=TEXT, names=(H100, THEME)):
    return corrected(tagging, corrections, title=title, text=text, names={entity.id: entity for entity in names})


def entities_of(db, name="a"):
    rows = db.execute("SELECT entity_id FROM article_entities WHERE article_id = ? ORDER BY 1", [id_of(db, name)])
    return [row[0] for row in rows]


# ---------------------------------------------------------------- the pure function


def test_without_corrections_the_findings_are_the_same_object():
    tagging = tag("Title", TEXT)

    assert apply(tagging) is tagging


def test_a_wrong_tag_goes_and_prices_are_no_longer_its():
    price = Price("$2", 2.0, None, "USD", "card", None, "nvidia-h100", "It is $2.", "text", 0, 2, product="nvidia")
    tagging = replace(tag("Title", TEXT), prices=(price,))

    after = apply(tagging, wrong("nvidia-h100"))

    assert [t.id for t in after.tags] == ["nvidia"]
    assert [(p.accelerator, p.product) for p in after.prices] == [(None, "nvidia")]
    assert apply(tagging, wrong("nvidia")).prices[0].product is None


def test_a_missing_tag_has_its_places_by_the_longest_name_that_stands_there():
    text = "An h100 PCIE, an H100-pcie, then XH100 and 显卡H100芯片."

    [found] = apply(Tagging(), missing("nvidia-h100"), text=text).tags

    assert [text[m.start : m.end] for m in found.mentions] == ["h100 PCIE", "H100-pcie", "H100"]
    assert (found.count, found.surfaces) == (3, ("h100 PCIE", "H100-pcie", "H100"))
    assert {(m.rule, m.confidence) for m in found.mentions} == {("correction", 1.0)}
    assert (found.kind, found.name, found.confidence, found.listed) == ("accelerator", "NVIDIA H100", 1.0, True)


def test_capital_letters_of_a_name_count_unless_its_policy_says_otherwise():
    meta = Entity("meta", "company", "Meta", aliases=(Alias("Meta", "context"),))

    assert names_it(meta, "", "What Meta’s lab does.")
    assert not names_it(meta, "", "The meta level, and Metal.")
    assert not names_it(THEME, "TCO", "TCO")  # a theme has terms, not names


@pytest.mark.parametrize(
    ("title", "about", "expected"),
    [
        ("The H100", None, (True, "subject")),
        ("Title", None, (False, "mention")),
        ("The H100", False, (False, "mention")),
        ("Title", True, (True, "subject")),
    ],
)
def test_a_missing_tag_is_about_it_as_is_said_else_if_the_title_names_it(title, about, expected):
    [found] = apply(Tagging(), missing("nvidia-h100", about=about), title=title).tags

    assert (found.about, found.role) == expected


def test_evidence_that_names_nothing_is_itself_the_place():
    tagging = replace(tag("Title", TEXT), tags=())

    [found] = apply(tagging, missing("tco", evidence="Its maker counts  on\ngraphics cards.")).tags

    assert found.evidence == "Its maker counts on graphics cards."
    [mention] = found.mentions
    assert (mention.surface, mention.rule, TEXT[mention.start : mention.end]) == (
        found.evidence, "correction", found.evidence,
    )  # fmt: skip
    assert TEXT[mention.sent_start : mention.sent_end].strip() == found.evidence
    assert found.surfaces == ()


def test_evidence_in_which_a_name_stands_adds_no_place():
    [found] = apply(Tagging(), missing("nvidia-h100", evidence="NVIDIA sells the H100.")).tags

    assert [m.surface for m in found.mentions] == ["H100"]
    assert found.evidence == "NVIDIA sells the H100."


def test_a_missing_tag_without_evidence_is_proved_by_the_sentence_of_its_first_place_in_the_text():
    tagging = replace(tag("An H100 story", TEXT), tags=())

    [found] = apply(tagging, missing("nvidia-h100"), title="An H100 story").tags

    assert found.evidence == "NVIDIA sells the H100."


def test_what_the_tagger_finds_anyway_keeps_its_places_and_gets_about_and_evidence():
    tagging = tag("Title", TEXT)
    before = next(t for t in tagging.tags if t.id == "nvidia-h100")

    after = apply(tagging, missing("nvidia-h100", about=False, evidence="NVIDIA sells the H100."))

    found = next(t for t in after.tags if t.id == "nvidia-h100")
    assert found == replace(before, about=False, role="mention", evidence="NVIDIA sells the H100.")
    assert apply(tagging, missing("nvidia-h100")) == tagging


def test_of_a_source_a_person_may_say_that_it_is_the_subject():
    tagging = tag("Title", "Reuters says so.")
    assert tagging.tags[0].role == "source"

    [found] = apply(tagging, missing("reuters", about=True)).tags
    [same] = apply(tagging, missing("reuters", about=False)).tags

    assert (found.about, found.role) == (True, "subject")
    assert (same.about, same.role) == (False, "source")


def test_themes_are_added_only_where_themes_are_looked_for():
    names_only = Tagging(scope="names")

    assert apply(names_only, missing("tco", evidence="NVIDIA sells the H100.")).tags == ()
    assert [t.id for t in apply(names_only, missing("nvidia-h100")).tags] == ["nvidia-h100"]


def test_what_is_on_no_list_is_changed_where_it_is_found_and_never_added():
    tagging = tag("Title", "Acme grows.", unlisted=["Acme"])

    [found] = apply(tagging, missing("acme", about=False)).tags

    assert (found.about, found.listed) == (False, False)
    assert apply(Tagging(), missing("acme", about=False)).tags == ()


# ---------------------------------------------------------------- every way of tagging


def by_run(db):
    save(db, article("a", TEXT))


def by_retag(db):
    save(db, article("a", "Another text.", tagged=False))
    db.execute("UPDATE articles SET text = ? WHERE id = ?", [TEXT, id_of(db)])
    save_tagging(db, id_of(db), tag("Title of a", TEXT), now=NOW)


def by_edit(db):
    save(db, article("a", "NVIDIA had another text."))
    save(db, article("a", TEXT), now=NOW + timedelta(hours=1))


def by_page(db):
    save(db, article("a", "NVIDIA and the H100.", wants_page=True))
    save_page(db, page_update(id_of(db), TEXT), run_id=1, now=NOW)


@pytest.mark.parametrize("way", [by_run, by_retag, by_edit, by_page])
def test_corrections_hold_however_an_article_comes_to_be_tagged(db, way):
    put_right(db, tagger, add=[wrong("nvidia"), missing("tco", evidence="NVIDIA sells the H100.")], now=NOW)

    way(db)

    assert entities_of(db) == ["nvidia-h100", "tco"]
    assert one(db, "SELECT count(*) FROM trends_weekly WHERE entity_id = 'nvidia'") == (0,)
    counted = "SELECT articles, articles_about FROM trends_weekly WHERE entity_id = 'tco' AND segment = 'all'"
    assert one(db, counted) == (1, 0)
    kept = dump_rows(db)
    rebuild(db)
    assert dump_rows(db) == kept


def test_a_correction_of_a_stored_article_holds_at_once_and_leaves_no_trace_when_undone(db):
    save(db, article("a", TEXT), article("b", "NVIDIA grows."))
    before = dump_rows(db)
    said = [wrong("nvidia"), missing("tco", evidence="Its maker counts on graphics cards.")]

    done = put_right(db, tagger, add=said, now=NOW)

    assert (list(done.changed), done.articles) == (said, 1)
    assert entities_of(db) == ["nvidia-h100", "tco"]
    assert one(db, "SELECT articles FROM trends_weekly WHERE entity_id = 'nvidia' AND segment = 'all'") == (1,)
    assert db.execute("SELECT entity_id, correction FROM article_entities ORDER BY 1").fetchall() == [
        ("nvidia", None), ("nvidia-h100", None), ("tco", "added"),
    ]  # fmt: skip

    put_right(db, tagger, undo=said, now=NOW)

    assert dump_rows(db) == before


def test_an_error_in_the_middle_leaves_nothing(db):
    save(db, article("a", TEXT), article("b", TEXT))
    before = dump_rows(db)

    def broken(texts):
        yield from list(tagger(texts))[:1]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        put_right(db, broken, add=[wrong(), wrong(name="b"), right_day("2026-03-01")], now=NOW)

    assert dump_rows(db) == before


def test_a_wrong_unlisted_name_goes_with_its_entity_and_comes_back(db):
    def find_acme(texts):
        return ((text, tag(text.title, text.text, unlisted=["Acme"])) for text in texts)

    save(db, article("a", "Acme grows.", tagging=tag("Title of a", "Acme grows.", unlisted=["Acme"])))

    put_right(db, find_acme, add=[wrong("acme")], now=NOW)
    assert one(db, "SELECT count(*) FROM entities WHERE id = 'acme'") == (0,)

    put_right(db, find_acme, undo=[wrong("acme")], now=NOW)
    assert entities_of(db) == ["acme"]


def test_a_person_who_says_about_overrules_stock_sentences(db):
    stock = "This very passage on the TCO of NVIDIA cards stands under everything."
    save(db, *(article(name, f"A story on the H100 {name}.\n{stock}", title=f"Tale {name}") for name in "abc"))
    assert one(db, "SELECT about FROM article_entities WHERE entity_id = 'tco' AND article_id = ?", id_of(db)) == (0,)

    put_right(db, tagger, add=[missing("tco", about=True), missing("nvidia", name="b")], now=NOW)

    rows = db.execute("SELECT about, correction FROM article_entities WHERE entity_id IN ('tco', 'nvidia')"
                      " AND article_id = ? ORDER BY entity_id", [id_of(db)]).fetchall()  # fmt: skip
    assert rows == [(0, None), (1, "changed")]
    [about] = db.execute(
        "SELECT about FROM article_entities WHERE entity_id = 'nvidia' AND article_id = ?", [id_of(db, "b")]
    ).fetchall()
    assert about == (0,)  # nobody said about


def test_evidence_that_is_gone_from_the_text_is_not_claimed_until_it_is_back(db):
    sentence = "Its maker counts on graphics cards."
    save(db, article("a", TEXT))
    put_right(db, tagger, add=[missing("tco", evidence=sentence), missing("nvidia", evidence=sentence)], now=NOW)
    place = "SELECT evidence, best_field, best_start, count FROM article_entities WHERE entity_id = ? "
    assert one(db, place, "tco") == (sentence, "text", TEXT.index(sentence), 1)
    assert one(db, place, "nvidia") == (sentence, "text", TEXT.index(sentence), 2)

    save(db, article("a", "NVIDIA sells the H100."), now=NOW + timedelta(hours=1))

    assert one(db, place, "tco") == ("Title of a", None, None, 0)
    assert one(db, place, "nvidia") == ("NVIDIA sells the H100.", "text", 0, 1)
    save(db, article("a", TEXT), now=NOW + timedelta(hours=2))
    assert one(db, place, "tco") == (sentence, "text", TEXT.index(sentence), 1)


def test_an_entity_that_leaves_the_lists_is_no_longer_added_and_is_again_when_it_is_back(db):
    entities = (Entity("nvidia", "company", "NVIDIA", aliases=(Alias("NVIDIA", "any"),)),)
    gone = Entity("maker", "company", "Maker", aliases=(Alias("maker", "any"),))
    sync_entities(db, (*entities, gone))
    save(db, article("a", "A maker."))
    put_right(db, tagger, add=[missing("maker")], now=NOW)
    assert entities_of(db) == ["maker"]

    sync_entities(db, entities)
    save_tagging(db, id_of(db), tag("Title of a", "A maker."), now=NOW)
    assert one(db, "SELECT count(*) FROM entities WHERE id = 'maker'") == (0,)

    sync_entities(db, (*entities, gone))
    save_tagging(db, id_of(db), tag("Title of a", "A maker."), now=NOW)
    assert entities_of(db) == ["maker"]


def test_an_article_without_words_stays_untagged(db):
    save(db, article("a", "", title="", tagged=False))

    put_right(db, tagger, add=[wrong()], now=NOW)

    assert one(db, "SELECT tagger_version FROM articles") == (None,)


# ---------------------------------------------------------------- what is kept


def test_the_later_word_on_a_tag_holds_and_the_same_word_again_changes_nothing(db):
    put_right(db, tagger, add=[wrong("nvidia"), wrong("tco")], now=NOW)

    again = put_right(db, tagger, add=[replace(wrong("nvidia"), made_at="2026-12-01T00:00:00Z")], now=NOW)
    other = put_right(db, tagger, add=[missing("nvidia", note="it does")], now=NOW)

    assert (again.changed, len(other.changed)) == ((), 1)
    assert all_corrections(db) == [missing("nvidia", note="it does"), wrong("tco")]
    assert all_corrections(db, kind="wrong-tag", entity="tco", url=URL) == [wrong("tco")]
    assert load_corrections(db, [URL, "https://example.org/none"]) == {URL: (missing("nvidia", note="it does"),
                                                                            wrong("tco"))}  # fmt: skip


def test_more_urls_are_loaded_than_one_query_takes(db):
    with transaction(db):
        add_corrections(db, (wrong(name=f"n{i}") for i in range(1200)))

    assert len(load_corrections(db, (f"https://example.org/n{i}" for i in range(2000)))) == 1200


def test_corrections_are_among_the_rows_that_are_compared(db):
    with transaction(db):
        add_corrections(db, [wrong()])

    assert len(dump_rows(db)["corrections"]) == 1


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("https://example.org/a", URL),
        ("http://EXAMPLE.org/a/?utm_source=rss#comments", URL),
        ("https://example.org/log#v2", "https://example.org/log#v2"),
        ("https://example.org/b", None),
        ("not an address", None),
        ("ftp://example.org/a", None),
    ],
)
def test_an_address_is_found_in_every_spelling_that_a_run_knows(db, address, stored):
    save(db, article("a"), article("log", url="https://example.org/log#v2"))

    assert stored_url(db, address) == stored


# ---------------------------------------------------------------- before or after


ENTITIES = st.sampled_from(["nvidia", "nvidia-h100", "reuters", "tco", "acme", "nobody"])
SENTENCES = st.sampled_from(["", "NVIDIA sells the H100.", "Reuters on  Acme.", "Gone by now."])
SAID = st.builds(
    lambda kind, name, entity, about, evidence: (
        replace(missing(entity, name, evidence=" ".join(evidence.split())), about=about)
        if kind == "missing"
        else wrong(entity, name) if kind == "wrong" else right_day("2026-03-01", name)
    ),
    st.sampled_from(["missing", "wrong", "date"]),
    st.sampled_from("abc"),
    ENTITIES,
    st.sampled_from([None, True, False]),
    SENTENCES,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, max_size=8), st.booleans())
def test_a_fresh_database_with_the_same_corrections_has_the_same_rows(said, edited):
    """Put right after the articles came, taken over before they came, and retagged: all have the same rows."""
    texts = {
        "a": "NVIDIA sells the H100. TCO matters.",
        "b": "Reuters on Acme. NVIDIA sells the H100.",
        "c": "Nothing.",
    }

    def find(texts):
        return ((text, tag(text.title, text.text, unlisted=["Acme"])) for text in texts)

    def bring(db):
        for edit in ("", " Edited.")[: 1 + edited]:
            made = {name: words + edit for name, words in texts.items()}
            save(db, *(article(n, w, tagging=tag(f"Title of {n}", w, unlisted=["Acme"])) for n, w in made.items()))

    after, before = make_db(), make_db()
    bring(after)
    put_right(after, find, add=said, now=NOW)
    put_right(before, find, add=said, now=NOW)
    bring(before)
    rows = dump_rows(after)
    assert dump_rows(before) == rows

    for text in texts:
        words = one(before, "SELECT text FROM articles WHERE id = ?", id_of(before, text))[0]
        save_tagging(before, id_of(before, text), tag(f"Title of {text}", words, unlisted=["Acme"]), now=NOW)
    assert dump_rows(before) == rows
    put_right(after, find, undo=all_corrections(after), now=NOW)
    plain = make_db()
    bring(plain)
    assert dump_rows(after) == dump_rows(plain)
    for db in (after, before, plain):
        db.close()


def test_a_term_alone_does_not_prove_a_theme_as_a_name_proves_a_company():
    names = (Alias("own hardware", "any"),)

    assert names_it(Entity("acme", "company", "Acme", aliases=names), "", "They use own hardware.")
    assert not names_it(Entity("tco", "theme", "TCO", aliases=names), "", "They use own hardware.")
