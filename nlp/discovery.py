"""Have a user's own spaCy model propose names: organisations that no rule of ours has found, for review only.

The model reads the text beside our pipeline: it changes no tag, and a name of ours is never its to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version

import spacy
from spacy.language import Language

from aiwire.exceptions import ConfigError
from aiwire.types import Candidate
from nlp.context import Found
from nlp.gazetteer import Lexicon
from nlp.text import Text

__all__ = ["load_proposer", "taxonomy_version"]

Proposer = Callable[[Text, Iterable[Found], Iterable[Candidate]], list[Candidate]]

_ORGANISATIONS = frozenset(("ORG", "COMPANY"))  # labels: OntoNotes and many others; some users' own
_NEEDED = ("transformer", "tok2vec", "ner", "entity_ruler", "span_ruler")  # what finding names takes
_LONGEST_NAME = 60  # characters


def taxonomy_version(lexicon: Lexicon, spacy_model: str) -> str:
    """Return the version of what the tagger knows: that of the lists, with the model that proposes names."""
    return f"{lexicon.version}+{spacy_model}" if spacy_model else lexicon.version


def load_proposer(model: str) -> Proposer:
    """Return a function from a text, its names and its candidates to further candidates.

    Raises:
        ConfigError: the model is not installed, does not fit this spaCy, or finds no names.
    """
    nlp = _load(model)
    rule = f"model:{nlp.meta.get('lang', '')}_{nlp.meta.get('name', model)}"

    def propose(text: Text, names: Iterable[Found], candidates: Iterable[Candidate]) -> list[Candidate]:
        taken = [(f.start, f.end) for f in names]
        known = {c.surface for c in candidates}
        made: dict[str, Candidate] = {}
        for ent in nlp(text.raw).ents:
            surface = ent.text.strip()
            if ent.label_ not in _ORGANISATIONS or surface in known or surface in made or not _is_name(surface):
                continue
            if not any(start < ent.end_char and ent.start_char < end for start, end in taken):
                start, end = text.sentence_at(ent.start_char)
                made[surface] = Candidate(surface, "company", rule, text.raw[start:end])
        return list(made.values())

    return propose


def _is_name(surface: str) -> bool:
    return 1 < len(surface) <= _LONGEST_NAME and "\n" not in surface and any(map(str.isalpha, surface))


def _load(model: str) -> Language:
    try:
        nlp = spacy.load(model)
    except OSError as e:
        raise ConfigError(f"spacy_model: {model!r} is not installed and no folder; install it beside aiwire") from e
    except (ValueError, ImportError, KeyError, TypeError) as e:
        raise ConfigError(f"spacy_model: {model!r} cannot be used with spaCy {version('spacy')}: {e}") from e
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory not in _NEEDED:
            nlp.disable_pipe(name)
    if not {nlp.get_pipe_meta(name).factory for name in nlp.pipe_names} & {"ner", "entity_ruler", "span_ruler"}:
        raise ConfigError(f"spacy_model: {model!r} finds no names: it has no 'ner' and no 'entity_ruler'")
    return nlp
