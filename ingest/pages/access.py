"""Is a page the whole article or only the beginning that everybody may read?

What the page states counts most: JSON-LD and meta elements, then prompts of a paywall, then a short text with an
invitation to subscribe and go on. A newsletter box on a free page is none of these.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ingest.pages.metadata import Metadata
from ingest.pages.pagetree import classes, meta_contents, visible

__all__ = ["is_paywalled"]

_LOCKED = frozenset(("locked", "metered", "paid", "premium", "subscriber", "subscribers", "only_paid"))
_OPEN = frozenset(("free", "open", "public", "unlocked"))
_TIER_METAS = ("article:content_tier", "og:article:content_tier", "content_tier", "cxenseparse:content_tier")
_WALL = re.compile(
    r"(?:^|[\s_-])(?:pay-?wall|reg-?wall|subscriber-only|subscribers-only|premium-wall|meter-wall|gate(?:d|-)content"
    r"|gh-post-upgrade-cta|metered-?content|article-locked|locked-content|paid-content-(?:cta|prompt)|members-only)"
)
_PROMPT = re.compile(
    r"subscri|sign in|log ?in|continue reading|keep reading|members? only|read the (?:full|rest)|unlock|upgrade"
    r"|付费|订阅|会员|登录",
    re.I,
)
# What a text says where it was cut off.
_CUT_LIST = (
    r"(?:subscribe|sign in|log in|sign up|register|upgrade|become a (?:paid )?(?:member|subscriber))\b[^.!?\n]{0,60}"
    r"\b(?:to|and) (?:continue|keep|finish) reading",
    r"(?:subscribe|sign in|log in|sign up|register|upgrade)\b[^.!?\n]{0,60}\bto (?:read|unlock|access|view) (?:the )?"
    r"(?:rest|full|whole|this|entire|more)",
    r"to (?:continue|keep) reading[^.!?\n]{0,40}\b(?:subscribe|sign in|log in|register|upgrade|become)",
    r"(?:this|the rest of this) (?:post|article|story|content|newsletter|episode)(?: is)? (?:for"
    r"|only (?:available )?(?:for|to)"
    r"|exclusive to|reserved for|available (?:only )?to) (?:our )?(?:paid |paying |premium )?(?:subscribers|members)",
    r"(?:keep|continue) reading with a (?:\d+-day )?(?:free )?trial|you(?:['’]ve| have) (?:reached|read"
    r"|used) (?:your|all)"
    r"[^.!?\n]{0,40}\b(?:free|limit)",
    r"付费(?:后)?(?:即可|可)?(?:继续)?(?:阅读|查看|解锁|内容)|(?:订阅|购买|开通会员|成为会员)(?:后|即可"
    r"|以)[^。\n]{0,12}(?:阅读|查看|解锁)",
    r"(?:剩余|以下|余下)(?:内容)?[^。\n]{0,12}(?:付费|订阅|会员)|(?:会员|订阅者|订户)专享|试读(?:已)?结束|本文为付费",
)
_CUT = re.compile("|".join(_CUT_LIST), re.I)
_MAX_PROMPT = 2_000  # characters of a prompt; a longer element holds the article too
_STUB_CHARS = 2_500  # a text as long as that is an article, whatever it invites to at its end
_MAX_OWN = 600  # characters of an element's own words
_AROUND = frozenset(("header", "nav", "footer", "aside", "dialog"))  # what these ask for is asked on every page


def is_paywalled(tree: Any, metadata: Metadata) -> Callable[[str], bool]:
    """Return a function that tells of the text which was extracted whether it is a stub.

    The page must be asked before its prompts are removed; the length of its text is known only after that.
    """
    stated = _stated(tree, metadata)
    if stated is not None:
        return lambda text: stated
    if _has_wall(tree):
        return lambda text: True
    cut = _is_cut(tree)
    return lambda text: cut and len(text) < _STUB_CHARS


def _stated(tree: Any, metadata: Metadata) -> bool | None:
    if metadata.free is not None:
        return not metadata.free
    metas = meta_contents(tree)
    tiers = {tier.strip().lower() for name in _TIER_METAS for tier in metas.get(name, ())}
    if tiers & _LOCKED:
        return True
    return False if tiers & _OPEN else None


def _has_wall(tree: Any) -> bool:
    """Whether an element calls itself a paywall and asks for something."""
    for element in tree.iter("div", "section", "aside", "p", "form"):
        names = classes(element)
        if names != " " and _WALL.search(names):
            text = visible(element, limit=_MAX_PROMPT)
            if len(text) < _MAX_PROMPT and _PROMPT.search(text):
                return True
    return False


def _is_cut(tree: Any) -> bool:
    """Whether a short element in the middle of the page says that the text goes on for subscribers."""
    for element in tree.iter("p", "div", "h2", "h3", "h4", "span", "strong", "a", "button"):
        own = " ".join(" ".join([element.text or "", *[child.tail or "" for child in element[:20]]]).split())
        if (
            6 <= len(own) <= _MAX_OWN
            and _CUT.search(own)
            and not any(parent.tag in _AROUND for parent in element.iterancestors())
        ):
            return True
    return False
