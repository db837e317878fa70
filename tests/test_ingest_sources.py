from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.types import ArticleRule, ListingRule, SitemapRule, Source
from ingest.sources import add_source, load_sources, new_source, renamed, same_address, sources_to_toml

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

GOOD = """\
# Sources of a test
[[source]]
id = "nvidia-blog"   # a comment
name = "NVIDIA Blog"
kind = "feed"
url = "https://blogs.nvidia.com/feed/"
owner = "nvidia"
language = "en"
every_minutes = 90

[[source]]
id = "lab"
name = 'The "Lab"'
kind = "listing"
url = "https://lab.example/news"
publisher = "lab-group"
full_text = "always"
enabled = false
[source.listing]
item = "article.card"
date = "time"
"""
LANGUAGE = "must be a language tag, a code of two or three letters first, such as 'en' or 'zh-Hans'"

NVIDIA = Source(
    id="nvidia-blog",
    name="NVIDIA Blog",
    kind="feed",
    url="https://blogs.nvidia.com/feed/",
    publisher="nvidia-blog",
    owner="nvidia",
    language="en",
    every_minutes=90,
)
LAB = Source(
    id="lab",
    name='The "Lab"',
    kind="listing",
    url="https://lab.example/news",
    publisher="lab-group",
    full_text="always",
    enabled=False,
    listing=ListingRule(item="article.card", date="time"),
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "sources.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(folder: Path, text: str | bytes) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_sources(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


def one(**values: str) -> str:
    given_values = {"id": '"a"', "name": '"A"', "kind": '"feed"', "url": '"https://a.example/"'} | values
    return "[[source]]\n" + "".join(f"{key} = {value}\n" for key, value in given_values.items() if value)


def test_sources_are_read_in_order_with_their_defaults(tmp_path: Path) -> None:
    assert load_sources(written(tmp_path, GOOD)) == (NVIDIA, LAB)


def test_an_empty_file_has_no_sources(tmp_path: Path) -> None:
    assert load_sources(written(tmp_path, "# none yet\n")) == ()


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert load_sources(written(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())) == (NVIDIA, LAB)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (one(ulr='"x"'), ["source 'a': unknown key 'ulr', did you mean 'url'?"]),
        (one(url=""), ["source 'a': 'url' is missing"]),
        (one(id=""), ["source #1: 'id' is missing"]),
        (one(url='"ftp://a.example/"'), ["source 'a': 'url' must be an http or https URL: 'ftp://a.example/'"]),
        (one(url='"https://a b/"'), ["source 'a': 'url' must be an http or https URL: 'https://a b/'"]),
        (
            one(url='"https://me:secret@a.example/"'),
            ["source 'a': 'url' must not hold a user name or password: aiwire sends none"],
        ),
        (
            one(kind='"fed"'),
            ["source 'a': 'kind' must be one of 'feed', 'listing', 'sitemap', not 'fed', did you mean 'feed'?"],
        ),
        (
            one(id='"A b"'),
            ["source 'A b': 'id' must be made of a-z, 0-9 and single hyphens, such as 'nvidia-blog': 'A b'"],
        ),
        (one(every_minutes="true"), ["source 'a': 'every_minutes' must be a whole number, not True"]),
        (one(every_minutes="1.5"), ["source 'a': 'every_minutes' must be a whole number, not 1.5"]),
        (one(every_minutes="0"), ["source 'a': 'every_minutes' must be 1 to 10080 (a week): 0"]),
        (one(enabled="1"), ["source 'a': 'enabled' must be true or false, not 1"]),
        (one(name="5"), ["source 'a': 'name' must be a text, not 5"]),
        (one(name='" A"'), ["source 'a': 'name' must not be empty or have spaces around it: ' A'"]),
        (
            one(name='"A\\nB"'),
            ["source 'a': 'name' must be one line without control characters: 'A\\nB'"],
        ),
        (one(language='"en_US"'), [f"source 'a': 'language' {LANGUAGE}: 'en_US'"]),
        (one(language='"english"'), [f"source 'a': 'language' {LANGUAGE}: 'english'"]),
        (one(language='"e"'), [f"source 'a': 'language' {LANGUAGE}: 'e'"]),
        (
            one(url='"127.0.0.2:8765/feed.xml"'),
            ["source 'a': 'url' has no scheme, write 'https://127.0.0.2:8765/feed.xml': '127.0.0.2:8765/feed.xml'"],
        ),
        (
            one(url='"//a.example/feed"'),
            ["source 'a': 'url' has no scheme, write 'https://a.example/feed': '//a.example/feed'"],
        ),
        (one(own_server='"yes"'), ["source 'a': 'own_server' must be true or false, not 'yes'"]),
        (
            one(kind='"sitemap"') + '[source.sitemap]\ninclud = "x"\nexclude = "a("\ndays = 0\n',
            [
                "source 'a': [source.sitemap]: unknown key 'includ', did you mean 'include'?",
                "source 'a': 'sitemap.exclude' is no regular expression: missing ), unterminated subpattern "
                "at position 1",
                "source 'a': 'sitemap.days' must be 1 to 36500: 0",
            ],
        ),
        (
            one(kind='"sitemap"') + '[source.sitemap]\ndays = "7"\n',
            ["source 'a': 'sitemap.days' must be a whole number, not '7'"],
        ),
        (
            one() + "[source.sitemap]\n",
            ["source 'a': a [source.sitemap] table is only for kind 'sitemap'"],
        ),
        (
            one() + '[source.article]\ntext = "div["\nautor = ".by"\nremove = ""\n',
            [
                "source 'a': [source.article]: unknown key 'autor', did you mean 'author'?",
                "source 'a': 'article.text' is no CSS selector: Malformed attribute selector at position 3",
                "source 'a': 'article.remove' must not be empty or have spaces around it: ''",
            ],
        ),
        (one(article='"p"'), ["source 'a': 'article' must be written as a [source.article] table"]),
        (
            one() + '[source.listing]\nitem = "li"\n',
            ["source 'a': a [source.listing] table is only for kind 'listing'"],
        ),
        (
            one(kind='"listing"') + '[source.listing]\nitm = "li"\nlink = "a["\n',
            [
                "source 'a': [source.listing]: unknown key 'itm', did you mean 'item'?",
                "source 'a': [source.listing]: 'item' is missing",
                "source 'a': 'listing.link' is no CSS selector: Malformed attribute selector at position 1",
            ],
        ),
        (
            one() + one(url='"https://b.example/"'),
            ["source #2: id 'a' is taken by source #1"],
        ),
        (
            one() + one(id='"b"', url='"https://A.example:443/"'),
            ["source 'b': has the same URL as source 'a' (#1): https://A.example:443/"],
        ),
        (
            one() + one(),
            ["source 'a': has the same URL as source 'a' (#1): https://a.example/"],
        ),
        ("[[sources]]\n", ["unknown key 'sources', did you mean 'source'?"]),
        ('source = "x"\n', ["'source' must be written as [[source]] tables"]),
        (
            "[[source]]\nid = \n",
            ["no valid TOML: Invalid value (at line 2, column 6)"],
        ),
        (b"[[source]]\nname = '\xff'\n", ["not UTF-8 (byte 19); save it as UTF-8"]),
    ],
)  # fmt: skip
def test_each_mistake_is_named(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


def test_a_listing_and_a_sitemap_need_no_rules(tmp_path: Path) -> None:
    text = one(kind='"listing"') + one(id='"b"', url='"https://b.example/"', kind='"sitemap"', own_server="true")

    listing, sitemap = load_sources(written(tmp_path, text))

    assert (listing.kind, listing.listing) == ("listing", None)
    assert (sitemap.kind, sitemap.sitemap, sitemap.own_server) == ("sitemap", None, True)


def test_rules_are_read_with_their_defaults(tmp_path: Path) -> None:
    text = one(kind='"sitemap"') + '[source.sitemap]\ninclude = "/news/"\n[source.article]\ntext = "main p"\n'

    [source] = load_sources(written(tmp_path, text))

    assert source.sitemap == SitemapRule(include="/news/", days=14)
    assert source.article == ArticleRule(text="main p")


def test_an_address_is_recognised_in_another_spelling() -> None:
    assert same_address("https://Blogs.NVIDIA.com:443/feed/?utm_source=x", [LAB, NVIDIA]) == NVIDIA
    assert same_address("https://blogs.nvidia.com/", [LAB, NVIDIA]) is None
    assert same_address("nope", [LAB, NVIDIA]) is None


def test_all_mistakes_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    text = one(kind='"x"', every_minutes='"1"') + one(id='"b"', url='"nope"')

    assert len(problems(tmp_path, text)) == 3


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; `aiwire init` writes one"):
        load_sources(tmp_path / "sources.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_sources(tmp_path)


def test_adding_keeps_every_byte_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.chmod(0o640)
    added = dataclasses.replace(NVIDIA, id="other", url="https://other.example/feed", publisher="other")

    add_source(path, added)

    assert path.read_text().startswith(GOOD)
    assert load_sources(path) == (NVIDIA, LAB, added)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_adding_makes_the_file_and_follows_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(tmp_path / "real.toml")

    add_source(link, LAB)
    add_source(link, NVIDIA)

    assert link.is_symlink()
    assert load_sources(tmp_path / "real.toml") == (LAB, NVIDIA)


def test_adding_what_is_there_or_wrong_leaves_the_file_alone(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.rstrip("\n"))
    for source in (NVIDIA, dataclasses.replace(LAB, id="lab-2"), dataclasses.replace(NVIDIA, id="x", url="nope")):
        with pytest.raises(ConfigError):
            add_source(path, source)

    assert path.read_text() == GOOD.rstrip("\n")


def test_adding_to_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        add_source(tmp_path / "no" / "sources.toml", NVIDIA)


def test_a_new_source_gets_its_name_and_id_from_the_host(tmp_path: Path) -> None:
    first = new_source("https://www.example.com/feed", [])
    second = new_source("https://example.com/other", [first], name="Other", owner=None, category="press")

    assert first == Source(
        id="example-com",
        name="www.example.com",
        kind="feed",
        url="https://www.example.com/feed",
        publisher="example-com",
    )
    assert (second.id, second.name, second.category, second.owner) == ("example-com-2", "Other", "press", None)
    with pytest.raises(ConfigError) as caught:
        new_source("nope", [], language="?")
    assert str(caught.value).splitlines() == [
        "'url' has no scheme, write 'https://nope': 'nope'",
        f"'language' {LANGUAGE}: '?'",
    ]


def test_a_renamed_source_keeps_its_publisher_unless_that_was_its_own_id() -> None:
    assert renamed(LAB, {"x"}) == LAB
    assert renamed(LAB, {"lab", "lab-2"}) == dataclasses.replace(LAB, id="lab-3")
    assert renamed(NVIDIA, {"nvidia-blog"}).publisher == "nvidia-blog-2"


def test_several_sources_are_added_at_once_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    add_source(path, NVIDIA, LAB)
    with pytest.raises(ConfigError):
        add_source(path, dataclasses.replace(NVIDIA, id="new", url="https://new.example/"), LAB)

    assert load_sources(path) == (NVIDIA, LAB)


LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)
SLUGS = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,3})?", fullmatch=True)
SELECTORS = st.sampled_from(["li", "article.card > a[href]", "h2:not(.x)", '[data-x="\\"y"]', "time"])
RULES = st.builds(ListingRule, item=SELECTORS, link=SELECTORS, title=st.none() | SELECTORS, date=st.none() | SELECTORS)
SOURCES = st.builds(
    Source,
    id=SLUGS,
    name=LINES,
    kind=st.just("feed"),
    url=SLUGS.map(lambda slug: f"https://example.com/{slug}?a=b&c"),
    publisher=SLUGS,
    owner=st.none() | SLUGS,
    language=st.sampled_from([None, "en", "zh-Hans", "yue"]),
    category=st.none() | LINES,
    licence=st.none() | LINES,
    every_minutes=st.none() | st.integers(1, 10_080),
    full_text=st.sampled_from(["auto", "never", "always"]),
    enabled=st.booleans(),
    own_server=st.booleans(),
)
PATTERNS = st.sampled_from([r"/news/\d{4}/", r"[^/]+\.html$", 'a"b\\\\c'])
SITEMAPS = st.builds(
    SitemapRule, include=st.none() | PATTERNS, exclude=st.none() | PATTERNS, days=st.integers(1, 36_500)
)
ARTICLES = st.builds(ArticleRule, text=SELECTORS, remove=st.none() | SELECTORS, date=st.none() | SELECTORS)
LISTINGS = st.builds(
    lambda source, rule: dataclasses.replace(source, kind="listing", listing=rule), SOURCES, st.none() | RULES
)
MAPPED = st.builds(
    lambda source, rule, article: dataclasses.replace(source, kind="sitemap", sitemap=rule, article=article),
    SOURCES,
    st.none() | SITEMAPS,
    st.none() | ARTICLES,
)


@given(
    st.lists(SOURCES | LISTINGS | MAPPED, max_size=4, unique_by=(lambda source: source.id, lambda source: source.url))
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path: Path, sources: list[Source]) -> None:
    assert load_sources(written(tmp_path, sources_to_toml(sources))) == tuple(sources)


@given(st.text("[]=\"'source\nidnamekurl.#1 \\", max_size=60) | st.binary(max_size=30))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_makes_it_raise_anything_else(tmp_path: Path, text: str | bytes) -> None:
    try:
        sources = load_sources(written(tmp_path, text))
    except ConfigError as e:
        message = str(e)
    else:
        message = "ok"
        assert all(isinstance(source, Source) for source in sources)

    assert message


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_the_source_lists_of_the_replay_archives_load() -> None:
    assert len(load_sources(SHARED / "replay/sources.toml")) == 96
    assert [source.owner for source in load_sources(SHARED / "replay/anthropic.toml")] == ["anthropic"]
