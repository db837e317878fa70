"""Sources as footnotes: where a citation of the reference tables can be looked up. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from aiwire.web.links import outside

__all__ = ["Footnote", "Footnotes", "Piece", "pieces"]

# a file of a repository on GitHub as the tables name it: owner/name@commit:path, up to what is said beside
_REPOSITORY = r"(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{7,40})\b(?::\s?(?P<path>[^<\[;,()*]*[^<\[;,()*\s]))?"
_ADDRESS = r"https?://[^\s<>]*[^\s<>.,;:)\]]"
_BARE = r"<(?P<bare>(?:web\.archive\.org|archive\.ph|[\w-]+(?:\.[\w-]+)+)/[^\s<>]*)>"
_ARXIV = r"\barXiv:(?P<arxiv>\d{4}\.\d{4,5}(?:v\d+)?)"
_LINKED = re.compile(rf"(?P<address>{_ADDRESS})|{_BARE}|{_REPOSITORY}|{_ARXIV}")
_LONG_COMMIT = re.compile(r"(?<=@[0-9a-f]{7})[0-9a-f]{33}\b")  # seven digits are enough for a reader


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a citation, linked where its address is known."""

    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Footnote:
    """A source with its number."""

    number: int
    pieces: tuple[Piece, ...]
    note: str | None = None
    dated: str | None = None  # when the source was read


@dataclass(slots=True)
class Footnotes:
    """Sources numbered as they come; the same one has the same number."""

    found: dict[tuple[str, str | None, str | None], Footnote] = field(default_factory=dict)

    def number(self, source: str, note: str | None = None, dated: str | None = None) -> int:
        """Return the number of a source."""
        key = (source, note, dated)
        if key not in self.found:
            self.found[key] = Footnote(len(self.found) + 1, pieces(source), note, dated)
        return self.found[key].number

    def all(self) -> tuple[Footnote, ...]:
        """Return all of them in their order."""
        return tuple(self.found.values())


def pieces(citation: str) -> tuple[Piece, ...]:
    """Return a citation in pieces: addresses, files of repositories and papers are linked to where they are.

    A package stays text: its name and version say which one it is, in any registry.
    """
    found: list[Piece] = []
    end = 0
    for match in _LINKED.finditer(citation):
        href = outside(_href(match))
        if href is None:
            continue
        if match.start() > end:
            found.append(Piece(citation[end : match.start()]))
        found.append(Piece(_LONG_COMMIT.sub("", match[0]), href))
        end = match.end()
    if end < len(citation):
        found.append(Piece(citation[end:]))
    return tuple(found)


def _href(match: re.Match[str]) -> str:
    kinds: dict[str, Callable[[], str]] = {
        "address": lambda: match["address"],
        "bare": lambda: f"https://{match['bare']}",
        "repo": lambda: _file(match),
        "arxiv": lambda: f"https://arxiv.org/abs/{match['arxiv']}",
    }
    return next(make() for name, make in kinds.items() if match[name])


def _file(match: re.Match[str]) -> str:
    repository = f"https://github.com/{match['repo']}"
    path = match["path"]
    return f"{repository}/blob/{match['commit']}/{quote(path)}" if path else f"{repository}/tree/{match['commit']}"
