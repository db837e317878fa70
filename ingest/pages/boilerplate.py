"""Elements of a page that are not its article: consent banners, log-in prompts, share bars, related links, comments.

An element goes by what its authors call it (class, id, test id), by its role, or by the heading it starts with. All
rules are shy of elements that hold much of the page: an article about cookie consent must survive.
`ingest.pages.boilerlines` does the same for lines of text, after extraction.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from ingest.pages.pagetree import visible

__all__ = ["HEADING", "is_comment_heading", "prune"]

_CONTAINERS = (
    "div", "section", "aside", "form", "ul", "ol", "dl", "dialog", "p", "footer", "nav", "header", "li", "article",
    "table", "figure", "details", "button", "fieldset", "iframe",
)  # fmt: skip
_NEVER_ARTICLE = ("nav", "dialog", "button", "fieldset", "iframe")
_ROLES = frozenset(("dialog", "alertdialog", "navigation", "search", "contentinfo", "menu", "toolbar"))
# Names that the authors of pages give such elements, as whole words of a class, an id or a test id; "shareBar" and
# "Share_bar__x1" are read as "share-bar".
_NAME_LIST = (
    # consent
    r"cookies?[\w-]*|consent[\w-]*|gdpr[\w-]*|ccpa|onetrust[\w-]*|didomi[\w-]*|cybot[\w-]*|usercentrics[\w-]*",
    r"truste[\w-]*|qc-cmp2?[\w-]*|sp-message[\w-]*|cky-[\w-]+|cmp-?(?:banner|container|wrapper|root)|fc-consent[\w-]*",
    r"osano[\w-]*|termly[\w-]*|iubenda[\w-]*|wt-cck[\w-]*|cck-(?:container|content|actions)|privacy-(?:banner|notice"
    r"|prompt|bar)",
    # newsletters, subscriptions, log-in
    r"newsletters?[\w-]*|(?:email-?)?sign-?up(?:form|box)?(?:-[\w-]+)?|subscri(?:be|ption)[\w-]*|mailing-?list[\w-]*"
    r"|mc-embed[\w-]*",
    r"mailchimp[\w-]*|mailpoet[\w-]*|hs-form[\w-]*|convertkit[\w-]*|beehiiv[\w-]*|email-capture[\w-]*"
    r"|lead-?magnet[\w-]*",
    r"pay-?wall[\w-]*|reg-?wall[\w-]*|log-?in(?:-[\w-]+)?|sign-?in(?:-(?:form|prompt|wall|box|modal|cta))?",
    r"register-(?:form|prompt|wall)|meter(?:ed)?-(?:banner|wall|prompt|content)|piano-(?:container|inline|modal)"
    r"|upgrade-cta|gh-post-upgrade-cta[\w-]*|kg-signup[\w-]*",
    # other articles
    r"related[\w-]*|recommended[\w-]*|recommend(?:ations?)?(?:-[\w-]+)?|recirc[\w-]*|jp-relatedposts|yarpp[\w-]*"
    r"|crp-related",
    r"read-?(?:next|more-links|also|more-(?:posts|stories|articles|box))|up-?next|also-?read[\w-]*|see-also",
    r"more-(?:stories|articles|posts|news|from[\w-]*|on[\w-]*|to-read|reading)|further-reading|you-may-[\w-]+"
    r"|you-might-[\w-]+",
    r"most-?(?:read|popular|viewed|shared)[\w-]*|popular-(?:posts|stories|articles|news)|latest-(?:news|posts"
    r"|stories|articles)",
    r"trending[\w-]*|outbrain[\w-]*|ob-widget|taboola[\w-]*|zergnet[\w-]*|post-navigation|nav-links|prev-next"
    r"|next-post",
    r"xiangguan[\w-]*|tuijian[\w-]*|guess-?like|hot-?news|xgyd",
    # comments
    r"comments?(?:-?(?:list|area|section|form|wrapper|wrap|container|thread|box|block|body|count|template|respond"
    r"|holder))?",
    r"commentlist|disqus[\w-]*|respond|fb-comments|coral-?(?:talk|stream|comments)[\w-]*|giscus|utterances"
    r"|pinglun[\w-]*",
    r"livefyre[\w-]*|viafoura[\w-]*|hyvor[\w-]*|openweb[\w-]*|spot-?im[\w-]*|discussion-(?:embed|thread|list)",
    # sharing
    r"share|sharing|share-[\w-]+|shar(?:e|ing)(?:bar|box|buttons?|links?|tools?|icons?|widget|list|menu)[\w-]*",
    r"social(?:-?(?:shar(?:e|ing)|links?|icons?|buttons?|bar|nav|follow|list|menu|networks?|tools|wrapper"
    r"|container)[\w-]*)?|sharedaddy|addtoany[\w-]*|a2a-[\w-]+|addthis[\w-]*",
    r"sharethis[\w-]*|ssba[\w-]*|heateor[\w-]*|bdsharebuttonbox|follow-us[\w-]*|like-button[\w-]*|post-reactions"
    r"|fenxiang",
    r"print-?(?:button|link)|copy-?link|article-?(?:actions|tools)|post-?actions|toolbar|qr(?:-?code)?(?:-[\w-]+)?"
    r"|erweima|saoma",
    # authors
    r"author-?(?:bio|box|card|profile|about|description|details|block|section|container|widget|footer|bottom)[\w-]*",
    r"about-?(?:the-?)?authors?[\w-]*|(?:post|article|entry)-author-(?:bio|box|card|info|description)[\w-]*|bio-box"
    r"|authorbox",
    r"saboxplugin[\w-]*|sab-[\w-]+|m-a-box[\w-]*|abh-box[\w-]*|pp-multiple-authors[\w-]*|contributor-(?:bio|card|box)",
    r"writer-(?:bio|card)|bio-?(?:card|container|wrapper)|about-the-writer",
    # the rest of the page
    r"ads?|ad-?(?:slot|unit|container|wrapper|banner|block|box|label|placeholder|zone|wrap)[\w-]*|advert[\w-]*"
    r"|adsbygoogle",
    r"google-auto-placed|dfp(?:-(?:ad|slot|unit|container)[\w-]*)?|(?:div-)?gpt-ad[\w-]*"
    r"|sponsor(?:ed)?(?:-(?:content|block|box|post|message|links?))?|promo(?:-[\w-]+)?",
    r"cta-?(?:card|box|banner)(?:-[\w-]+)?",
    r"breadcrumbs?[\w-]*|toc|toc-?(?:container|wrapper|list)?|table-of-contents|ez-toc[\w-]*|skip-?link[\w-]*"
    r"|site-footer",
    r"view-?count[\w-]*|post-views?[\w-]*|read(?:ing)?-?time[\w-]*|time-?ago|copyright[\w-]*|disclaimer|app-download",
)
_NAMES = re.compile(rf"(?:^|[\s_-])(?:{'|'.join(_NAME_LIST)})(?=[\s_]|$)")
_COMMENT_NAMES = re.compile(
    r"(?:^|[\s_-])(?:comments?|commentlist|comments?-?(?:list|area|section|thread|box|wrapper|container)|disqus[\w-]*"
    r"|respond|fb-comments|coral|pinglun|discussion-(?:thread|list))(?=[\s_-]|$)"
)
# Names that no article has, however long the element is: consent centres hold pages of prose.
_STRONG_NAMES = re.compile(
    r"(?:^|[\s_-])(?:cookies?[\w-]*|(?:fc-)?consent[\w-]*|onetrust[\w-]*|didomi[\w-]*|cybot[\w-]*|usercentrics[\w-]*"
    r"|gdpr[\w-]*"
    r"|qc-cmp2?[\w-]*|sp-message[\w-]*|cky-[\w-]+|pay-?wall[\w-]*|log-?in(?:-[\w-]+)?|newsletters?[\w-]*|outbrain[\w-]*"
    r"|taboola[\w-]*|sharedaddy)(?=[\s_]|$)"
)
_BYLINE_NAMES = re.compile(r"(?:^|[\s_-])(?:byline|post-meta|entry-meta|article-meta)(?=[\s_-]|$)")
HEADING = re.compile(
    r"(?:related|recommended|similar)(?: (?:articles?|stor(?:y|ies)|posts?|reading|content|news|links?|coverage"
    r"|topics?|resources|blogs?|documents?|publications?|press releases?))?"
    r"|(?:more|read(?: more)?|latest|other) (?:from|about|on|in|stories|news|articles|posts|blog posts|reads)\b.{0,40}"
    r"|(?:you (?:may|might) (?:also )?(?:like|enjoy|be interested in)|read(?:ing)? next|up next|don['’]?t miss"
    r"|keep reading"
    r"|most (?:read|popular|viewed)|trending(?: now)?|editors?['’]?s? picks?|recommended for you|recommended reading"
    r"|what to read next|see also|further reading|popular (?:posts|articles|stories)|next post|previous post).{0,40}"
    r"|(?:\d[\d,.]* )?comments?(?: \(?\d+\)?)?|\d[\d,.]* (?:responses?|replies)|(?:\d+ )?thoughts? on .{1,80}"
    r"|leave a (?:comment|reply).{0,40}"
    r"|post a comment|add a comment|(?:join|start) the (?:conversation|discussion)|discussion about this (?:post|video)"
    r"|(?:sign up|subscribe|register)\b.{0,60}|newsletter.{0,30}|.{0,30}\bnewsletters?|stay (?:informed|up to date"
    r"|in the loop)"
    r"|(?:get|receive) .{0,40}(?:in|to) your inbox.{0,20}"
    r"|(?:sign|log) in (?:to|for)\b.{0,40}|(?:share|follow|print) (?:this|us|on)\b.{0,40}|share|spread the word"
    r"|(?:we use|this (?:web)?site uses|about) cookies.{0,60}|cookie (?:settings|preferences|policy|consent|notice)"
    r"|your privacy.{0,40}|privacy preferences?.{0,20}"
    r"|about (?:the|this) (?:authors?|writers?|contributors?)|about our (?:authors?|contributors?)|meet the authors?"
    r"|written by|(?:the )?authors?"
    r"|advertise?ment|sponsored(?: content)?"
    r"|(?:相关|推荐|延伸|热门|更多|猜你|最新|精彩|精选|网友|全部|发表|往期|编辑)"
    r"(?:阅读|推荐|文章|新闻|资讯|报道|内容|喜欢|评论|精彩|回顾|稿件|链接|专题|话题)"
    r"|相关(?:推荐)?|评论(?:区)?(?: ?[(（]?\d+[)）]?)?|分享(?:到|至)?|大家都在看|热点|作者(?:简介|介绍)|关于作者"
    r"|扫码.{0,20}|版权声明|免责声明",
    re.I,
)
_COMMENT_HEADING = re.compile(
    r"(?:\d[\d,.]* (?:comments?|responses?|replies)|comments? \(?\d+\)?|(?:\d+ )?thoughts? on .{1,80}"
    r"|leave a (?:comment|reply).{0,40}"
    r"|post a comment|add a comment|(?:join|start) the (?:conversation|discussion)|discussion about this (?:post|video)"
    r"|(?:网友|全部|最新|热门|精彩|发表)评论|评论(?:区)?(?: ?[(（]?\d+[)）]?)?)\W*",
    re.I,
)
_HEADINGS = ("h2", "h3", "h4", "h5", "h6", "strong", "b")
# What a CMS says of the kind of an article or the state of a box, which is not what the box is.
_NOT_NAMES = re.compile(r"(?:^|\s)(?:category|tag|post-tag|topic|type|format|has|is|no|js|without|hide)-\S+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FORUM_HOST = re.compile(r"(?:forums?|boards?|community|discuss|discussions?|talk)\.", re.I)
_FORUM_PATH = re.compile(r"/(?:forums?|threads?|topics?|viewtopic|showthread|discussions?|community)(?:[/.-]|$)", re.I)
_NAME_ATTRIBUTES = ("class", "id", "data-testid", "data-component")
_WORDS = re.compile(r"[^\W_]+")
_UNSEEN = frozenset(("script", "style", "noscript", "template", "svg"))
_MAX_SHARE = 0.3  # of the page's text: an element with more is no furniture, whatever its name
_MAX_BYTES = 6_000
_LINKED = 0.6  # share of text in links that tells a list of links
_RUN = 60  # bytes without markup in between that make a run of prose
_MIN_REST = 400  # bytes that must be left over
_MAX_NAME, _MAX_HEADING = 400, 120  # characters looked at
_DROPPED = "aiwire-dropped"


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Bytes (UTF-8) of text at and below each element; how many of them are in links, and how many in long runs.

    Bytes, because a Chinese character says as much as three letters.
    """

    text: dict[Any, int]  # from the leaves up
    linked: dict[Any, int]
    prose: dict[Any, int]
    titled: set[Any]  # elements that hold the heading of the page


@dataclass(frozen=True, slots=True)
class _Suspects:
    """Elements that look like furniture, in document order.

    Comments and consent centres may be longer than the article; and an article may be called so without being one.
    """

    small: dict[Any, None]
    comments: dict[Any, None]
    centres: dict[Any, None]


def is_comment_heading(line: str) -> bool:
    """Whether a line can only be the heading of readers' comments."""
    return len(line) <= _MAX_HEADING and _COMMENT_HEADING.fullmatch(line) is not None


def prune(tree: Any, *, url: str | None = None) -> int:
    """Remove from a page's tree the elements that are not the article; return the bytes of text that are left.

    `url` tells a forum, whose posts are what other pages call comments.
    """
    body = next(tree.iter("body"), tree)
    sizes = _sizes(body)
    suspects = _suspects(body, sizes)
    comments = {} if _is_forum(url) else suspects.comments
    choices = ({**comments, **suspects.centres}, comments, suspects.centres)
    more = next((some for some in choices if _leaves_prose(sizes, body, {**suspects.small, **some})), {})
    for element in {**comments, **suspects.centres}:
        if element not in more:  # the extractors go by names too
            for name in ("class", "id", "itemtype"):
                element.attrib.pop(name, None)
    doomed = {**suspects.small, **more}
    for element in doomed:
        element.tail = f" {element.tail or ''}"  # the words on both sides stay apart
        element.tag = _DROPPED
    left = sizes.text[body] - _total_of(sizes.text, doomed)
    etree.strip_elements(body, _DROPPED, with_tail=False)
    return left


def _suspects(body: Any, sizes: _Sizes) -> _Suspects:
    """Return the elements that look like furniture."""
    found = _Suspects({}, {}, {})
    total = sizes.text[body]
    for element in body.iter(*_CONTAINERS):
        if element is body:
            continue
        _forget_slug(element)
        if element in sizes.titled:
            continue
        if _is_comments(element):
            found.comments[element] = None
        elif _is_furniture(element):
            if _is_small(element, sizes, total):
                found.small[element] = None
            elif _is_certain(element):
                found.centres[element] = None
    for heading in body.iter(*_HEADINGS):
        found.small.update(dict.fromkeys(_links_under(heading, sizes, total)))
    return found


def _is_forum(url: str | None) -> bool:
    try:
        parts = urlsplit(url or "")
        host, path = parts.hostname or "", parts.path
    except ValueError:  # no URL after all
        return False
    return _FORUM_HOST.match(host) is not None or _FORUM_PATH.search(path) is not None


def _total_of(sizes: dict[Any, int], elements: dict[Any, None]) -> int:
    """Return the sum over elements, those inside of others counted once."""
    inside: set[Any] = set()
    total = 0
    for element in reversed(sizes) if elements else ():  # in document order
        if (parent := element.getparent()) in inside or parent in elements:
            inside.add(element)
        elif element in elements:
            total += sizes[element]
    return total


def _sizes(root: Any) -> _Sizes:
    """Return the sizes of all elements, in one pass from the leaves up."""
    text: dict[Any, int] = {}
    linked: dict[Any, int] = {}
    prose: dict[Any, int] = {}
    for element in reversed(list(root.iter(etree.Element))):
        size = 0 if element.tag in _UNSEEN else _weight(element.text)
        links, runs = 0, size if size >= _RUN and element.tag != "a" else 0
        for child in element:
            tail = _weight(child.tail)
            size += text.get(child, 0) + tail
            links += linked.get(child, 0)
            runs += prose.get(child, 0) + (tail if tail >= _RUN else 0)
        text[element] = size
        linked[element] = size if element.tag == "a" else links
        prose[element] = runs
    titled: set[Any] = set()
    for heading in root.iter("h1"):
        for parent in heading.iterancestors():
            if parent in titled:
                break
            titled.add(parent)
    return _Sizes(text, linked, prose, titled)


def _weight(text: str | None) -> int:
    return len(text.strip().encode("utf-8", "replace")) if text else 0


def _names(element: Any) -> str:
    """Return what the authors of a page call an element, in lower case with words parted by hyphens."""
    names = " ".join(value for name in _NAME_ATTRIBUTES if (value := element.get(name)))
    return _NOT_NAMES.sub("", _CAMEL.sub("-", names[:_MAX_NAME]).lower()) if names else ""


def _forget_slug(element: Any) -> None:
    """Take away an id that only repeats the heading of a section, such as "related-work" of "Related work"."""
    identifier = element.get("id")
    heading = _leading_heading(element) if identifier and element.tag in ("section", "div") else None
    if identifier and heading and _WORDS.findall(heading.lower()) == _WORDS.findall(identifier.lower()):
        del element.attrib["id"]


def _is_comments(element: Any) -> bool:
    """Whether an element holds readers' comments."""
    if "schema.org/Comment" in (element.get("itemtype") or ""):
        return True
    return _COMMENT_NAMES.search(_names(element)) is not None


def _is_furniture(element: Any) -> bool:
    if element.tag in _NEVER_ARTICLE or element.get("aria-modal") == "true":
        return True
    if (element.get("role") or "").lower() in _ROLES:
        return True
    names = _names(element)
    if names and element.tag != "p" and _NAMES.search(names) and not _BYLINE_NAMES.search(names):
        return True
    if names and element.tag == "p" and _NAMES.search(names):
        return len(visible(element, limit=400)) < 400
    if (label := element.get("aria-label")) and len(label) <= _MAX_HEADING and HEADING.fullmatch(label.strip()):
        return True
    if element.tag in ("section", "aside", "div", "footer"):
        heading = _leading_heading(element)
        return heading is not None and HEADING.fullmatch(heading) is not None
    return False


def _is_small(element: Any, sizes: _Sizes, total: int) -> bool:
    """Whether an element that looks like furniture is too small to be the article, or nothing but links."""
    size = sizes.text[element]
    if size <= _MAX_BYTES and size <= _MAX_SHARE * total:
        return True
    return sizes.linked[element] >= _LINKED * size and total - size >= _MIN_REST


def _is_certain(element: Any) -> bool:
    """Whether an element is furniture by a name or role that no article has, unless it is about that."""
    is_dialog = (element.get("role") or "").lower() in ("dialog", "alertdialog") or element.tag == "dialog"
    return is_dialog or element.get("aria-modal") == "true" or _STRONG_NAMES.search(_names(element)) is not None


def _leaves_prose(sizes: _Sizes, body: Any, elements: dict[Any, None]) -> bool:
    return sizes.prose[body] - _total_of(sizes.prose, elements) >= _MIN_REST


def _leading_heading(element: Any) -> str | None:
    """Return the heading that an element starts with, if nothing is before it."""
    for _ in range(3):  # a heading may be wrapped
        if (element.text or "").strip():
            return None
        first = next(iter(element), None)
        if first is None or not isinstance(first.tag, str):
            return None
        if first.tag in _HEADINGS:
            return visible(first, limit=_MAX_HEADING + 1).strip(" :：#")
        element = first
    return None


def _links_under(heading: Any, sizes: _Sizes, total: int) -> list[Any]:
    """Return a heading such as "Related articles" with the list of links that follows it."""
    text = visible(heading, limit=_MAX_HEADING + 1).strip(" :：#")
    if len(text) > _MAX_HEADING or not HEADING.fullmatch(text):
        return []
    if heading.tag in ("strong", "b"):  # in a paragraph of its own
        parent = heading.getparent()
        if parent is None or parent.tag != "p" or sizes.text.get(parent, 0) > len(text) + 3:
            return []
        heading = parent
    found = [heading]
    for following in heading.itersiblings():
        size = sizes.text.get(following, 0)
        if following.tag not in ("ul", "ol", "div", "p", "a") or sizes.linked.get(following, 0) < _LINKED * size:
            break
        found.append(following)
        if len(found) > 12 or following.tag in ("ul", "ol"):
            break
    dropped = sum(sizes.text.get(element, 0) for element in found)
    return found if len(found) > 1 and dropped <= _MAX_SHARE * total else []
