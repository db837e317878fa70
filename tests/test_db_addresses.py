"""Addresses as strangers may see them: no key gets through, and what is none stays as it was."""

from contextlib import closing

import pytest
from db_rows import NOW, article, make_db, save
from hypothesis import example, given
from hypothesis import strategies as st

from aiwire.types import Source
from db.addresses import bare_urls, site_of_url, without_keys
from db.connection import connect, open_existing
from db.publish import Policy, publish
from db.store import sync_sources

WORDS = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="/?#@:[]\\%&;="), min_size=1)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("https://user:word@host.example/feed?key=1#top", "https://host.example/feed"),
        ("from https://a.example/x?k=1 and http://b.example/y", "from https://a.example/x and http://b.example/y"),
        ("no address", "no address"),
        ("HTTPS://h.example:8443/?k", "https://h.example:8443/"),
        ("https://[broken?k=1", ""),
        ("https://x.example/it's/feed?token=1", "https://x.example/it's/feed"),
        ("see https://x.example/it's/feed?token=1", "see https://x.example/it's/feed"),
        ('https://x.example/a"b<c>/feed?token=1', 'https://x.example/a"b<c>/feed'),
        ("https://x.example/a b?token=1", "https://x.example/a b"),
        ("//u:p@host.example/list", "//host.example/list"),
        ("in //u:p@host.example/list", "in //host.example/list"),
        ("https://u:p@h.example/x@host", "https://h.example/x@host"),
        ("https://u:p/w@h.example/x", ""),
        (None, None),
    ],
)
def test_an_address_is_published_without_user_password_query_and_fragment(text, bare):
    assert bare_urls(text) == bare


@given(WORDS, WORDS)
@example("it's", "x")
def test_no_key_in_an_address_gets_through(path, rest):
    for words in ("", "read at "):
        marked = f"{words}https://user:SECRET@host.example/{path}?SECRET{rest}#SECRET{rest}"
        assert "SECRET" not in bare_urls(marked).replace(path, "")
    assert site_of_url(f"https://user:SECRET@host.example/{path}?{rest}") == "https://host.example/"


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://example.org/feeds/9f8e7d/rss.xml", "https://example.org/"),
        ("http://u:p@Example.org:8080/x", "http://Example.org:8080/"),
        ("no address", ""),
        ("https://[broken", ""),
        ("", ""),
        (None, None),
    ],
)
def test_of_the_address_of_a_source_strangers_see_the_site(url, site):
    assert site_of_url(url) == site


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://e.example/a?access_token=1", "https://e.example/a"),
        ("https://e.example/a?id=7&Token=1&page=2", "https://e.example/a?id=7&page=2"),
        ("https://e.example/a?token=1&id=7", "https://e.example/a?id=7"),
        ("https://e.example/a?id=7;api_key=1", "https://e.example/a?id=7"),
        ("https://e.example/a?API-KEY=1&apikey=2&key=3&auth=4&sig=5&Signature=6&pwd=7&sk=8", "https://e.example/a"),
        ("https://e.example/a?X-Amz-Credential=1&X-Amz-Security-Token=2&X-Amz-Date=3", "https://e.example/a?X-Amz-Date=3"),
        ("https://e.example/a?%61ccess%5Ftoken=1&PHPSESSID=2&sessionid=3", "https://e.example/a?PHPSESSID=2"),
        ("https://e.example/a#access_token=1", "https://e.example/a"),
        ("https://u:p@e.example/a?q=1", "https://e.example/a?q=1"),
        ("https://[broken?token=1", ""),
        (None, None),
    ],
)  # fmt: skip
def test_the_address_of_an_article_loses_what_is_named_as_keys_are(url, seen):
    assert without_keys(url) == seen


@pytest.mark.parametrize(
    "url",
    ["https://e.example/a?author=x&keyword=token&id=%C3%A4&&b=;c#top", "https://e.example/?", "tag:x,2026:1", "",
     "a b?token=1",
     "https://e.example/token/secret", "HTTPS://E.example/?monk=1"],
)  # fmt: skip
def test_an_address_without_keys_stays_as_it_was_written(url):
    assert without_keys(url) == url


def test_articles_of_a_copy_have_addresses_of_their_own_without_keys(tmp_path):
    urls = ["https://e.example/a?token=one", "https://e.example/a?token=two", "https://e.example/b?token=three",
            "https://e.example/b", "https://e.example/c?id=1"]  # fmt: skip
    database = tmp_path / "news.db"
    with closing(make_db(database)) as db:
        sync_sources(
            db, [Source("example", "E", "feed", "https://u:walrus@e.example/feeds/penguin?key=orchid", "example")]
        )
        for number, url in enumerate(urls):
            save(db, article(f"n{number}", f"Story {number} is on NVIDIA.", title=f"Story {number}"))
            db.execute("UPDATE articles SET url = ?, canonical_url = ? WHERE url LIKE ?", [url, url, f"%/n{number}"])
        db.execute(
            "INSERT INTO corrections (url, kind, entity, value, evidence, note, made_at)"
            " VALUES (?, 'wrong-story', '', ?, '', '', 'x')", [urls[0], urls[1]]
        )  # fmt: skip
        db.execute(
            "INSERT INTO source_moves VALUES ('example', '2026-01-01', 'https://e.example/zebra', 'https://f.example/zebra')"
        )
        db.conn.commit()

    copy = publish(database, tmp_path / "out", Policy("full", 300, NOW, "1.2.3"))

    db = open_existing(copy.path)
    found = dict(db.execute("SELECT id, url FROM articles").fetchall())
    assert len(set(found.values())) == len(urls)
    assert {url.partition("#")[0] for url in found.values()} == {
        "https://e.example/a", "https://e.example/b", "https://e.example/c?id=1",
    }  # fmt: skip
    assert [url for key, url in found.items() if url.partition("#")[2] not in ("", str(key))] == []
    (corrected,) = db.execute("SELECT url, value FROM corrections").fetchall()
    assert corrected[0] in found.values()
    assert corrected[1] == "https://e.example/a"
    assert db.execute("SELECT url FROM sources WHERE id = 'example'").fetchall() == [("https://e.example/",)]
    assert db.execute("SELECT url_before, url_after FROM source_moves").fetchall() == [
        ("https://e.example/", "https://f.example/")
    ]
    db.close()
    data = copy.path.read_bytes()
    assert [word for word in ("token=", "walrus", "penguin", "zebra", "=orchid") if word.encode() in data] == []


def test_what_one_notes_on_ones_own_prices_is_not_published_and_shipped_notes_stay(tmp_path):
    database = tmp_path / "news.db"
    make_db(database).close()
    db = connect(database)
    with db.atomic():
        for number, origin in enumerate(("shipped", "ours")):
            db.execute(
                "INSERT INTO electricity_prices (id, country, year, sector, usd_per_kwh, origin, source, note, as_of,"
                " read_since) VALUES (?, 'DE', 2025, 'industrial', 0.2, ?, 'x', 'from Ms Flamingo', '2026-01-01',"
                " '2026-01-01')",
                [number, origin],
            )
    db.close()

    copy = publish(database, tmp_path / "out", Policy("full", 300, NOW, "1.2.3"))

    db = open_existing(copy.path)
    assert db.execute("SELECT note FROM electricity_prices ORDER BY id").fetchall() == [("from Ms Flamingo",), (None,)]
    db.close()
