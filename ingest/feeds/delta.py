"""A feed's XML -> its frame and its items, so that items read before need not be read again.

The document is walked once with expat, the parser that feedparser itself uses, which tells where each element stands.
What is left out must not change how feedparser reads the rest, and feedparser carries state from item to item in some
cases: an end tag of its own vocabulary inside of inline markup, a base or a namespace that an item declares, what an
item adds to the feed's picture. Such an item is *not plain*: it is never left out, nor is any behind it, as one of
them may wipe off the mark. Nor is the item that uses up what the feed's own summary leaves behind. A document in which
items cannot be told apart safely is not split at all.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from xml.parsers import expat

from ingest.feeds.documents import MAX_ATTRIBUTES

__all__ = ["PARSER_VERSION", "Item", "Split", "digest", "split"]

# To be raised whenever this package makes another entry of the same bytes: all items are then read again.
PARSER_VERSION = "2"

_ITEMS = frozenset(("item", "entry"))
_PARENTS = frozenset((("rss", "channel"), ("feed",), ("rdf",)))  # of an item, by local names in lower case
_FRAMES = frozenset(("rss", "rdf", "feed", "channel", "item", "entry"))
# Elements in which feedparser reads markup as text.
_TEXTS_LIST = """
    abstract body browserfriendly content copyright description encoded fullitem info rights subtitle summary
    tagline title
"""
_TEXTS = frozenset(_TEXTS_LIST.split())
# Elements whose end tag feedparser obeys even where they are markup within a text, and what nests in such markup.
_OBEYED_LIST = """
    abstract author block body box browserfriendly category channel chapters content contributor copyright created
    creator credit date description email encoded entry expirationdate explicit exterior feed fullitem generator
    geom guid height homepage id image info issued item keywords language lastbuilddate license line linearring
    linestring link managingeditor modified name newlocation owner player point polygon pos poslist pubdate
    published publisher rating restriction rights source subject subtitle summary svg tagline tags textinput
    thumbnail title updated uri url valid webmaster where width
"""
_OBEYED = frozenset(_OBEYED_LIST.split())
# Elements outside of the items that count for them: they give their base, language and author.
_TELLING_LIST = """
    author author_detail authors creator email language link links managingeditor name owner uri url
"""
_TELLING = frozenset(_TELLING_LIST.split())
# Elements that feedparser keeps apart from the feed as long as they hold nothing else than this.
_IMAGE = frozenset(("title", "link", "description", "url", "href", "width", "height"))
_ASIDES = {"image": _IMAGE, "textinput": frozenset(("title", "link", "description", "name"))}
_RDF_FEEDS = frozenset(("http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/"))
_WEB = re.compile(r"https?://[\w.-]+(?:[/:?#]|\Z)", re.I)
_NAME = re.compile(rb"[^\s/>]+")
_SEPARATOR = " "  # between namespace and local name in expat's names; no namespace holds one


@dataclass(frozen=True, slots=True)
class Item:
    """Where an item stands in the document, and whether it may be left out."""

    start: int
    end: int
    plain: bool


@dataclass(frozen=True, slots=True)
class Split:
    """A well-formed document and its items, in document order."""

    data: bytes
    items: tuple[Item, ...]
    frame: bytes  # all outside of the items that can change their meaning, in some form that can be compared

    def only(self, kept: Iterable[Item]) -> bytes:
        """Return the document with no other items than `kept`, which are in document order."""
        pieces, position = [], 0
        staying = set(kept)
        for item in self.items:
            if item not in staying:
                pieces.append(self.data[position : item.start])
                position = item.end
        return b"".join((*pieces, self.data[position:]))

    def bytes_of(self, item: Item) -> bytes:
        """Return the item as it stands in the document, from its start tag to its end tag."""
        return self.data[item.start : item.end]


def digest(item: bytes, context: bytes) -> str:
    """Return the fingerprint of an item and of everything around it that can change its meaning: 24 hex digits."""
    return blake2b(item, digest_size=12, key=blake2b(context, digest_size=32).digest()).hexdigest()


def split(data: bytes) -> Split | None:
    """Return the items of an XML document in UTF-8; None if it is not well-formed or cannot be split safely."""
    walk = _Walk(data)
    try:
        return walk.run()
    except (_Doubtful, expat.ExpatError, ValueError):  # ValueError: more bytes than expat counts
        return None


class _Doubtful(Exception):
    """The document has something that leaving items out could change."""


class _Walk:
    """One pass over a document."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parser = expat.ParserCreate("utf-8", _SEPARATOR)
        self._names: dict[str, str] = {}  # local names in lower case, by expat's
        self._depth = 0
        self._path: list[str] = []  # down to where the walk is, outside of items
        self._own = {""}  # namespaces of elements that feedparser sees without a prefix
        self._item_depth = 0  # of the items, once one was found
        self._start = -1  # of the item that the walk is in; -1: outside
        self._plain = True
        self._dirty = False  # an item has left marks: any later one may be the one that wipes them off
        self._text_depth = 0  # of the text that the walk is in
        self._text_is_xml = False
        self._aside_depth = 0  # of the picture or text input that the walk is in
        self._aside: frozenset[str] = frozenset()  # what it may hold
        self._summary = False  # the feed has a summary
        self._marked = False  # feedparser takes the description of the next item for another one
        self._telling = 0  # depth of the element around the items that the walk is in and that counts for them
        self._telling_start = 0
        self._based = False  # an element around the items names an absolute base
        self._items: list[Item] = []
        self._frame: list[bytes] = []
        self._pending: list[tuple[str | None, str]] = []  # prefix and namespace, declared by the next start tag
        self._declared: list[tuple[str | None, str, int]] = []  # the same, and the number of the item or -1

    def run(self) -> Split:
        """Walk through the document and return its items."""
        parser = self._parser
        parser.StartElementHandler = self._start_element
        parser.EndElementHandler = self._end_element
        parser.StartNamespaceDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.Parse(self._data, True)
        odd = self._odd_items()
        if odd:
            self._items = [replace(item, plain=item.plain and n not in odd) for n, item in enumerate(self._items)]
        return Split(self._data, tuple(self._items), b"\n".join(self._frame))

    def _doctype(self, *_: object) -> None:
        raise _Doubtful

    def _declaration(self, prefix: str | None, uri: str | None) -> None:
        self._pending.append((prefix, uri or ""))

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        local = self._names.get(name)
        if local is None:
            local = self._names[name] = name.rpartition(_SEPARATOR)[2].lower()
        self._depth += 1
        if len(attributes) > MAX_ATTRIBUTES:
            raise _Doubtful
        if self._start >= 0:
            self._start_in_item(local, attributes)
        elif local in _ITEMS and tuple(self._path) in _PARENTS:
            self._start_item(attributes)
        else:
            self._start_in_frame(name, local, attributes)
        if self._pending:
            number = len(self._items) if self._start >= 0 else -1
            self._declared.extend((prefix, uri, number) for prefix, uri in self._pending)
            self._pending.clear()

    def _start_item(self, attributes: dict[str, str]) -> None:
        self._item_depth = self._item_depth or self._depth
        if self._depth != self._item_depth:
            raise _Doubtful
        self._start = self._parser.CurrentByteIndex
        self._dirty |= not self._based and bool(_named(attributes, "base"))
        self._plain = not self._marked
        self._marked = False
        self._text_depth = self._aside_depth = 0

    def _start_in_item(self, local: str, attributes: dict[str, str]) -> None:
        if attributes and not self._based and _named(attributes, "base"):
            self._dirty = True
        if self._text_depth:
            self._dirty |= self._marks_text(local)
            return
        if self._aside_depth and local not in _IMAGE:  # what else it holds may go to the feed's picture
            self._dirty = True
        if local in _TEXTS:
            self._start_text(local, attributes)
        elif local in _FRAMES:
            self._dirty = True
        elif local in _ASIDES:
            self._aside_depth = self._depth

    def _start_text(self, local: str, attributes: dict[str, str]) -> None:
        self._text_depth = self._depth
        kinds = _named(attributes, "type") or ["xhtml" if local == "body" else ""]
        self._text_is_xml = all(kind.lower() == "xhtml" or kind.lower().endswith("xml") for kind in kinds)

    def _marks_text(self, local: str) -> bool:
        """Whether an element within a text leaves a mark beyond that text."""
        return local in _OBEYED or local in _FRAMES or (local == "div" and not self._text_is_xml)

    def _start_in_frame(self, name: str, local: str, attributes: dict[str, str]) -> None:
        self._path.append(local)
        bases = _named(attributes, "base")
        if self._depth == 1 or (self._depth == 2 and local == "channel"):
            if self._depth == 1:
                self._judge_root(name, local)
            self._frame.append(repr((local, sorted(attributes.items()))).encode())
            self._based |= bool(bases) and all(map(_WEB.match, bases))
            return
        aside = bool(self._aside_depth) and local in self._aside
        # feedparser lets a base loose on what follows; a text or item where none is expected leaves marks of its own;
        # and whether it takes a title behind an item depends on that item.
        late = self._items and (self._pending or (local == "title" and not aside))
        if bases or late or local in ("content", "encoded", "fullitem", "body") or local in _FRAMES:
            raise _Doubtful
        if self._text_depth:
            if self._marks_text(local):
                raise _Doubtful
            self._aside_depth = 0
            return
        if local in _TEXTS:
            self._start_text(local, attributes)
            self._start_text_of_feed(local)
        elif local in _TELLING and not (self._telling or aside):
            self._start_telling(local, attributes)
        self._start_aside(name, local)

    def _start_text_of_feed(self, local: str) -> None:
        """Note what makes feedparser forget, until the end of the next item, that a second text is the content.

        It takes a description or summary for the content if there is a summary already, and does so once per item; the
        feed's own counts for the item that follows.
        """
        if local in ("summary", "description"):
            self._marked |= self._summary or bool(self._items)
            self._summary |= local == "summary"

    def _start_telling(self, local: str, attributes: dict[str, str]) -> None:
        rels = [rel.lower() for rel in _named(attributes, "rel")]
        is_elsewhere = bool(rels) and "alternate" not in rels and bool(_named(attributes, "href"))
        if local != "link" or not is_elsewhere:
            self._telling, self._telling_start = self._depth, self._parser.CurrentByteIndex

    def _start_aside(self, name: str, local: str) -> None:
        if local in _ASIDES and name.rpartition(_SEPARATOR)[0] in self._own:
            self._aside_depth, self._aside = self._depth, _ASIDES[local]
        elif local not in self._aside:
            self._aside_depth = 0

    def _judge_root(self, name: str, local: str) -> None:
        """Leave the document alone if feedparser may not see from its root alone what it is."""
        namespace = name.rpartition(_SEPARATOR)[0].lower()
        own = {uri for prefix, uri in self._pending if prefix is None}
        default = {uri.lower() for uri in own}
        self._own |= own
        if local == "rdf":
            known = bool(default & _RDF_FEEDS)
        else:
            known = local in ("rss", "feed") and (not namespace or namespace in default)
        if not known:
            raise _Doubtful

    def _end_element(self, _name: str) -> None:
        depth = self._depth
        self._depth = depth - 1
        if depth == self._aside_depth:
            self._aside_depth = 0
        if depth == self._text_depth:
            self._text_depth = 0
        if self._start < 0:
            self._path.pop()
            if depth == self._telling:
                self._frame.append(self._data[self._telling_start : self._end_of_element(self._telling_start)])
                self._telling = 0
        elif depth == self._item_depth:
            plain = self._plain and not self._dirty
            self._items.append(Item(self._start, self._end_of_element(self._start), plain))
            self._start = -1

    def _end_of_element(self, start: int) -> int:
        """Return where the element that started at `start` and ends here has its last byte behind it."""
        at = self._parser.CurrentByteIndex
        end = self._data.find(b">", at) + 1
        # At an end tag expat stands before it, but behind an empty element. What comes there may be the parent's end
        # tag: no parent has the same name.
        name = _NAME.match(self._data, start + 1)
        is_end_tag = name is not None and self._data[at : end - 1].rstrip() == b"</" + name[0]
        return end if is_end_tag else at

    def _odd_items(self) -> set[int]:
        """Return the numbers of the items whose declarations change how feedparser names the elements of later ones.

        feedparser has one table of prefixes for the whole document, and none is ever taken out of it.
        """
        frame = {(prefix, uri) for prefix, uri, number in self._declared if number < 0}
        self._frame.extend(sorted(f"{prefix or ''}={uri}".encode() for prefix, uri in frame))
        if len({prefix for prefix, _, _ in self._declared}) > MAX_ATTRIBUTES:
            raise _Doubtful
        if all(number < 0 for _, _, number in self._declared):
            return set()
        standard = _standard_prefixes()
        uris: dict[str, set[str]] = {}
        prefixes: dict[str, set[str | None]] = {}
        taken: set[str] = set()  # prefixes that feedparser itself gives to another namespace
        for prefix, uri, _ in self._declared:
            if prefix:
                uris.setdefault(prefix, set()).add(uri)
                if prefix.lower() in standard.values() and standard.get(uri.lower()) != prefix.lower():
                    taken.add(prefix.lower())
            prefixes.setdefault(uri, set()).add(prefix)
        odd: set[int] = set()
        for prefix, uri, number in self._declared:
            clash = prefix is not None and len(uris[prefix]) > 1
            known = standard.get(uri.lower())
            other = known is None and (prefix, uri) not in frame and len(prefixes[uri]) > 1
            if number >= 0 and (clash or other or known in taken or (prefix or "").lower() in taken):
                odd.add(number)
        return odd


@cache
def _standard_prefixes() -> dict[str, str]:
    """Return the prefixes, in lower case, that feedparser gives to the namespaces that it knows."""
    import feedparser

    return {uri.lower(): prefix.lower() for uri, prefix in feedparser.api.StrictFeedParser.namespaces.items()}


def _named(attributes: dict[str, str], name: str) -> list[str]:
    """Return the values of the attributes with this local name, whatever their namespace: feedparser mixes them up."""
    return [value for key, value in attributes.items() if key.rpartition(_SEPARATOR)[2].lower() == name]
