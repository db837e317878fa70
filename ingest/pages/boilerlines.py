"""Lines of text that only the furniture of a page says: prompts, buttons, counters, captions of lists of links.

What is dropped here also keeps a text the same from one fetch to the next: counters and "3 hours ago" go.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.pages.boilerplate import HEADING, is_comment_heading

__all__ = ["drop_boilerplate_lines"]

_NUMBER = r"\d[\d.,]*\s?(?:k|m|thousand|million|万|千|亿)?\+?"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
# By what they are about. A line must match as a whole, or each of its parts between "|" and "·".
_PATTERNS = (
    # tools of the page
    r"advertise?ment|ads?|sponsored(?: content)?|skip to (?:main )?content|loading\W*|print|e-?mail|copy link|save"
    r"|listen",
    r"share(?: this)?(?: (?:article|story|post|page))?(?: (?:on|via|with)\b.{0,60})?\W*|comments?|table of contents"
    r"|menu",
    r"search|reply|like|likes|tweet|pin it|bookmark|restack|share on .{0,40}|link copied.{0,20}"
    r"|story continues below.{0,20}",
    r"(?:facebook|twitter|x|linkedin|whatsapp|reddit|telegram|bluesky|threads|pinterest|wechat|weibo|copy|email|mail"
    r"|print|link"
    r"|save|share|flipboard|messenger|line)(?:[\s,/]+(?:facebook|twitter|x|linkedin|whatsapp|reddit|telegram|bluesky"
    r"|threads"
    r"|pinterest|wechat|weibo|copy|email|mail|print|link|save|share|flipboard|messenger|line))*",
    r"(?:click|tap) here to .{0,60}|follow (?:us|me) (?:on|@).{0,80}|view (?:all )?comments.{0,20}"
    r"|show comments.{0,20}",
    r"all rights reserved\W*|(?:©|\(c\)|copyright ©?)\s?(?:\d{4}|by\b).{0,100}|back to top|scroll to top",
    # counters and relative times
    rf"{_NUMBER} (?:views?|reads?|shares?|likes?|comments?|claps?|reactions?|followers?|restacks?|replies"
    rf"|min(?:ute)?s?(?: read)?)",
    rf"(?:views?|reads?|shares?|likes?|comments?)\s*[:：]?\s*\(?{_NUMBER}\)?"
    rf"|(?:est\. )?reading time\s*[:：]?\s*{_NUMBER}.{{0,12}}",
    r"(?:(?:last )?(?:updated|published|posted|modified)\W*)?(?:about |over |almost )?(?:an?|\d{1,3}) ?"
    r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|mo|months?|y|years?) ago|just now|yesterday",
    rf"{_NUMBER}[- ]min(?:ute)?s? read(?:ing time)?",
    # log-in and subscription prompts
    r"(?:please )?(?:sign|log) ?in(?: or (?:register|sign up|subscribe|create .{0,30}))?(?: (?:to|with) .{0,80})?\W*",
    r"(?:already|not) (?:a |an |have an? )?(?:paid )?(?:subscriber|member|registered|account|subscribed)\b.{0,80}",
    r"(?:create|register for) (?:a |your )?(?:free )?account\b.{0,100}|forgot (?:your )?password.{0,20}",
    r"(?:upgrade to paid|subscribe(?: now| today| for free| here| to (?:get|continue|read|unlock|keep)\b.{0,80})?)\W*",
    r"(?:to )?(?:continue|keep) reading\b.{0,80}|(?:to )?read the (?:rest|full)\b.{0,80}|unlock (?:this"
    r"|the full)\b.{0,60}",
    r"(?:this|the rest of this) (?:article|content|story|post) is (?:for|only (?:available )?(?:to|for)|reserved for"
    r"|exclusive to)\b.{0,80}",
    r"you(?:['’]ve| have) (?:reached|read|used)\b.{0,60}\b(?:free|limit)\b.{0,60}",
    r"you(?:['’]re| are) (?:currently )?(?:a free subscriber|reading a free preview).{0,120}|type your email.{0,10}",
    # newsletters
    r"thanks? (?:you )?for (?:signing up|subscribing|reading\b.{0,60}\bsubscribe).{0,120}",
    r"(?:sorry! )?there was an error processing .{0,60}|your (?:e-?mail )?address will (?:never|not) be.{0,60}",
    r"(?:subscribe|sign up|register|join)\b.{0,80}"
    r"\b(?:newsletters?|inbox|mailing list|email updates|daily digest|weekly digest|subscribers)\b.{0,120}",
    r"get\b.{0,60}\b(?:newsletters?|(?:delivered |straight |right )?(?:in|to) your inbox|inbox)\b.{0,80}",
    r".{0,80}\b(?:delivered|straight|directly|right) (?:in)?to your inbox\b.{0,60}",
    # consent
    r"(?:we|this (?:web)?site|our (?:web)?site|.{0,30} and (?:our|its) partners) uses? (?:\w+ )?cookies\b.{0,300}",
    r"we (?:value|care about|respect) your privacy\b.{0,200}|(?:manage|change) (?:your )?(?:cookie|privacy"
    r"|consent) .{0,40}",
    r"by (?:clicking|continuing|using|signing up|subscribing|submitting)\b.{0,200}\b(?:cookies|terms|privacy"
    r"|consent)\b.{0,120}",
    r"(?:accept|reject|allow|decline|manage) (?:all )?(?:cookies|preferences|settings|all).{0,30}"
    r"|necessary cookies only",
    r"accept|reject|decline|i (?:accept|agree)|got it\W*|customi[sz]e",
    # related links and comments
    r"(?:read|see|watch|learn|explore) (?:more|also|next)\s*[:：].{0,140}|(?:also read|read|must read"
    r"|don['’]t miss)\s*[:：].{0,140}",
    r"(?:related|recommended)(?: (?:article|story|reading|coverage|post|video|link))?s?\s*[:：].{0,140}",
    r"leave a (?:comment|reply)|your email address will not be published.{0,60}|post(?:ed)? (?:a )?comment",
    r"(?:previous|next) (?:post|article|story)\s*[:：]?.{0,100}",
    # Chinese portals
    r"[【(（\[]?\s*(?:责任编辑|责编|本文编辑|编辑|校对|审核|监制|值班编辑|网络编辑)\s*[:：].{0,40}"
    r"|[(（【]\s*编辑\s+\S{1,12}\s*[)）】]",
    r"分享(?:到|至|本文|给朋友)?(?:\s*[:：].{0,60})?|微信扫(?:一扫|码).{0,60}|(?:长按|扫码|扫一扫|扫描).{0,60}",
    r"(?:关注|搜索).{0,30}(?:公众号|微信号|视频号).{0,60}|(?:下载|打开|点击打开).{0,12}(?:app|客户端).{0,40}",
    r"(?:相关|延伸|推荐)(?:阅读|文章|新闻|报道|链接|推荐)(?:\s*[:：].{0,140})?|猜你喜欢|大家都在看|热门(?:文章|推荐"
    r"|评论)|更多精彩.{0,30}",
    r"(?:版权声明|免责声明|特别声明|风险提示)\s*[:：].{0,400}|声明\s*[:：]\s*(?:本文|该文|文章|凡|以上).{0,300}|(?:©"
    r"|版权所有).{0,100}|本文(?:来自|转自|来源|首发于).{0,100}(?:公众号|授权|转载|作者).{0,60}|(?:未经"
    r"|转载请).{0,40}(?:转载|授权|注明).{0,60}",
    r"(?:返回|回到)\S{1,8}[,，]\s*查看更多|(?:点击)?(?:查看|阅读|展开)(?:更多|全文|原文|余下全文).{0,10}"
    r"|举报(?:/反馈)?|原标题\s*[:：].{0,80}",
    r"(?:点赞|收藏|评论|阅读|浏览|转发|在看|赞|喜欢)(?:数|量"
    r"|次数)?\s*[:：]?\s*[(（]?[\d.,]*\s?[万千亿]?\+?[)）]?(?:次|人)?",
    r"\d{1,3} ?(?:秒|分钟|小时|天|周|个月|月|年)前|刚刚|昨天|登录后.{0,30}|(?:请先)?(?:登录"
    r"|注册)(?:/注册)?(?:后.{0,20})?",
    r"(?:订阅|付费|开通会员|会员)后?(?:即可|可)?(?:继续)?(?:阅读|查看|解锁).{0,30}|我们使用\s?cookie.{0,200}"
    r"|(?:全部)?评论\s?[(（]?\d*[)）]?",
)  # fmt: skip
_LINE = re.compile("|".join(_PATTERNS), re.I)
_PART = re.compile(r"\s*[|·•｜]\s*|\s{2,}| [—–-] ")
_DATE_PART = re.compile(
    rf"(?:(?:published|posted|updated|last updated|by|on)\W*)?(?:\w{{3,9}}, )?(?:{_MONTH} \d{{1,2}}(?:st|nd|rd"
    rf"|th)?,? \d{{4}}"
    rf"|\d{{1,2}} {_MONTH},? \d{{4}}|\d{{4}}-\d{{2}}-\d{{2}}"
    rf"|\d{{4}}年\d{{1,2}}月\d{{1,2}}日)(?:,? (?:at )?\d{{1,2}}:\d{{2}}.{{0,12}})?",
    re.I,
)
_BULLET = re.compile(r"^[-•*–|>\s]+")
_BIO = r"(?:,|\s*[(（]|\s+(?:is|was|has|writes|covers|reports|works|leads|serves|joined|specialis?zes|runs|founded)\b)"
_BIO_HEADING = re.compile(r"about|meet|written|作者|关于", re.I)
_PARAGRAPH = 80  # a line this long does not repeat by chance
_MAX_LINE = 400  # a longer line is a paragraph, whatever it says
_TITLE_LINES = 4  # first lines among which the title is looked for
_TAIL_LINE = 140  # lines after "Related articles" are cut if they are no longer than that
_BIO_LINES, _MAX_BIO = 4, 700  # last lines looked at for what is said of the author, and their length


def drop_boilerplate_lines(text: str, *, title: str | None = None, author: str | None = None) -> str:
    """Return an article's lines without those of the page's furniture, and without its own title on top."""
    lines = [line.strip() for line in text.split("\n") if line.strip(" |-")]
    lines = _cut_tail(_below_title(lines, title))
    seen: set[str] = set()
    kept = [line for line in lines if not _is_boilerplate(line) and not _is_repeated(line, seen)]
    return "\n".join(_without_author(_without_dateline(kept), author))


def _below_title(lines: list[str], title: str | None) -> list[str]:
    """Cut the title on top, with a short line or two above it such as the name of the section."""
    if title is None:
        return lines
    for place, line in enumerate(lines[:_TITLE_LINES]):
        if _key(line) == _key(title) and place + 1 < len(lines):
            return lines[place + 1 :]
        if len(line) > _PARAGRAPH:
            break
    return lines


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
    if len(line) > _MAX_LINE:
        return False
    line = _BULLET.sub("", line)
    return _LINE.fullmatch(line) is not None or _all_furniture(line)


def _all_furniture(line: str) -> bool:
    """Whether each part of a line such as "5 March 2026 | 3 min read" is furniture, and not all of them are dates."""
    parts = [part for part in _PART.split(line) if part]
    if len(parts) < 2:
        return False
    dates = [_DATE_PART.fullmatch(part) is not None for part in parts]
    return not all(dates) and all(is_date or _LINE.fullmatch(part) for is_date, part in zip(dates, parts, strict=True))


def _without_dateline(lines: list[str]) -> list[str]:
    """Drop a line on top or at the end that is nothing but the date of publication."""
    for end in (0, -1):
        if len(lines) > 2 and len(lines[end]) <= _PARAGRAPH and _DATE_PART.fullmatch(lines[end]):
            lines = lines[1:] if end == 0 else lines[:-1]
    return lines


def _names(author: str | None) -> Iterator[str]:
    for name in (author or "").split(", "):
        if len(name) >= 2:
            yield name


def _without_author(lines: list[str], author: str | None) -> list[str]:
    """Drop the byline on top, and below what is said of the author: "Jane Doe covers chips"."""
    names = list(_names(author))
    if not names or len(lines) < 3:
        return lines
    some = "|".join(re.escape(name) for name in names)
    byline = re.compile(
        rf"(?:(?:written |posted |story |text )?by:? |作者\s*[:：]\s*|文\s*[/|｜]\s*)?(?:{some})\W*", re.I
    )
    bio = re.compile(rf"(?:about )?(?:{some})(?:{_BIO}.*|\W*)", re.I | re.S)
    first = max(1, len(lines) - _BIO_LINES)
    return [
        line
        for place, line in enumerate(lines)
        if not (place < 3 and byline.fullmatch(line))
        and not (place >= first and len(line) <= _MAX_BIO and bio.fullmatch(_BULLET.sub("", line)))
    ]


def _cut_tail(lines: list[str]) -> list[str]:
    """Cut comments, and a list of links under a heading such as "Related articles", at the end of a text."""
    last_long = next((place for place in range(len(lines) - 1, -1, -1) if len(lines[place]) > _TAIL_LINE), -1)
    for place in range(max(1, len(lines) // 2), len(lines)):
        line = lines[place].strip(" :：#-")
        if len(line) > _TAIL_LINE:
            continue
        if is_comment_heading(line):
            return lines[:place]
        if HEADING.fullmatch(line):
            is_bio = _BIO_HEADING.match(line) is not None and len(lines) - place <= _BIO_LINES + 1
            if place > last_long or (is_bio and sum(map(len, lines[place:])) <= 2 * _MAX_BIO):
                return lines[:place]
    return lines
