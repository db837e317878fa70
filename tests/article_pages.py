"""Pages of our own in the markup of well-known publishing systems, as tests of extraction use them.

The templates in tests/data/pages name the paragraphs [[1]] to [[8]]; all words around them are furniture.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("data") / "pages"
TEMPLATES = sorted(path.stem for path in FOLDER.glob("*.html"))
ENGLISH = (
    "The regional bank has moved its language models from a public cloud to its own data centre in Leeds, it said.",
    "Eight servers with accelerators replace a contract that had cost about four million pounds a year since 2023.",
    "Auditors had asked where prompts were stored; the answer, an operator abroad, did not satisfy the board.",
    "What the first year brought",
    "The move took nine months. Two weekends were lost to a cooling loop that had been installed the wrong way round.",
    "Power costs less than a tenth of the old contract, the bank's head of infrastructure said.",
    "Staff who had been lent to the cloud operator came back, and four of them were promoted.",
    "Other banks in the north are watching, and at least one of them has asked for a tour of the machine room.",
)
CHINESE = (
    "这家地方银行周四表示，已把语言模型从公有云迁回利兹的自有数据中心，由自己的工程师负责日常运行和维护。",
    "八台装有加速卡的服务器取代了一份自二〇二三年以来每年花费约四百万英镑的合同，采购款已经在去年付清。",
    "审计人员曾询问提示词存放在哪里，得到的答复是一家境外运营商，董事会对这个答复并不满意。",
    "第一年的成果",
    "整个迁移用了九个月。有两个周末浪费在一条装反了的冷却回路上，工程师们不得不连夜返工。",
    "基础设施负责人说，电费还不到原合同金额的十分之一，而且价格在未来三年里都不会变化。",
    "当年借调给云运营商的员工已经回到银行，其中四人得到了晋升，另有两人转到了安全部门。",
    "北方的其他银行正在观望，其中至少有一家已经提出参观机房的请求，时间定在下个月初。",
)


def paragraphs(template: str) -> tuple[str, ...]:
    """Return what the text of a template's article is, a line each."""
    return CHINESE if template.endswith("_zh") else ENGLISH


def template_page(template: str) -> str:
    """Return a template with its article in it."""
    page = (FOLDER / f"{template}.html").read_text("utf-8")
    for number, paragraph in enumerate(paragraphs(template), 1):
        page = page.replace(f"[[{number}]]", paragraph)
    return page


def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of an extracted text without the marks of list items."""
    return tuple(line.removeprefix("- ") for line in text.split("\n"))
