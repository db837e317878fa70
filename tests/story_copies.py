"""Make copies of a text as other sites make them: deterministic edits, one after the other, by name and seed.

A recipe is a list of edits, each `[name, argument …]`. All sentences that are added are our own. `quoting` and
`digest_of` make what is no copy, however much it shares.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["EDITS", "SHARED", "Story", "copy_of", "digest_of", "quoting"]

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

Edit = Sequence[object]  # name, arguments


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    text: str
    publisher: str

    @property
    def chinese(self) -> bool:
        return len(_HAN.findall(self.text)) > len(self.text) / 4


_HAN = re.compile("[\u4e00-\u9fff]")
_SENTENCE = re.compile(r"[^.!?。！？]*(?:[.!?]+(?=\s|$)|[。！？]+|[.!?]+(?=\S)|$)[”\"’')」]*\s*")
_BOILERPLATE = {
    "en": (
        "Sign up for our morning letter and get the day's technology news before breakfast.",
        "This article first appeared on our partner site and is republished here with permission.",
        "Follow us on social media for more stories like this one.",
        "The editors may earn a commission from links on this page, at no extra cost to you.",
        "Subscribe now for unlimited access to all of our reporting on any device.",
        "Do you have a tip for our newsroom? Write to us in confidence.",
        "All rights reserved; no part of this page may be copied without consent in writing.",
        "Read more: the ten gadgets that our readers bought most often this month.",
        "We use cookies to remember your settings and to measure how our pages are read.",
        "Photograph courtesy of the company.",
        "Our reporters in Lisbon and Oslo contributed to this story.",
        "You can change your consent at any time at the foot of each page.",
        "Share this story with a friend, print it or save it for later.",
        "Most read today: a bakery run by robots, and why the lighthouse keeper stayed.",
        "Comments are closed on this article after seven days.",
        "Listen to our weekly show wherever you get your podcasts.",
    ),
    "zh": (
        "关注我们的公众号，每天早上收到最新科技资讯。",
        "本文由合作媒体授权转载，文中观点不代表本站立场。",
        "未经书面许可，任何单位和个人不得复制本页内容。",
        "扫描下方二维码，加入读者交流群。",
        "如果您喜欢这篇文章，请点赞并分享给朋友。",
        "责任编辑：小林，图片由企业提供。",
        "更多精彩内容请下载我们的客户端。",
        "欢迎在评论区留言，说说您的看法。",
        "广告声明：文内链接仅供参考，购买决定请自行判断。",
        "相关阅读：本月最受读者欢迎的十款小家电。",
    ),
}
_HEADLINES = {
    "en": (
        "What the news of the day means for the industry",
        "Five things to know this morning",
        "A closer look at what was announced",
        "The story everybody in the business talks about",
    ),
    "zh": ("今日行业要闻一览", "一文看懂：刚刚发生了什么", "早报：业内人士都在关注这件事"),
}
_SITES = ("Harbour Daily", "The Silicon Orchard", "Nordlight Business", "Chipwatch")
_SYNONYMS = {
    "also": "moreover", "but": "yet", "said": "stated", "says": "states", "new": "fresh", "big": "large",
    "while": "whereas", "because": "since", "many": "numerous", "about": "around", "use": "employ", "help": "assist",
    "show": "reveal", "start": "begin", "like": "such as", "now": "currently", "get": "obtain", "need": "require",
    "very": "quite", "make": "create", "can": "may", "must": "has to", "however": "still", "after": "following",
}  # fmt: skip
_HAN_SYNONYMS = {
    "但": "不过",
    "并": "且",
    "将": "会",
    "也": "亦",
    "和": "与",
    "其": "该",
    "但是": "然而",
    "目前": "现在",
}


def copy_of(story: Story, recipe: Sequence[Edit], seed: int) -> Story:
    """Return the story after the edits of the recipe, in order; it is another publisher's unless an edit says so."""
    rng = random.Random(seed)
    made = replace(story, publisher=f"other than {story.publisher}")
    for name, *arguments in recipe:
        made = EDITS[str(name)](made, rng, *arguments)
    return made


def quoting(story: Story, quoted: Story, share: float, seed: int) -> Story:
    """Return the story with passages of another between its sentences: `share` of its length is not its own."""
    rng = random.Random(seed)
    source, found = _sentences(quoted.text), _sentences(story.text)
    wanted = len(story.text) * share / (1 - share)
    while source and wanted > 0:
        start = rng.randrange(len(source))
        passage, source[start : start + 3] = " ".join(part.strip() for part in source[start : start + 3]), []
        found.insert(rng.randrange(1, len(found) + 1), f"{passage} ")
        wanted -= len(passage)
    return replace(story, text="".join(found))


def digest_of(stories: Sequence[Story]) -> Story:
    """Return a letter that brings all of these."""
    chinese = stories[0].chinese
    greeting = (
        "各位早上好，以下是今天的要闻。"
        if chinese
        else "Good morning, and welcome to our letter. Here is the news of the day."
    )
    text = "\n\n".join([greeting, *(f"{story.title}\n{story.text}" for story in stories)])
    return Story("每日要闻" if chinese else "The morning letter", text, "a digest")


def _sentences(text: str) -> list[str]:
    return [found for found in _SENTENCE.findall(text) if found.strip()]


def _ours(story: Story, rng: random.Random, count: int) -> str:
    lines = rng.sample(_BOILERPLATE["zh" if story.chinese else "en"], count)
    return "\n".join(lines)


def _same_publisher(story: Story, rng: random.Random) -> Story:
    return replace(story, publisher=story.publisher.removeprefix("other than "))


def _headline(story: Story, rng: random.Random, how: str) -> Story:
    """site: the site's name behind it; lead: words before it; half: half of it; other: not a word of it is left."""
    others = _HEADLINES["zh" if story.chinese else "en"]
    cut = len(story.title) // 2
    titles = {
        "site": f"{story.title} - {rng.choice(_SITES)}",
        "lead": f"{'快讯' if story.chinese else 'Report'}: {story.title}",
        "half": f"{rng.choice(others)}: {story.title[cut:] if story.chinese else story.title[cut:].partition(' ')[2]}",
        "other": rng.choice(others),
    }
    return replace(story, title=titles[how])


def _truncate(story: Story, rng: random.Random, share: float, where: str = "start") -> Story:
    """Keep a share of the text, counted in characters, to the end of a word."""
    kept = int(len(story.text) * share)
    start = {"start": 0, "middle": (len(story.text) - kept) // 2, "end": len(story.text) - kept}[where]
    part = story.text[start : start + kept]
    if not story.chinese:
        part = part if start == 0 else part.partition(" ")[2]
        part = part if start + kept == len(story.text) else part.rpartition(" ")[0]
    return replace(story, text=part + ("…" if rng.random() < 0.5 else ""))


def _drop(story: Story, rng: random.Random, share: float) -> Story:
    """Drop a share of the paragraphs, here of three sentences each, but never the first."""
    found = _sentences(story.text)
    paragraphs = ["".join(found[i : i + 3]) for i in range(0, len(found), 3)]
    gone = set(rng.sample(range(1, len(paragraphs)), round(share * (len(paragraphs) - 1))))
    return replace(story, text="".join(p for i, p in enumerate(paragraphs) if i not in gone))


def _before(story: Story, rng: random.Random, count: int) -> Story:
    return replace(story, text=f"{_ours(story, rng, count)}\n{story.text}")


def _after(story: Story, rng: random.Random, count: int) -> Story:
    return replace(story, text=f"{story.text}\n{_ours(story, rng, count)}")


def _between(story: Story, rng: random.Random, count: int) -> Story:
    """Put sentences of ours between those of the text."""
    found = _sentences(story.text)
    for line in _ours(story, rng, count).splitlines():
        found.insert(rng.randrange(1, max(2, len(found))), f"{line} ")
    return replace(story, text="".join(found))


def _light(story: Story, rng: random.Random, share: float) -> Story:
    """Change a share of the words: a synonym where we have one, else the word left out or one put before it."""
    if story.chinese:
        pieces = list(story.text)
        for i in rng.sample(range(len(pieces)), int(share * len(pieces))):
            pieces[i] = _HAN_SYNONYMS.get(pieces[i], rng.choice(("", "的" + pieces[i], "了" + pieces[i])))
        return replace(story, text="".join(pieces))
    pieces = story.text.split(" ")
    for i in rng.sample(range(len(pieces)), int(share * len(pieces))):
        pieces[i] = _SYNONYMS.get(pieces[i].lower(), rng.choice(("", f"indeed {pieces[i]}", f"{pieces[i]} too")))
    return replace(story, text=" ".join(p for p in pieces if p))


def _case(story: Story, rng: random.Random, how: str) -> Story:
    changed = {"upper": str.upper, "lower": str.lower, "title": str.title}[how]
    return replace(story, title=changed(story.title), text=changed(story.text))


def _punctuation(story: Story, rng: random.Random) -> Story:
    """Straight quotes and dashes for typographic ones and the other way round; Chinese with ASCII punctuation."""
    swapped = str.maketrans("“”‘’—–\"'，。：；（）", "\"\"''--”’,.:;()")
    return replace(story, title=story.title.translate(swapped), text=story.text.translate(swapped))


def _space(story: Story, rng: random.Random) -> Story:
    """Other white space: a line for each sentence, spaces that do not break, indents."""
    lines = "\n\n    ".join(part.strip() for part in _sentences(story.text))
    return replace(story, text=re.sub(" (?=[a-z])", lambda _: rng.choice((" ", "  ", "\u00a0")), lines))


EDITS: dict[str, Callable[..., Story]] = {
    "same-publisher": _same_publisher,
    "headline": _headline,
    "truncate": _truncate,
    "drop": _drop,
    "before": _before,
    "after": _after,
    "between": _between,
    "light": _light,
    "case": _case,
    "punctuation": _punctuation,
    "space": _space,
}
