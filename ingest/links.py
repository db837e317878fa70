"""Relative links of feeds and pages -> absolute http(s) URLs.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin, urlsplit

__all__ = ["absolute_markup", "absolute_url", "is_web_url"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_HOST_ONLY = re.compile(r"www\.[\w-]+(?:\.[\w-]+)+(?:[/?#:]|$)", re.I)
_WEB = re.compile(r"https?://[^\s/?#]", re.I)
_REFERENCE = re.compile(
    r"(?P<head>\s(?:href|src|poster)\s*=\s*)(?P<quote>[\"'])(?!\s*(?:[a-z][a-z0-9+.-]*:|#))(?P<url>[^\"'<>]+)(?P=quote)",
    re.I,
)


def is_web_url(text: str | None) -> bool:
    """Whether `text` is an absolute http or https URL with a host."""
    return bool(text) and _WEB.match(text or "") is not None


def absolute_url(link: str | None, *bases: str | None) -> str | None:
    """Return `link` as an absolute http(s) URL; None if it is none.

    It is joined to the first base, that to the second and so on, so that a relative base serves too.
    """
    if not link:
        return None
    text = _CONTROL.sub("", link).strip().replace(" ", "%20")
    if _HOST_ONLY.match(text):
        text = "https://" + text
    try:
        for base in bases:
            if _WEB.match(text):
                break
            text = urljoin(base or "", text)
        return text if _WEB.match(text) and urlsplit(text).hostname else None
    except ValueError:  # such as a bracket without its IPv6 address
        return None


def absolute_markup(markup: str, *bases: str | None) -> str:
    """Return HTML with its relative href, src and poster attributes made absolute; all else stays byte for byte."""
    if not any(bases) or "=" not in markup:
        return markup

    def replace(match: re.Match[str]) -> str:
        url = absolute_url(html.unescape(match["url"]), *bases)
        if url is None:
            return match[0]
        return f"{match['head']}{match['quote']}{html.escape(url)}{match['quote']}"

    return _REFERENCE.sub(replace, markup)
