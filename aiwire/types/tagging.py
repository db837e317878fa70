"""What the tagger finds in a text: names, themes, prices, and the sentences around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aiwire.types.stories import Sketch

__all__ = [
    "Alias",
    "ArticleText",
    "Candidate",
    "Entity",
    "EntityKind",
    "Mention",
    "Part",
    "Price",
    "Role",
    "Sentence",
    "Tag",
    "TagScope",
    "Tagging",
    "TextField",
]

EntityKind = Literal["company", "accelerator", "theme", "model", "regulation"]
TextField = Literal["title", "text"]
Role = Literal["subject", "mention", "source", "venue"]
TagScope = Literal["full", "names"]


@dataclass(frozen=True, slots=True)
class Alias:
    surface: str
    policy: Literal["any", "cased", "context"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A company, accelerator family, model family, regulation or theme. Ids are unique across kinds."""

    id: str
    kind: EntityKind
    name: str
    category: str | None = None  # chips, cloud, lab ... for companies; deployment, governance ... for themes
    description: str | None = None
    parent: str | None = None  # id of the owning company, or the maker of an accelerator or model
    country: str | None = None  # ISO 3166-1 alpha-2
    ticker: str | None = None
    listed: bool = True  # False: found in a text, on no list of ours
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    field: TextField
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A variant that the text names: an id of the accelerator table below its family."""

    accelerator_id: str
    surface: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in an article that names an entity or speaks of a theme."""

    field: TextField
    start: int
    end: int
    surface: str
    sent_start: int  # of the sentence around it, in the same field
    sent_end: int
    rule: str  # any, cased, context:<features>, lexicon:<term>, unlisted:<pattern>
    confidence: float  # 0..1
    part: str | None = None  # accelerator id, where the text names the variant ("A100 80GB")


@dataclass(frozen=True, slots=True)
class Tag:
    """One entity in one article, with all its mentions and the sentence that proves it best."""

    kind: EntityKind
    id: str
    name: str
    surfaces: tuple[str, ...]
    count: int
    about: bool
    role: Role
    listed: bool
    salience: float  # 0..1
    confidence: float  # 0..1, of the best mention
    evidence: str
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """A money amount that the text quotes for compute, hardware or model use, in its own currency."""

    quote: str
    amount: float
    amount_max: float | None  # upper end of a range
    currency: str  # ISO 4217
    unit: str  # gpu-hour, instance-hour, card, server, system, month, 1M-tokens, kwh, other
    qualifier: str | None  # from, up-to, list, street, spot, reserved, on-demand
    accelerator: str | None  # family id
    sentence: str
    field: TextField
    start: int
    end: int
    product: str | None = None  # model family or company whose price it is, where no accelerator is


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that looks like an unknown company or product: for review, never a tag."""

    surface: str
    looks_like: Literal["company", "product"]
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Tagging:
    """All that the tagger found in one article."""

    tags: tuple[Tag, ...] = ()
    prices: tuple[Price, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    sentences: tuple[Sentence, ...] = ()  # of the whole article, in order
    scope: TagScope = "full"
    tagger_version: str = ""  # version of the code
    taxonomy_version: str = ""  # hash of gazetteer and lexicon
    sketch: Sketch | None = None  # to find copies by; None: not taken, the article is a story of its own


@dataclass(frozen=True, slots=True)
class ArticleText:
    """A stored article, as the tagger reads it."""

    id: int
    title: str
    text: str
    language: str | None
    source_id: str
