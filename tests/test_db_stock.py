"""Stock sentences: what a publisher repeats under unrelated stories is not what they are about."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Mention,
    Request,
    Response,
    Sentence,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db.connection import connect
from db.dump import dump_rows
from db.stock import MIN_CHARS, sentence_hash
from db.store import known_articles, save_source, save_taggings, start_run, sync_entities, sync_sources
from db.trends import rebuild

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
STOCK = "Our guide explains the TCO of running your own cards."
STOCK_TOO = "Every company should know what TCO means before it buys."


def tagged(text):
    """Tag every TCO; the title is no part of this."""
    sentences = tuple(Sentence("text", m.start(), m.end()) for m in re.finditer(r"[^\n]+", text))
    mentions = tuple(
        Mention("text", s.start + m.start(), s.start + m.end(), "TCO", s.start, s.end, "any", 0.9)
        for s in sentences
        for m in re.finditer("TCO", text[s.start : s.end])
    )
    tags = ()
    if mentions:
        evidence = text[mentions[0].sent_start : mentions[0].sent_end]
        tags = (
            Tag("theme", "tco", "TCO", ("TCO",), len(mentions), True, "subject", True, 0.5, 0.9, evidence, mentions),
        )
    return Tagging(tags, sentences=sentences, tagger_version="1", taxonomy_version="t")


def make_db():
    db = connect(":memory:")
    sync_sources(db, [Source(s, s, "feed", f"https://{s}.example/", s) for s in ("one", "two")])
    sync_entities(db, [Entity("tco", "theme", "TCO")])
    start_run(db, "run", now=NOW)
    return db


def save(db, name, text, *, source_id="one", day=NOW, title=None):
    url = f"https://{source_id}.example/{name}"
    title = title or name
    said = f"{title}{text}"
    update = ArticleUpdate(url, None, title, None, day, day, "published", "en", text, said, False, tagged(text))
    fetch = FetchResult(Request(url, source_id, "feed"), Response(url, url, 200, {}, b""), 1, 1)
    return save_source(db, SourceUpdate(SourceState(source_id), fetch, (update,)), run_id=1, now=NOW)


def about(db):
    sql = """
        SELECT substr(url, -1), about FROM article_entities JOIN articles ON articles.id = article_id ORDER BY 1
    """
    return dict(db.execute(sql).fetchall())


@pytest.fixture
def db():
    empty = make_db()
    yield empty
    empty.close()


def story(name, *extra):
    own = [f"This is sentence number {n} of the quite unrelated story {name}." for n in range(3)]
    return "\n".join([*own, *extra])


def test_a_repeated_passage_turns_about_off_in_both_articles_and_their_weeks(db):
    save(db, "a", story("a", STOCK), day=datetime(2026, 11, 2, tzinfo=UTC))
    assert about(db) == {"a": 1}

    counted = save(db, "b", story("b", STOCK))

    assert about(db) == {"a": 0, "b": 0}
    assert counted.weeks == {"2026-11-02", "2026-11-23"}
    assert (
        db.execute("SELECT articles, articles_about FROM trends_weekly WHERE segment = 'all'").fetchall()
        == [(1, 0)] * 2
    )


def test_a_mention_outside_the_stock_passage_keeps_about(db):
    save(db, "a", story("a", STOCK, "Here the TCO is what the story is on."))
    save(db, "b", story("b", STOCK))

    assert about(db) == {"a": 1, "b": 0}


def test_case_and_spacing_do_not_hide_a_repeated_passage(db):
    save(db, "a", story("a", STOCK))
    save(db, "b", story("b", STOCK.replace("guide explains", "GUIDE  explains")))

    assert about(db) == {"a": 0, "b": 0}


def test_versions_of_one_story_do_not_make_their_sentences_stock(db):
    text = story("a", STOCK)
    save(db, "a", text)
    save(db, "b", text + "\nAn update was added at the very end of this story.")
    assert about(db) == {"a": 1, "b": 1}

    save(db, "c", story("c", STOCK))

    assert about(db) == {"a": 0, "b": 0, "c": 0}


@pytest.mark.parametrize("copies", [2, 6])
@pytest.mark.parametrize(("own", "stock"), [(1, 1), (2, 2), (1, 4)])
def test_short_articles_with_a_common_passage_are_no_versions_of_one_story(db, own, stock, copies):
    passage = [STOCK, *(f"Sentence {n} of what stands under every story of the site." for n in range(1, stock))]
    for n in range(copies):
        story_of_its_own = [f"This is sentence {i} of the quite unrelated story {n}." for i in range(own)]
        save(db, str(n), "\n".join([*story_of_its_own, *passage]))

    assert set(about(db).values()) == {0}


def test_versions_are_known_by_their_title_or_their_first_sentence(db):
    body = [f"Sentence {n} of a story long enough to be told in versions." for n in range(8)]
    save(db, "a", "\n".join([*body, STOCK]))
    save(db, "b", "\n".join([*body, STOCK, "It was added that nothing else is known so far."]), title="Another title")
    save(db, "c", "\n".join(["Now it begins with quite another first sentence.", *body[1:], STOCK]), title=" A ")

    assert about(db) == {"a": 1, "b": 0, "c": 0}  # c and b have neither in common

    save(
        db,
        "c",
        "\n".join(["Now it begins with quite another first sentence.", *body[1:], STOCK]),
        title="ANOTHER Title",
    )

    assert about(db) == {"a": 0, "b": 1, "c": 0}


def test_a_sentence_under_three_titles_is_stock_whoever_is_a_version_of_whom(db):
    for name in "abc":
        assert set(about(db).values()) <= {1}
        save(db, name, story("the same", STOCK))

    assert about(db) == {"a": 0, "b": 0, "c": 0}

    save(db, "c", story("the same", STOCK), title="A")

    assert about(db) == {"a": 1, "b": 1, "c": 1}


def test_other_sources_and_short_sentences_do_not_count(db):
    short = "The TCO of cards is low."
    assert len(short) < MIN_CHARS
    save(db, "a", story("a", STOCK))
    save(db, "b", story("b", STOCK), source_id="two")
    save(db, "c", story("c", short))
    save(db, "d", story("d", short))

    assert about(db) == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_a_passage_that_is_no_longer_repeated_turns_about_on_again(db):
    save(db, "a", story("a", STOCK))
    save(db, "b", story("b", STOCK))

    save(db, "b", story("b", "The passage was taken out of this story later on."))

    assert about(db) == {"a": 1}


@given(st.text(), st.text())
def test_hashes_are_of_the_words_and_the_source(one, other):
    folded, other_folded = (" ".join(text.split()).casefold() for text in (one, other))

    assert (sentence_hash("s", one) is None) == (len(folded) < MIN_CHARS)
    long, other_long = folded + "x" * MIN_CHARS, other_folded + "x" * MIN_CHARS
    assert (sentence_hash("s", long) == sentence_hash("s", other_long)) == (long.casefold() == other_long.casefold())
    assert sentence_hash("s", long) != sentence_hash("t", long)


POOL = [
    STOCK,
    STOCK_TOO,
    *(f"Sentence {n} of the pool is long enough to be counted here." for n in range(5)),
    "Short TCO.",
]
TEXTS = st.lists(st.sampled_from(POOL), min_size=1, max_size=6, unique=True).map("\n".join)
TITLES = st.sampled_from(["One", "one ", "Two", "Three"])
STEPS = st.lists(st.tuples(st.sampled_from("abcde"), TITLES, TEXTS), min_size=1, max_size=9)


def expected(articles):
    """The definition, by brute force: which articles' TCO tag is about."""
    texts = {name: text for name, (_, text) in articles.items()}
    titles = {name: title.strip().lower() for name, (title, _) in articles.items()}
    lists = {n: [h for s in text.split("\n") if (h := sentence_hash("s", s))] for n, text in texts.items()}
    sets = {n: set(hashes) for n, hashes in lists.items()}

    def versions(one, other):
        if len(sets[one]) > len(sets[other]):
            one, other = other, one
        if 10 * len(sets[one] & sets[other]) < 8 * len(sets[one]):
            return False
        same_length = len(sets[one]) == len(sets[other])
        begins = bool(lists[one]) and (lists[one][0] in sets[other] or (same_length and lists[other][0] in sets[one]))
        return titles[one] == titles[other] or begins

    def is_stock(name, sentence):
        hashed = sentence_hash("s", sentence)
        if hashed is None:
            return False
        holders = [other for other in texts if hashed in sets[other]]
        return len({titles[other] for other in holders}) >= 3 or any(
            not versions(name, other) for other in holders if other != name
        )

    return {
        name: int(any(not is_stock(name, s) for s in text.split("\n") if "TCO" in s))
        for name, text in texts.items()
        if "TCO" in text
    }


@settings(max_examples=60, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_verdict_depends_on_what_is_stored_and_not_on_how_it_came(steps, random):
    final = {name: (title, text) for name, title, text in steps}
    edited, straight = make_db(), make_db()
    for name, title, text in steps:
        save(edited, name, text, title=title)
    shuffled = list(final.items())
    random.shuffle(shuffled)
    for name, (title, text) in shuffled:
        save(straight, name, text, title=title)

    assert about(edited) == about(straight) == expected(final)
    rows, rebuilt = dump_rows(edited), dump_rows(straight)
    del rows["article_versions"], rebuilt["article_versions"]
    assert rows == rebuilt
    rebuild(edited)
    ids = known_articles(edited, [f"https://one.example/{name}" for name in final])
    save_taggings(edited, [(ids[f"https://one.example/{n}"].id, tagged(t)) for n, (_, t) in final.items()], now=NOW)
    rows = dump_rows(edited)
    del rows["article_versions"]
    assert rows == rebuilt
    edited.close()
    straight.close()
