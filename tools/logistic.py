"""Logistic regression over features that hold or do not: fit, cross-validate, compare. Plain Python, deterministic."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Case", "Figures", "Weights", "cross_validate", "figures", "fit", "solve", "table"]

FOLDS = 5
SURE = (0.98, 0.99)  # precisions that names must have
NEWTON_STEPS = 40

Weights = Mapping[str, float]  # log-odds by feature; "bias" holds always


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is meant or not, as its features and a prior tell."""

    features: frozenset[str]
    meant: bool
    prior: float = 0.0  # log-odds that no weight changes
    weight: float = 1.0  # how much it counts
    groups: tuple[str, ...] = ()  # what must not be in two folds, by way of folding


@dataclass(frozen=True, slots=True)
class Figures:
    """How well probabilities tell what is meant, with 0.5 or another threshold."""

    precision: float
    recall: float
    log_loss: float  # nats a case
    sure: tuple[tuple[float, float], ...]  # for each of SURE the best recall at that precision, and its threshold

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def probability(case: Case, weights: Weights) -> float:
    """Return how likely the case is meant."""
    score = case.prior + weights.get("bias", 0.0) + sum(weights.get(name, 0.0) for name in case.features)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def fit(cases: Sequence[Case], centre: Weights, penalty: float) -> dict[str, float]:
    """Return the weights of the features of `centre` that fit the cases best, by Newton's method.

    The L2 penalty draws each weight (but the bias) towards its value in `centre`: zero, or what was set by hand.
    """
    names = ["bias", *(name for name in centre if name != "bias")]
    index = {name: i for i, name in enumerate(names)}
    rows = [([0, *(index[name] for name in case.features if name in index)], case) for case in cases]
    middle = [centre.get(name, 0.0) for name in names]
    weights = list(middle)
    for _ in range(NEWTON_STEPS):
        pull = [1e-3] + [penalty] * (len(names) - 1)
        gradient = [-p * (w - m) for p, w, m in zip(pull, weights, middle, strict=True)]
        hessian = [[pull[i] * (i == j) for j in range(i + 1)] for i in range(len(names))]
        for active, case in rows:
            score = case.prior + sum(weights[i] for i in active)
            likely = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
            slope, curve = case.weight * (case.meant - likely), case.weight * likely * (1 - likely)
            for i in active:
                gradient[i] += slope
                for j in active:
                    if j <= i:
                        hessian[i][j] += curve
        step = solve(hessian, gradient)
        weights = [w + s for w, s in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-8:
            break
    return dict(zip(names, weights, strict=True))


def solve(lower: list[list[float]], right: Sequence[float]) -> list[float]:
    """Return x of Ax = `right` by Cholesky's method; `lower` is the lower half of the symmetric A."""
    size = len(right)
    factor = [[0.0] * size for _ in range(size)]
    half = [0.0] * size
    for i in range(size):
        for j in range(i + 1):
            rest = lower[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            factor[i][j] = math.sqrt(rest) if i == j else rest / factor[j][j]
        half[i] = (right[i] - sum(factor[i][k] * half[k] for k in range(i))) / factor[i][i]
    solved = [0.0] * size
    for i in reversed(range(size)):
        solved[i] = (half[i] - sum(factor[k][i] * solved[k] for k in range(i + 1, size))) / factor[i][i]
    return solved


def cross_validate(
    cases: Sequence[Case], way: int, learn: Callable[[Sequence[Case]], Weights]
) -> Iterator[tuple[Case, float]]:
    """Yield each case with its probability by weights that never saw its group (of `way`)."""
    groups = sorted({case.groups[way] for case in cases})
    random.Random(7).shuffle(groups)
    for number in range(FOLDS):
        held = set(groups[number::FOLDS])
        weights = learn([case for case in cases if case.groups[way] not in held])
        for case in cases:
            if case.groups[way] in held:
                yield case, probability(case, weights)


def figures(judged: Sequence[tuple[Case, float]], threshold: float = 0.5) -> Figures:
    """Return precision, recall and log-loss; each case counts by its weight."""
    total = sum(case.weight for case, _ in judged)
    meant = sum(case.weight for case, _ in judged if case.meant)
    loss = -sum(case.weight * math.log(max(1e-9, likely if case.meant else 1 - likely)) for case, likely in judged)
    right = said = 0.0
    sure = [(0.0, 1.0)] * len(SURE)
    precision, recall = 1.0, 0.0
    ranked = sorted(judged, key=lambda one: -one[1])
    for number, (case, likely) in enumerate(ranked):
        said += case.weight
        right += case.weight * case.meant
        if number + 1 < len(ranked) and ranked[number + 1][1] == likely:
            continue  # a threshold cannot part them
        sure = [
            (right / meant, likely) if right >= wanted * said else so_far
            for wanted, so_far in zip(SURE, sure, strict=True)
        ]
        if likely >= threshold:
            precision, recall = right / said, right / meant
    return Figures(precision, recall, loss / total, tuple(sure))


def table(rows: Sequence[tuple[str, Figures]]) -> str:
    """Return a line per row, to print."""
    at = "".join(f"{f'R at P {wanted}':>12}" for wanted in SURE)
    lines = [f"{'':58}{'P':>7}{'R':>7}{'F1':>7}{'log-loss':>10}{at}"]
    for name, f in rows:
        recalls = "".join(f"{recall:12.3f}" for recall, _ in f.sure)
        lines.append(f"{name:58}{f.precision:7.3f}{f.recall:7.3f}{f.f1:7.3f}{f.log_loss:10.4f}{recalls}")
    return "\n".join(lines)
