"""Can this link of a listing page lead to an article, or is it a menu's? Judged by its URL alone, and its date.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from ingest.dates import parse_date
from ingest.urls import host_key

__all__ = ["date_in_url", "directory", "has_slug", "may_be_article", "names_article", "year_and_month_in_url"]

# A segment after which a name follows, not an article: /tag/chips, /author/jane-doe.
_INDEXES_NAMES = """
    tag tags category categories cat topic topics subject subjects author authors contributor contributors writer
    people person team staff profile profiles user users members label labels keyword keywords series archive
    archives page pages section sections type search lang language
"""
_INDEXES = frozenset(_INDEXES_NAMES.split())
# Whole parts of a site that hold no articles, unless the listing itself is there.
_PARTS_NAMES = """
    careers career jobs job account accounts cart checkout shop store pricing login signin signup sign-in sign-up
    log-in logout register auth legal policies privacy support help docs documentation api status cdn-cgi wp-admin
    wp-login share print intent oauth newsletter subscribe unsubscribe
"""
_PARTS = frozenset(_PARTS_NAMES.split())
_LAST_NAMES = """
    about about-us company contact contact-us contacts terms terms-of-use terms-of-service imprint impressum
    cookies cookie-policy privacy-policy accessibility sitemap rss feed feeds atom faq faqs home index download
    downloads demo get-started request-demo press-kit media-kit brand mission leadership investors partners events
    solutions products product platform research blog news newsroom press insights resources customers
"""
_LAST = frozenset(_LAST_NAMES.split())
# Of these the pages by which a site shows its articles, one by one: press.php?id=900.
_SHOWS = frozenset(["index", "home", "research", "blog", "news", "newsroom", "press", "insights", "resources"])
_ARCHIVES = frozenset(("archive", "archives"))
_FILES = re.compile(
    r"\.(?:jpe?g|png|gif|svg|webp|avif|ico|mp[34]|mov|avi|wav|zip|gz|tar|exe|dmg|apk|css|js|json|xml|rss|atom|ics|vcf|"
    r"docx?|xlsx?|pptx?|csv)\Z",
    re.I,
)
# Parameters that choose a part or an order of the same list.
_VIEWS_NAMES = """
    page paged p pg offset start limit size per_page sort order orderby order_by filter filters category cat tag
    tags topic year month type lang language locale hl q query search s view tab ref source from share replytocom
    field_date keyword keywords itemid
"""
_VIEWS = frozenset(_VIEWS_NAMES.split())
_DAY = re.compile(r"(?<!\d)(20\d\d)[-/_.]?(0[1-9]|1[0-2])[-/_.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_MONTH = re.compile(r"(?<!\d)(20\d\d)[-/_.]?(0[1-9]|1[0-2])(?!\d)")
_LONG_NUMBER = re.compile(r"\d{4,}")
_POST_NUMBER = re.compile(r"\d{5,}(?:\.\w+)?")


def may_be_article(url: str, page: str) -> bool:
    """Whether a link on a listing page may lead to one of its articles: same site, and no menu, tag or login page."""
    return host_key(url) == host_key(page) and names_article(url, page)


def names_article(url: str, page: str) -> bool:
    """Whether path and query of a link of the page's own site may be an article's."""
    link, listing = urlsplit(url), urlsplit(page)
    if _FILES.search(link.path):
        return False
    segments, own = _segments(link.path), _segments(listing.path)
    if segments == own or not segments:
        return _names_an_article(link.query, listing.query)
    if len(segments) < len(own) and own[: len(segments)] == segments and not link.query:
        return False  # further up: a crumb of the path
    strange = [segment for segment in segments if segment not in own]
    last = _stem(segments[-1])
    if any(_stem(segment) in _PARTS for segment in strange):
        return False
    if last in _LAST:
        return last in _SHOWS and _picks_one(link.query, listing.query)
    if len(segments) > 1 and segments[-2] in _INDEXES:
        numbered = segments[-2] in _ARCHIVES and _POST_NUMBER.fullmatch(segments[-1]) is not None
        return numbered or (segments[-2] in own and has_slug(url))
    return last not in _INDEXES or bool(link.query)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.lower().split("/") if segment]


def _stem(segment: str) -> str:
    return segment.partition(".")[0]


def _names_an_article(query: str, own: str) -> bool:
    """Whether a query on the listing's own path (or the site's root) names something, such as ?id=17."""
    pairs = _added(query, own)
    return any(_is_post_number(*pair) for pair in pairs) or any(key not in _VIEWS for key, _ in pairs)


def _picks_one(query: str, own: str) -> bool:
    """Whether a query names one thing of many: by a number, or by words with hyphens. ?section=about does not."""
    return any(
        _is_post_number(key, value) or (key not in _VIEWS and (any(map(str.isdecimal, value)) or value.count("-") > 1))
        for key, value in _added(query, own)
    )


def _added(query: str, own: str) -> list[tuple[str, str]]:
    """Return the parameters that the listing's own query lacks, their names in lower case."""
    known = set(parse_qsl(own))
    return [(key.lower(), value) for key, value in parse_qsl(query) if (key, value) not in known]


def _is_post_number(key: str, value: str) -> bool:
    """Whether a parameter is WordPress's number of an article: ?p=1234, whereas ?p=2 is the second page."""
    return key == "p" and len(value) > 2 and value.isdecimal()


def has_slug(url: str) -> bool:
    """Whether the end of a URL looks like an article's: words joined by hyphens, or a long number."""
    parts = urlsplit(url)
    last = next((segment for segment in reversed(parts.path.split("/")) if segment), "")
    return last.count("-") >= 2 or last.count("_") >= 2 or bool(_LONG_NUMBER.search(last + parts.query))


def directory(url: str) -> str:
    """Return host and path of a URL without its last segment; numbers in it (of years, months) are one."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").rpartition("/")[0]
    return parts.netloc.lower() + re.sub(r"\d+", "0", path)


def date_in_url(url: str) -> datetime | None:
    """Return the day that a URL's path names, None if it names none: a month alone is no day."""
    match = _DAY.search(urlsplit(url).path)
    return parse_date("-".join(match.groups())) if match else None


def year_and_month_in_url(url: str) -> tuple[int, int] | None:
    """Return year and month that a URL's path names."""
    match = _MONTH.search(urlsplit(url).path)
    return (int(match[1]), int(match[2])) if match else None
