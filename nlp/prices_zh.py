"""Find prices in Chinese: 2 元/百万 tokens, 每卡时 12 元, RTX 5090 售价 16499 元起. Pure.

As in English (`nlp.prices`), a sum is a price only with a reason: a unit, or a price word and a thing that is sold. A
sum with 亿 is none, nor is one that only converts another ("约合 13566 元") or says by how much a price changed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nlp.context import Found
from nlp.prices import PriceFound
from nlp.text import Text

__all__ = ["find_chinese_prices", "with_chinese_prices"]

_MOST_AMOUNTS = 50  # of a sentence are judged
_LEFT = 60  # characters before an amount that are looked at
_RIGHT = 24
_MOST = 1e7  # a bare sum from here on is no price

# ---------------------------------------------------------------- amounts

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,6})?|\d{1,12}(?:\.\d{1,6})?"
_SCALE = r"万亿|百万|千万|十万|万|千|百|亿"
_NAMES = {
    "美元": "USD", "美金": "USD", "美刀": "USD", "港元": "HKD", "港币": "HKD", "新台币": "TWD", "台币": "TWD",
    "日元": "JPY", "韩元": "KRW", "欧元": "EUR", "英镑": "GBP", "元": "CNY", "块钱": "CNY", "人民币": "CNY",
    "新加坡元": "SGD",
}  # fmt: skip
_CURRENCY = re.compile(  # longer names first; 元件, 元旦 ... are no money
    "|".join(sorted(_NAMES.keys() - {"元"}, key=lambda name: (-len(name), name))) + "|元(?![件素宇组年月老旦])"
)
_BEFORE = re.compile(
    rf"(?<![\d.,a-z])(?P<low>{_NUMBER})\s?(?P<lowscale>{_SCALE})?多?\s?"
    rf"(?:(?:美元|美金|元)?\s?(?:[-–—~～]|至|到)\s?(?P<high>{_NUMBER})\s?(?P<highscale>{_SCALE})?多?\s?)?\Z"
)
_SIGNED = re.compile(
    rf"(?P<sign>[$¥￥€£])\s?(?P<low>{_NUMBER})(?:\s?(?P<lowscale>{_SCALE}))?"
    rf"(?:\s?(?:[-–—~～]|至|到)\s?[$¥￥€£]?\s?(?P<high>{_NUMBER})(?:\s?(?P<highscale>{_SCALE}))?)?(?![\d.,]*\d)"
)
_SIGNS = {"$": "USD", "¥": "CNY", "￥": "CNY", "€": "EUR", "£": "GBP"}
_SCALES = {"百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8, "万亿": 1e12}


@dataclass(slots=True)
class _Amount:
    start: int
    end: int
    low: float
    high: float | None
    currency: str
    unit: str | None = None
    unit_end: int = 0


@dataclass(slots=True)
class _Sentence:
    """A sentence with money in it, and what is named there."""

    folded: str
    start: int
    end: int
    amounts: list[_Amount] = field(default_factory=list)
    chips: list[Found] = field(default_factory=list)
    sells: bool = False  # names a chip or a model
    _known: dict[re.Pattern[str], bool] = field(default_factory=dict)

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Return whether `pattern` is found in the sentence; each is looked for once."""
        if pattern not in self._known:
            self._known[pattern] = pattern.search(self.folded, self.start, self.end) is not None
        return self._known[pattern]


def with_chinese_prices(text: Text, names: Iterable[Found], found: Sequence[PriceFound]) -> list[PriceFound]:
    """Return `found` and the Chinese prices beside them, in order."""
    taken = sorted((price.start, price.end) for price in found)
    starts = [start for start, _ in taken]
    merged = list(found)
    for price in find_chinese_prices(text, names):
        index = bisect_left(starts, price.end)
        if not index or taken[index - 1][1] <= price.start:
            merged.append(price)
    return sorted(merged, key=lambda price: price.start)


def find_chinese_prices(text: Text, names: Iterable[Found]) -> list[PriceFound]:
    """Return the prices that are given in Chinese, in order; `names` gives the accelerators they may belong to."""
    if not text.has_han:
        return []
    found: list[PriceFound] = []
    for sentence in _sentences(text, names):
        _give_units(sentence)
        found.extend(_price(sentence, amount) for amount in sentence.amounts if _is_price(sentence, amount))
    return found


def _sentences(text: Text, names: Iterable[Found]) -> Iterable[_Sentence]:
    made: dict[int, _Sentence] = {}
    for amount in _amounts(text.folded):
        start, end = text.sentence_at(amount.start)
        sentence = made.setdefault(start, _Sentence(text.folded, start, end))
        if len(sentence.amounts) < _MOST_AMOUNTS:
            sentence.amounts.append(amount)
    sold: dict[int, list[Found]] = defaultdict(list)
    for name in names if made else ():
        if name.kind in ("accelerator", "model"):
            sold[text.sentence_at(name.start)[0]].append(name)
    for start, sentence in made.items():
        sentence.chips = sorted((n for n in sold[start] if n.kind == "accelerator"), key=lambda n: n.start)
        sentence.sells = bool(sold[start])
    return made.values()


def _amounts(folded: str) -> list[_Amount]:
    """Return the sums of money, in order, not overlapping."""
    found: list[_Amount] = []
    for word in _CURRENCY.finditer(folded):
        match = _BEFORE.search(folded, max(0, word.start() - 40), word.start())
        if match:
            found.append(_amount(match, match.start(), word.end(), _NAMES[word[0]]))
    for match in _SIGNED.finditer(folded):
        found.append(_amount(match, match.start(), match.end(), _SIGNS[match["sign"]]))
    kept: list[_Amount] = []
    for amount in sorted(found, key=lambda a: (a.start, -a.end)):  # of "1 万元至 2 万元" the range, not its low end
        if not kept or amount.start >= kept[-1].end:
            kept.append(amount)
    return kept


def _amount(match: re.Match[str], start: int, end: int, currency: str) -> _Amount:
    low_scale, high_scale = match["lowscale"], match["highscale"]
    high = _number(match["high"], high_scale or low_scale) if match["high"] else None
    low = _number(match["low"], low_scale or (high_scale if match["high"] else None))
    return _Amount(start, end, low, high if high is not None and high > low else None, currency)


def _number(digits: str, scale: str | None) -> float:
    return float(digits.replace(",", "")) * (_SCALES[scale] if scale else 1.0)


# ---------------------------------------------------------------- units

_PER = r"\s?(?:/|每|一)\s?"
_CARD = r"(?:(?:张|块|个)?\s?(?:gpu|卡|算力卡|显卡|加速卡|芯片))"
_TOKENS = r"(?:个)?\s?(?:输入|输出)?\s?(?:tokens?|词元)?"
_UNITS = tuple(
    (re.compile(pattern), unit)
    for pattern, unit in (
        (rf"{_PER}(?:卡\s?[·*]?\s?(?:小时|时)|gpu\s?[·*]?\s?(?:小时|时)|{_CARD}\s?(?:/|每)\s?(?:小时|时))", "gpu-hour"),
        (rf"{_PER}(?:小时|时)\s?(?:/|每)\s?{_CARD}", "gpu-hour"),
        (rf"{_PER}(?:实例|节点|台)\s?(?:/|每)?\s?小时", "instance-hour"),
        (rf"{_PER}(?:个)?(?:小时|钟头)|/\s?(?:h|hr|hour)\b", "hour"),
        (rf"{_PER}(?:度电?|千瓦时|千瓦小时|kwh)", "kwh"),
        (rf"{_PER}(?:1\s?)?(?:百万|m\b)(?!用户|人|次)\s?{_TOKENS}", "1M-tokens"),
        (rf"{_PER}(?:1\s?)?(?:千|万|k\b|亿|1000)\s?{_TOKENS}", "other"),
        (r"\s?(?:/\s?(?:人|用户|席位)\s?)?(?:/|每|一)\s?(?:人每|个)?月|\s?/\s?mo\b|\s?(?:的)?月费", "month"),
        (rf"{_PER}(?:张|块|颗|枚|片|卡|gpu)(?!时)", "card"),
        (rf"{_PER}(?:台|套|机柜|机架|节点)", "piece"),
        (rf"{_PER}(?:年|天|日|周|次|张图|分钟|秒|条|季度)", "other"),
    )
)
_UNITS_LEFT = tuple(
    (re.compile(rf"(?:{pattern})[^。；;！？/]{{0,{reach}}}\Z"), unit)
    for pattern, unit, reach in (
        (rf"每\s?(?:卡\s?(?:小时|时)|gpu\s?(?:小时|时)|{_CARD}\s?每\s?(?:小时|时)|小时每\s?{_CARD})", "gpu-hour", 16),
        (r"单卡每?小时", "gpu-hour", 12),
        (r"每\s?(?:台|实例|节点)\s?每?\s?小时", "instance-hour", 12),
        (r"每\s?个?小时", "hour", 12),
        (r"(?:[每一]\s?1?\s?(?:百万|m)\s?个?\s?(?:输入|输出)?|百万)\s?(?:tokens?|词元)", "1M-tokens", 44),
        (r"每\s?千\s?个?\s?(?:tokens?|词元)", "other", 30),
        (r"每\s?(?:度电?|千瓦时|kwh)|度电(?:成本|价格)", "kwh", 12),
        (r"每\s?(?:人每)?个?月|月费|包月", "month", 12),
        (r"每\s?[张块颗枚片]|单[卡颗张]", "card", 14),
        (r"每\s?(?:台|套|机柜)|单台|整机", "piece", 14),
    )
)
_JOINED = re.compile(r"\s?(?:、|和|与|及|或|/|,|，|(?:输入|输出|元)|\s)*\Z")


def _give_units(sentence: _Sentence) -> None:
    amounts, folded = sentence.amounts, sentence.folded
    for number, amount in enumerate(amounts):
        stop = amounts[number + 1].start if number + 1 < len(amounts) else sentence.end
        for pattern, unit in _UNITS:
            if match := pattern.match(folded, amount.end, stop):
                amount.unit, amount.unit_end = unit, match.end()
                break
        else:
            amount.unit = _unit_before(folded[max(sentence.start, amount.start - _LEFT) : amount.start])
    for left, right in pairwise(reversed(amounts)):  # "2 元、8 元/百万 tokens": the right one's unit, from the end
        between = folded[right.end : left.start]
        if right.unit is None and left.unit_end and len(between) < 8 and _JOINED.match(between):
            right.unit = left.unit
    for amount in amounts:
        if amount.unit == "hour":
            amount.unit = _hour_of(sentence)
        elif amount.unit == "piece":
            amount.unit = "server" if sentence.says(_SERVER) else "system"


def _unit_before(left: str) -> str | None:
    """Return the unit that stands nearest before a sum: 每百万 tokens 2 元，包月 99 元."""
    said = [(match.start(), unit) for pattern, unit in _UNITS_LEFT if (match := pattern.search(left))]
    return max(said)[1] if said else None


def _hour_of(sentence: _Sentence) -> str:
    if sentence.says(_INSTANCE):
        return "instance-hour"
    return "gpu-hour" if sentence.chips or sentence.says(_GPU) else "other"


# ---------------------------------------------------------------- judgement

_GPU = re.compile(r"gpu|显卡|显示卡|算力卡|加速卡|单卡|算力")
_INSTANCE = re.compile(r"实例|云服务器|云主机|虚拟机|裸金属")
_SERVER = re.compile(r"服务器|伺服器|一体机|整机柜")
_SYSTEM = re.compile(
    r"笔记本|笔电|游戏本|轻薄本|主机|工作站|电脑|台式机|迷你机|机柜|超算|macbook|mac ?(?:mini|studio)|整机|机架"
)
_CARD_WORD = re.compile(r"显卡|显示卡|gpu|加速卡|算力卡|单卡|芯片|晶片")
_TOKENS_OR_API = re.compile(r"tokens?|词元|api|接口")
_SOLD = re.compile(
    r"gpu|显卡|显示卡|单卡|加速卡|算力|芯片|晶片|服务器|伺服器|一体机|笔记本|笔电|游戏本|轻薄本|主机|工作站|电脑|台式机|内存|记忆体|硬盘|固态|处理器|大模型|模型|"
    r"api|tokens?|词元|chatgpt|claude|gemini|copilot|智能体|云服务|rtx|macbook"
)
_MODEL_USE = re.compile(
    r"chatgpt|claude|gemini|copilot|cursor|perplexity|grok|openai|anthropic|kimi|豆包|千问|文心|deepseek|codex|大模型|模型|"
    r"(?<![a-z])ai(?![a-z])|智能体|api|tokens?|gpu|算力|云服务器|云主机|云服务"
)
_OTHER_GOODS = re.compile(
    r"手机|汽车|轿车|门票|机票|票价|酒店|游戏(?!本|显卡|主机|笔记本)|电视|耳机|眼镜|手表|相机|房|电影|自动驾驶|乘车|外卖|快递|奶茶|机器人|充电|"
    r"月薪|年薪|薪"
)
_PRICE_LEFT = re.compile(
    r"(?:售价|定价|价格|起售|零售价|报价|到手|首发价|首发|标价|单价|仅需|只需|只要|需要支付|卖|卖到|售|购买|起价|收费|费用|成本|租金|价位|"
    r"预约价|优惠价|国补|券后|折后|均价|原价|现价|订阅|会员)[^。；;！？]{0,24}\Z"
)
_PRICE_RIGHT = re.compile(
    r"\s?(?:人民币)?\s?(?:\([^)]{0,30}\)|（[^）]{0,30}）)?\s?(?:起|左右|的?价格|的?售价|一张|一台|一块|一颗|不到)"
)
_NOT_LEFT = re.compile(
    r"(?:融资|募资|筹集|估值|营收|收入|利润|盈利|亏损|投资|投入|市值|资本开支|资本支出|支出|罚款|罚金|赔偿|收购|债券|贷款|注资|资金|奖金|补贴|"
    r"补助|股价|目标价|每股|合同|订单|预算|规模|销售额|成交额|增资|捐|诉讼|索赔|薪|报酬|净值|资产|总额|采购额|租约)[^。；;！？，,]{0,20}\Z"
)
_NOT_RIGHT = re.compile(
    r"\s?(?:人民币)?\s?(?:的)?(?:\S{0,4})(?:融资|投资|营收|收入|利润|估值|市值|罚款|合同|订单|贷款|债券|奖金|补贴|资金|赔偿|每股|/股|预算|基金|股权|"
    r"交易|注资|产值|年薪|优惠券|红包|代金券)"
)
_CHANGE = re.compile(
    r"(?:上涨|下跌|下降|涨|降|跌|便宜|贵|省|节省|优惠|减免|立减|满减|减|返|差价|涨幅|多花|提高)(?:了|约|近|超|超过|逾|达)?\s?\Z"
)
_CONVERTED = re.compile(r"(?:约合|折合|相当于|合人民币|汇率)[^。；;！？，,]{0,8}\Z")
_QUALIFIERS = (
    (re.compile(r"(?:低至|最低|起售价|起步价|起价|起售)[^。；;，,]{0,10}\Z"), "from"),
    (re.compile(r"(?:最高|不超过|上限|至多|低于|不到|不足)[^。；;，,]{0,6}\Z"), "up-to"),
    (re.compile(r"(?:二手|黄牛|市场价|市价|渠道价|闲鱼|电商平台)[^。；;，,]{0,16}\Z"), "street"),
    (re.compile(r"(?:竞价|抢占式)[^。；;，,]{0,12}\Z"), "spot"),
    (re.compile(r"(?:包年|预留|长租|承诺用量)[^。；;，,]{0,12}\Z"), "reserved"),
    (re.compile(r"(?:按需|按量)[^。；;，,]{0,12}\Z"), "on-demand"),
    (re.compile(r"(?:官方|建议零售价|官网|标价|定价|公开价|刊例价)[^。；;，,]{0,12}\Z"), "list"),
)
_FROM_RIGHT = re.compile(r"\s?(?:人民币)?\s?起(?!诉|草|码)")


def _is_price(sentence: _Sentence, amount: _Amount) -> bool:
    left = sentence.folded[max(sentence.start, amount.start - _LEFT) : amount.start]
    right = sentence.folded[max(amount.end, amount.unit_end) : min(sentence.end, amount.end + _RIGHT)]
    if amount.low >= _MOST or _CONVERTED.search(left) or _CHANGE.search(left):
        return False
    if amount.unit in ("gpu-hour", "1M-tokens", "kwh"):
        return True
    if _NOT_LEFT.search(left) or _NOT_RIGHT.match(right) or sentence.says(_OTHER_GOODS):
        return False
    if amount.unit in ("instance-hour", "card", "server", "system"):
        return sentence.sells or sentence.says(_SOLD)
    if amount.unit in ("month", "other"):
        return sentence.sells or sentence.says(_MODEL_USE)
    if not (_PRICE_LEFT.search(left) or _PRICE_RIGHT.match(right)):
        return False
    return sentence.sells or sentence.says(_SOLD)


def _price(sentence: _Sentence, amount: _Amount) -> PriceFound:
    chip = min(sentence.chips, key=lambda chip: _distance(sentence.folded, amount, chip), default=None)
    return PriceFound(
        start=amount.start,
        end=max(amount.end, amount.unit_end),
        amount=round(amount.low, 6),
        amount_max=None if amount.high is None else round(amount.high, 6),
        currency=amount.currency,
        unit=amount.unit or _unit_by_thing(sentence, chip),
        qualifier=_qualifier(sentence, amount),
        accelerator=chip.id if chip else None,
    )


def _distance(folded: str, amount: _Amount, chip: Found) -> int:
    if chip.start < amount.end:
        return amount.start - chip.end
    between = folded[
        amount.end : chip.start
    ]  # what follows a comma has a price of its own: H100 每张 3 万，H20 每张 1 万
    return len(between) + (_LEFT if any(mark in between for mark in "，、；,;") else 0)


def _unit_by_thing(sentence: _Sentence, chip: Found | None) -> str:
    """Return the unit of a price that names none: what the sentence sells."""
    if sentence.says(_SERVER):
        return "server"
    if sentence.says(_SYSTEM):
        return "system"
    if sentence.says(_TOKENS_OR_API):
        return "other"
    return "card" if chip is not None or sentence.says(_CARD_WORD) else "other"


def _qualifier(sentence: _Sentence, amount: _Amount) -> str | None:
    left = sentence.folded[max(sentence.start, amount.start - 30) : amount.start]
    if _FROM_RIGHT.match(sentence.folded, max(amount.end, amount.unit_end), sentence.end):
        return "from"
    return next((name for pattern, name in _QUALIFIERS if pattern.search(left)), None)
