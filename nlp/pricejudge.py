"""Tell a price of compute, hardware or model use from other money. Pure.

A sum is a price only with a reason near by: a unit that only compute is sold by ("per GPU-hour", "per 1M tokens"), or
words of price and of what is priced. What merely stands in a text on AI (a funding round, a fine, a seat of other
software, a course, a phone) is not.
"""

from __future__ import annotations

import re
from typing import Protocol

from nlp.amounts import Amount

__all__ = [
    "ANY_REASON",
    "CARDS",
    "FAR",
    "PARTS",
    "SERVERS",
    "SYSTEMS",
    "Around",
    "is_like",
    "is_price",
    "is_subscription",
    "is_training_cost",
]

_NO_HARDWARE_CARD = (
    r"(?<!virtual )(?<!credit )(?<!debit )(?<!gift )(?<!bank )(?<!prepaid )(?<!business )(?<!report )(?<!sim )"
)
_HARDWARE = (
    rf"gpus?|egpus?|graphics cards?|{_NO_HARDWARE_CARD}cards?|accelerators?|servers?|racks?|laptops?|notebooks?|"
    r"chromebooks?|workstations?|(?:mini[- ])?pcs?|desktops?|macbooks?|macs?|imacs?|mac (?:mini|studio|pro)|"
    r"(?:super)?computers?|dgx|hgx|nvl\d+|rtx|radeon|geforce|ssds?|nvme|hbm\d?e?|vram|d?ram|[gl]?p?ddr\dx?|"
    r"memory (?:modules?|kits?|sticks?|cards?)|processors?|cpus?|npus?|motherboards?|raspberry pi(?: \d)?|"
    r"baseboards?|hard drives?"
)
_CHIPS = r"chips?|superchips?|modules?|clusters?|boards?|kits?"  # hardware of AI only beside a word of the field
_MODEL_USE = (
    r"tokens?|apis?|inference|compute|llms?|vps|vms?|virtual machines?|droplets?|"
    r"(?:gpu|model|llm|cloud|vps|server) hosting|bare[- ]metal|"
    r"(?:cloud|gpu|spot|reserved|on-demand|ec2) (?:instances?|servers?|gpus?|costs?|bills?|compute|credits?)|"
    r"(?<!for )instances?|(?:language|ai|frontier|reasoning|foundation|reasoner|open[- ]weights?|embedding|coding|"
    r"vision|"
    r"image|video|voice|speech|\d+b) models?|models? (?:use|usage|calls?|runs?)|"
    r"ai (?:premium|pro|ultra|assistants?|agents?|cod(?:e|ing)|subscriptions?|plans?|chatbots?|costs?|usage|"
    r"bills?|features?|services?|user)|"
    r"chatbots?|chatgpt|claude|gemini|copilot|cursor|perplexity|grok|midjourney|codex|devin|windsurf|supergrok|"
    r"gpt-?\d[\w.-]*|openrouter|deepseek|qwen|kimi|llama|mistral|suno|elevenlabs|runpod|lambda labs|"
    r"(?:pre-?)?train(?:ing)? (?:costs?|runs?)|fine-tun\w+|prompts?|"
    r"run(?:s|ning)? (?:the|this|a|an|your|its|our|these|those) (?:\w+ )?models?"
)
_SOLD = re.compile(rf"\b(?:{_HARDWARE}|{_MODEL_USE})\b|\b\d+xlarge")
_FIELD = re.compile(r"\b(?:ai|gpus?|nvidia|amd|intel|data ?cent(?:er|re)s?|memory|server|accelerators?)\b")
_SOLD_IN_FIELD = re.compile(
    rf"\b(?:{_CHIPS}|systems?|models?|agents?|assistants?|runners?|configurations?|machines?)\b"
)
_PER_SEAT = re.compile(r"\s?(?:/|per |an? |each )(?:\w+ )?(?:user|seat|person|member|head)\b")
_USED = re.compile(rf"\b(?:{_MODEL_USE}|gpus?|servers?|runners?)\b|\b\d+xlarge")
_AI = re.compile(r"\bai\b")
_NAMED_PLAN = re.compile(
    r"\b(?:chatgpt|claude|gemini|copilot|cursor|perplexity|grok|supergrok|midjourney|codex|devin|windsurf|openai|"
    r"anthropic|google (?:one )?ai|ai (?:plus|pro|ultra)|gpt-?\d[\w.-]*)\b"
)
CARDS = re.compile(
    rf"\b(?:{_NO_HARDWARE_CARD}cards?|gpus?|chips?|superchips?|accelerators?|graphics|processors?|modules?|cpus?)\b"
)
PARTS = re.compile(r"\b(?:ram|ssds?|display|screen|keyboard|storage)\b")
SERVERS = re.compile(r"\b(?:servers?|nodes?|8-gpu|eight-gpu|8x|hgx|dgx)\b")
SYSTEMS = re.compile(
    r"\b(?:kits?|baseboards?|appliances?|racks?|systems?|laptops?|workstations?|(?:mini[- ])?pcs?|desktops?|"
    r"macbooks?|macs?|mac studio|mac mini|imacs?|(?:super)?computers?|nvl\d+|dgx (?:spark|station)s?|box(?:es)?|"
    r"jetson|configuration|notebooks?|chromebooks?|"
    r"machine|phone|model we reviewed|raspberry pi)\b"
)
_BIG_SYSTEMS = re.compile(
    r"\b(?:racks?|systems?|workstations?|baseboards?|nvl\d+|supercomputer|servers?|kits?|wafer)\b"
)

_PRICE_WORDS = re.compile(
    r"\b(?:cost(?:s|ing)?|pric\w+|charg(?:e[sd]?|ing)|sell(?:s|ing)?|sold|retail\w*|msrp|fees?|rent(?:s|ed|ing|als?)?|"
    r"cheap\w*|expensive|listings?|subscri\w+|pay(?:s|ing)?|paid|bill(?:s|ed|ing)?|starting (?:at|from)|"
    r"starts? (?:at|from)|"
    r"as low as|goes for|go for|going for|bought|purchased|asks?|listed|tag|bucks)\b|[a-z]costs?\b|"
    r"\b(?:cut|slashed|lowered|reduced|marked down) (?:\w+ ){0,2}(?:from|to) (?:about |just )?(?= |\Z)"
)
_COST = re.compile(r"\bcosts?\b[^.;$]{0,40}\Z")
_WEAK_PRICE_WORDS = re.compile(
    r"\b(?:list|tier|plans?|buy|available|only|under|below|for (?:about|around|just|over|roughly|nearly|less|under)|"
    r"for|at|runs?|discount\w*|worth|spend|spent|spending|drops?|jump\w*|climb\w*|currently|budget|rates?|over|"
    r"around|about|"
    r"each)\s?(?:a |the |than |to |from )?~?\Z"
)
_NOT_PRICE_LEFT = re.compile(
    r"\b(?:rais(?:ed|es|ing)|revenues?|valu(?:ed|ation|ations)|fund(?:s|ed|ing)?|invest\w*|market cap\w*|salar\w+|"
    r"payroll|wages?|earn\w*|profits?|income|losses|loss|lost|fined|fines?(?!-)|penalt\w+|settle\w*|lawsuit|damages|"
    r"grants?|award\w*|"
    r"donat\w+|capex|capital expenditures?|capital spending|sales|arr|arpu|ltv|run[- ]rate|gdp|debt|loan|bonds?|"
    r"stake|shares?|stock|acqui\w+|buyout|takeover|deal|contract(?! pric)|bitcoin|btc|token (?:price|rallied)|"
    r"trading|traded|per share|compensation|bonus\w*|tax\w*|tariffs?|prize|ipo|incident|breach|round|"
    r"bankrupt\w*|financing|backlog|orders|commit(?:ted|s|ment|ments)|pledg\w+|sponsor\w*|deposit|counterclaim|"
    r"worth of (?:shares|stock)|average pay|pay of|(?:is|are|was|were|be|being|gets?|got) paid|mortgage|refunds?|"
    r"reward\w*|liabilit\w+|"
    r"saves?|saving|savings of|rebates?|loses|bet|wager\w*|budget of|gift cards?|trade[- ]in|offset)\b"
    r"[^.;]{0,70}\Z|\bgenerat(?:es|ed|ing) (?:about |around |over )?\Z"
)
_NOT_PRICE_RIGHT = re.compile(
    r"\s?(?:\w+ ){0,3}(?:in (?:funding|revenue|sales|venture|investment|annual (?:revenue|sales|recurring)|capital|"
    r"debt|damages|fines|profit|losses|aid|grants|cash|stock|equity|shares|credit|savings|prizes|additional|"
    r"incremental)|round\b|valuation|market cap|series [a-f]\b|ipo\b|deal\b|contract|investment|stake|fund\b|arr\b|"
    r"salar|fine\b|settlement|revenue|lawsuit|acquisition|takeover|worth of (?:shares|stock)|per share|a share\b|"
    r"project\b|off\b|discount\b|rebate|gift|coupon|prize|bonus|loan\b|budget\b|incident|price target|"
    r"(?:price )?(?:hike|increase|rise|cut|jump|drop)\b|loss\b|upgrade\b|deposit\b|counterclaim|figure\b|arpu\b|"
    r"invested\b|grant\b|fee waiver|reward\b|more\b(?! per)|cheaper\b|less\b(?! per)|savings?\b|credits?\b)"
)
_DIFFERENCE = re.compile(  # "cut the price by $50", "jumped $700"
    r"\b(?:by|jumped|jumps|rose|rises|increased|decreased|climbed|fell|dropped)(?: about| around| roughly| nearly)?\s\Z"
)
_OTHER_GOODS = re.compile(
    r"\b(?:iphones?|ipads?|(?:smart)?phones?|handsets?|airpods|watch(?:es)?|tvs?|televisions?|headphones?|"
    r"headsets?|earbuds|speakers?|"
    r"thermostats?|security systems?|cameras?|solar|installed|cars?|vehicles?|tickets?|flights?|hotels?|shoes|"
    r"books?|movies?|impressions|streaming|gifts?|houses?|homes?|meals?|coffee|espresso|quest|playstation|xbox|"
    r"console|robots?|courses?|lessons?|bootcamps?|certificat\w+|tuition|conference|coworking|co-working|desk|"
    r"office|memberships?|newsletter|digest|passes|seo|crm|emails?|contacts|landing pages?|website builder|"
    r"webinars?|subscribers|templates|woocommerce|ecommerce|e-commerce|freight|barrel|vhs|cables?|icloud\+?|"
    r"apple music|insurance|journal|bed|mattress|tenants?|monthly rent|powerbank|power bank|battery|batteries|"
    r"influencers?|tiktok|hourly rates?|freelanc\w+|developers? (?:charge|earn)|consultants?|agency|agencies)\b"
)
_IN_COMPUTE = re.compile(
    r"\s?(?:worth of |in |of )(?:[\w-]+ ){0,3}(?:compute|tokens?|inference|gpu time|gpu hours|api|api costs?|"
    r"api-equivalent|ai infrastructure cost|cloud costs?|computing (?:costs?|power))\b(?! credits?)"
)
_DIRECTLY = re.compile(rf"(?:\(u\.?s\.?\))?[\s-](?:[\w.-]+ ){{0,3}}?(?:{_HARDWARE})\b")
_PLAN = re.compile(
    r"\s?-?(?:\w+ ){0,3}(?:subscriptions?|plans?|tiers?)\b|"
    r"\s(?:pro|plus|max|team|business|enterprise|ultra|premium|basic|individual|go)\b|"
    r"\s(?:got|gets?|buys?|bought) you\b"
)
_PLAN_LEFT = re.compile(r"\b(?:subscri\w+|plans?|tiers?)\b[^.;$]{0,40}\Z")
_RUNNING = re.compile(r"\b(?:cost(?:s|ing)?|spen[dt]s?|spending|burn\w*|amount\w* to|total\w*)\b[^.;$]{0,60}\Z")
_TRAINING = re.compile(r"\b(?:pre-?)?train(?:ed|ing)?\b")
_COST_LEFT = re.compile(r"\bcost(?:s|ing)?\b[^.;$]{0,30}\Z")
_LABEL = re.compile(r"(?:^|\n|[|*•-])\s?(?:price|cost|msrp|launch price|list price)\s?[:|–-]\s?[~≈]?\Z")
_ROW_LABEL = re.compile(
    r"(?:^|\n|\|)[^|\n$]{0,30}\b(?:price|cost|msrp)\b[^|\n$]{0,20}\|(?:[^|\n]{0,40}\|){0,6}\s?[~≈]?\Z"
)
_LIKE = re.compile(
    r"\b(?:compared (?:to|with)|vs\.?|versus|against|rather than|instead of|from|to|and|or)\b|\A\s?(?:,|/|;)\s?\Z"
)
_LIKE_AT_MOST = 20.0  # times the price that it is named with
_LIKE_REACH = 60  # characters between the two
_DAILY = re.compile(r"\s?-?(?:a|per|each|every|/)[\s-]?(?:day|month|week|hour|query|run)\b")
_FORMULA = re.compile(r"[^\s$]{0,3}\s?[/*+^=\\{}]?\s?\w{0,3}\$(?!\d)")  # "$1 / Y$" is TeX, not money
_CODE = re.compile(r"[^\n]{0,4}[;}']")  # "{print $2; exit}"
_YEARS = re.compile(r"\s?(?:annually|yearly|(?:/|per|a|each)\s?(?:year|yr|annum)\b)")
_YEARLY = re.compile(r"\s?(?:/|per|a|each)\s?(?:year|yr|annum)\b")

ANY_REASON = re.compile(rf"{_SOLD.pattern}|{_SOLD_IN_FIELD.pattern}|{_NAMED_PLAN.pattern}|\bai\b|\bcomputing\b")
FAR = 400  # characters before a sentence in which the service is named whose price it may tell
_CLAUSE = (140, 100)  # characters before and after an amount in which what is priced is named
_SUBSCRIPTION_AT_MOST = 400  # whole units of currency


class Around(Protocol):
    """The sentence around an amount."""

    folded: str
    start: int
    end: int
    sells: bool  # names a chip or a model
    has_reason: bool  # False: neither it nor the `FAR` characters before it hold a word of `ANY_REASON`

    def says(self, pattern: re.Pattern[str], before: int = 0) -> bool:
        """Return whether `pattern` is found in the sentence, or up to `before` characters before it."""
        ...

    def sells_near(self, amount: Amount) -> bool:
        """Return whether a chip, a model or a company that sells their use is named in the amount's clause."""
        ...

    def is_chips(self, amount: Amount) -> bool:
        """Return whether the name of an accelerator follows the amount at once ("a $549 RTX 5070")."""
        ...


def is_price(sentence: Around, amount: Amount) -> bool:
    """Return whether the amount is a price of compute, hardware or model use; its unit must have been looked for."""
    folded = sentence.folded
    left = folded[max(sentence.start, amount.start - 160) : amount.start]
    right = folded[amount.end : min(sentence.end, amount.end + 90)]
    if _is_no_sum(amount, left, right) or (amount.low >= 20_000 and _YEARLY.match(right)):  # ...; a salary
        return False
    if amount.unit in ("gpu-hour", "1M-tokens", "kwh") and not amount.big:
        return True
    if amount.unit in ("instance-hour", "card", "server", "system") and not amount.big:
        if sentence.sells or sentence.says(_SOLD):
            return True
        return amount.unit != "card" and (sentence.sells_near(amount) or sentence.says(_USED, before=160))
    if not (sentence.sells or sentence.has_reason or sentence.sells_near(amount)):
        return False
    if amount.big or amount.low >= 1e8:
        return _is_big_price(sentence, amount, left, right)
    if _IN_COMPUTE.match(right):
        return True
    if is_subscription(sentence, amount):
        return True
    if _NOT_PRICE_RIGHT.match(right) or _NOT_PRICE_LEFT.search(left[-100:]) or _DIFFERENCE.search(left):
        return False
    if amount.unit in ("month", "other"):
        return _is_use_price(sentence, amount, left, right)
    return _is_bare_price(sentence, amount, left, right)


def is_training_cost(sentence: Around, amount: Amount) -> bool:
    """Return whether the amount is what it took to train a model, not what something in the sentence sells for."""
    return _TRAINING.search(sentence.folded, max(sentence.start, amount.start - 60), amount.end + 40) is not None


def is_like(folded: str, price: Amount, amount: Amount) -> bool:
    """Return whether `amount` is named in one breath with the `price` before it, and so is a price like it."""
    gap, right = folded[price.end : amount.start], folded[amount.end : amount.end + 90]
    if amount.unit is not None or amount.big or len(gap) > _LIKE_REACH or not _LIKE.search(gap):
        return False
    if _DIFFERENCE.search(gap) or _NOT_PRICE_RIGHT.match(right) or _NOT_PRICE_LEFT.search(gap):
        return False
    return 1 / _LIKE_AT_MOST <= amount.low / price.low <= _LIKE_AT_MOST if price.low and amount.low else False


def is_subscription(sentence: Around, amount: Amount) -> bool:
    """Return whether the amount is what a plan of an AI service costs ("the $20 plan", "a $200 subscription")."""
    right = sentence.folded[amount.end : min(sentence.end, amount.end + 60)]
    left = sentence.folded[max(sentence.start, amount.start - 60) : amount.start]
    return (
        amount.unit is None
        and amount.low <= _SUBSCRIPTION_AT_MOST
        and not _DIFFERENCE.search(left)
        and (_PLAN.match(right) is not None or (_PLAN_LEFT.search(left) is not None and not _OTHER_GOODS.search(right)))
        and sentence.says(_NAMED_PLAN, before=200)
    )


def _is_no_sum(amount: Amount, left: str, right: str) -> bool:
    """Return whether it is TeX, a shell's parameter, or nothing at all ("$0")."""
    if amount.low == 0 and amount.high is None:
        return True
    return _FORMULA.match(right) is not None or ("{" in left[-40:] and _CODE.match(right) is not None)


def _is_big_price(sentence: Around, amount: Amount, left: str, right: str) -> bool:
    """Judge millions: a rack or supercomputer that is sold, or what running a model costs a day.

    What training a model took in all is a total like capital spending, and no price.
    """
    if _NOT_PRICE_RIGHT.match(right) or _NOT_PRICE_LEFT.search(left[-100:]) or amount.low >= 2e9:
        return False
    if _RUNNING.search(left) and _DAILY.match(right) and (sentence.sells or sentence.says(_USED)):
        return True
    if is_training_cost(sentence, amount) or amount.low >= 1e8:
        return False
    return _PRICE_WORDS.search(left[-80:] + " " + right[:40]) is not None and sentence.says(_BIG_SYSTEMS)


def _is_use_price(sentence: Around, amount: Amount, left: str, right: str) -> bool:
    """Judge a price per month, day, page, task ...: of a model's or a machine's use, or of other software?"""
    clause = left[-_CLAUSE[0] :] + " " + right[: _CLAUSE[1]]
    if _OTHER_GOODS.search(clause) and not _NAMED_PLAN.search(left[-60:] + right[:60]):
        return False
    if amount.unit == "other" and not amount.unit_end:
        return False
    if _PER_SEAT.match(right):
        return sentence.sells_near(amount) or sentence.says(_NAMED_PLAN)
    if sentence.sells_near(amount) or _USED.search(clause) is not None:
        return True
    if not _YEARS.match(right) and sentence.says(_USED, before=160):
        return True
    if sentence.says(_AI) and sentence.says(_NAMED_PLAN, before=FAR):
        return True
    return amount.unit == "other" and _COST.search(left) is not None and sentence.says(_AI, before=300)


def _is_bare_price(sentence: Around, amount: Amount, left: str, right: str) -> bool:
    """Judge a sum without a unit: words of price beside it, and what is priced in its clause."""
    if _OTHER_GOODS.search(left[-100:] + " " + right[:70]):
        return False
    if _DIRECTLY.match(right) or sentence.is_chips(amount):  # "a $599 laptop"
        return True
    clause = left[-_CLAUSE[0] :] + " " + right[: _CLAUSE[1]]
    if (_LABEL.search(left) or _ROW_LABEL.search(left)) and (sentence.sells or sentence.says(_SOLD, before=250)):
        return True
    sold = (
        sentence.sells_near(amount)
        or (_COST_LEFT.search(left) is not None and sentence.says(_USED))
        or _SOLD.search(clause) is not None
        or (_SOLD_IN_FIELD.search(clause) is not None and sentence.says(_FIELD))
    )
    if not sold:
        return False
    return _PRICE_WORDS.search(left[-110:] + " " + right[:50]) is not None or (
        _WEAK_PRICE_WORDS.search(left) is not None
        and (sentence.sells or _SOLD.search(left[-70:] + right[:50]) is not None)
    )
