"""Turn what was found into tags: role, salience and whether the text is about it. Pure.

Salience (0..1) is how likely a reader would say that the text is about the name or theme (`nlp.about`); from
`about_from` on it is, the few likeliest of a kind at most. Who is only quoted (source: 0) or where something was only
posted (venue) is never what a text is about. Stock sentences need the corpus, so `db` judges them when articles are
stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from aiwire.types import EntityKind, Mention, Price, Role, Tag
from nlp.about import AboutWeights, is_passage, name_features, theme_features
from nlp.context import Found
from nlp.prices import PriceFound
from nlp.roles import is_venue, split_sources
from nlp.text import Text
from nlp.themes import ThemeFound

__all__ = ["MOST_ABOUT", "name_tags", "price_records", "theme_tags"]

_KIND_ORDER: dict[EntityKind, int] = {"company": 0, "accelerator": 1, "model": 2, "regulation": 3, "theme": 4}
MOST_ABOUT = 4  # of a kind
_EVIDENCE_LENGTH = range(40, 420)  # characters of a sentence that reads well as evidence


def name_tags(text: Text, names: Sequence[Found], weights: AboutWeights) -> list[Tag]:
    """Return one tag per named entity, in the order of kind, then salience."""
    of_kind: dict[EntityKind, dict[str, list[Found]]] = defaultdict(lambda: defaultdict(list))
    for f in names:
        of_kind[f.kind][f.id].append(f)
    tags: list[Tag] = []
    for kind in sorted(of_kind, key=_KIND_ORDER.__getitem__):
        tags += _tags_of_kind(text, list(of_kind[kind].values()), names, weights)
    return tags


def _tags_of_kind(text: Text, groups: list[list[Found]], names: Sequence[Found], weights: AboutWeights) -> list[Tag]:
    sources, others = split_sources(text, groups)
    model = "name-passage" if is_passage(text) else "name-article"
    likely = [weights.likelihood(model, features) for features in name_features(text, others, names)]
    ranked = sorted(zip(likely, others, strict=True), key=lambda item: (-item[0], item[1][0].start, item[1][0].id))
    tags: list[Tag] = []
    about = 0
    for salience, group in ranked:
        role: Role = "mention"
        if salience >= weights.about_from and about < MOST_ABOUT:
            role = "subject"
            about += 1
        elif is_venue(text, group):
            role = "venue"
        tags.append(_tag(text, group, round(salience, 3), role))
    return tags + [_tag(text, group, 0.0, "source") for group in sources]


def _mention(text: Text, start: int, end: int, rule: str, confidence: float, part: str | None) -> Mention:
    low, high = text.sentence_at(start)
    raw = text.raw[start:end]
    if start < text.title_end:
        return Mention("title", start, end, raw, low, high, rule, confidence, part)
    shift = text.body
    return Mention("text", start - shift, end - shift, raw, low - shift, high - shift, rule, confidence, part)


def _tag(text: Text, group: Sequence[Found], salience: float, role: Role) -> Tag:
    first = group[0]
    return Tag(
        kind=first.kind,
        id=first.id,
        name=first.name,
        surfaces=tuple(dict.fromkeys(text.raw[f.start : f.end] for f in group)),
        count=len(group),
        about=role == "subject",
        role=role,
        listed=first.record is not None,
        salience=salience,
        confidence=max(f.confidence for f in group),
        evidence=_evidence(text, group),
        mentions=tuple(_mention(text, f.start, f.end, f.rule, f.confidence, f.part) for f in group),
    )


def _evidence(text: Text, group: Sequence[Found]) -> str:
    """Return the sentence that proves the tag best: sure, in the text's body, of a readable length, early."""
    best_value, best = -1.0, (0, 0)
    for rank, f in enumerate(group[:12]):
        start, end = text.sentence_at(f.start)
        value = f.confidence + 0.3 * (f.start >= text.body) + 0.3 * (end - start in _EVIDENCE_LENGTH) - 0.02 * rank
        if value > best_value:
            best_value, best = value, (start, end)
    return text.raw[best[0] : best[1]]


def theme_tags(text: Text, themes: Sequence[ThemeFound], weights: AboutWeights) -> list[Tag]:
    """Return one tag per theme, the likeliest first."""
    model = "theme-passage" if is_passage(text) else "theme-article"
    likely = [weights.likelihood(model, features) for features in theme_features(text, themes)]
    ranked = sorted(zip(likely, themes, strict=True), key=lambda item: (-item[0], item[1].rule.entity.id))
    return [
        _theme_tag(text, theme, round(salience, 3), about=rank < MOST_ABOUT and salience >= weights.about_from)
        for rank, (salience, theme) in enumerate(ranked)
    ]


def _theme_tag(text: Text, theme: ThemeFound, salience: float, *, about: bool) -> Tag:
    start, end = text.sentences[theme.best_sentence]
    entity = theme.rule.entity
    confidence = round(min(0.95, 0.5 + 0.15 * theme.best + 0.05 * (theme.sentences - 1)), 3)
    return Tag(
        kind="theme",
        id=entity.id,
        name=entity.name,
        surfaces=tuple(dict.fromkeys(text.raw[p.start : p.end] for p in theme.places)),
        count=len(theme.places),
        about=about,
        role="subject" if about else "mention",
        listed=True,
        salience=salience,
        confidence=confidence,
        evidence=text.raw[start:end],
        mentions=tuple(_mention(text, p.start, p.end, f"lexicon:{p.term}", confidence, None) for p in theme.places),
    )


def price_records(text: Text, prices: Iterable[PriceFound]) -> list[Price]:
    """Return the prices with their quote, sentence and place."""
    records = []
    for p in prices:
        start, end = text.sentence_at(p.start)
        field, at, to = text.place(p.start, p.end)
        records.append(
            Price(
                quote=text.raw[p.start : p.end],
                amount=p.amount,
                amount_max=p.amount_max,
                currency=p.currency,
                unit=p.unit,
                qualifier=p.qualifier,
                accelerator=p.accelerator,
                product=p.product,
                sentence=text.raw[start:end],
                field=field,
                start=at,
                end=to,
            )
        )
    return records
