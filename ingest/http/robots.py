"""robots.txt (RFC 9309): what a site's owner lets us fetch, how slowly, and which AI crawlers it keeps out. Pure.

Protego reads the rules. Only the groups that matter are handed to it: a file of 500 KiB with thousands of groups for
thousands of names would cost it their product in memory.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from protego import Protego

from aiwire.exceptions import FetchError
from aiwire.types import FetchResult, Purpose, Request, Response, RobotsFile
from ingest.urls import normalize_url

__all__ = [
    "AGENT",
    "AI_CRAWLERS",
    "ROBOTS_BYTES",
    "ai_opt_outs",
    "crawl_delay",
    "forbidden_by",
    "is_fresh",
    "needs_robots",
    "opt_out_refusal",
    "origin_of",
    "refusal",
    "robots_file",
    "robots_url",
    "was_read",
    "with_robots",
]

AGENT = "aiwire"  # the product token that addresses us
ROBOTS_BYTES = 500 * 1024  # the least that a crawler must read (RFC 9309 2.5); we read no more
_FRESH = timedelta(hours=24)  # RFC 9309 2.4
_UNREAD_HOLDS = timedelta(days=7)  # RFC 9309 2.3.1.4 speaks of a "reasonably long" time
_PAGE_REMEDY = "set enabled = false or full_text = 'never' for the source, or ask the publisher"
_SOURCE_REMEDY = "take a feed of the site if it has one, set enabled = false for the source, or ask the publisher"

AI_CRAWLERS = (
    "AI2Bot", "Amazonbot", "anthropic-ai", "Applebot-Extended", "Bytespider", "CCBot", "ChatGPT-User", "Claude-Web",
    "ClaudeBot", "cohere-ai", "cohere-training-data-crawler", "DeepSeekBot", "Diffbot", "FacebookBot",
    "Google-CloudVertexBot", "Google-Extended", "GPTBot", "Meta-ExternalAgent", "MistralAI-User", "OAI-SearchBot",
    "omgili", "omgilibot", "PanguBot", "Perplexity-User", "PerplexityBot", "Timpibot", "Webzio-Extended", "YouBot",
)  # fmt: skip

_AGENT_LINE = re.compile(r"\s*user(?:-|\s*)agent\s*[:\s]\s*(.*)", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z_-]+[0-9]?[a-z_-]*|\*", re.IGNORECASE)  # what counts of "aiwire/1.0 (news)"
_NOBODY = "User-agent: -"  # a group that speaks to none of those we look for


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` of a URL in its normal form, "" if it has none."""
    parts = urlsplit(normalize_url(url) or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def robots_url(origin: str) -> str:
    """Return where an origin's rules are."""
    return f"{origin}/robots.txt"


def needs_robots(request: Request) -> bool:
    """Return whether a request waits for robots.txt. A feed does not: it is made to be fetched by programs."""
    return request.purpose in ("page", "listing", "sitemap", "discovery")


def is_fresh(file: RobotsFile | None, now: datetime) -> bool:
    """Return whether a file need not be asked for again: read within 24 hours, and nothing went wrong with it."""
    return file is not None and file.error is None and abs(now - file.fetched_at) < _FRESH


def with_robots(requests: Iterable[Request], known: Mapping[str, RobotsFile], *, now: datetime) -> list[Request]:
    """Return the requests, with one for robots.txt before the first of each origin whose rules must be read."""
    planned: list[Request] = []
    asked: set[str] = set()
    for request in requests:
        origin = origin_of(request.url) if needs_robots(request) else ""
        if origin and origin not in asked and not is_fresh(known.get(origin), now):
            planned.append(Request(robots_url(origin), request.source_id, "robots"))
            asked.add(origin)
        planned.append(request)
    return planned


def robots_file(result: FetchResult, *, now: datetime, before: RobotsFile | None) -> RobotsFile:
    """Return what is known of an origin's rules after a request with purpose "robots".

    2xx gives the rules (the first 500 KiB); 4xx, and redirects that lead nowhere, mean that there are none. Without
    an answer, or with one that says nothing (5xx, 429), what was known `before` stays as it is, with the error noted;
    if nothing was, `fetched_at` is the time of the first failure.
    """
    origin = origin_of(result.request.url)
    outcome = result.outcome
    if isinstance(outcome, Response):
        return RobotsFile(origin, now, outcome.status, _text(outcome.body))
    error = outcome if isinstance(outcome, FetchError) else FetchError(outcome.url, "HTTP 304", reason="status")
    status = 302 if error.reason == "redirect" else error.status
    if status is not None and 300 <= status < 500 and status != 429:  # RFC 9309 2.3.1.2 and 2.3.1.3
        return RobotsFile(origin, now, status, "")
    if before is not None and was_read(before):
        return replace(before, error=error.message)
    first = before.fetched_at if before and before.fetched_at <= now else now  # not a date of a clock far ahead
    return RobotsFile(origin, first, error.status, "", error.message)


def refusal(file: RobotsFile, url: str, *, now: datetime, purpose: Purpose = "page") -> str | None:
    """Return why `url` must not be fetched, with the remedy that fits the purpose; None if it may be.

    While rules have never been read, nothing may be fetched for 7 days, then everything may. Rules that were read once
    count until new ones are (RFC 9309 2.3.1.4).
    """
    if not was_read(file):
        if now - file.fetched_at > _UNREAD_HOLDS:
            return None
        why = file.error or "no answer"
        return f"{robots_url(file.origin)} could not be read ({why}): nothing is fetched until it can, or for 7 days"
    forbidden = forbidden_by(file, url)
    return forbidden and f"{forbidden}; {_PAGE_REMEDY if purpose == 'page' else _SOURCE_REMEDY}"


def opt_out_refusal(file: RobotsFile) -> str | None:
    """Return why a page of this origin is not fetched if opt-outs are read strictly; None if it may be."""
    names = ai_opt_outs(file.body)
    if not names:
        return None
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f'{robots_url(file.origin)} keeps out AI crawlers ({listed}) and opt_outs is "strict"; {_PAGE_REMEDY}'


def forbidden_by(file: RobotsFile, url: str) -> str | None:
    """Return which rules forbid us `url`, None if they do not; empty and senseless rules forbid nothing."""
    if _rules(file.body, AGENT).can_fetch(_clean(url), AGENT):
        return None
    stale = f" (an older copy; now: {file.error})" if file.error else ""
    return f"{robots_url(file.origin)}{stale} forbids it to {AGENT}"


def crawl_delay(file: RobotsFile) -> float | None:
    """Return the seconds that the rules ask us to leave between two requests, None if they ask for nothing."""
    return _rules(file.body, AGENT).crawl_delay(AGENT) or None


@functools.lru_cache(maxsize=256)
def ai_opt_outs(body: str) -> tuple[str, ...]:
    """Return the known AI crawlers that are kept out of "/" by name, in the order of `AI_CRAWLERS`.

    A rule for everybody ("*") says nothing about AI and does not count.
    """
    named = {_token(match[1]) for line in body.splitlines() if (match := _AGENT_LINE.match(line))}
    return tuple(
        name
        for name in AI_CRAWLERS
        if name.lower() in named and not _parsed(body, name).can_fetch("https://site.example/", name)
    )


def was_read(file: RobotsFile) -> bool:
    """Return whether the rules were ever read: 2xx, or an answer that means that there are none."""
    return file.status is not None and file.status < 500 and file.status != 429


def _text(body: bytes) -> str:
    """Return the rules that can be read; a line that is cut by the size limit would say something else."""
    if len(body) >= ROBOTS_BYTES:
        body = body[:ROBOTS_BYTES].rpartition(b"\n")[0]
    return body.decode("utf-8-sig", "replace")


@functools.lru_cache(maxsize=256)
def _rules(body: str, agent: str) -> Protego:
    return _parsed(body, agent, "*")


def _parsed(body: str, *agents: str) -> Protego:
    """Return the rules for these agents only; every other group becomes that of nobody."""
    wanted = {agent.lower() for agent in agents}
    lines = []
    for line in _clean(body).splitlines():
        match = _AGENT_LINE.match(line)
        token = _token(match[1]) if match else None
        lines.append(line if token is None else f"User-agent: {token}" if token in wanted else _NOBODY)
    return Protego.parse("\n".join(lines))


def _token(value: str) -> str:
    match = _TOKEN.match(value.strip())
    return match[0].lower() if match else "-"


def _clean(text: str) -> str:
    """Return the text without lone surrogates, which cannot be percent-encoded."""
    return text.encode("utf-8", "replace").decode("utf-8")
