"""Tell which texts a change of the lists may give other tags, without tagging them. Reads the data files, else pure.

`fingerprint` says of each entity, alias and term what matters for tagging, and which spellings are looked for;
`Impact.between` compares two of them; `Impact.touches` asks a text. Too many texts are touched rather than one too
few: a spelling counts inside words, too. What a change can do to a text, and why that text is touched:

- An alias or a term is found there, or hides, forbids or vouches for others (the longest name at a place, vetoes,
  context features, unlisted names, `near` of themes, prices): all that takes place in a text that holds its spelling.
- What is said of the entity as a whole (its parent, say) matters where one of its spellings, old or new, is found.
- An accelerator is found without its own name where a system that implies it is named: the system's spellings are its.
- Two names or two terms share a spelling: which is read first depends on the order of the lines, so that is in the
  digest.
- A theme takes prices or regulations as terms: the spellings of all regulations are its, and texts with prices its own.
- An id that comes or goes forbids or allows the unlisted name that would have that id (`nlp.unlisted.slug`), and so
  does a name that the user wants not to be a company: the text, as a slug, holds the slug.
- The other files of the data folder, and a model that proposes names, concern every text.

Descriptions, countries, tickers, names to show and example sentences change no tag.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from aiwire.types import LexiconLine
from nlp.gazetteer import DATA, FILES, Lexicon, Record, ThemeRule
from nlp.matcher import variants
from nlp.text import fold, join
from nlp.themes import spellings
from nlp.unlisted import slug

__all__ = ["BY_PRICE", "Impact", "Lines", "fingerprint"]

Lines = Mapping[str, LexiconLine]
"""By key: the id of an entity, the id and one of its spellings after a space, or something with a prefix below."""

BY_PRICE = "<price>"  # among the surfaces: a text with a price is concerned
_FILE, _MODEL, _NO_COMPANY = "file:", "spacy-model:", "not-company:"
_NO_EFFECT = ("precision.json",)  # what was measured after tagging


def fingerprint(lexicon: Lexicon, *, folder: Path | None = None, spacy_model: str = "") -> dict[str, LexiconLine]:
    """Return what the lists say, for comparison with what they said before.

    Args:
        lexicon: as `nlp.gazetteer.load_lexicon` returns it.
        folder: the data files that it came from; None: the shipped ones.
        spacy_model: the model that proposes names; "": none.
    """
    lines = _entity_lines(lexicon)
    lines |= {_FILE + path.name: LexiconLine(_digest(_content(path)), ()) for path in _support_files(folder or DATA)}
    lines |= {_NO_COMPANY + name: LexiconLine("", (name,)) for name in lexicon.not_companies}
    if spacy_model:
        lines[_MODEL] = LexiconLine(spacy_model, ())
    return lines


def _support_files(folder: Path) -> Iterator[Path]:
    """Yield what a tagger reads beside names and themes; what the folder lacks may be read from the shipped one."""
    found = {path.name: path for home in (DATA, folder) for path in home.iterdir() if path.is_file()}
    return (path for name, path in sorted(found.items()) if name not in FILES and name not in _NO_EFFECT)


def _content(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _digest(said: str) -> str:
    return hashlib.blake2b(said.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


class _Lines:
    """Collects what is said of entities and of their parts (aliases, terms), each under its key."""

    def __init__(self) -> None:
        self._said: dict[str, list[str]] = defaultdict(list)
        self._surfaces: dict[str, set[str]] = defaultdict(set)
        self._sharing: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, key: str, said: str, surfaces: Iterable[str]) -> None:
        self._said[key].append(said)
        self._surfaces[key].update(surfaces)

    def add_part(self, entity_id: str, part: str, said: str, surfaces: Collection[str], *, among: str) -> None:
        """Add an alias or a term; those that share a spelling `among` others are read in the order of these calls."""
        key = f"{entity_id} {part}"
        self.add(key, said, surfaces)
        for surface in surfaces:
            self._sharing[among, surface].append(key)

    def lines(self) -> dict[str, LexiconLine]:
        for (_, surface), keys in sorted(self._sharing.items()):
            if len(keys) > 1:
                for key in set(keys):
                    self._said[key].append(repr((surface, keys)))
        return {
            key: LexiconLine(_digest("\n".join(said)), tuple(sorted(self._surfaces[key])))
            for key, said in self._said.items()
        }


def _entity_lines(lexicon: Lexicon) -> dict[str, LexiconLine]:
    made = _Lines()
    spelled: dict[str, set[str]] = defaultdict(set)  # by id, and by kind
    for record in lexicon.records:
        entity = record.entity
        for rule in record.aliases:
            surfaces = {fold(spelling) for spelling in variants(rule.surface, entity.kind)}
            plain = replace(rule, positive=(), negative=()) if rule.positive or rule.negative else rule
            made.add_part(entity.id, rule.surface, repr(plain), surfaces, among=entity.kind)
            for owner in (entity.id, entity.kind, *record.implies):
                spelled[owner] |= surfaces
    for record in lexicon.records:
        made.add(record.entity.id, _whole(replace(record, aliases=())), spelled[record.entity.id])
    for theme in lexicon.themes:
        _add_theme(made, theme, spelled)
    return made.lines()


def _add_theme(made: _Lines, theme: ThemeRule, spelled: Mapping[str, set[str]]) -> None:
    theme_id, of_theme = theme.entity.id, set[str]()
    for term in theme.terms:
        surfaces = {fold(spelling) for spelling in spellings(term)}
        made.add_part(theme_id, term.text, repr(term), surfaces, among=theme_id)
        of_theme |= surfaces
    for kind, _ in theme.evidence:
        of_theme |= {BY_PRICE} if kind == "price" else spelled[kind]
    made.add(theme_id, _whole(replace(theme, terms=(), positive=(), negative=())), of_theme)


def _whole(said: Record | ThemeRule) -> str:
    """Return what is said of an entity as a whole, less what changes no tag: whatever is added to the rules counts."""
    bare = replace(said.entity, name="", description=None, country=None, ticker=None, aliases=())
    return repr(replace(said, entity=bare, where=""))


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change of the lists may change: build it with `between`."""

    everything: bool  # every text is touched
    entities: frozenset[str]  # ids of what has changed, came or went
    by_price: bool  # a text with prices is touched
    _surfaces: AhoCorasick | None  # in the folded text
    _slugs: AhoCorasick | None  # in the text as a slug

    @classmethod
    def between(cls, old: Lines, new: Lines) -> Impact:
        """Return the impact of a change, given the fingerprints before and after."""
        keys = {key for key in old.keys() | new.keys() if _said(old, key) != _said(new, key)}
        surfaces = {surface for lines in (old, new) for key in keys & lines.keys() for surface in lines[key].surfaces}
        come_or_gone = {key for key in keys if (key in old) != (key in new)}
        names = {key.removeprefix(_NO_COMPANY) for key in come_or_gone if key.startswith(_NO_COMPANY) or " " not in key}
        return cls(
            everything=any(key.startswith((_FILE, _MODEL)) for key in keys),
            entities=frozenset(key.partition(" ")[0] for key in keys),
            by_price=BY_PRICE in surfaces,
            _surfaces=_automaton(surfaces),
            _slugs=_automaton(map(slug, names)),
        )

    def touches(self, title: str, text: str, *, has_price: bool) -> bool:
        """Return whether an article may have other tags now; `has_price`: it had a price when it was tagged last."""
        if self.everything or (has_price and self.by_price):
            return True
        raw = join(title, text)
        if self._surfaces is not None and self._surfaces.find_matches_as_indexes(fold(raw)):
            return True
        return self._slugs is not None and bool(self._slugs.find_matches_as_indexes(slug(raw)))


def _said(lines: Lines, key: str) -> str | None:
    return lines[key].digest if key in lines else None


def _automaton(patterns: Iterable[str]) -> AhoCorasick | None:
    wanted = sorted(filter(None, patterns))
    return AhoCorasick(wanted) if wanted else None
