"""What is doubtful in the shipped data, though it can be loaded. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nlp.gazetteer import AliasRule, Lexicon

__all__ = ["lint"]


def lint(lexicon: Lexicon) -> list[str]:
    """Return what is doubtful in the data, one line each; the tests want none."""
    return [
        *_lint_shared_aliases(lexicon),
        *_lint_common_words(lexicon),
        *_lint_references(lexicon),
        *_lint_surfaces(lexicon),
        *_lint_examples(lexicon),
    ]


def _lint_shared_aliases(lexicon: Lexicon) -> Iterator[str]:
    owners: dict[tuple[str, str], dict[str, list[AliasRule]]] = {}
    for record in lexicon.records:
        for rule in record.aliases:
            key = (record.entity.kind, rule.surface.lower())
            owners.setdefault(key, {}).setdefault(record.entity.id, []).append(rule)
    for (kind, surface), by_id in owners.items():
        rules = [r for found in by_id.values() for r in found]
        if len(by_id) > 1 and any(r.policy != "context" for r in rules) and not _told_apart_by_case(rules):
            yield f"{kind} alias {surface!r} is shared by {', '.join(sorted(by_id))}: give each the policy 'context'"


def _told_apart_by_case(rules: list[AliasRule]) -> bool:
    return all(r.policy != "any" for r in rules) and len({r.surface for r in rules}) == len(rules)


def _lint_common_words(lexicon: Lexicon) -> Iterator[str]:
    for record in lexicon.records:
        for rule in record.aliases:
            if rule.policy == "any" and rule.surface.lower() in lexicon.common_words:
                yield f"{record.where}: {rule.surface!r} is a common word: give it the policy 'context'"


def _lint_references(lexicon: Lexicon) -> Iterator[str]:
    kinds = {r.entity.id: r.entity.kind for r in lexicon.records}
    for record in lexicon.records:
        parent = record.entity.parent
        if parent is not None and kinds.get(parent) != "company":
            yield f"{record.where}: parent {parent!r} is no company of companies.jsonl"
        for implied in record.implies:
            if kinds.get(implied) != "accelerator":
                yield f"{record.where}: implies {implied!r}, which is no accelerator family"


def _lint_surfaces(lexicon: Lexicon) -> Iterator[str]:
    for record in lexicon.records:
        seen: set[str] = set()
        for rule in record.aliases:
            surface = rule.surface
            if not any(c.isalnum() for c in surface) or "  " in surface or "\n" in surface or "’" in surface:
                yield f"{record.where}: alias {surface!r} can never match (spaces are single, the apostrophe is ')"
            if surface.endswith("'s") and surface != record.entity.name:  # but "Moody's" is the name
                yield f"{record.where}: alias {surface!r} must be the bare name"
            if surface in seen:
                yield f"{record.where}: alias {surface!r} is given twice"
            seen.add(surface)
            if rule.policy != "context" and rule.prior:
                yield f"{record.where}: {surface!r} has a prior, which only the policy 'context' uses"


def _lint_examples(lexicon: Lexicon) -> Iterator[str]:
    for record in lexicon.records:
        for rule in record.aliases:
            if rule.policy == "context" and not (rule.positive and rule.negative):
                yield f"{record.where}: context alias {rule.surface!r} needs example sentences in 'pos' and 'neg'"
    for theme in lexicon.themes:
        if len(theme.positive) < 3 or len(theme.negative) < 3:
            yield f"{theme.where}: theme {theme.entity.id!r} needs three example sentences in 'pos' and in 'neg'"
