"""Addresses as strangers may see them: without what may be a key to what lies behind. Pure.

A key stands in the user and password, in the query, in the fragment; in a path nobody can tell it from a name.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote_plus, urlsplit

__all__ = ["bare_urls", "site_of_url", "without_keys"]

# up to the next space: a quote or a bracket may stand in an address, and a key behind it
URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//\S+", re.IGNORECASE)
WHOLE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//(?:(?!//).)*", re.IGNORECASE | re.DOTALL)
# names of parameters, in small letters, without what parts their words
KEY_NAMES = frozenset(("auth", "jwt", "pass", "pwd", "sid", "sig", "sk"))
KEY_PARTS = ("token", "secret", "session", "signature", "password", "passwd", "credential", "authorization")
KEY_ENDS = ("key", "auth")


def bare_urls(text: str | None) -> str | None:
    """Return a text whose addresses have no user, password, query or fragment: any of them may be a key.

    A text that is one address, with spaces or not, is taken as a whole.
    """
    if text is None:
        return None
    return _bare(text.strip()) if WHOLE.fullmatch(text) else URL.sub(lambda found: _bare(found[0]), text)


def site_of_url(url: str | None) -> str | None:
    """Return scheme and host of an address, "" if it has none: "https://news.example.org/"."""
    if url is None:
        return None
    parts = _split(url.strip())
    return f"{parts.scheme}://{_place(parts)}/" if parts is not None and parts.scheme and parts.hostname else ""


def without_keys(url: str | None) -> str | None:
    """Return the address of an article without user and password, and without parameters named as keys are."""
    if url is None:
        return None
    parts = _split(url)
    if parts is None:
        return ""
    if not parts.netloc:
        return url
    changed = parts._replace(
        netloc=_place(parts), query=_without_keys(parts.query), fragment=_without_keys(parts.fragment)
    )
    return url if changed == parts else changed.geturl()


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # no number: part of a password with a slash in it, and the host stands in the path
    except ValueError:
        return None
    return parts


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _bare(url: str) -> str:
    parts = _split(url)
    return "" if parts is None else parts._replace(netloc=_place(parts), query="", fragment="").geturl()


def _without_keys(query: str) -> str:
    """Return a query string with the parameters that are no keys, written as they were."""
    pieces = re.split("([&;])", query)
    kept = [
        (mark, piece)
        for mark, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True)
        if not _is_key(piece.partition("=")[0])
    ]
    return "".join(mark + piece for mark, piece in kept).lstrip("&;") if len(kept) < len(pieces[::2]) else query


def _is_key(name: str) -> bool:
    plain = re.sub(r"[^a-z]", "", unquote_plus(unquote_plus(name)).lower())
    return plain in KEY_NAMES or plain.endswith(KEY_ENDS) or any(part in plain for part in KEY_PARTS)
