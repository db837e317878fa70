"""Turn what was found into tags: role, salience and whether the text is about it. Pure.

Salience (0..1) weighs title, lead, position, count and the share of sentences. A platform that something was posted on
is a venue, and a news outlet is a source unless it is in the news itself: neither is what a text is about. Stock
sentences need the corpus, so `db` judges them when articles are stored.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from aiwire.types import EntityKind, Mention, Price, Role, Tag
from nlp.context import Found
from nlp.prices import PriceFound
from nlp.text import Text
from nlp.themes import ThemeFound

__all__ = ["name_tags", "price_records", "theme_tags"]

_KIND_ORDER: dict[EntityKind, int] = {"company": 0, "accelerator": 1, "model": 2, "regulation": 3, "theme": 4}
_ABOUT = {"company": 0.48, "accelerator": 0.46, "model": 0.5, "regulation": 0.5}
_ABOUT_MOST = {"company": 4, "accelerator": 3, "model": 3, "regulation": 2}
_THEMES_ABOUT = 3
_SHORT = 8  # sentences up to which a text is a passage: no title, all of it counts as its lead
_EVIDENCE_LENGTH = range(40, 420)  # characters of a sentence that reads well as evidence

_VENUE_LEFT = re.compile(
    r"(?:\b(?:on|via|at|to|from|through|our|your|my|follow (?:us|me) on|a|an|the|linked ?in|post(?:s|ed)?|thread|"
    r"repo(?:sitory)?|video|"
    r"share(?:d)? (?:this )?(?:on|to)|hosted on) |, |/|\||• ?|[-–] ?)\Z"
)
_VENUE_RIGHT = re.compile(
    r"\s?(?:post|thread|repo|repository|page|account|channel|video|issue|link|server|community|stars|,|\||/|\.|\n|•|\Z)"
)


def name_tags(text: Text, names: Iterable[Found]) -> list[Tag]:
    """Return one tag per named entity, in the order of kind, then salience."""
    groups: dict[tuple[EntityKind, str], list[Found]] = defaultdict(list)
    for f in names:
        groups[f.kind, f.id].append(f)
    of_kind = Counter(kind for kind, _ in groups)
    scored = [(_salience(text, group, of_kind[kind]), group) for (kind, _), group in groups.items()]
    scored.sort(key=lambda item: (_KIND_ORDER[item[1][0].kind], -item[0], item[1][0].start, item[1][0].id))
    tags: list[Tag] = []
    about_count: dict[EntityKind, int] = defaultdict(int)
    for salience, group in scored:
        kind = group[0].kind
        role = _role(text, group, salience)
        if role == "subject" and about_count[kind] >= _ABOUT_MOST[kind]:
            role = "mention"
        about_count[kind] += role == "subject"
        tags.append(_tag(text, group, salience, role))
    return tags


def _salience(text: Text, group: Sequence[Found], rivals: int) -> float:
    length = max(1, len(text.sentences))
    body_start = text.body
    in_title = any(f.start < text.title_end for f in group)
    body = [f for f in group if f.start >= body_start]
    sentences = {text.sentence_index(f.start) for f in group}
    share = len(sentences) / length
    if not text.title_end and length <= _SHORT:
        return _passage_salience(text, group, rivals)
    lead_end = body_start + max(400, (len(text.raw) - body_start) // 10)
    lead = sum(1 for f in body if f.start < lead_end)
    value = 0.42 * in_title + 0.16 * bool(lead) + 0.08 * (lead > 1)
    value += 0.34 * min(1.0, share / 0.22) + 0.1 * min(1.0, len(group) / 8)
    return round(min(1.0, value), 3)


def _passage_salience(text: Text, group: Sequence[Found], rivals: int) -> float:
    """A passage has neither title nor lead: what opens it, acts or comes back stands out, one of many does not."""
    first = text.sentence_index(group[0].start) == 0
    opening = first and group[0].start - text.sentences[0][0] < 60
    acting = any(_acts(text, f) for f in group)
    value = 0.44 + 0.04 * first + 0.04 * opening + 0.1 * min(3, len(group) - 1) + 0.07 * acting
    return round(min(1.0, value - 0.03 * min(5, max(0, rivals - 1))), 3)


def _acts(text: Text, f: Found) -> bool:
    """Return whether the name is the subject of its sentence: it opens it, a verb follows."""
    start, _ = text.sentence_at(f.start)
    return f.start - start < 12 and _ACTING.match(text.folded, f.end) is not None


_ACTING = re.compile(
    r"(?:'s \w+)? (?:has|have|had|is|was|will|would|can|could|says?|said|plans?|wants|also|now|recently|today|"
    r"(?!and\b|or\b|but\b|as\b|is\b|news\b|this\b|plus\b)[a-z]{2,}(?:ed|es|[a-rt-z]s)|built|bought|sold|made|took|gave|knew|chose|spent|led|began|ran|won)\b"
)


def _role(text: Text, group: Sequence[Found], salience: float) -> Role:
    record = group[0].record
    about = salience >= _ABOUT.get(group[0].kind, 1.0)
    if record is not None and record.venue and not about and all(_is_venue(text, f) for f in group):
        return "venue"
    if record is not None and record.news_outlet and not any(_is_news(text, f) for f in group):
        return "source"
    return "subject" if about else "mention"


def _is_venue(text: Text, f: Found) -> bool:
    left = text.folded[max(0, f.start - 24) : f.start]
    return (
        bool(_VENUE_LEFT.search(left) or _VENUE_RIGHT.match(text.folded, f.end))
        or f.start == text.sentence_at(f.start)[0]
    )


_NEWS_RIGHT = re.compile(
    r"(?:'s)? (?:(?:ceo|owner|parent|publisher|staff|employees|newsroom|layoffs|lawsuit|shares|union|journalists)\b|"
    r"(?:has |have |had |will |is |was )?(?:su(?:es|ed|ing)|acquir|sign|lays? off|laid off|laying off|cuts?\b|partner|"
    r"agree|launch|hire|bought|buys|sold|licen[sc]|block|settle|merge|clos(?:es|ed|ing)\b))"
)
_NEWS_LEFT = re.compile(
    r"\b(?:acquir\w+|buy(?:s|ing)?|bought|deals? with|partner\w* with|partnership with|agreements? with|sued by|suing|"
    r"lawsuit (?:by|from)|owned by|owner of|content (?:from|of)|licen\w+ with) (?:the )?\Z"
)
_FURNITURE = ("|", "•", "-", "–", "—", ":", "·", "/", ">")


def _is_news(text: Text, f: Found) -> bool:
    """Return whether an outlet is in the news itself and not only where the news stood or who is quoted.

    It opens the title ("Reuters lays off staff") or does, or is done to, what firms do.
    """
    if f.start < text.title_end:
        before = text.raw[: f.start].rstrip()
        return not before or (not before.endswith(_FURNITURE) and bool(_NEWS_RIGHT.match(text.folded, f.end)))
    left = text.folded[max(0, f.start - 40) : f.start]
    return bool(_NEWS_LEFT.search(left) or _NEWS_RIGHT.match(text.folded, f.end))


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


def theme_tags(text: Text, themes: Sequence[ThemeFound]) -> list[Tag]:
    """Return one tag per theme; `themes` is best first. The text is about the strongest few."""
    top = max((t.total for t in themes), default=1.0)
    tags = []
    for rank, theme in enumerate(themes):
        start, end = text.sentences[theme.best_sentence]
        in_title = any(p.start < text.title_end for p in theme.places)
        about = rank < _THEMES_ABOUT and (in_title or (theme.total >= 0.55 * top and _stands_out(text, theme)))
        entity = theme.rule.entity
        confidence = round(min(0.95, 0.5 + 0.15 * theme.best + 0.05 * (theme.sentences - 1)), 3)
        salience = round(min(1.0, 0.25 * in_title + 0.55 * theme.total / top + 0.2 * min(1.0, theme.sentences / 4)), 3)
        tags.append(
            Tag(
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
                mentions=tuple(
                    _mention(text, p.start, p.end, f"lexicon:{p.term}", confidence, None) for p in theme.places
                ),
            )
        )
    return tags


def _stands_out(text: Text, theme: ThemeFound) -> bool:
    """Return whether an article comes back to the theme or opens with it; a passage is all one opening."""
    if len(text.sentences) <= _SHORT or theme.sentences > 1:
        return True
    return theme.best_sentence < 2 + len(text.sentences) // 8


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
                sentence=text.raw[start:end],
                field=field,
                start=at,
                end=to,
            )
        )
    return records
