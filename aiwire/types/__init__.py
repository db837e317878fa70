"""The data that flows between the layers: one frozen dataclass per hand-over.

    Source + SourceState -> (fetch) FetchResult -> (parse) ParsedFeed of Entry -> (extract) Extracted
        -> (tag) Tagging -> (save) SourceUpdate | PageUpdate

Standard library only. Every datetime is aware and in UTC; text offsets are Unicode code points.
"""

from aiwire.types.correcting import OWN_STORY, Correction, CorrectionKind
from aiwire.types.fetching import (
    FetchResult,
    Hop,
    LaneState,
    NotModified,
    Purpose,
    Request,
    Response,
    RobotsFile,
)
from aiwire.types.lexicon import LexiconLine
from aiwire.types.moments import iso, parse_iso
from aiwire.types.parsing import Enclosure, Entry, Extracted, FeedHints, ParsedFeed, ParseMode, SeenItem, SitemapPart
from aiwire.types.reference import Catalog, Offer, SkippedRow
from aiwire.types.sources import (
    ArticleRule,
    ErrorClass,
    ListingRule,
    LiveKind,
    SitemapRule,
    Source,
    SourceKind,
    SourceState,
    SourceStatus,
)
from aiwire.types.stories import Sketch
from aiwire.types.storing import (
    ArticleUpdate,
    Page,
    PageState,
    PageUpdate,
    PendingPage,
    SaveCounts,
    SourceUpdate,
    StoredArticle,
    TextOrigin,
)
from aiwire.types.tagging import (
    Alias,
    ArticleText,
    Candidate,
    Entity,
    EntityKind,
    Mention,
    Part,
    Price,
    Role,
    Sentence,
    Tag,
    Tagging,
    TagScope,
    TextField,
)

__all__ = [
    "OWN_STORY",
    "Alias",
    "ArticleRule",
    "ArticleText",
    "ArticleUpdate",
    "Candidate",
    "Catalog",
    "Correction",
    "CorrectionKind",
    "Enclosure",
    "Entity",
    "EntityKind",
    "Entry",
    "ErrorClass",
    "Extracted",
    "FeedHints",
    "FetchResult",
    "Hop",
    "LaneState",
    "LexiconLine",
    "ListingRule",
    "LiveKind",
    "Mention",
    "NotModified",
    "Offer",
    "Page",
    "PageState",
    "PageUpdate",
    "ParseMode",
    "ParsedFeed",
    "Part",
    "PendingPage",
    "Price",
    "Purpose",
    "Request",
    "Response",
    "RobotsFile",
    "Role",
    "SaveCounts",
    "SeenItem",
    "Sentence",
    "SitemapPart",
    "SitemapRule",
    "Sketch",
    "SkippedRow",
    "Source",
    "SourceKind",
    "SourceState",
    "SourceStatus",
    "SourceUpdate",
    "StoredArticle",
    "Tag",
    "TagScope",
    "Tagging",
    "TextField",
    "TextOrigin",
    "iso",
    "parse_iso",
]
