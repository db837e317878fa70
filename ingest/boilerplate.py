"""What a page shows around its article: consent banners, log-in prompts, newsletter boxes, related links, comments.

Two passes: elements that say by their name or heading what they are go before extraction; lines that say it in words go
after. Both are shy of long texts: an article about cookie consent must survive.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from typing import Any

from ingest.pagetree import classes, visible

__all__ = ["drop_boilerplate_lines", "prune"]

_CONTAINERS = ("div", "section", "aside", "form", "ul", "ol", "dialog", "p", "footer", "nav")
# Names that the authors of pages give such elements, as whole words of a class or id.
_NAMES = re.compile(
    r"(?:^|[\s_-])(?:"
    r"cookie[\w-]*|consent[\w-]*|gdpr|onetrust[\w-]*|didomi[\w-]*|cmp-?(?:banner|container|wrapper)|"
    r"newsletter[\w-]*|(?:email-?)?sign-?up(?:-(?:form|box|block|banner|cta|module|widget))?|subscri(?:be|ption)[\w-]*|"
    r"mailing-?list|mc_embed[\w-]*|"
    r"pay-?wall[\w-]*|reg-?wall|login[\w-]*|log-in|sign-?in(?:-(?:form|prompt|wall|box))?|register-(?:form|prompt|wall)|"
    r"related[\w-]*|recommended[\w-]*|recommendations?|recirc[\w-]*|read-?(?:next|more-links|also)|"
    r"more-(?:stories|articles|posts|news|from[\w-]*|on[\w-]*)|you-may-[\w-]+|most-?(?:read|popular|viewed)|popular-posts|"
    r"trending[\w-]*|outbrain|taboola[\w-]*|"
    r"comments?(?:-(?:list|area|section|form|wrapper|container|thread))?|disqus[\w-]*|respond|"
    r"share|sharing|share-[\w-]+|social-[\w-]+|sharedaddy|"
    r"breadcrumbs?|toc-?(?:container|wrapper)?|table-of-contents"
    r")(?=[\s_]|$)"
)
_COMMENT_NAMES = re.compile(r"(?:^|[\s_-])(?:comments?|comment-(?:list|area|section)|disqus\w*|respond)(?=[\s_-]|$)")
_HEADINGS = re.compile(
    r"(?:related|recommended|similar)(?: (?:articles?|stor(?:y|ies)|posts?|reading|content|news|links?|coverage"
    r"|topics?|resources))?"
    r"|(?:more|read(?: more)?|latest|other) (?:from|about|on|in|stories|news|articles|posts)\b.{0,40}"
    r"|(?:you (?:may|might) (?:also )?(?:like|enjoy|be interested in)|read next|up next|don['’]?t miss|keep reading"
    r"|most (?:read|popular|viewed)|trending(?: now)?|editors?['’]?s? picks?|recommended for you).{0,40}"
    r"|(?:\d+ )?comments?(?: \(?\d+\)?)?|leave a (?:comment|reply)|post a comment"
    r"|join the (?:conversation|discussion)"
    r"|(?:sign up|subscribe|register)\b.{0,60}|newsletter.{0,30}|.{0,30}\bnewsletters?"
    r"|(?:sign|log) in (?:to|for)\b.{0,40}|(?:share|follow|print) (?:this|us|on)\b.{0,40}|share"
    r"|(?:we use|this (?:web)?site uses|about) cookies.{0,60}|cookie (?:settings|preferences|policy|consent)"
    r"|your privacy.{0,40}",
    re.I,
)
# Lines that only the furniture of a page says, by what they are about. They must match as a whole.
_LINE_PATTERNS = (
    # tools of the page
    r"advertisement|ad|sponsored(?: content)?|skip to (?:main )?content|loading\W*|print|email|copy link|save|listen",
    r"share(?: this)?(?: (?:article|story|post|page))?|comments?|table of contents|menu|search",
    r"(?:click|tap) here to .{0,60}|follow (?:us|me) (?:on|@).{0,80}",
    r"all rights reserved\W*|(?:©|copyright)\b.{0,100}",
    # log-in and subscription prompts
    r"(?:please )?(?:sign|log) ?in(?: or (?:register|sign up|subscribe|create .{0,30}))?(?: to .{0,80})?\W*",
    r"(?:already|not) (?:a |an )?(?:subscriber|member|registered)\b.{0,80}",
    r"(?:create|register for) (?:a |your )?(?:free )?account\b.{0,100}",
    r"subscribe(?: now| today| to (?:get|continue|read)\b.{0,80})?\W*|(?:to )?continue reading\b.{0,80}",
    r"(?:this|the rest of this) (?:article|content|story|post) is (?:for|only available to|reserved for)\b.{0,80}",
    r"you(?:['’]ve| have) (?:reached|read|used)\b.{0,60}\b(?:free|limit)\b.{0,60}",
    # newsletters
    r"thanks? (?:you )?for (?:signing up|subscribing).{0,80}|(?:sorry! )?there was an error processing .{0,60}",
    r"(?:subscribe|sign up|register|join)\b.{0,80}"
    r"\b(?:newsletters?|inbox|mailing list|email updates|daily digest)\b.{0,120}",
    r"get\b.{0,60}\b(?:newsletters?|(?:delivered |straight |right )?(?:in|to) your inbox|inbox)\b.{0,80}",
    # consent
    r"(?:we|this (?:web)?site|our (?:web)?site|.{0,30} and (?:our|its) partners) uses? cookies\b.{0,300}",
    r"by (?:clicking|continuing|using|signing up|subscribing)\b.{0,200}\b(?:cookies|terms|privacy|consent)\b.{0,120}",
    r"(?:accept|reject|allow|decline|manage) (?:all )?(?:cookies|preferences|settings|all).{0,30}",
    r"accept|reject|i accept|got it\W*",
    # related links and comments
    r"(?:read|see|watch|learn|explore) (?:more|also|next)\s*:.{0,140}|also read\s*:.{0,140}",
    r"related(?: (?:article|story|reading|coverage))?s?\s*:.{0,140}",
    r"leave a (?:comment|reply)|your email address will not be published.{0,60}|post(?:ed)? (?:a )?comment",
)
_LINES = re.compile("|".join(_LINE_PATTERNS), re.I)
_UNSEEN = frozenset(("script", "style", "noscript", "template", "svg"))
_BULLET = re.compile(r"^[-•*–|\s]+")
_PARAGRAPH = 80  # a line this long does not repeat by chance
_MAX_LINE = 400  # a longer line is a paragraph, whatever it says
_MAX_SHARE = 0.3  # of the page's text: an element with more is no furniture, whatever its name
_MAX_CHARS = 6_000
_TAIL_LINE = 140  # lines after "Related articles" are cut if they are no longer than that


def prune(tree: Any) -> None:
    """Remove from a page's tree the elements that are not the article by their name, role or heading."""
    body = next(tree.iter("body"), tree)
    sizes = _text_sizes(body)
    total = sizes[body]
    for element in list(body.iter(*_CONTAINERS)):
        if element.getparent() is None or element is body or not _is_furniture(element):
            continue
        size = sizes[element]
        comments = _COMMENT_NAMES.search(classes(element)) is not None
        if comments or (size <= _MAX_CHARS and size <= _MAX_SHARE * total):
            if comments and size > 0.7 * total:
                continue
            _drop(element)


def _text_sizes(root: Any) -> dict[Any, int]:
    """Return the number of characters of text at and below each element, in one pass from the leaves up."""
    sizes: dict[Any, int] = {}
    for element in reversed(list(root.iter())):
        own = 0 if element.tag in _UNSEEN else len((element.text or "").strip())
        sizes[element] = own + sum(sizes[child] + len((child.tail or "").strip()) for child in element)
    return sizes


def _is_furniture(element: Any) -> bool:
    if (element.get("role") or "").lower() in ("dialog", "alertdialog", "navigation", "search"):
        return True
    if element.get("aria-modal") == "true" or element.tag == "dialog":
        return True
    if element.tag != "p" and _NAMES.search(classes(element)):
        return element.find(".//h1") is None
    if element.tag in ("section", "aside", "div"):
        heading = _leading_heading(element)
        return heading is not None and _HEADINGS.fullmatch(heading) is not None
    return False


def _leading_heading(element: Any) -> str | None:
    """Return the heading that an element starts with, if nothing is before it."""
    if (element.text or "").strip():
        return None
    first = next(iter(element), None)
    if first is not None and first.tag in ("h2", "h3", "h4", "h5", "h6", "strong"):
        return visible(first).strip(" :")
    return None


def _drop(element: Any) -> None:
    """Remove an element, but not the text that follows it."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail or ""
    if before is not None:
        before.tail = (before.tail or "") + " " + tail
    else:
        parent.text = (parent.text or "") + " " + tail
    parent.remove(element)


def drop_boilerplate_lines(text: str, *, title: str | None = None) -> str:
    """Return the article's lines without those of the page's furniture, and without its own title on top."""
    lines = [line.strip() for line in text.split("\n") if line.strip(" |-")]
    if title and lines and _key(lines[0]) == _key(title) and len(lines) > 1:
        del lines[0]
    lines = _cut_tail(lines)
    seen: set[str] = set()
    kept = [line for line in lines if not _is_boilerplate(line) and not _is_repeated(line, seen)]
    return "\n".join(kept)


def _is_repeated(line: str, seen: set[str]) -> bool:
    """Whether a paragraph was there before: some pages hold their text once for readers and once for machines."""
    if len(line) < _PARAGRAPH:
        return False
    repeated = line in seen
    seen.add(line)
    return repeated


def _key(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _is_boilerplate(line: str) -> bool:
    return len(line) <= _MAX_LINE and _LINES.fullmatch(_BULLET.sub("", line)) is not None


def _cut_tail(lines: list[str]) -> list[str]:
    """Cut a list of links under a heading such as "Related articles" at the end of a text."""
    for place in range(len(lines) // 2, len(lines)):
        if _HEADINGS.fullmatch(lines[place].strip(" :#-")) and all(
            len(line) <= _TAIL_LINE for line in lines[place + 1 :]
        ):
            return lines[:place]
    return lines
