"""Our spaCy components, registered as entry points (`[project.entry-points.spacy_factories]`).

They share the work on a document through `doc._.aiwire` and leave their results in `doc._.tags`, `doc._.prices`,
`doc._.candidates` and `doc._.tagging` (offsets into title and text), and as spans in `doc.spans["aiwire"]`.
Matching is on the raw text; the spans are derived from it, because a token may be wider than a name ("8xH100").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup

from aiwire.types import Candidate, EntityKind, Tagging, TagScope
from nlp import TAGGER_VERSION
from nlp.context import Clues, Found, load_weights, resolve, with_implied
from nlp.field import FieldMeter, load_field_terms
from nlp.gazetteer import DATA, Lexicon, load_lexicon
from nlp.matcher import NameMatcher
from nlp.prices import PriceFound, find_prices
from nlp.salience import name_tags, price_records, theme_tags
from nlp.text import Text
from nlp.themes import ThemeFound, ThemeMatcher
from nlp.unlisted import UnlistedMatcher, load_unlisted_rules

__all__ = [
    "SPANS_KEY",
    "Work",
    "make_names",
    "make_prices",
    "make_salience",
    "make_sentences",
    "make_themes",
    "make_unlisted",
    "prepare",
]

SPANS_KEY = "aiwire"
_KINDS: tuple[EntityKind, ...] = ("company", "accelerator", "model", "regulation")
_EMPTY = Tagging()

_BATCH = 10  # documents that a component takes in a row


class Component:
    """A step of the pipeline. In a stream it takes a few documents in a row: its tables stay in the processor's cache.

    Measured: document by document, our part of the run takes half as long again.
    """

    def __init__(self, run: Callable[[Doc, Work], None]) -> None:
        self._run = run

    def __call__(self, doc: Doc) -> Doc:
        """Do the step on one document."""
        self._run(doc, _work(doc))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = _BATCH) -> Iterator[Doc]:
        """Do the step on a stream of documents."""
        documents = iter(stream)
        while batch := list(islice(documents, min(batch_size, _BATCH))):
            for doc in batch:
                self._run(doc, _work(doc))
            yield from batch


@dataclass(slots=True)
class Work:
    """What the components know of a document so far."""

    text: Text
    scope: TagScope = "full"
    spans: bool = True  # whether to make `doc.spans`
    names: list[Found] = field(default_factory=list)
    themes: list[ThemeFound] = field(default_factory=list)
    prices: list[PriceFound] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    tagging: Tagging = _EMPTY


def _work(doc: Doc) -> Work:
    work = doc._.aiwire
    if work is None:
        work = prepare(doc, doc.text)
    if not isinstance(work, Work):
        raise TypeError(f"doc._.aiwire belongs to us, but holds a {type(work).__name__}")
    return work


def prepare(doc: Doc, raw: str, *, title_length: int = 0, scope: TagScope = "full", spans: bool = True) -> Work:
    """Set a document up whose first `title_length` characters are a title (see `nlp.text.join`).

    `raw` is `doc.text`, which spaCy joins anew from the tokens each time; without `spans` `doc.spans` stays empty.
    """
    work = Work(Text(raw, title_length), scope, spans)
    doc._.aiwire = work
    return work


def _extend_doc() -> None:
    Doc.set_extension("aiwire", default=None, force=True)
    Doc.set_extension("tagging", getter=lambda doc: _work(doc).tagging, force=True)
    Doc.set_extension("tags", getter=lambda doc: _work(doc).tagging.tags, force=True)
    Doc.set_extension("prices", getter=lambda doc: _work(doc).tagging.prices, force=True)
    Doc.set_extension("candidates", getter=lambda doc: _work(doc).tagging.candidates, force=True)


_extend_doc()


def _lexicon(data: str | None) -> Lexicon:
    return load_lexicon(data)


def _spans(doc: Doc, work: Work) -> Iterator[Span]:
    """Yield a token span per name; a token wider than the name gives a span wider than the name.

    What `char_span` with `expand` gives, at a third of its time.
    """
    starts = doc.to_array("IDX").tolist()
    for f in work.names:
        first = bisect_right(starts, f.start) - 1
        yield Span(doc, first, bisect_left(starts, f.end, lo=first + 1), label=f.kind, kb_id=f.id)


@Language.factory("aiwire_sentences")
def make_sentences(nlp: Language, name: str) -> Component:
    """Return the component that splits the raw text into sentences."""

    def sentences(doc: Doc, work: Work) -> None:
        work.text.split()

    return Component(sentences)


@Language.factory("aiwire_names", default_config={"data": None})
def make_names(nlp: Language, name: str, data: str | None) -> Component:
    """Return the component that finds the names of the gazetteer and decides on the ambiguous ones."""
    lexicon = _lexicon(data)
    matchers = {kind: NameMatcher(lexicon, kind) for kind in _KINDS}
    by_id = lexicon.by_id()
    folder = DATA if data is None else Path(data)
    weights = load_weights(folder)
    clues = Clues(FieldMeter(load_field_terms(folder)), load_unlisted_rules(folder).first_names)

    def names(doc: Doc, work: Work) -> None:
        hits = {kind: matcher.find(work.text) for kind, matcher in matchers.items()}
        work.names = with_implied(resolve(work.text, hits, weights, clues), by_id)

    return Component(names)


@Language.factory("aiwire_unlisted", default_config={"data": None})
def make_unlisted(nlp: Language, name: str, data: str | None) -> Component:
    """Return the component that finds companies on no list."""
    lexicon = _lexicon(data)
    rules = load_unlisted_rules(DATA if data is None else Path(data))
    matcher = UnlistedMatcher(rules, lexicon.common_words, frozenset(e.id for e in lexicon.entities))

    def unlisted(doc: Doc, work: Work) -> None:
        if work.scope == "full":
            found, work.candidates = matcher.find(work.text, work.names)
            work.names = work.names + found

    return Component(unlisted)


@Language.factory("aiwire_themes", default_config={"data": None})
def make_themes(nlp: Language, name: str, data: str | None) -> Component:
    """Return the component that finds deployment themes."""
    matcher = ThemeMatcher(_lexicon(data), load_field_terms(DATA if data is None else Path(data)))

    def themes(doc: Doc, work: Work) -> None:
        if work.scope == "full":
            work.themes, _ = matcher.find(work.text, _evidence(work))

    return Component(themes)


def _evidence(work: Work) -> Iterator[tuple[str, int, int]]:
    for price in work.prices:
        yield "price", price.start, price.end
    for name in work.names:
        if name.record is None or not (name.record.venue or name.record.news_outlet):
            yield name.kind, name.start, name.end


@Language.factory("aiwire_prices")
def make_prices(nlp: Language, name: str) -> Component:
    """Return the component that finds prices."""

    def prices(doc: Doc, work: Work) -> None:
        if work.scope == "full":
            work.prices = find_prices(work.text, work.names)

    return Component(prices)


@Language.factory("aiwire_salience", default_config={"data": None})
def make_salience(nlp: Language, name: str, data: str | None) -> Component:
    """Return the last component: tags, roles and what the text is about."""
    version = _lexicon(data).version

    def salience(doc: Doc, work: Work) -> None:
        work.tagging = Tagging(
            tags=(*name_tags(work.text, work.names), *theme_tags(work.text, work.themes)),
            prices=tuple(price_records(work.text, work.prices)),
            candidates=tuple(work.candidates),
            sentences=work.text.field_sentences(),
            scope=work.scope,
            tagger_version=TAGGER_VERSION,
            taxonomy_version=version,
        )
        if work.spans:
            doc.spans[SPANS_KEY] = SpanGroup(doc, name=SPANS_KEY, spans=list(_spans(doc, work)))

    return Component(salience)
