"""How a source is, why, and what helps, in words: said alike by `aiwire sources doctor` and by the site. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from aiwire.types import LiveKind

if TYPE_CHECKING:
    from db.health import HealthRow

__all__ = ["STANDINGS", "Standing", "asked_url", "needs_hand", "reason", "remedy", "span", "standing"]

# What is said of a source: its status; and of one that is "ok", what is worth knowing.
Standing = Literal[
    "gone",
    "blocked",
    "missing",
    "failing",
    "suspicious",
    "empty",  # it never had an entry
    "throttled",
    "lying",  # its server said "not modified" of a document that had changed
    "moving",  # it redirects for good, to another domain
    "unwelcome",  # its robots.txt forbids the feed
    "new",  # never read
    "dormant",  # nothing new for long
    "ok",
    "off",  # enabled = false
]
STANDINGS: tuple[Standing, ...] = (
    "gone", "blocked", "missing", "failing", "suspicious", "empty", "throttled", "lying", "moving", "unwelcome",
    "new", "dormant", "ok", "off",
)  # fmt: skip  # worst first
_DORMANT_AFTER = timedelta(days=30)
_PATIENCE = timedelta(days=7)  # temporary errors heal within it, or they are not; who publishes does so within it
_KNOWN_AFTER = timedelta(days=1)  # a rate of new articles from a shorter time says nothing
_EMPTY: dict[LiveKind, str] = {
    "feed": "it has never had an entry",
    "listing": "no article was ever found on the page",
    "sitemap": "no URL of it matches include, exclude and days of [source.sitemap] (days: 14 unless set)",
}
_UNREADABLE: dict[LiveKind, str] = {
    "feed": 'if it is a page of links, set kind = "listing"',
    "listing": (
        "give selectors of its list in [source.listing]; if JavaScript builds the page now, "
        "take a feed or sitemap of the site instead"
    ),
    "sitemap": (
        "if it took too long to read, simplify include and exclude of [source.sitemap]: "
        "a repeat within a repeat may take for ever"
    ),
}


def standing(row: HealthRow) -> Standing:
    """Return in one word how a source is. No clock: how long counts from one check to another."""
    if row.status != "ok":
        return row.status
    if not row.validators_trusted:
        return "lying"
    if row.suggestion:
        return "moving"
    if row.robots:
        return "unwelcome"
    return "dormant" if span(row.last_new_at, row.last_checked_at) > _DORMANT_AFTER else "ok"


def needs_hand(row: HealthRow) -> bool:
    """Return whether only the user can help: waiting alone will not heal the source."""
    match row.status:
        case "gone" | "blocked" | "missing":
            return True
        case "failing":
            return row.error_class == "refused" or span(row.failing_since, row.last_checked_at) > _PATIENCE
        case "empty":
            return span(row.first_read_at, row.last_checked_at) > _PATIENCE
        case _:
            return False


def reason(row: HealthRow) -> str:
    """Return what is the matter, in words: the last error if there is one."""
    if row.error:
        return row.error
    match standing(row):
        case "suspicious":
            return f"its document has shrunk to almost nothing (it had {row.entries or 'more'} entries)"
        case "empty":
            return _EMPTY[row.kind]
        case "lying":
            return 'its server said "not modified", or repeated an ETag, for a document that had changed'
        case "moving":
            return f"it redirects for good to another domain: {row.suggestion}"
        case "unwelcome":
            return f"its robots.txt forbids the feed ({row.robots})"
        case "new":
            return "never read"
        case "dormant":
            return f"nothing new since {_day(row.last_new_at)}"
        case "off":
            return "enabled = false in sources.toml"
        case _:
            return _numbers(row)


def remedy(row: HealthRow) -> str:
    """Return what the user can do about it; "" if there is nothing to do."""
    match standing(row):
        case "gone":
            return _elsewhere(row) or (
                f"it was taken down for good: remove '{row.source_id}' from sources.toml, or set enabled = false; "
                "`aiwire run --force` asks once more"
            )
        case "missing":
            return _elsewhere(row) or (
                f"look for its new address with `aiwire sources test {_site(row.url)}` and make it the url of "
                f"'{row.source_id}' in sources.toml, or set enabled = false"
            )
        case "suspicious":
            return (
                "nothing is lost: the articles stay, and the new size is believed after a week; look at it if it stays"
            )
        case "empty":
            return _against_emptiness(row)
        case "throttled":
            return "it is left alone until the next try; if this comes back, give it a longer every_minutes"
        case "lying":
            return "it is read in full once a day; tell the publisher that its ETag or Last-Modified do not change"
        case "moving":
            return _elsewhere(row)
        case "unwelcome":
            return (
                "a feed is made for programs and is fetched all the same; set enabled = false if you see it otherwise"
            )
        case "new":
            return "the next `aiwire run` reads it"
        case "dormant":
            return f"it is asked rarely now; look at {_site(row.url)} whether the news have moved to another address"
        case "blocked" | "failing":
            return _against_error(row)
        case "ok" | "off":
            return ""


def _against_error(row: HealthRow) -> str:
    """Return the remedy for an error that says more than the status does."""
    if row.error_class == "parse":
        return f"see what came with `aiwire sources doctor --sample {row.source_id}`; {_UNREADABLE[row.kind]}"
    match row.last_outcome:
        case "robots":
            return "take a feed of the site if it has one, ask the publisher to allow aiwire, or set enabled = false"
        case "address":
            return f"if that server is yours, add '{_host(row)}' to allow_hosts in aiwire.toml; else correct the url"
        case "url":
            return f"correct the url of '{row.source_id}' in sources.toml"
        case "redirect":
            return f"open {asked_url(row)} in a browser and make the address where it ends the url in sources.toml"
        case "dns":
            return f"the name '{_host(row)}' may be misspelt or given up: correct the url, or set enabled = false"
        case "too-large":
            return "raise max_body_mib or max_wire_mib in aiwire.toml, or take a smaller feed of the same site"
        case "connect" | "broken" if _speaks_of_certificate(row.error):
            return "check this machine's clock and CA certificates; if they are right, the publisher has to renew his"
    if row.status == "blocked":
        return (
            "set `contact` in aiwire.toml if it is empty, ask the publisher to let aiwire in, "
            "or take another source of the same news"
        )
    return f"it is asked again by itself; if it goes on, open {asked_url(row)} in a browser and correct the url"


def _against_emptiness(row: HealthRow) -> str:
    match row.kind:
        case "sitemap":
            return (
                f"compare the addresses in {asked_url(row)} with [source.sitemap] of '{row.source_id}' "
                f"in sources.toml, and try it with `aiwire sources test {row.source_id}`"
            )
        case "listing":
            return (
                f"give selectors in [source.listing] of '{row.source_id}' in sources.toml, and try them with "
                f"`aiwire sources test {row.source_id}`"
            )
        case "feed":
            return f"look for another feed with `aiwire sources test {_site(row.url)}`, or set enabled = false"


def _elsewhere(row: HealthRow) -> str:
    if not row.suggestion:
        return ""
    return (
        f"look with `aiwire sources test` at the address that the site offers, and make it the url of "
        f"'{row.source_id}' in sources.toml: {row.suggestion}"
    )


def _numbers(row: HealthRow) -> str:
    """Return how much a source brings, as far as it is known."""
    told = [] if row.entries is None else [_counted(row.entries, "entry", "entries")]
    told.append(_counted(row.articles, "article", "articles"))
    if span(row.first_read_at, row.last_checked_at) >= _KNOWN_AFTER:
        told.append(f"{row.new_per_week:g} new a week")
    return ", ".join(told)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _speaks_of_certificate(error: str | None) -> bool:
    return any(word in (error or "").lower() for word in ("certificate", "ssl", "tls"))


def span(start: datetime | None, end: datetime | None) -> timedelta:
    return end - start if start and end else timedelta()


def asked_url(row: HealthRow) -> str:
    return row.moved_to or row.url


def _host(row: HealthRow) -> str:
    return urlsplit(asked_url(row)).hostname or ""


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d") if moment else "never"
