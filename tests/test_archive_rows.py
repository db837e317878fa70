"""What a capture becomes: the article, and rows equal to those that the database would have."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from db_rows import make_db
from hypothesis import assume, given
from hypothesis import strategies as st
from spacy.language import Language

from aiwire.archive.articles import archived
from aiwire.archive.rows import article_rows, capture_id, url_key
from aiwire.archive.schemas import PART_TABLES
from aiwire.pipeline.identity import drafts
from aiwire.types import Entry, Extracted, FetchResult, Page, PageUpdate, Request, Response, Source
from aiwire.types.archive import ArchivedArticle, CapturedPage
from db.store import known_articles, save_page, sync_entities
from ingest.urls import normalize_url
from nlp.gazetteer import load_lexicon
from nlp.pipeline import load_tagger, tag_article

AT = datetime(2026, 11, 16, 8, 30, 15, 999_999, tzinfo=UTC)
SOURCE = Source("example", "Example", "feed", "https://example.org/feed", "example")
TITLE = "Nvidia ships the H100 to a French cloud"
TEXT = (
    "Nvidia has shipped 4,000 H100s to Paris, where the AI cloud keeps data residency in France.\n"
    "An H100 rents for €2.20 per GPU-hour there. Renting is no answer for an air-gapped site, the GDPR officer said.\n"
    "The start-up Quorvex raised $40 million in March, and Quorvex's CEO wants more chips than Nvidia can make."
)


def page(url: str = "https://example.org/a?utm_source=x", at: datetime = AT) -> CapturedPage:
    return CapturedPage(url, at, {"content-type": "text/html"}, b"<html>", 77)


def extracted(**fields: object) -> Extracted:
    values: dict[str, object] = {
        "url": "https://example.org/a", "canonical_url": "https://example.org/canon", "title": TITLE,
        "author": "Noor Ashdown", "published": datetime(2026, 11, 15, 9, tzinfo=UTC), "date_source": "json-ld",
        "language": "en_us", "text": TEXT, "paywalled": True, "rights": "robots: noai",
    }  # fmt: skip
    return Extracted(**(values | fields))  # type: ignore[arg-type]  # a test's values


@pytest.fixture(scope="module")
def nlp() -> Language:
    return load_tagger()


# ---------------------------------------------------------------- articles


def test_an_article_is_what_the_page_says_at_the_moment_of_its_capture() -> None:
    assert archived(page(), extracted(), SOURCE) == ArchivedArticle(
        url="https://example.org/a",
        source_id="example",
        captured_at=AT,
        title=TITLE,
        author="Noor Ashdown",
        published_at=datetime(2026, 11, 15, 9, tzinfo=UTC),
        dated_at=datetime(2026, 11, 15, 9, tzinfo=UTC),
        date_source="json-ld",
        date_flaw=None,
        language="en-US",
        text=TEXT,
        canonical_url="https://example.org/canon",
        paywalled=True,
        rights="robots: noai",
    )


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param(None, id="absent"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="absurd"),
        pytest.param(AT + timedelta(days=2), id="after the capture"),
    ],
)
def test_without_a_plausible_date_the_capture_dates_the_article(stated: datetime | None) -> None:
    article = archived(page(), extracted(published=stated), SOURCE)

    assert article is not None
    assert (article.published_at, article.dated_at, article.date_source) == (None, AT, "first_seen")


def test_a_page_without_text_or_address_is_no_article() -> None:
    assert archived(page(), extracted(text=""), SOURCE) is None
    assert archived(page("ftp://example.org/a"), extracted(), SOURCE) is None


def test_a_source_that_states_its_language_is_believed() -> None:
    source = Source("cn", "CN", "feed", "https://example.cn/", "cn", language="zh-cn")

    languages = [
        article.language
        for declared in (None, "en")
        if (article := archived(page(), extracted(language=declared), source))
    ]
    assert languages == ["zh-CN", "zh-CN"]


# ---------------------------------------------------------------- rows


def test_rows_fit_the_columns_of_their_tables(nlp: Language) -> None:
    article = archived(page(), extracted(), SOURCE)
    assert article is not None
    rows = article_rows(article, tag_article(nlp, TITLE, TEXT, "en-US"), shard="s", offset=77, number=7)

    assert set(rows) | {"captures"} == set(PART_TABLES)
    assert all(rows.values())
    assert {len(row) - len(PART_TABLES[table]) for table, found in rows.items() for row in found} == {0}


def test_rows_hold_what_the_database_would(nlp: Language) -> None:
    article = archived(page(), extracted(title=f"{TITLE}, with more\u2028to say", text=TEXT * 3), SOURCE)
    assert article is not None
    tagging = tag_article(nlp, article.title, article.text, article.language)
    rows = article_rows(article, tagging, shard="s", offset=77, number=7)
    db = make_db()
    sync_entities(db, load_lexicon().entities)
    article_id = _stored(db, article, tagging)

    for table, found in rows.items():
        columns = [name for name in PART_TABLES[table] if name in _columns(db, table)]
        wanted = [dict(zip(PART_TABLES[table], row, strict=True)) for row in found]
        key = "id" if table == "articles" else "article_id"
        names = ", ".join(f'"{name}"' for name in columns)
        stored = db.execute(f"SELECT {names} FROM {table} WHERE {key} = ?", [article_id]).fetchall()
        assert sorted(map(repr, stored)) == sorted(repr(tuple(_plain(row[name]) for name in columns)) for row in wanted)
        missing = set(PART_TABLES[table]) - set(columns) - {"capture_id"}
        assert missing == LACKING.get(table, set())
    bands = dict(db.execute("SELECT article_id, words FROM story_sketches").fetchall())
    held = [row[0] for row in db.execute("SELECT band FROM story_bands ORDER BY band").fetchall()]
    row = dict(zip(PART_TABLES["articles"], rows["articles"][0], strict=True))
    assert (bands[article_id], held) == (row["sketch_words"], row["sketch_bands"])


# what the database has elsewhere, or not at all
LACKING = {"articles": {"shard", "offset", "url_key", "captured_at", "sketch_words", "sketch_bands"}}


def _columns(db, table):  # type: ignore[no-untyped-def]  # a table of a test
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})").fetchall()}


def _plain(value: object) -> object:
    """Return a value as SQLite keeps it."""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value


def _stored(db, article, tagging):  # type: ignore[no-untyped-def]  # a database of a test
    """Store the article as a run does that knew of its URL alone; return its id."""
    from db_rows import article as entry
    from db_rows import save

    save(
        db,
        entry("a", "", title="", day=None, dated_at=AT, date_source="first_seen", guid=None, language=None,
              tagged=False, wants_page=True),
        now=AT,
    )  # fmt: skip
    url = "https://example.org/a"
    article_id = known_articles(db, [url])[url].id
    answer = FetchResult(Request(url, "example", "page", article_id), Response(url, url, 200, {}, b""), 5, 0)
    update = PageUpdate(
        article_id=article_id,
        page=Page("fetched", 1, AT, None, None),
        fetch=answer,
        extracted=extracted(text=article.text),
        text_origin="page",
        title=article.title,
        author=article.author,
        published_at=article.published_at,
        dated_at=article.dated_at,
        date_source=article.date_source,
        language=article.language,
        tagging=tagging,
    )
    save_page(db, update, run_id=1, now=AT)
    return article_id


def test_a_word_that_is_no_utf_8_fails_its_own_article(nlp: Language) -> None:
    article = archived(page(), extracted(author="Noor \ud800"), SOURCE)
    assert article is not None

    with pytest.raises(UnicodeEncodeError):
        article_rows(article, tag_article(nlp, TITLE, TEXT), shard="s", offset=77, number=7)


def test_an_id_tells_shard_and_offset() -> None:
    ids = {capture_id(shard, number) for shard in ("a", "b", "a\0001") for number in (0, 1, 10**12)}

    assert len(ids) == 9
    assert all(-(2**63) <= one < 2**63 for one in ids)
    assert capture_id("a", 0) == capture_id("a", 0)


@given(st.text(alphabet="ab/?#.%41&=é ", max_size=20))
def test_the_other_spellings_of_a_url_have_its_key(rest: str) -> None:
    url = normalize_url(f"https://example.org/{rest}")
    assume(url is not None and "//" not in url.partition("://")[2])  # there one spelling leads to the next
    (draft,) = drafts([Entry(guid=None, url=url, title="A")], source=SOURCE)

    keys = {url_key(spelling) for spelling in (draft.url, *draft.also) if "#" not in spelling}
    assert keys == {url_key(url)}


def test_another_page_has_another_key() -> None:
    urls = ["https://a.org/", "https://a.org/x", "https://a.org/x?y=1", "https://a.org/x?y=1/", "https://b.org/x"]

    assert len({url_key(url) for url in urls}) == len(urls)
    assert url_key("http://a.org/x/?y=1") == url_key("https://a.org/x?y=1") == "a.org/x?y=1"
