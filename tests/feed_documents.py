"""What an item leaves behind in feedparser, and made-up documents whose items try to: for the tests of the split."""

from __future__ import annotations

import random
from typing import Any
from unittest import mock

import feedparser.api
from hypothesis import strategies as st

from ingest.feeds import parse
from ingest.feeds.delta import split

# ---------------------------------------------------------------- feedparser, watched


FLAGS = (
    "infeed", "inentry", "incontent", "intextinput", "inimage", "inauthor", "incontributor", "inpublisher", "insource",
    "sourcedata", "contentparams", "_summaryKey", "basestack", "langstack", "baseuri", "lang", "svgOK", "depth",
    "hasContent", "ingeometry", "psc_chapters_flag", "version",
)  # fmt: skip
# Not here: what each item sets anew (title_depth, guidislink, its part of elementstack), what the next element uses up
# (decls), prefixes, which are judged by their declarations.


class Watched(feedparser.api.StrictFeedParser):  # feedparser has no types
    """feedparser's strict parser that notes its state before and after each item."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.path: list[str] = []
        self.items: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.before: dict[str, Any] = {}
        self.item_depth = 0

    def state(self) -> dict[str, Any]:
        flags = {name: getattr(self, name) for name in FLAGS}
        copied = {name: value.copy() if hasattr(value, "copy") else value for name, value in flags.items()}
        feed = {name: value for name, value in self.feeddata.items() if name not in ("image", "textinput")}
        return {**copied, "feed": repr(feed)}

    def startElementNS(self, name: tuple[str, str], qname: str, attrs: Any) -> None:
        self.path.append(name[1].lower())
        if not self.item_depth and self.path[-1] in ("item", "entry"):
            self.item_depth, self.before = len(self.path), self.state()
        super().startElementNS(name, qname, attrs)

    def endElementNS(self, name: tuple[str, str], qname: str) -> None:
        super().endElementNS(name, qname)
        if len(self.path) == self.item_depth:
            self.items.append((self.before, self.state()))
            self.item_depth = 0
        self.path.pop()


def marks(data: bytes, headers: dict[str, str]) -> list[tuple[int, str]]:
    """Return the plain items that leave feedparser in another state than they found it in: number and what differs."""
    parts = split(data)
    if parts is None:
        return []
    made: list[Watched] = []

    def watched(*args: Any) -> Watched:
        made.append(Watched(*args))
        return made[-1]

    with mock.patch.object(feedparser.api, "StrictFeedParser", watched):
        whole, trouble = parse._feedparser(data, headers)
    if whole is None or trouble or len(made[0].items) != len(parts.items):
        return []
    return [
        (number, name)
        for number, (item, (before, after)) in enumerate(zip(parts.items, made[0].items, strict=True))
        for name in before
        if item.plain and before[name] != after[name]
    ]


def choices(count: int, seed: str) -> list[set[int]]:
    """Return the numbers of the items that are new, in several cases."""
    rng = random.Random(seed)
    half = {number for number in range(count) if rng.random() < 0.5}
    return [set(range(count)), set(), {0}, half, {count // 2}] if count else [set()]


def differences(data: bytes, headers: dict[str, str], seed: str) -> list[set[int]]:
    """Return the choices of new items for which feedparser makes something else of them than in the whole document."""
    parts = split(data)
    if parts is None:
        return []
    whole, trouble = parse._feedparser(data, headers)
    if whole is None or trouble or len(whole["entries"]) != len(parts.items):
        return []
    wrong = []
    every = tuple(range(len(parts.items)))
    tried = {every}
    for new in choices(len(parts.items), seed):
        kept = tuple(number for number in every if number in new or not parts.items[number].plain)
        if kept in tried:
            continue
        tried.add(kept)
        got, trouble = parse._feedparser(parts.only(parts.items[number] for number in kept), headers)
        if got is None or trouble or got["entries"] != [whole["entries"][number] for number in kept]:
            wrong.append(new)
    return wrong


# ---------------------------------------------------------------- made-up documents


NAMES = (
    " xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    " xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:media='http://search.yahoo.com/mrss/'"
    " xmlns:atom='http://www.w3.org/2005/Atom' xmlns:m='http://search.yahoo.com/mrss/'"
)
# Texts: which of them is the summary and which the content depends on what came before.
TEXTS = (
    "<description>one</description>",
    "<description>&lt;p&gt;x&lt;/p&gt;</description>",
    "<summary>two</summary>",
    "<summary type='html'>&lt;b&gt;two&lt;/b&gt;</summary>",
    "<itunes:summary>three</itunes:summary>",
    "<itunes:subtitle>four</itunes:subtitle>",
    "<dc:description>five</dc:description>",
    "<m:description>six</m:description>",
    "<media:description>seven</media:description>",
    "<media:title>m</media:title>",
    "<title>t</title>",
    "<dc:title>u</dc:title>",
    "<subtitle>eight</subtitle>",
    "<abstract>nine</abstract>",
    "<rights>r</rights>",
    "<summary/>",
)
CONTENTS = (
    "<content:encoded>&lt;p&gt;ten&lt;/p&gt;</content:encoded>",
    "<content type='html'>&lt;b&gt;x</content>",
    "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x</p></div></content>",
    "<content type='xhtml'><svg xmlns='http://www.w3.org/2000/svg'><title>s</title></svg></content>",
    "<content type='text/xml'><cloud/><p>x</p></content>",
    "<content src='/c'/>",
    "<fullitem>f</fullitem>",
    "<body xmlns='http://www.w3.org/1999/xhtml'><p>b</p><source/></body>",
)
# What makes feedparser carry something from one item to the next.
MARKS = (
    "<link xml:base='https://f.org/'/>",
    "<description type='html'><div>x</div></description>",
    "<description><p>x<summary>y</summary></p></description>",
    "<description><p>x<rss xml:lang='pl'/></p></description>",
    "<title xml:lang='fr'><div>x</div></title>",
    "<subtitle>x<channel/></subtitle>",
    "<content type='text/xml'><title>x</title></content>",
    "<wrap><item><title>inner</title></item></wrap>",
    "<image><title>open</title><body>b</body></image>",
    "<image><url>/u</url><itunes:summary>s</itunes:summary></image>",
    "<image><content:encoded>c</content:encoded><category>k</category></image>",
    "<image><foo/><link>/x</link><title>i</title></image>",
    "<textInput><name>n</name></textInput>",
    "<textInput><content:encoded>c</content:encoded></textInput>",
    "<description xml:base='/b/'><p>x</p></description>",
)
# What makes it name elements in another way from there on.
DECLARED = (
    "<x:a xmlns:x='urn:1'/><x:b xmlns:x='urn:2'/>",
    "<x:a xmlns:x='urn:1'/><y:b xmlns:y='urn:1'/>",
    "<x:a xmlns:x='URN:1'>x</x:a>",
    "<x:odd xmlns:x='urn:1' a='1'>x</x:odd>",
    "<y:odd xmlns:y='urn:1'>y</y:odd>",
    "<odd xmlns='urn:1'><deep/></odd>",
    "<slash:creator xmlns:slash='http://purl.org/dc/elements/1.1/'>S</slash:creator>",
    "<s:comments xmlns:s='http://purl.org/rss/1.0/modules/slash/'>1</s:comments>",
    "<slash:title xmlns:slash='urn:1'>s</slash:title>",
)
PARTS = (
    "<link href='/h'/>",
    "<link>/l</link>",
    "<link rel='related' href='/r'/><category term='c'/>",
    "<atom:link rel='self' href='/s'/>",
    "<guid isPermaLink='false'>g</guid>",
    "<id>/i</id>",
    "<author>a@e.org (A)</author>",
    "<author><name>A</name><uri>/a</uri></author>",
    "<contributor><name>C</name></contributor>",
    "<dc:creator>D</dc:creator>",
    "<dc:contributor>E</dc:contributor>",
    "<itunes:owner><itunes:name>o</itunes:name></itunes:owner>",
    "<itunes:image href='/p.png'/>",
    "<itunes:link href='/p.png'/>",
    "<itunes:image><title>odd</title><link>/odd</link></itunes:image>",
    "<media:group><media:title>m</media:title><media:description>md</media:description>"
    "<media:thumbnail url='/t'/></media:group>",
    "<media:content url='/i.png'><media:description>md</media:description></media:content>",
    "<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate>",
    "<language>de</language>",
    "<title xml:lang='fr'>f</title>",
    "<source url='/s'>S</source>",
    "<source><title>S</title><id>s</id><summary>t</summary><content>c</content></source>",
    "<image><url>/u</url><title>i</title><description>d</description></image>",
    "<georss:where xmlns:georss='http://www.georss.org/georss'><gml:Point xmlns:gml='http://www.opengis.net/gml'>"
    "<gml:pos>1 2</gml:pos></gml:Point></georss:where>",
    "<georssgeom/>",
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:li/></rdf:RDF>",
    "<psc:chapters xmlns:psc='http://podlove.org/simple-chapters'><psc:chapter start='00:00'/></psc:chapters>",
    "<unknown>u</unknown><unknown a='1'>v</unknown>",
    "<itunes_image a='1'/>",
    "<authors>x</authors><author>a</author>",
    " stray text ",
    "<!-- <item> --><?pi <item>?>",
    "<![CDATA[</item>]]>",
)
FRAME_ONLY = (
    "<ttl>5</ttl>",
    "<textInput><title>T</title></textInput>",
    "<image><title>I</title><link>/i</link></image>",
)
ROOTS = (
    ("<rss version='2.0'{}><channel>", "</channel></rss>", "item"),
    ("<feed xmlns='http://www.w3.org/2005/Atom'{}>", "</feed>", "entry"),
    ("<feed version='0.3' xmlns='http://purl.org/atom/ns#'{}>", "</feed>", "entry"),
    (
        "<rdf:RDF xmlns='http://purl.org/rss/1.0/' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'{}><channel/>",
        "</rdf:RDF>",
        "item",
    ),
)
LANGUAGES = ("", "", " xml:lang='de'", " xmlns:x='urn:1'")
BASES = (" xml:base='https://f.org/b/'", " xmlns:z='urn:9' base='/q/'")
AROUND_TEXT = (
    "<description>x{}</description>",
    "<content type='html'><p>{}</p></content>",
    "<title type='xhtml'><div>{}</div></title>",
    "<content type='text/xml'>{}</content>",
    "<source>{}</source>",
    "<author>{}</author>",
)


def one_of(*families: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Return pieces of which each family is as likely as the others, however small it is."""
    return st.one_of(*map(st.sampled_from, families))


within = st.builds(str.format, one_of(AROUND_TEXT), one_of(TEXTS, CONTENTS, MARKS, PARTS))
wrapped = st.builds("<wrap>{}</wrap>".format, one_of(TEXTS, PARTS))
in_clean_item = st.one_of(one_of(*[TEXTS] * 6, *[PARTS] * 4, CONTENTS, CONTENTS, DECLARED), wrapped)
in_item = st.one_of(in_clean_item, one_of(MARKS), within)
in_frame = one_of(TEXTS, TEXTS, PARTS, FRAME_ONLY)
in_odd_frame = st.one_of(one_of(TEXTS, MARKS, CONTENTS, DECLARED, PARTS), within)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Return feeds of one to four items, with pieces of all kinds in the items and around them in any order.

    In three of four, no item leaves a mark on all that come behind it; seven of eight have a frame that can be split.
    """
    start, end, name = draw(st.sampled_from(ROOTS))
    clean = draw(st.integers(0, 3)) > 0
    inner = st.lists(in_clean_item if clean else in_item, max_size=4).map("".join)
    attributes = st.sampled_from(LANGUAGES if clean else (*LANGUAGES, *BASES))
    items = draw(st.lists(st.tuples(attributes, inner), min_size=1, max_size=4))
    around = in_frame if draw(st.integers(0, 7)) else in_odd_frame
    head = "".join(draw(st.lists(around, max_size=4)))
    made = [f"<{name}{given}>{inner}</{name}>" if inner else f"<{name}{given}/>" for given, inner in items]
    between = draw(around if draw(st.integers(0, 7)) == 0 else st.sampled_from(("", "\n", " text ", "<odd/>")))
    tail = draw(around if draw(st.integers(0, 3)) == 0 else st.just(""))
    names = NAMES + draw(st.sampled_from((*LANGUAGES, *BASES, " xmlns:slash='urn:1'")))
    return (start.format(names) + head + between.join(made) + tail + end).encode()
