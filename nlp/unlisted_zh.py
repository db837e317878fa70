"""Propose companies of Chinese texts that no list has: candidates for review, never tags. Pure.

Chinese has no capitals and no spaces, and a name of it no plain id, so only names between two clear ends count: whose
round it is (…公司甲乙智能完成B轮融资), who leads it (由丙丁资本领投), a ticker behind, or an item of a list beside a
known company that ends like a firm (戊己科技、).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from aiwire.types import Candidate
from nlp.context import Found
from nlp.han import HAN
from nlp.text import Text

__all__ = ["chinese_candidates"]

_NAME = f"[{HAN}A-Za-z0-9·]"
_FIRM = (
    "科技|集团|电子|半导体|微电子|光电|股份|软件|软体|通信|智能|机器人|技术|能源|证券|银行|生物|汽车|网络|云|控股|传媒|"
    "芯片|精密|电气|信息"
)
_FUND = "资本|创投|投资|基金|控股|集团|科技|证券|创新|产投|国投|投控|家族办公室"
_BEFORE = (
    r"(?:^|[\n，。；：、！？“「《（(—\s]|公司|企业|平台|厂商|服务商|独角兽|老股东|开发商|供应商|制造商|运营商|机构|"
    r"基金|由)"
)
_PATTERNS = tuple(
    (rule, re.compile(pattern, re.MULTILINE))
    for rule, pattern in (
        (
            "round",
            rf"{_BEFORE}[“「]?({_NAME}{{2,10}}?)[”」]?(?:（[^）\n]{{1,30}}）)?"
            r"(?:近日|今日|日前|昨日|已经?|正式|宣布|再次|连续|于\d{1,4}年?\d{0,2}月?){0,4}(?:完成|获得?)[^，。；\n]{0,14}?(?:轮|融资)",
        ),
        ("investor", rf"{_BEFORE}({_NAME}{{2,8}}?(?:{_FUND}))(?:等)?(?:独家|联合)?(?:领投|跟投|参投)"),
        (
            "ticker",
            rf"{_BEFORE}({_NAME}{{2,12}})（(?:NASDAQ|NYSE|HKEX|纳斯达克|纽交所|港交所|股票代码|\d{{4,6}}\.(?:HK|SH|SZ|BJ))",
        ),
    )
)
_BESIDE = re.compile(rf"、({_NAME}{{1,6}}(?:{_FIRM}))(?=[、，。；（]|等|和)|(?<=[、，：])({_NAME}{{1,6}}(?:{_FIRM}))、")
# what a name does not hold: pronouns, verbs and measure words that show that the pattern ran on
_NO_NAME = re.compile(
    r"公司$|企业$|团队$|推进|推动|合作|提供|支持|实现|发展|[的了这该其我你他她它们哪某]|[年月日]|累计|先后|已|将|被|把|曾|近|去|今|各|每|多家|数家|正在|"
    r"^(?:本|此|企业|并|但|而|且|由|与|和|及|在|于|从|等|以及|包括|同时|其中|目前|双方|记者|人工|大数据|物联|高新|高|新|信息|生物|金融|前沿|绿色|数字|"
    r"硬|黑|核心|先进|尖端|现代|农业|医疗|航天|互联|智慧|关键|相关|自主|国有|民营|外资)(?:科技|技术|网络|电子|投资|智能|能源|汽车|银行|软件|信息|芯片|云|基金|生物)?$"
)
_LEAD_IN = re.compile(r".*(?:由|股东|机构|公司|企业)(?=.{2})")  # 本轮由老股东丙丁资本领投
_MOST = 30  # of a text


def chinese_candidates(text: Text, names: Iterable[Found]) -> list[Candidate]:
    """Return the names in a Chinese text that may be companies, each once; `names` is what is known in it."""
    if not text.has_han:
        return []
    known = [f for f in names if f.kind == "company"]
    taken = {offset for f in known for offset in range(f.start, f.end)}
    found: dict[str, Candidate] = {}
    for name, start, rule in (*_said(text), *_beside(text, known)):
        if len(found) >= _MOST:
            break
        if name in found or _NO_NAME.search(name) or not taken.isdisjoint(range(start, start + len(name))):
            continue
        low, high = text.sentence_at(start)
        found[name] = Candidate(name, "company", f"chinese:{rule}", text.raw[low:high])
    return list(found.values())


def _said(text: Text) -> Iterator[tuple[str, int, str]]:
    for rule, pattern in _PATTERNS:
        for match in pattern.finditer(text.raw):
            start = match.start(1) + (lead.end() if (lead := _LEAD_IN.match(match[1])) else 0)
            yield text.raw[start : match.end(1)], start, rule


def _beside(text: Text, known: list[Found]) -> Iterator[tuple[str, int, str]]:
    """Yield the items of lists that name a known company, too."""
    for start, end in dict.fromkeys(text.sentence_at(f.start) for f in known):
        for match in _BESIDE.finditer(text.raw, start, end):
            group = 1 if match[1] else 2
            yield match[group], match.start(group), "beside"
