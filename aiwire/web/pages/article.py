"""The page of an article: its text with what it names, the evidence of each tag, its story, versions and citation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from urllib.parse import quote

from markupsafe import Markup, escape
from sqlite_utils import Database

from aiwire.web.article import words
from aiwire.web.article.citations import bibtex, csl_json
from aiwire.web.article.citing import citation
from aiwire.web.article.highlight import Passage, Span, marked, paragraphs
from aiwire.web.article.textdiff import Changes, changes
from aiwire.web.kinds import KINDS, heading
from aiwire.web.links import Links
from aiwire.web.pages import Ask
from db.pages import article as stored
from db.pages.refs import EntityRef

__all__ = ["ArticlePage", "Evidence", "KindOfTags", "Price", "Proven", "TagLine", "VersionLine", "load"]

ROOM = 95_000  # bytes of HTML for all that an article fills; frame and style sheets have 40,000 beside
LEAST_TEXT = 10_000  # of it that the text has in any case
MOST_TAGS = 50
MOST_EVIDENCE = 14_000  # bytes
MOST_SENTENCE = 400  # characters of a sentence that is shown as evidence
MOST_AROUND = 240  # characters of a sentence that are shown with a price
MOST_DIFF = 8_000  # characters
MOST_SHORT = 200  # characters of a title in a list; the template cuts it
# bytes of HTML that a line takes, as measured, to know what room is left for the text
_BYTES_TAG, _BYTES_SENTENCE, _BYTES_PRICE, _BYTES_SIBLING, _BYTES_VERSION, _BYTES_COMMAND = 330, 330, 540, 420, 330, 160


@dataclass(frozen=True, slots=True)
class TagLine:
    """An entity in the box beside the text."""

    entity: EntityRef
    count: int  # places
    confidence: str
    is_about: bool
    is_listed: bool
    role: str  # "" where it is written about
    correction: str | None  # added or changed by a person
    anchor: str  # link to its evidence; "": not on the page


@dataclass(frozen=True, slots=True)
class KindOfTags:
    """The entities of one kind, those that the article is about first."""

    kind: str
    heading: str
    tags: tuple[TagLine, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """A tag that a sentence proves."""

    anchor: str  # id of the element
    entity: EntityRef
    is_about: bool
    confidence: str
    bib: str  # link to the citation with this sentence


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence, and the tags that it proves best."""

    sentence: str
    is_cut: bool
    tags: tuple[Proven, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """A price that the article quotes, in words."""

    quoted: stored.PriceQuoted
    unit: str
    qualifier: str
    sentence: str  # what stands around it; "": that of the price before, or it is not stored
    is_repeated: bool  # it is that of the price before


@dataclass(frozen=True, slots=True)
class CorrectedLine:
    """What a person has put right, in words."""

    what: str
    corrected: stored.Corrected


@dataclass(frozen=True, slots=True)
class VersionLine:
    """What was replaced when."""

    version: int
    replaced_at: str
    title: str  # as it was then
    changed: str  # "title, text": against the version that came after


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """All that the template shows."""

    article: stored.Article
    title: Markup  # with what it names marked
    permalink: str  # absolute
    date_origin: str
    shows_first_seen: bool  # beside the date, as it is another
    passage: Passage
    withheld: bool  # a public copy has left the text out
    date_flaw: str  # what is wrong with the stated date; "": nothing
    text_policy: str  # "": nobody says
    rights: str
    paywall: str
    text_origin: str
    kinds: tuple[KindOfTags, ...]
    tags_left_out: int
    evidence: tuple[Evidence, ...]
    evidence_left_out: int
    prices: tuple[Price, ...]
    prices_count: int
    story: stored.Story | None
    siblings_left_out: int
    versions: tuple[VersionLine, ...]
    title_before: str  # of the newest version, if it was another
    diff: Changes | None  # of the newest version and the article
    corrections: tuple[CorrectedLine, ...]
    commands: tuple[tuple[str, str], ...]  # what for, command; none where strangers look on
    bibtex: str
    csl: str


def load(db: Database, ask: Ask) -> ArticlePage | None:
    """Return the page of the article that is asked for; None: there is none."""
    article = stored.read_article(db, ask.key)
    if article is None:
        return None
    copy = stored.published(db)
    tags = stored.tags(db, article.id)
    quoted, prices_count = stored.prices(db, article.id)
    story = stored.story(db, article)
    before = stored.versions(db, article.id)
    diff = _diff(article, before)
    evidence = _evidence(article.id, tags, ask.links)
    commands = _commands(article, tags, story) if not (ask.site.is_public or copy) else ()
    shown = {proven.entity.id for one in evidence for proven in one.tags}
    cited = citation(article, tags, ask.links)
    page = ArticlePage(
        article=article,
        title=marked(article.title, _spans(article.title, stored.places(db, article.id, "title"), ask.links)),
        permalink=cited.permalink,
        date_origin=words.date_origin(article.date_source),
        shows_first_seen=article.first_seen_at[:16] != article.dated_at[:16],
        passage=Passage((), 0, is_whole=False),
        withheld=copy is not None and not article.text,
        date_flaw=words.date_flaw(article.date_flaw),
        text_policy=words.text_policy(article.source.text_policy or (copy.text_policy if copy else "")),
        rights=words.rights(article.rights, article.page_state),
        paywall=words.paywall(article.paywalled),
        text_origin=words.text_origin(article.text_origin),
        kinds=_kinds(tags[:MOST_TAGS], shown),
        tags_left_out=max(len(tags) - MOST_TAGS, 0),
        evidence=evidence,
        evidence_left_out=len(tags) - len(shown),
        prices=tuple(_price_lines(quoted)),
        prices_count=prices_count,
        story=story,
        siblings_left_out=max(story.articles - 1 - len(story.siblings), 0) if story else 0,
        versions=tuple(_version_lines(article, before)),
        title_before=before[0].title if before and before[0].title != article.title else "",
        diff=diff,
        corrections=tuple(CorrectedLine(words.correction(one.kind), one) for one in stored.corrected(db, article.url)),
        commands=commands,
        bibtex=bibtex(cited),
        csl=csl_json(cited),
    )
    return replace(page, passage=_passage(db, article, ask.links, max(ROOM - _taken(page), LEAST_TEXT)))


def _taken(page: ArticlePage) -> int:
    """Return the bytes of HTML that all but the text take, about."""
    tags = sum(len(group.tags) for group in page.kinds)
    siblings = [one.title[:MOST_SHORT] for one in page.story.siblings] if page.story else []
    runs = [run.words for sentence in page.diff.sentences for run in sentence] if page.diff else []
    return (
        len(page.title.encode())
        + tags * _BYTES_TAG
        + sum(len(one.tags) for one in page.evidence) * _BYTES_SENTENCE
        + len(page.prices) * _BYTES_PRICE
        + len(siblings) * _BYTES_SIBLING
        + len(page.versions) * _BYTES_VERSION
        + len(runs) * len("<ins></ins>")
        + len(page.commands) * _BYTES_COMMAND
        + _written(*(one.sentence for one in page.evidence), *(one.sentence for one in page.prices), *siblings, *runs)
        + _written(*(one.title[:MOST_SHORT] for one in page.versions), page.bibtex, page.csl)
        + _written(page.article.title, page.title_before, *(command for _, command in page.commands))
    )


def _written(*texts: str) -> int:
    return sum(len(escape(text).encode()) for text in texts)


# ---------------------------------------------------------------- text


def _passage(db: Database, article: stored.Article, links: Links, budget: int) -> Passage:
    spans = _spans(article.text, stored.places(db, article.id, "text"), links)
    passage = paragraphs(article.text, spans, budget=budget)
    is_whole = passage.is_whole and len(article.text) == article.length
    return Passage(passage.paragraphs, passage.shown, is_whole)


def _spans(text: str, places: Iterable[stored.Place], links: Links) -> list[Span]:
    return [
        Span(
            one.start, one.end, one.entity.kind, links.entity(one.entity.id), words.label(one),
            words.spoken(one, text[max(one.start, 0) : max(one.end, 0)]),
        )
        for one in places
    ]  # fmt: skip


# ---------------------------------------------------------------- tags


def _kinds(tags: Sequence[stored.Tag], shown: set[str]) -> tuple[KindOfTags, ...]:
    """Return tags by kind; within one in their order."""
    order = {kind: place for place, kind in enumerate(KINDS)}
    by_kind = sorted(tags, key=lambda tag: order.get(tag.entity.kind, len(order)))
    return tuple(
        KindOfTags(kind, heading(kind), tuple(_tag_line(tag, tag.entity.id in shown) for tag in group))
        for kind, group in groupby(by_kind, key=lambda tag: tag.entity.kind)
    )


def _tag_line(tag: stored.Tag, has_evidence: bool) -> TagLine:
    return TagLine(
        tag.entity, tag.count, words.confidence(tag.confidence), tag.about, tag.listed, words.role(tag.role),
        tag.correction, f"#{quote(_anchor(tag.entity.id))}" if has_evidence else "",
    )  # fmt: skip


def _anchor(entity_id: str) -> str:
    """Return the id of the element with an entity's evidence; an id has no spaces."""
    return f"evidence-{'_'.join(entity_id.split())}"


def _evidence(article_id: int, tags: Iterable[stored.Tag], links: Links) -> tuple[Evidence, ...]:
    """Return the sentences that prove tags, as many as there is room for; each stands once."""
    by_sentence: dict[str, list[Proven]] = {}
    left = MOST_EVIDENCE
    bib = links.article(article_id, extension="bib")
    for tag in tags:
        whole = " ".join(tag.evidence.split())
        if not whole:
            continue
        left -= _BYTES_SENTENCE + (0 if whole in by_sentence else len(whole[:MOST_SENTENCE].encode()))
        if left < 0:
            break
        by_sentence.setdefault(whole, []).append(Proven(
            _anchor(tag.entity.id), tag.entity, tag.about, words.confidence(tag.confidence),
            f"{bib}?evidence={quote(tag.entity.id, safe='')}",
        ))  # fmt: skip
    return tuple(
        Evidence(whole[:MOST_SENTENCE], len(whole) > MOST_SENTENCE, tuple(proven))
        for whole, proven in by_sentence.items()
    )


# ---------------------------------------------------------------- prices, versions, corrections


def _price_lines(quoted: Sequence[stored.PriceQuoted]) -> Iterable[Price]:
    sentence = around = ""
    for one in quoted:
        is_shown = bool(around) and one.sentence == sentence and one.quote in around
        if not is_shown:
            sentence, around = one.sentence, _around(one)
        yield Price(one, words.unit(one.unit), words.qualifier(one.qualifier), "" if is_shown else around, is_shown)


def _around(price: stored.PriceQuoted) -> str:
    """Return the sentence of a price, or of a long one the part around it."""
    whole = " ".join(price.sentence.split())
    if len(whole) <= MOST_AROUND:
        return whole
    place = max(whole.find(" ".join(price.quote.split())), 0)
    start = max(min(place - MOST_AROUND // 3, len(whole) - MOST_AROUND), 0)
    part = whole[start : start + MOST_AROUND]
    if start:
        part = f"… {part.partition(' ')[2] or part}"
    return part if start + MOST_AROUND >= len(whole) else f"{part.rpartition(' ')[0] or part} …"


def _diff(article: stored.Article, before: Sequence[stored.Version]) -> Changes | None:
    """Return what changed with the newest version; None: not the text, or a public copy holds none."""
    if not before or before[0].text_hash == article.text_hash or not (before[0].text and article.text):
        return None
    return changes(before[0].text, article.text, most=MOST_DIFF)


def _version_lines(article: stored.Article, before: Sequence[stored.Version]) -> Iterable[VersionLine]:
    title, text_hash, published_at = article.title, article.text_hash, article.published_at
    for one in before:
        changed = {
            "title": one.title != title,
            "text": one.text_hash != text_hash,
            "date": one.published_at != published_at,
        }
        yield VersionLine(one.version, one.replaced_at, one.title, ", ".join(name for name in changed if changed[name]))
        title, text_hash, published_at = one.title, one.text_hash, one.published_at


def _commands(
    article: stored.Article, tags: Sequence[stored.Tag], story: stored.Story | None
) -> tuple[tuple[str, str], ...]:
    sibling = (story.leader or next(iter(story.siblings), None)) if story else None
    return words.put_right(article.url, [tag.entity.id for tag in tags], sibling.url if sibling else None)
