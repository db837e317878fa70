"""Our spaCy components, registered as entry points (`[project.entry-points.spacy_factories]`).

They match on the raw text and share the work on a document through `doc._.aiwire`. What they leave on a `Doc`:

    doc._.tagging       `aiwire.types.Tagging`: all of it; offsets are code points into title and text
    doc._.tags          its tags, `doc._.prices` its prices, `doc._.candidates` its names for review
    doc.spans["aiwire"] every name and every term of a theme: `label_` COMPANY, ACCELERATOR, MODEL, REGULATION or THEME,
                        `kb_id_` our id; they may overlap ("DGX H100" is a DGX and an H100)
    doc.ents            the names that do not overlap, longest first; what others have set stays beside them

Spans are derived from the matches, because a token may be wider than a name ("8xH100"): then the span is, too. A
document without tokens (`nlp.pipeline.tag_articles`) has no spans. `prepare` says what of a document is its title.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

from aiwire.types import Candidate, EntityKind, Tagging, TagScope
from nlp import TAGGER_VERSION
from nlp.about import load_about_weights
from nlp.context import Clues, Found, load_weights, resolve, with_implied
from nlp.discovery import load_proposer, taxonomy_version
from nlp.field import FieldMeter, load_field_terms
from nlp.gazetteer import DATA, load_lexicon
from nlp.language import tag_scope
from nlp.matcher import NameMatcher
from nlp.prices import PriceFound, find_prices
from nlp.prices_zh import find_chinese_prices
from nlp.roles import without_site_names
from nlp.salience import name_tags, price_records, theme_tags
from nlp.similarity import sketch
from nlp.text import Text, fold
from nlp.themes import ThemeFound, ThemeMatcher
from nlp.transport import from_plain, register, to_plain
from nlp.unlisted import UnlistedMatcher, load_unlisted_rules
from nlp.unlisted_zh import chinese_candidates

__all__ = [
    "SPANS_KEY",
    "Work",
    "make_discovery",
    "make_names",
    "make_prices",
    "make_salience",
    "make_sentences",
    "make_themes",
    "make_unlisted",
    "prepare",
]

SPANS_KEY = "aiwire"
_DATA: dict[str, Any] = {"data": None, "gazetteer": []}  # folder of the data files, and the user's files over them
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
    names: list[Found] = field(default_factory=list)
    themes: list[ThemeFound] = field(default_factory=list)
    prices: list[PriceFound] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    tagging: Tagging = _EMPTY


def _work(doc: Doc) -> Work:
    work = doc._.aiwire
    if work is None:
        raw = doc.text
        work = prepare(doc, raw, scope=tag_scope(None, raw))
    if not isinstance(work, Work):
        raise TypeError(f"doc._.aiwire belongs to us, but holds a {type(work).__name__}")
    return work


def prepare(doc: Doc, raw: str, *, title_length: int = 0, scope: TagScope = "full") -> Work:
    """Set a document up whose first `title_length` characters are a title (see `nlp.text.join`).

    `raw` is `doc.text`, which spaCy joins anew from the tokens each time; of a document without tokens it is all there
    is. Without a call every document is taken as a text without title, in English unless it does not look so.
    """
    work = Work(Text(raw, title_length), scope)
    doc._.aiwire = work
    return work


def _extend_doc() -> None:
    Doc.set_extension("aiwire", default=None, force=True)
    Doc.set_extension("tagging", getter=lambda doc: _work(doc).tagging, force=True)
    Doc.set_extension("tags", getter=lambda doc: _work(doc).tagging.tags, force=True)
    Doc.set_extension("prices", getter=lambda doc: _work(doc).tagging.prices, force=True)
    Doc.set_extension("candidates", getter=lambda doc: _work(doc).tagging.candidates, force=True)


_extend_doc()


def _pack(work: Work) -> dict[str, Any]:
    text = work.text
    return {"raw": text.raw, "title": text.title_end, "scope": work.scope, "tagging": to_plain(work.tagging)}


def _unpack(plain: dict[str, Any]) -> Work:
    return Work(Text(plain["raw"], plain["title"]), plain["scope"], tagging=from_plain(plain["tagging"]))


register(Work, _pack, _unpack)


def _set_spans(doc: Doc, work: Work) -> None:
    places = [(f.start, f.end, f.kind, f.id) for f in work.names]
    places += [(p.start, p.end, "theme", t.rule.entity.id) for t in work.themes for p in t.places]
    spans = list(_spans(doc, places))
    doc.spans[SPANS_KEY] = SpanGroup(doc, name=SPANS_KEY, spans=spans)
    ours = filter_spans(span for span in spans if span.label_ != "THEME")
    taken = {token for span in ours for token in range(span.start, span.end)}
    others = [span for span in doc.ents if taken.isdisjoint(range(span.start, span.end))]
    doc.set_ents([*ours, *others])


def _spans(doc: Doc, places: Iterable[tuple[int, int, str, str]]) -> Iterator[Span]:
    """Yield a span per place (start, end, kind, id).

    What `char_span` with `expand` gives, at a third of its time.
    """
    starts = doc.to_array("IDX").tolist()
    for start, end, kind, entity_id in places:
        first = bisect_right(starts, start) - 1
        yield Span(doc, first, bisect_left(starts, end, lo=first + 1), label=kind.upper(), kb_id=entity_id)


@Language.factory("aiwire_sentences")
def make_sentences(nlp: Language, name: str) -> Component:
    """Return the component that splits the raw text into sentences."""

    def sentences(doc: Doc, work: Work) -> None:
        work.text.split()

    return Component(sentences)


@Language.factory("aiwire_names", default_config=_DATA)
def make_names(nlp: Language, name: str, data: str | None, gazetteer: list[str]) -> Component:
    """Return the component that finds the names of the gazetteer and decides on the ambiguous ones."""
    lexicon = load_lexicon(data, gazetteer)
    matchers = {kind: NameMatcher(lexicon, kind) for kind in _KINDS}
    by_id = lexicon.by_id()
    folder = DATA if data is None else Path(data)
    weights = load_weights(folder)
    rules = load_unlisted_rules(folder)
    clues = Clues(
        FieldMeter(load_field_terms(folder)), rules.first_names, lexicon.common_words | rules.vocabulary.common
    )

    def names(doc: Doc, work: Work) -> None:
        hits = {kind: matcher.find(work.text) for kind, matcher in matchers.items()}
        found = without_site_names(work.text, resolve(work.text, hits, weights, clues))
        work.names = with_implied(found, by_id)

    return Component(names)


@Language.factory("aiwire_unlisted", default_config=_DATA)
def make_unlisted(nlp: Language, name: str, data: str | None, gazetteer: list[str]) -> Component:
    """Return the component that finds companies on no list."""
    lexicon = load_lexicon(data, gazetteer)
    rules = load_unlisted_rules(DATA if data is None else Path(data))
    matcher = UnlistedMatcher(rules, lexicon.common_words, frozenset(e.id for e in lexicon.entities))

    def unlisted(doc: Doc, work: Work) -> None:
        if work.scope == "full":
            found, candidates = matcher.find(work.text, work.names)
            work.names = work.names + [f for f in found if fold(f.name) not in lexicon.not_companies]
            candidates += chinese_candidates(work.text, work.names)
            work.candidates = [c for c in candidates if fold(c.surface) not in lexicon.not_companies]

    return Component(unlisted)


@Language.factory("aiwire_themes", default_config=_DATA)
def make_themes(nlp: Language, name: str, data: str | None, gazetteer: list[str]) -> Component:
    """Return the component that finds deployment themes."""
    matcher = ThemeMatcher(load_lexicon(data, gazetteer), load_field_terms(DATA if data is None else Path(data)))

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
            work.prices = [*find_prices(work.text, work.names), *find_chinese_prices(work.text, work.names)]
            work.prices.sort(key=lambda price: price.start)

    return Component(prices)


@Language.factory("aiwire_discovery", default_config={"model": ""})
def make_discovery(nlp: Language, name: str, model: str) -> Component:
    """Return the component that has a spaCy model propose further names for review."""
    propose = load_proposer(model)

    def discovery(doc: Doc, work: Work) -> None:
        if work.scope == "full":
            work.candidates = work.candidates + propose(work.text, work.names, work.candidates)

    return Component(discovery)


@Language.factory("aiwire_salience", default_config=_DATA | {"spacy_model": ""})
def make_salience(nlp: Language, name: str, data: str | None, gazetteer: list[str], spacy_model: str) -> Component:
    """Return the last component: tags, roles and what the text is about."""
    version = taxonomy_version(load_lexicon(data, gazetteer), spacy_model)
    weights = load_about_weights(DATA if data is None else Path(data))

    def salience(doc: Doc, work: Work) -> None:
        work.tagging = Tagging(
            tags=(*name_tags(work.text, work.names, weights), *theme_tags(work.text, work.themes, weights)),
            prices=tuple(price_records(work.text, work.prices)),
            candidates=tuple(work.candidates),
            sentences=work.text.field_sentences(),
            scope=work.scope,
            tagger_version=TAGGER_VERSION,
            taxonomy_version=version,
            sketch=sketch(work.text.raw[: work.text.title_end], work.text.raw[work.text.body :]),
        )
        if len(doc):
            _set_spans(doc, work)

    return Component(salience)
