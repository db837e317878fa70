"""Made-up sentences of small archives: articles of any number, on AI in three languages and on gardening.

The companies and accelerators in them are real names, as the gazetteer knows no others; what is said of them is not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["BUYERS", "STOCK", "article_text", "chinese_text", "french_text", "garden_text"]

STOCK = (  # what one publisher puts under its stories, whatever they are about
    "How we compare: the desk of this paper keeps a table of rented and owned NVIDIA H100 clusters, side by side.",
    "Readers who answer for data sovereignty in their firm find the table in the archive, with notes for each offer.",
)
BUYERS = (
    "a hospital group in Porto", "a regional bank in Leeds", "an insurer in Basel", "a shipyard in Turku",
    "a grid operator in Graz", "a county council in Kent", "a seed breeder in Lleida", "a film archive in Lyon",
    "a port authority in Gdynia", "a dairy board in Cork", "a tax office in Malmo", "a law firm in Ghent",
)  # fmt: skip
_COMPANIES = (
    "NVIDIA", "AMD", "Intel", "CoreWeave", "OpenAI", "Anthropic", "Microsoft", "Google", "Mistral AI", "Oracle",
    "Dell Technologies", "Supermicro", "Cerebras", "Lambda",
)  # fmt: skip
_ACCELERATORS = (
    "NVIDIA H100", "NVIDIA H200", "NVIDIA B200", "AMD Instinct MI300X", "Intel Gaudi 3", "NVIDIA L40S", "NVIDIA A100",
)  # fmt: skip
_THEMES = (
    "runs on premises, in its own data centre", "is air-gapped and sees no public network",
    "keeps to the EU AI Act and to what its auditors ask", "is meant for data sovereignty first",
    "has a lower total cost of ownership than a rented one", "moved back from the public cloud this spring",
)  # fmt: skip
_WORK = (
    "reads discharge letters", "answers calls about claims", "sorts scanned invoices", "drafts tender replies",
    "checks welds in photographs", "forecasts the load of the next day", "captions old newsreels",
    "translates customs forms", "finds duplicate patents", "plans the rounds of lorries", "grades barley by picture",
)  # fmt: skip
_WHO = (
    "The head of infrastructure", "A member of the board", "The chief engineer", "One of the auditors",
    "The project's lead", "A spokesman for the works council", "The treasurer", "A consultant who knows the deal",
    "The night shift's supervisor", "The data protection officer",
)  # fmt: skip
_SAID = ("said", "wrote to members", "told a hearing", "noted in a letter", "conceded", "told this paper")
_WHY = (
    "because tokens bought by the million had become the largest line of the budget",
    "after two winters of waiting for a contract that nobody would sign",
    "since neither the lawyers nor the insurers would hear of another operator abroad",
    "now that the cooling loop has stopped leaking and the spare pumps are in",
    "although half of the department would rather have kept the old supplier",
    "as the lease of the old machine room ends before the new one is wired",
    "once the fibre under the river had been spliced for the second time",
    "while rivals nearby still argue over who may sign for the electricity",
)
_NEXT = (
    "A second rack is to follow when the first has paid for itself",
    "Nothing more will be bought before the summer",
    "The tender for memory and switches closes in three weeks",
    "Four people were hired to look after the machines",
    "A tour for neighbours is planned, with coffee and hearing protection",
    "The model's weights stay where they are, in a locked room",
    "An outside laboratory will repeat the measurements in March",
    "What is left of the old contract goes to a school nearby",
)
_PLANTS = ("leeks", "dahlias", "quinces", "runner beans", "medlars", "pumpkins", "sweet peas", "gooseberries", "chard")
_GARDEN = (
    "Sow the {a} in a cold frame, a thumb deep, and keep the {b} away from them until May.",
    "Last year's {a} did well beside {b}, though the slugs in row {n} had other ideas.",
    "Whoever waters {a} at noon will lose them; {b} forgive it, up to {n} times.",
    "A barrow of leaf mould for every {n} plants of {a} is plenty, and {b} need half as much.",
    "The {a} on the south wall ripened {n} days before the {b} by the gate.",
    "Cut the {a} back hard after the first frost and leave the {b} standing for the birds.",
    "Our neighbour swears by wood ash for {a}; we gave it to the {b} and saw no change in {n} weeks.",
    "Lift {a} with a fork, shake them, and hang them above the {b} in the shed for {n} nights.",
)
_FRENCH = (
    "Le groupe a choisi {n} serveurs équipés de NVIDIA H100 pour ses propres locaux de {a}.",
    "La facture du nuage public avait doublé en {n} mois, dit la direction de {a}.",
    "Les auditeurs demandaient où étaient gardées les données des clients de {a}.",
    "Le modèle de langage tourne désormais sans lien avec le réseau, à {a}, depuis {n} semaines.",
    "Le refroidissement a été refait {n} fois avant que la salle de {a} ne soit prête.",
    "Les syndicats de {a} ont obtenu {n} postes pour surveiller les machines.",
    "Un deuxième appel d'offres suivra à {a}, avec {n} cartes de plus.",
    "Le conseil de {a} publiera les mesures dans {n} jours, promet son président.",
)
_TOWNS = ("Nantes", "Lille", "Rennes", "Grenoble", "Dijon", "Metz", "Brest", "Nancy")
_CHINESE = (
    "这家位于{a}的公司表示，已采购{n}台装有英伟达H100的服务器，用于训练大模型。",
    "{a}的新数据中心耗时{n}个月建成，冷却系统返工了两次，工程师们连夜赶工。",
    "负责人说，{a}的算力成本比租用公有云低了百分之{n}，电价在合同期内不变。",
    "审计人员询问{a}的数据存放在哪里，公司回答说全部留在本地机房，共{n}个机柜。",
    "{a}的研究团队正在测试人工智能客服，每天处理{n}千条来电记录。",
    "第二批加速卡将在{n}周后运抵{a}，供应商尚未公布最终价格。",
    "{a}市政府计划补贴{n}家本地企业，帮助它们完成私有化部署。",
    "公司在{a}招聘了{n}名运维人员，夜班由其中四人轮流值守。",
)
_CITIES = ("合肥", "苏州", "成都", "贵阳", "青岛", "西安", "厦门", "长沙")


def article_text(number: int) -> tuple[str, str]:
    """Return the title and the text of an article on AI: ten paragraphs, with prices, of each number another one."""
    rng = random.Random(f"article {number}")
    buyer, company, accelerator = rng.choice(BUYERS), rng.choice(_COMPANIES), rng.choice(_ACCELERATORS)
    work, other, count = rng.choice(_WORK), rng.choice(_COMPANIES), rng.randrange(8, 900)
    title = f"{company} wins {buyer} with {count} accelerators for AI that {work}"
    price, hourly = rng.randrange(18_000, 42_000, 500), rng.randrange(150, 690) / 100
    lines = [
        f"{buyer[0].upper()}{buyer[1:]} has bought {count} {accelerator} accelerators from {company}, to run a language"
        f" model that {work}.",
        f"Each {accelerator} costs ${price:,}, servers apart, against ${hourly:.2f} per GPU-hour that {other} had asked"
        f" for renting them.",
        f"The cluster {rng.choice(_THEMES)}, {rng.choice(_WHY)}.",
    ]
    for _ in range(7):
        who, said, why = rng.choice(_WHO), rng.choice(_SAID), rng.choice(_WHY)
        figure = rng.randrange(3, 4000)
        lines.append(
            f"{who} {said} that the {rng.choice(_ACCELERATORS)} machine which {rng.choice(_WORK)} {rng.choice(_THEMES)}"
            f", {why}. {rng.choice(_NEXT)}, and {rng.choice(BUYERS)} has asked {rng.choice(_COMPANIES)} for {figure}"
            f" hours of a generative AI model that {rng.choice(_WORK)}."
        )
    return title, "\n".join(lines)


def garden_text(number: int) -> tuple[str, str]:
    """Return the title and the text of an article that nobody takes for one on AI."""
    rng = random.Random(f"garden {number}")
    a, b = rng.sample(_PLANTS, 2)
    return f"What to do with {a} and {b} this month, letter {number}", _filled(_GARDEN, rng, _PLANTS)


def french_text(number: int) -> tuple[str, str]:
    """Return the title and the text of an article on AI in French."""
    rng = random.Random(f"french {number}")
    town = rng.choice(_TOWNS)
    return f"À {town}, l'intelligence artificielle rentre à la maison, numéro {number}", _filled(_FRENCH, rng, _TOWNS)


def chinese_text(number: int) -> tuple[str, str]:
    """Return the title and the text of an article on AI in Chinese."""
    rng = random.Random(f"chinese {number}")
    city = rng.choice(_CITIES)
    return f"{city}人工智能算力中心第{number}期投入使用", _filled(_CHINESE, rng, _CITIES)


def _filled(sentences: Sequence[str], rng: random.Random, names: Sequence[str]) -> str:
    """Return ten paragraphs of three sentences each."""
    gap = "" if names is _CITIES else " "
    lines = []
    for _ in range(10):
        chosen = rng.sample(sentences, 3)
        lines.append(
            gap.join(s.format(a=rng.choice(names), b=rng.choice(names), n=rng.randrange(2, 90)) for s in chosen)
        )
    return "\n".join(lines)
