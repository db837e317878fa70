"""Score tags against a labelled set: precision, recall and F1 per kind, entity and theme. Pure; no spaCy.

Per document: a company or accelerator matches by id, by a family's member id, or by a surface in common. What the gold
set marks `source`, `venue` or `optional` is neither asked for nor held against the tagger. Prices match by amount
(0.5 %) and by amount and unit; traps are look-alikes that should not be tagged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from nlp.goldfile import Record

__all__ = ["Counts", "Error", "Report", "check_floors", "evaluate"]

MACRO_MIN = 8  # gold documents from which a theme counts in the macro average
_AMOUNT_TOLERANCE = 0.005
_OPTIONAL_ROLES = ("source", "venue", "optional")
_NAME_KINDS = (("companies", "company"), ("accelerators", "accelerator"))


@dataclass(slots=True)
class Counts:
    """True positives, false positives and false negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> float:
        """Share of what was tagged that is right; 1 if nothing was."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    @property
    def recall(self) -> float:
        """Share of what should be tagged that was; 1 if nothing should."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def as_dict(self) -> dict[str, float]:
        """Return the figures under the names that reports use."""
        return {"p": self.precision, "r": self.recall, "f1": self.f1, "tp": self.tp, "fp": self.fp, "fn": self.fn}


class Error(NamedTuple):
    """What the tagger got wrong in one document."""

    kind: str  # companies, accelerators, themes, prices, traps
    what: Literal["missed", "false", "wrong id"]
    document: str
    id: str  # of the entity; of a price its unit
    words: str  # surfaces, or the quote


@dataclass(slots=True)
class Report:
    """All figures of one evaluation."""

    documents: int = 0
    missing: list[str] = field(default_factory=list)  # ids of gold documents without output
    presence: dict[str, Counts] = field(default_factory=dict)  # companies, accelerators, themes
    # companies again, by how they were found: a label that names of the lists do not match is missed by `listed`,
    # one that no tag matches is missed by `unlisted`, too
    listed: Counts = field(default_factory=Counts)
    unlisted: Counts = field(default_factory=Counts)
    about: dict[str, Counts] = field(default_factory=dict)
    right_id: dict[str, float] = field(default_factory=dict)  # share of matches whose id is the gold one
    per_entity: dict[tuple[str, str], Counts] = field(default_factory=dict)
    per_theme: dict[str, Counts] = field(default_factory=dict)
    prices_amount: Counts = field(default_factory=Counts)
    prices_amount_unit: Counts = field(default_factory=Counts)
    traps: int = 0
    traps_tagged: int = 0
    errors: list[Error] = field(default_factory=list)

    @property
    def macro_themes(self) -> dict[str, Counts]:
        """Themes with enough gold documents for a macro average."""
        return {t: c for t, c in sorted(self.per_theme.items()) if c.tp + c.fn >= MACRO_MIN}

    @property
    def themes_macro_f1(self) -> float:
        """Mean F1 over `macro_themes`; 0 if there is none."""
        themes = self.macro_themes
        return sum(c.f1 for c in themes.values()) / len(themes) if themes else 0.0

    def figures(self) -> dict[str, float]:
        """Return the figures that floors speak of, by name."""
        made: dict[str, float] = {}
        for kind in ("companies", "accelerators", "themes"):
            made[f"{kind}_f1"] = self.presence.get(kind, Counts()).f1
            made[f"{kind}_about_f1"] = self.about.get(kind, Counts()).f1
        made["companies_listed_p"], made["companies_unlisted_p"] = self.listed.precision, self.unlisted.precision
        made["companies_right_id"] = self.right_id.get("companies", 1.0)
        made["themes_macro_f1"] = self.themes_macro_f1
        made["prices_amount_f1"] = self.prices_amount.f1
        made["prices_amount_unit_f1"] = self.prices_amount_unit.f1
        made["traps_refused"] = 1 - self.traps_tagged / self.traps if self.traps else 1.0
        return made


def evaluate(gold: Iterable[Record], outputs: Iterable[Record]) -> Report:
    """Return the figures of `outputs` (objects as `tag-text` prints them) against `gold`."""
    golds = {g["id"]: g for g in gold}
    outs = {o["id"]: o for o in outputs}
    report = Report(documents=len(golds), missing=sorted(str(i) for i in set(golds) - set(outs)))
    for gold_kind, tag_kind in _NAME_KINDS:
        _score_names(report, golds, outs, gold_kind, tag_kind)
    _score_themes(report, golds, outs)
    for doc, record in golds.items():
        prices = outs.get(doc, {}).get("prices", [])
        _score_prices(report.prices_amount, record["prices"], prices, with_unit=False)
        report.errors += _score_prices(
            report.prices_amount_unit, record["prices"], prices, with_unit=True, doc=str(doc)
        )
        _score_traps(report, record, _tags(outs, doc))
    return report


def _tags(outs: Mapping[Any, Record], doc: object) -> list[Record]:
    return list(outs.get(doc, {}).get("tags", []))


def _fold(surface: str) -> str:
    return surface.strip().lower().removesuffix("'s").removesuffix("’s")


def _same(kind: str, gold: Record, tag: Record) -> bool:
    if gold["id"] == tag["id"] or (kind == "accelerators" and tag["id"].startswith(gold["id"] + "-")):
        return True
    return bool({_fold(s) for s in gold["surfaces"]} & {_fold(s) for s in tag.get("surfaces", [])})


def _score_names(
    report: Report, golds: Mapping[Any, Record], outs: Mapping[Any, Record], kind: str, tag_kind: str
) -> None:
    presence, about, right = Counts(), Counts(), 0
    entities: dict[str, Counts] = defaultdict(Counts)
    for doc, gold in golds.items():
        tags = [t for t in _tags(outs, doc) if t["kind"] == tag_kind]
        used: set[int] = set()
        for label in gold[kind]:
            hits = [i for i, t in enumerate(tags) if _same(kind, label, t)]
            used.update(hits)
            if label.get("role") in _OPTIONAL_ROLES:
                continue
            _count(presence, entities[label["id"]], found=bool(hits))
            if kind == "companies":
                _count_origin(report, [_is_listed(tags[i]) for i in hits])
            right += any(tags[i]["id"] == label["id"] for i in hits)
            _count_about(about, gold=bool(label.get("about")), tagged=any(tags[i].get("about") for i in hits))
            _note_label(report, kind, doc, label, [tags[i] for i in hits])
        for i, tag in enumerate(tags):
            if i not in used:
                presence.fp += 1
                entities[tag["id"]].fp += 1
                about.fp += bool(tag.get("about"))
                if kind == "companies":
                    (report.listed if _is_listed(tag) else report.unlisted).fp += 1
                report.errors.append(Error(kind, "false", str(doc), tag["id"], _words(tag)))
    report.presence[kind], report.about[kind] = presence, about
    report.right_id[kind] = right / presence.tp if presence.tp else 1.0
    report.per_entity.update({(kind, entity): counts for entity, counts in sorted(entities.items())})


def _is_listed(tag: Record) -> bool:
    return bool(tag.get("listed", True))


def _words(found: Record) -> str:
    return ", ".join(found.get("surfaces", ()))


def _count_origin(report: Report, listed: list[bool]) -> None:
    """Count one label by the origins of the tags that match it."""
    _count(report.listed, found=any(listed))
    if not any(listed):
        _count(report.unlisted, found=bool(listed))


def _note_label(report: Report, kind: str, doc: object, label: Record, hits: list[Record]) -> None:
    if not hits:
        report.errors.append(Error(kind, "missed", str(doc), label["id"], _words(label)))
    elif not any(tag["id"] == label["id"] for tag in hits):
        report.errors.append(Error(kind, "wrong id", str(doc), label["id"], f"tagged {hits[0]['id']}"))


def _count(*counters: Counts, found: bool) -> None:
    for counts in counters:
        if found:
            counts.tp += 1
        else:
            counts.fn += 1


def _count_about(counts: Counts, *, gold: bool, tagged: bool) -> None:
    counts.tp += gold and tagged
    counts.fn += gold and not tagged
    counts.fp += tagged and not gold


def _score_themes(report: Report, golds: Mapping[Any, Record], outs: Mapping[Any, Record]) -> None:
    presence, about = Counts(), Counts()
    per: dict[str, Counts] = defaultdict(Counts)
    for doc, gold in golds.items():
        tags = {t["id"]: t for t in _tags(outs, doc) if t["kind"] == "theme"}
        want = {g["id"]: g for g in gold["themes"]}
        for theme in sorted(set(tags) | set(want)):
            for counts in (presence, per[theme]):
                counts.tp += theme in tags and theme in want
                counts.fp += theme in tags and theme not in want
                counts.fn += theme not in tags and theme in want
            if (theme in tags) != (theme in want):
                evidence = str((tags.get(theme) or want[theme]).get("evidence") or "")
                report.errors.append(Error("themes", "false" if theme in tags else "missed", str(doc), theme, evidence))
            tagged = bool(tags.get(theme, {}).get("about"))
            _count_about(about, gold=bool(want.get(theme, {}).get("about")), tagged=tagged)
    report.presence["themes"], report.about["themes"] = presence, about
    report.per_theme = dict(sorted(per.items()))


def _score_prices(
    counts: Counts, golds: Iterable[Record], prices: Iterable[Record], *, with_unit: bool, doc: str = ""
) -> list[Error]:
    left, errors = list(prices), []
    for gold in sorted(golds, key=lambda g: bool(g.get("optional"))):
        hit = next(
            (p for p in left if _same_amount(gold, p) and (not with_unit or p.get("unit") == gold["unit"])), None
        )
        if hit is not None:
            left.remove(hit)
            counts.tp += not gold.get("optional")
        elif not gold.get("optional"):
            counts.fn += 1
            errors.append(Error("prices", "missed", doc, gold["unit"], str(gold.get("quote") or gold["value"])))
    counts.fp += len(left)
    return errors + [Error("prices", "false", doc, str(p.get("unit")), str(p.get("quote"))) for p in left]


def _same_amount(gold: Record, price: Record) -> bool:
    value = gold["value"]
    amounts = (price.get("amount"), price.get("amount_max"))
    if amounts[0] is None:
        return False
    return any(a is not None and abs(a - value) <= _AMOUNT_TOLERANCE * abs(value) for a in amounts)


def _score_traps(report: Report, gold: Record, tags: list[Record]) -> None:
    real = {_fold(s) for kind, _ in _NAME_KINDS for label in gold[kind] for s in label["surfaces"]}
    found = {_fold(s) for t in tags if t["kind"] in ("company", "accelerator") for s in t.get("surfaces", [])}
    for trap in gold.get("traps", []):
        surface = _fold(trap["surface"])
        if surface in real:
            continue
        report.traps += 1
        if surface in found:
            report.traps_tagged += 1
            report.errors.append(Error("traps", "false", str(gold["id"]), trap["surface"], str(trap.get("why", ""))))


def check_floors(report: Report, floors: Mapping[str, float]) -> list[str]:
    """Return a line for every figure under its floor, and for every floor whose figure does not exist."""
    figures = report.figures()
    problems = []
    for name, floor in floors.items():
        if name not in figures:
            problems.append(f"{name}: no such figure; known: {', '.join(sorted(figures))}")
        elif figures[name] < floor:
            problems.append(f"{name}: {figures[name]:.3f} is under the floor of {floor:.3f}")
    return problems
