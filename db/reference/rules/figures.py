"""Rules of the figures of parts: rates, memory, bandwidth, power, launch price.

A row is compared with the other rows that are checked and, where those do not say it, with what holds in the tables:
so that a single row that a refresh or a user brings is judged as well as a whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from db.reference.rules.types import Check, Context, FamilyRange, KnownRate, Row, Rule, holds, number

__all__ = ["FIGURE_RULES"]

_PRECISIONS = {
    "fp16_bf16_dense_tflops": "fp16_bf16",
    "fp8_dense_tflops": "fp8",
    "fp4_dense_tflops": "fp4",
    "int8_dense_tops": "int8",
}
_NEAR = 0.01  # sources round: 1978.9 and 1979
_DOUBLING = 2.03  # halving the width doubles the rate; the rest is rounding (L40S: 733 against 362)

# watts of one part, by segment: below is a slip of the unit, above the power of a server or rack
_WATTS = {
    "datacenter": (5, 3000), "cloud-only": (50, 3000), "internal": (5, 3000), "workstation": (20, 700),
    "consumer": (20, 700), "edge": (2, 150),
}  # fmt: skip
_RATE = (1.0, 50_000.0)  # TFLOPS or TOPS of one part: a wafer has 15,000; beyond is a rack, or GFLOPS
_JUMP = 2.5  # by which sources differ at most where both can be right; hardware that is sold does not change
_DOLLARS = (50.0, 100_000.0)  # below is a price per hour or month, above one of a server


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two rates of a part: how many times as fast the narrow number format is as the wide one, at least and at most."""

    wide: str
    narrow: str
    usual: tuple[float, float]
    others: Mapping[str, tuple[float, float]]  # by part or vendor, the part first


_FP16, _FP8, _FP4, _INT8 = _PRECISIONS
_DOUBLES = (1.8, _DOUBLING)  # tensor cores of GPUs; there a ratio of 1 means that the wide one is sparse
_FOUR = (0.99, 4.1)  # chips for inference: Groq 750 TOPS against 188 TFLOPS, Kunlun 256 against 64
_PAIRS = (
    _Pair(
        _FP16, _FP8, (0.99, _DOUBLING),
        # Trainium3: 2517 against 671, by its vendor's documents; Rubin: 17500 against 4000, as announced
        {"NVIDIA": _DOUBLES, "AMD": _DOUBLES, "aws-trainium3": (0.99, 3.8), "nvidia-rubin": (1.8, 4.5)},
    ),
    _Pair(
        _FP8, _FP4, (0.99, _DOUBLING),
        # Blackwell Ultra is faster in FP4 alone: 12600 against 4500, 15000 against 5000
        {"NVIDIA": _DOUBLES, "AMD": _DOUBLES, "nvidia-b300-sxm": (1.8, 3.4), "nvidia-gb300": (1.8, 3.1)},
    ),
    _Pair(
        _FP16, _INT8, (0.99, _DOUBLING),
        # Rubin has less INT8 than FP16, as announced
        {
            "NVIDIA": _DOUBLES, "nvidia-rubin": (0.5, _DOUBLING),
            "Groq": _FOUR, "Baidu Kunlunxin": _FOUR, "Cambricon": _FOUR, "Iluvatar CoreX": _FOUR,
        },
    ),
)  # fmt: skip


class _Figures:
    """The figures in use: those of the rows that are checked, else those that hold in the tables."""

    def __init__(self, rows: Sequence[Row], context: Context) -> None:
        held = [row for row in context.tables.get("accelerator_facts", ()) if _in_use(row)]
        self.held = {_key(row): number(row["value"]) for row in held}
        self.now = self.held | {_key(row): number(row["value"]) for row in rows if _in_use(row)}
        self.parts = {str(row["id"]): row for row in context.tables.get("accelerators", ())}

    def get(self, part: str, fact: str) -> float | None:
        """Return a figure of a part; None: unknown."""
        return self.now.get((part, fact))

    def vendor(self, part: str) -> str:
        """Return the vendor of a part; empty: unknown."""
        return str(self.parts.get(part, {}).get("vendor") or "")


def _in_use(row: Row) -> bool:
    return row.get("standing") == "used" and holds(row)


def _is_told(row: Row) -> bool:
    """Tell whether readers see a figure: what differs makes the range of `aiwire tco`, as what is in use does."""
    return row.get("standing") in ("used", "differs") and holds(row)


def _key(row: Row) -> tuple[str, str]:
    return str(row["accelerator_id"]), str(row["fact"])


def _known_rate(kind: str) -> Check:
    """Make a check that no dense rate is one of the known rates of a kind."""

    def check(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
        known: dict[tuple[str, str], list[KnownRate]] = {}
        for rate in context.known_rates:
            if rate.rate == kind:
                known.setdefault((rate.accelerator_id, rate.precision), []).append(rate)
        for index, row in enumerate(rows):
            value, precision = number(row["value"]), _PRECISIONS.get(str(row["fact"]))
            if precision is None or value is None or row["standing"] == "rejected" or not holds(row):
                continue
            for rate in known.get((str(row["accelerator_id"]), precision), ()):
                if abs(value - rate.tflops) <= _NEAR * rate.tflops:
                    yield index, f"{row['fact']} {value:g} is the {kind} rate {rate.tflops:g} ({rate.source})"

    return check


def _doubled(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    """A new rate that is twice or half of the one that holds is sparse where it should be dense, or was before."""
    held = _Figures((), context).held
    for index, row in enumerate(rows):
        value, before = number(row["value"]), held.get(_key(row))
        if row["fact"] not in _PRECISIONS or not _in_use(row) or value is None or not before:
            continue
        for factor, what in ((2.0, "twice"), (4.0, "four times"), (0.5, "half")):
            if abs(value - factor * before) <= _NEAR * factor * before:
                yield index, f"{row['fact']} {value:g} is {what} the {before:g} that holds: one of them may be sparse"


def _jumped(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    held = _Figures((), context).held
    for index, row in enumerate(rows):
        value, before = number(row["value"]), held.get(_key(row))
        if row["fact"] == "launch_price_usd" or not _in_use(row) or not value or not before:
            continue
        if not 1 / _JUMP <= value / before <= _JUMP:
            yield index, f"{row['fact']} {value:g} is {value / before:.3g} times the {before:g} that holds"


def _rates(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    low, high = _RATE
    for index, row in enumerate(rows):
        value = number(row["value"])
        if row["fact"] in _PRECISIONS and _is_told(row) and value is not None and not low <= value <= high:
            yield index, f"{row['fact']} {value:g} is outside of {low:g} to {high:g} for one part"


def _ratios(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    figures = _Figures(rows, context)
    said: set[tuple[str, str, str]] = set()  # both rows of a pair would say the same
    for index, row in enumerate(rows):
        if row["fact"] not in _PRECISIONS or not _in_use(row):
            continue
        part = str(row["accelerator_id"])
        for pair in _PAIRS:
            wide, narrow = figures.get(part, pair.wide), figures.get(part, pair.narrow)
            if row["fact"] not in (pair.wide, pair.narrow) or not wide or not narrow:
                continue
            least, most = pair.others.get(part, pair.others.get(figures.vendor(part), pair.usual))
            name = (part, pair.wide, pair.narrow)
            if not least <= narrow / wide <= most and name not in said:
                said.add(name)
                ratio = f"{pair.narrow} {narrow:g} is {narrow / wide:.2f} times {pair.wide} {wide:g}"
                yield index, f"{ratio}, not {least:g} to {most:g}: one of them may be sparse"


def _within(fact: str, ends: Callable[[FamilyRange], tuple[float | None, float | None]]) -> Check:
    """Make a check that a figure lies within the range of its part or family."""

    def check(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
        for index, row in enumerate(rows):
            value = number(row["value"])
            known = context.range_of(str(row["accelerator_id"]))
            if row["fact"] != fact or not _is_told(row) or value is None or known is None:
                continue
            low, high = ends(known)
            if low is not None and high is not None and not low <= value <= high:
                of = known.accelerator_id or known.family_id
                yield index, f"{fact} {value:g} is outside of {low:g} to {high:g}, the range of {of}"

    return check


def _has_range(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    for index, row in enumerate(rows):
        family = context.family_of.get(str(row["accelerator_id"]))
        if row["fact"] not in ("memory_gb", "bandwidth_gbs") or not _in_use(row) or family is None:
            continue
        known = context.range_of(str(row["accelerator_id"]))
        low = known and (known.memory_gb_low if row["fact"] == "memory_gb" else known.bandwidth_gbs_low)
        if low is None:
            yield index, f"no range is known for {row['fact']} of {family}: nothing would catch a slip"


def _watts(rows: Sequence[Row], context: Context) -> Iterator[tuple[int, str]]:
    segments = {str(row["id"]): str(row["segment"]) for row in context.tables.get("accelerators", ())}
    for index, row in enumerate(rows):
        value, band = number(row["value"]), _WATTS.get(segments.get(str(row["accelerator_id"]), ""))
        if row["fact"] != "tdp_w" or not _is_told(row) or value is None or band is None:
            continue
        if not band[0] <= value <= band[1]:
            yield index, f"{value:g} W is outside of {band[0]} to {band[1]} W for one part of its segment"


def _launch_price(rows: Sequence[Row], _: Context) -> Iterator[tuple[int, str]]:
    low, high = _DOLLARS
    for index, row in enumerate(rows):
        value = number(row["value"])
        if row["fact"] == "launch_price_usd" and _is_told(row) and value is not None and not low <= value <= high:
            yield index, f"launch price ${value:g} is outside of ${low:g} to ${high:g} for one part"


_MEMORY = _within("memory_gb", lambda known: (known.memory_gb_low, known.memory_gb_high))
_BANDWIDTH = _within("bandwidth_gbs", lambda known: (known.bandwidth_gbs_low, known.bandwidth_gbs_high))
_POWER = _within("tdp_w", lambda known: (known.tdp_w_low, known.tdp_w_high))
_FACTS = "accelerator_facts"

FIGURE_RULES: tuple[Rule, ...] = (
    Rule(
        "rate-not-sparse", _FACTS, "data sheets print rates with sparsity: twice the dense ones", _known_rate("sparse")
    ),
    Rule("rate-not-vector", _FACTS, "lists of GPUs give the rate of the vector units as FP16", _known_rate("vector")),
    Rule("rate-not-doubled", _FACTS, "twice the value that holds is most often the sparse rate", _doubled),
    Rule("rate-in-band", _FACTS, "outside is the rate of a rack, or GFLOPS", _rates),
    Rule("figure-not-jumped", _FACTS, "hardware that is sold does not change; units slip", _jumped),
    Rule("rate-ratios", _FACTS, "hardware doubles from format to format; four times is sparse", _ratios),
    Rule("memory-in-range", _FACTS, "outside is the memory of one die, of a board or of another part", _MEMORY),
    Rule("bandwidth-in-range", _FACTS, "outside is that of one die, of an instance, or another unit", _BANDWIDTH),
    Rule("range-known", _FACTS, "without a range of its family nothing catches a slip", _has_range, whole=True),
    Rule("power-in-band", _FACTS, "outside is the power of a server or rack, or kilowatts", _watts),
    Rule("power-in-range", _FACTS, "outside is the power of a superchip, or of another part of the family", _POWER),
    Rule("launch-price-in-band", _FACTS, "outside is the price of a server, or of an hour", _launch_price),
)
