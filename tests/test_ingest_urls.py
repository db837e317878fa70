from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.urls import MAX_URL_CHARS, host_key, normalize_url

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

ASCII_JUNK = st.text("abc/.?&=#%:@[]\\ \t\n0128+utm_~-é中", max_size=40)
URLS = st.builds("".join, st.tuples(st.sampled_from(["http://", "HTTPS://a.b", "//", "https://x.y:443/"]), ASCII_JUNK))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.COM:80/a/./b/../c?b=2&a=1#top", "http://example.com/a/c?b=2&a=1"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://müller.de/ü", "https://xn--mller-kva.de/%C3%BC"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("http://[2001:DB8:0::1]:80/", "http://[2001:db8::1]/"),
        ("https://user:secret@example.com/x", "https://example.com/x"),
        ("  https://example.com/x\n", "https://example.com/x"),
        ("https://example.com/a b?c d", "https://example.com/a%20b?c%20d"),
        ("https://example.com/%7euser/%2f/100%", "https://example.com/~user/%2F/100%25"),
        ("https://example.com/a//b/", "https://example.com/a//b/"),
        ("https://example.com/a/..", "https://example.com/"),
        ("https://example.com/../../a", "https://example.com/a"),
        ("https://example.com/%2e%2e/a", "https://example.com/a"),
        ("https://example.com/?id=1&UTM_Source=x&fbclid=y&z&gclid=3&a=", "https://example.com/?id=1&z&a="),
        ("https://example.com/?utm_source=x", "https://example.com/"),
        ("https://example.com/?utm%5Fsource=x&a", "https://example.com/?a"),
        ("https://example.com/?", "https://example.com/"),
        ("https://example.com/?b=2&a=1&b=1", "https://example.com/?b=2&a=1&b=1"),
    ],
)
def test_a_url_has_one_spelling(url: str, expected: str) -> None:
    assert normalize_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "mailto:a@example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://",
        "http:///path",
        "http://a b/",
        "http://example.com:99999/",
        "http://example.com:port/",
        "http://[::1/",
        "http://[::zz]/",
        "http://[fe80::1%25eth0]/",
        "http://exa\x00mple.com/",
        "http://a..b/",
        "http://.example.com/",
        "http://" + "a" * 64 + ".com/",
        "http://example.com/\ud800",
        "http://\u2100.com/",
        pytest.param("http://example.com/" + "a" * MAX_URL_CHARS, id="too-long"),
        pytest.param("http://example.com/" + "é" * (MAX_URL_CHARS // 4), id="too-long-when-escaped"),
    ],
)
def test_what_cannot_be_fetched_has_no_identity(url: str) -> None:
    assert normalize_url(url) is None


def test_a_relative_url_is_resolved_against_its_base() -> None:
    base = "https://example.com/blog/feed.xml?x=1"

    assert normalize_url("../news/1", base) == "https://example.com/news/1"
    assert normalize_url("//cdn.example.com/1", base) == "https://cdn.example.com/1"
    assert normalize_url("?page=2", base) == "https://example.com/blog/feed.xml?page=2"
    assert normalize_url("http://other.example/", base) == "http://other.example/"
    assert normalize_url("x", "no base") is None
    assert normalize_url("x", "http://[bad/") is None


@given(URLS)
@example("http://a.b/%%34%31")
@example("http://a.b/%25%34%31?%2526")
@example("http://a.b/..//./x")
@settings(max_examples=300)
def test_normalizing_twice_changes_nothing(url: str) -> None:
    once = normalize_url(url)

    assert once is None or normalize_url(once) == once


@given(st.one_of(st.text(max_size=60), URLS), st.one_of(st.none(), st.text(max_size=20), URLS))
@settings(max_examples=300)
def test_no_text_makes_it_raise(url: str, base: str | None) -> None:
    normal = normalize_url(url, base)

    assert normal is None or normal.startswith(("http://", "https://"))
    assert isinstance(host_key(url), str)


@given(URLS)
@settings(max_examples=200)
def test_what_has_an_identity_can_be_asked_for_as_it_is(url: str) -> None:
    normal = normalize_url(url)

    if normal is not None:
        assert str(httpx2.URL(normal)) == normal
        assert urlsplit(normal).fragment == ""


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://blogs.nvidia.com/feed/", "nvidia.com"),
        ("https://a.example.co.uk/", "example.co.uk"),
        ("https://EXAMPLE.com:8443/x", "example.com"),
        ("https://müller.de/", "xn--mller-kva.de"),
        ("http://127.0.0.1:8000/x", "127.0.0.1:8000"),
        ("http://127.0.0.1/x", "127.0.0.1:80"),
        ("https://[::1]/x", "[::1]:443"),
        ("http://localhost:81/", "localhost:81"),
        ("http://nas.local/", "nas.local:80"),
        ("https://co.uk/", "co.uk"),
        ("http://[::1/", ""),
        ("nothing", ""),
    ],
)
def test_what_shares_a_server_shares_a_lane(url: str, key: str) -> None:
    assert host_key(url) == key


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_the_tracking_parameters_of_another_reader_go() -> None:
    cases = json.loads((SHARED / "conformance/miniflux/urlcleaner/cases.json").read_text())
    plain = [
        case for case in cases if "utm_" in case["input"] and "%" not in case["input"] and "ref=" not in case["input"]
    ]

    assert len(plain) > 5
    for case in plain:
        assert normalize_url(case["input"]) == normalize_url(case["expected"]), case["name"]
