"""What stands beside a name in its sentence: patterns over the folded words left and right of it. Pure.

`nlp.features` asks them about ambiguous names, `nlp.unlisted` about names that no list has.
"""

from __future__ import annotations

import re

__all__ = ["AROUND", "BESIDE", "LEFT", "RIGHT"]

_VERBS = (
    r"said|says|announc\w+|launch(?:es|ed)|unveil(?:s|ed)|releas(?:es|ed)|introduc(?:es|ed)|acquir(?:es|ed|ing)|bought|"
    r"buys|rais(?:es|ed|ing)|hir(?:es|ed|ing)|partner(?:s|ed)|invest(?:s|ed)|report(?:s|ed)|plans|expects|offers|sells|"
    r"ships|builds|built|makes|employs|sued|sues|agreed|agrees|claims|claimed|warned|told|declined|confirmed|revealed|"
    r"signed|signs|reportedly|recently|owns|operates|provides|develops|argues|charges|competes|disclosed|committed|"
    r"acknowledged|wants|hopes|spent|spends|opened|closed|laid off|cut|aims|intends|lets|has (?:been|also|said|"
    r"raised|built)|publish(?:es|ed)|wrote|writes|design(?:s|ed)|trains|trained|named|appoint(?:s|ed)|sold|supplie[sd]|"
    r"deliver(?:s|ed)|joins|backs|backed|rolled out|rolls out|teamed|teams up|earned|earns|open-sourc(?:es|ed)|holds|"
    r"leads|led|runs|ran|hosts|hosted|rents|leases|leased|won|wins|lost|faces|faced|expand(?:s|ed)|fell|rose|jumped"
)
_RIGHT_VERB = re.compile(rf"(?:,? (?:which|who))? (?:{_VERBS})\b")
_RIGHT_WEAK = re.compile(r" (?:is|was|has|had|will|would|can|could|also|does|did|may|might|uses|used|now|just)\b")
_RIGHT_PERSON = re.compile(
    r"(?:'s)?,? (?:\w+ )?(?:ceo|cto|cfo|coo|chief|co-?founders?|founders?|president|chairman|executives?|spokes\w+|"
    r"engineers?|"
    r"researchers?|employees|staff|shares|stock|investors?|shareholders|board|customers|earnings|revenue|headquarters|"
    r"subsidiary|vice president|vp|svp|team|office|platform|cloud|api|partnership|deal)\b"
)
_RIGHT_FORM = re.compile(r",? (?:inc|corp|corporation|ltd|llc|plc|technologies|holdings|platforms|labs|group)\b")
_FIRM = (
    r"start-?up|company|firm|maker|chipmaker|carmaker|automaker|provider|lab|developer|platform|giant|bank|retailer|"
    r"manufacturer|supplier|vendor|group|consultancy|unicorn|operator|insurer|distributor|subsidiary|neocloud|studio"
)
_RIGHT_APPOSITION = re.compile(
    rf", (?:(?:the|a|an|another|its) (?:[^\s,.;]+ ){{0,8}}(?:{_FIRM})\b|"
    r"(?:which|whose) (?:\w+ly )?(?:makes?|sells?|records?|builds?|offers?|runs?|provides?|develops?|operates?|lets|"
    r"helps|owns|raised|counts|competes|speciali[sz]\w+|employs|trains|designs|hosts|rents|leases|supplies|ships|"
    r"(?:is|was) (?:based|founded|backed|valued)|has (?:raised|built)|models|software|product|chips|ceo|founders?)\b|"
    r"(?:based|headquartered|founded) in\b|(?:an? )?(?:maker|developer|provider|seller|supplier) of\b)"
)
_RIGHT_OWNED = re.compile(
    r"-(?:owned|backed|based|led|built|made|powered|funded|run|operated|hosted|developed|designed)\b"
)
_TICKER = re.compile(r"(?: inc\.?| corp\.?)?,? ?[(\[](?:nasdaq|nyse|hkex|tsx|lse|amex|otc|krx|tse|euronext)\b")
_LEFT_ORG = re.compile(
    r"\b(?:start-?ups?|company|companies|firms?|giants?|makers?|chipmakers?|rivals?|provider|vendors?|lab|parent|"
    r"unicorn|"
    r"competitors?|subsidiary|hyperscalers?|neoclouds?|ceo of|cto of|cfo of|chief of|founders? of|founded|"
    r"head of .{1,20} at|"
    r"engineers? at|researchers? at|executives? at|shares of|stake in|invest\w* in|acqui\w+|bought|joined|joining|left|"
    r"partner\w* with|deal with|owned by|backed by|contract with|agreement with|spokes\w+ for|customers? (?:like|"
    r"such as|including))"
    r"(?: of| like|,| such as| including|:)? \Z"
)
_LEFT_PREP = re.compile(
    r"\b(?:by|from|at|with|via|between|versus|vs\.?|against|like|including|than|unlike|when|that|as) \Z"
)
_LEFT_ARTICLE = re.compile(r"\b(?:a|an|the|this|that|our|your|my|their|its|his|her|each|every|no|any|one|some|more) \Z")
_HARDWARE = (
    r"gpus?|graphics|cards?|chips?|accelerators?|instances?|servers?|nodes?|racks?|clusters?|superchips?|processors?|"
    r"systems?|tensor|vram|hbm\w*|\d+ ?gb|pcie|sxm\d?|nvlink|silicon|pods?|devices?|boards?|modules?|platform|"
    r"architecture"
)
_HARDWARE_NEAR = re.compile(
    r"\b(?:gpus?|cuda|tensor cores?|hbm\w*|nvlink|tflops|fp8|fp4|inference|flops|gemm|sm_?\d\d+|smem|vram)\b"
)
_RIGHT_HARDWARE = re.compile(rf"s?[ -](?:\w+ )?(?:{_HARDWARE})\b")
_LEFT_HARDWARE = re.compile(
    rf"\b(?:{_HARDWARE}|nvidia|amd|intel|google|huawei|aws|amazon|qualcomm)[ (:,]+(?:the |like )?\Z"
)
_LEFT_COUNT = re.compile(r"(?:\b\d[\d,]*[x×]? ?|\b(?:one|two|four|eight|single|dual) )\Z")
_RIGHT_VERSION = re.compile(
    r"[ -]?v?\d+(?:\.\d+)?\b|[ -](?:pro|flash|max|mini|nano|ultra|opus|sonnet|haiku|large|small|turbo|plus|coder)\b"
)
_RIGHT_NUMBER = re.compile(r" \d+(?!\d*[.,]?\d*[ -]?(?:billion|million|b\b|%))")
_RIGHT_MODEL = re.compile(
    r"'?s?,? (?:\w+ )?(?:models?|llms?|weights|chatbots?|assistant|api|checkpoints?|family|series|parameters|tokens?)\b"
)
_LEFT_MODEL = re.compile(
    r"\b(?:models?|llms?|chatbots?|fine-?tuned?|prompt\w*|using|ask(?:ed)?)(?: like| such as| called|,|:)? \Z"
)
_LAW = re.compile(
    r"\b(?:compl\w+|regulat\w+|law|laws|legislation|fine[sd]?|breach\w*|article \d|provisions?|requirements?|"
    r"certifi\w+|"
    r"audit\w*|standards?|obligations?|violat\w+|directive|rules?|penalt\w+|enforce\w*)\b"
)
_SURE_FIRM = (
    r"(?:start-?up|company|firm|maker|chipmaker|carmaker|automaker|provider|vendor|bank|retailer|manufacturer|supplier|"
    r"consultancy|insurer|unicorn|agency|publisher|neocloud|neobank|brokerage|fintech|integrator|reseller|distributor|"
    r"conglomerate|airline|utility|miner|telco)(?:s|ies)?"
)
_RIGHT_IS_A = re.compile(
    r" (?:is|was|has become|became) (?:(?:a|an|the|one of (?:the|several|many))\b "
    rf"(?:[^\s,.;]+ ){{0,6}}?{_SURE_FIRM}\b|"
    r"(?:founded|headquartered|based|backed|owned|valued|acquired|listed) (?:in|by|at|on)\b)"
)
_RIGHT_SURE_APPOSITION = re.compile(
    rf"(?:,| \(| [—–-]) ?(?:(?:a|an|another|its|one of the) (?:[^\s,.;]+ ){{0,8}}?{_SURE_FIRM}\b(?!'s)|"
    rf"the (?:[^\s,.;]+ ){{1,8}}?{_SURE_FIRM}\b(?!'s)|"
    rf"the {_SURE_FIRM} (?:behind|that|which|whose|known|founded|building|making|led|run|of)\b|"
    r"(?:an? )?(?:maker|provider|seller|supplier) of\b)"
)
_RIGHT_SEAT = re.compile(
    r",? (?:which )?(?:(?:is|was) )?(?:based|headquartered) (?:in|near)\b|,? (?:was )?founded (?:in|by)\b"
)
# "Waterloo, Ontario-based Foo", "Reno, Nevada"
_RIGHT_PLACE = re.compile(
    r", (?:(?:[a-z.]+ ){0,2}[a-z.]+-based|ala|ariz|calif|colo|conn|del|fla|ga|ill|ind|mass|mich|minn|mo|nev|n\.[hjmyc]|"
    r"ohio|okla|ont|ore|pa|tenn|tex|utah|va|wash|wis|alabama|arizona|california|colorado|florida|georgia|illinois|indiana|"
    r"massachusetts|michigan|minnesota|nevada|new (?:york|jersey|mexico)|north carolina|ontario|oregon|pennsylvania|"
    r"tennessee|texas|virginia|washington|wisconsin|england|scotland|germany|france|italy|spain|sweden|norway|poland|"
    r"ireland|israel|india|china|japan|canada|australia|uk|usa?|uae)\b"
)
_RIGHT_SPEECH = re.compile(
    r",? (?:said|says|told|wrote|added|explain(?:ed|s)|noted|argue[ds]|writes|recall(?:ed|s)|thinks)\b"
)
_RIGHT_THING = re.compile(
    r"(?:'s)?,? (?:\w+ )?(?:models?|librar(?:y|ies)|frameworks?|languages?|protocols?|algorithms?|datasets?|"
    r"benchmarks?|formats?|papers?|architecture|kernel|plugin|extension|compiler|chatbot|assistant|processors?|chips?|gpus?|"
    r"conference|summit|award|project|repo(?:sitory)?|license|leaderboard|app|series|phones?|laptops?|cards?|act|law|bill)\b"
)
_LEFT_THING = re.compile(
    r"\b(?:models?|librar(?:y|ies)|frameworks?|languages?|protocol|algorithm|dataset|benchmark|open[- ]source(?: \w+)?|"
    r"tools?|using|apps?|software|plugin|method|technique|novel|film|movie|game|book|series|mission|project|operation|"
    r"city of|state of|university of) \Z"
)
_RIGHT_EDITION = re.compile(r"[ -]v?\d+(?:\.\d+)?\b(?![,.]?\d*[ -]?(?:million|billion|%|people|employees|percent))")
_LEFT_PLACE = re.compile(
    r"\b(?:in|near|across|outside|throughout|downtown|within|visit(?:ed)?|travel(?:led|ed)? to) \Z"
)
_LEFT_TITLE = re.compile(
    r"\b(?:(?:mr|mrs|ms|dr|sen|rep|prof|sir|gov)\.?|president|minister|senator|judge|professor|author|editor|director|"
    r"lawyer|attorney|photographer|reporter|journalist|governor|mayor|actor|writer|analyst|engineer|researcher|ceo|cto|cfo|coo|founder|chairman|spokesperson|"
    r"spokesman|spokeswoman) \Z"
)
_RIGHT_ROLE = re.compile(
    r",? (?:a|an|the|who|whose|aged|\d\d)\b (?:[^\s,.;]+ ){0,6}?(?:engineer|researcher|professor|lawyer|attorney|"
    r"analyst|scientist|student|writer|reporter|editor|director|officer|teacher|doctor|physicist|biologist|economist|historian|"
    r"journalist|artist|employee|resident|mother|father|developer(?=,| (?:at|from|who|in|based)\b)|partner at|"
    r"executive at|head of|fellow|author|actor|singer|candidate|member|man|woman)\b"
)

# Chinese has neither spaces nor inflection: a word of an organisation stands beside the name or behind a bracket
_ZH_EDGE = r"[\s“”\"《》「」()（）]*"
_ZH_LEFT_ORG = re.compile(
    rf"(?:公司|企业|巨头|厂商|大厂|独角兽|提供商|开发商|制造商|运营商|供应商|平台|机构|实验室|外媒|媒体|集团|对手|客户|伙伴|竞品|收购|入股|"
    rf"投资|起诉|加盟|加入|创立|创办|由|与|和|据){_ZH_EDGE}\Z"
)
_ZH_RIGHT_ORG = re.compile(
    rf"{_ZH_EDGE}(?:公司|集团|科技|官方|旗下|首席|ceo|cto|cfo|创始人|联合创始人|高管|总裁|董事长|股价|市值|财报|员工|发言人|内部)"
)
_ZH_VERB = re.compile(
    rf"{_ZH_EDGE}(?:今日|今天|昨日|近日|日前|此前|今晚|正式|首次|已经?|将|也|还|又|再次|则|更是|\s)*(?:宣布|发布|推出|表示|称|透露|回应|收购|投资|"
    r"计划|拟|签署|报道|援引|指出|认为|开源|上线|采用|裁员|任命|起诉|完成|融资|扩大|迎来|打造|研发|自研)"
)

# matched against what follows the name
RIGHT: dict[str, re.Pattern[str]] = {
    "verb": _RIGHT_VERB,
    "weak-verb": _RIGHT_WEAK,
    "person": _RIGHT_PERSON,
    "legal-form": _RIGHT_FORM,
    "apposition": _RIGHT_APPOSITION,
    "owned": _RIGHT_OWNED,
    "ticker": _TICKER,
    "number": _RIGHT_NUMBER,
    "version": _RIGHT_VERSION,
    "is-a": _RIGHT_IS_A,
    "apposition-firm": _RIGHT_SURE_APPOSITION,
    "seat": _RIGHT_SEAT,
    "place-right": _RIGHT_PLACE,
    "speech": _RIGHT_SPEECH,
    "thing-right": _RIGHT_THING,
    "edition": _RIGHT_EDITION,
    "role": _RIGHT_ROLE,
    "zh-verb": _ZH_VERB,
}
# searched in what precedes it
LEFT: dict[str, re.Pattern[str]] = {
    "organisation": _LEFT_ORG,
    "preposition": _LEFT_PREP,
    "article": _LEFT_ARTICLE,
    "count": _LEFT_COUNT,
    "thing-left": _LEFT_THING,
    "place": _LEFT_PLACE,
    "title": _LEFT_TITLE,
}
# either: (precedes, follows)
BESIDE: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "hardware": (_LEFT_HARDWARE, _RIGHT_HARDWARE),
    "model": (_LEFT_MODEL, _RIGHT_MODEL),
    "zh-organisation": (_ZH_LEFT_ORG, _ZH_RIGHT_ORG),
}
# searched in both together
AROUND: dict[str, re.Pattern[str]] = {"hardware-near": _HARDWARE_NEAR, "law": _LAW}
