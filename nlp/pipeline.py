"""Build the tagger and stream articles through it.

Names are found in every language, the rest in English texts only.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from aiwire.types import ArticleText, Tagging, TagScope
from nlp import TAGGER_VERSION
from nlp.components import prepare
from nlp.gazetteer import load_lexicon
from nlp.language import looks_english
from nlp.text import join

__all__ = ["load_tagger", "tag_article", "tag_articles", "versions"]

_WITH_DATA = ("aiwire_names", "aiwire_unlisted", "aiwire_themes", "aiwire_salience")
_ORDER = ("aiwire_sentences", "aiwire_names", "aiwire_unlisted", "aiwire_prices", "aiwire_themes", "aiwire_salience")
_BATCH = 16  # documents in memory at a time
_LONGEST = 200_000_000  # characters: no text is refused, spaCy's limit is for parsers that need far more memory
_ENDLESS = 2000  # characters without a space


def load_tagger(data: Path | None = None) -> Language:
    """Return the tagging pipeline; `data` is a folder with one's own gazetteer and lexicon (default: the shipped one).

    Raises:
        ConfigError: the data files cannot be used.
    """
    nlp = spacy.blank("en")
    nlp.max_length = _LONGEST
    for name in _ORDER:
        config = {"data": str(data)} if data is not None and name in _WITH_DATA else {}
        nlp.add_pipe(name, config=config)
    gc.freeze()  # a hundred thousand objects that live as long as the process: no collection need walk them
    return nlp


def versions(data: Path | None = None) -> tuple[str, str]:
    """Return the tagger's version and that of its data, as `Tagging` carries them."""
    return TAGGER_VERSION, load_lexicon(data).version


def tag_articles(nlp: Language, articles: Iterable[ArticleText]) -> Iterator[tuple[ArticleText, Tagging]]:
    """Yield every article with its tags, in order, one batch in memory at a time."""
    docs = ((_doc(nlp, article), article) for article in articles)
    for doc, article in nlp.pipe(docs, as_tuples=True, batch_size=_BATCH):
        yield article, doc._.tagging


def tag_article(nlp: Language, title: str, text: str, language: str | None = None) -> Tagging:
    """Return the tags of one text."""
    article = ArticleText(id=0, title=title, text=text, language=language, source_id="")
    return next(tagging for _, tagging in tag_articles(nlp, [article]))


def _doc(nlp: Language, article: ArticleText) -> Doc:
    raw = join(article.title, article.text)
    doc = Doc(nlp.vocab, words=[raw], spaces=[False]) if _has_endless_word(raw) else nlp.make_doc(raw)
    prepare(doc, raw, title_length=len(article.title), scope=_scope(article.language, raw), spans=False)
    return doc


def _has_endless_word(raw: str) -> bool:
    """Return whether a run without space would stall spaCy's tokenizer, which is quadratic in it.

    50,000 dollar signs take it minutes. No component of ours needs tokens, so such a text becomes a single one.
    """
    chunks = (raw[i : i + _ENDLESS // 2] for i in range(0, len(raw) - _ENDLESS // 2, _ENDLESS // 2))
    return any(" " not in chunk for chunk in chunks) and max(map(len, raw.split()), default=0) >= _ENDLESS


def _scope(language: str | None, raw: str) -> TagScope:
    """Return "names" for a text that is said to be in another language than English (BCP 47), or seems to be."""
    english = language.lower().replace("_", "-").split("-")[0] == "en" if language else looks_english(raw)
    return "full" if english else "names"
