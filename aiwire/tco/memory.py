"""How much memory serving a model needs, and whether that fits. Pure: numbers in, numbers out.

On each accelerator, of n that share the model by tensor parallelism:

    need = weights / n + cache + state / n + overhead

    weights  = parameters x bits of the precision / 8
    cache    = sequences x (values a layer keeps of a token x tokens kept, added up over the layers) x bits / 8
               grouped-query attention: KV heads are dealt out, ceil(heads / n) to each; where there are more
               accelerators than heads, heads are held several times. A compressed cache (MLA) is held by each.
    state    = sequences x state of the layers without a growing cache
    overhead = max(20 % of the weights held, 2.5 GB): activations, compute buffers, runtime, matrices left in 16 bits

GB are 10^9 bytes. Memory sizes are taken as decimal GB, too, though many are GiB (7 % more): the safe side.
Training and LoRA are out of scope: they need gradients and optimiser states as well.
Sources: the share of 20 % is the factor 1.2 of PyPI hf-vram-calc 1.0.9 (calculator.py) and janhq/jan#1432, and covers
more than they meant where the cache is counted apart, as here. Its least amount is the compute buffer that was measured
once, 2.4 GB (DeepSeek-V2-Lite at 32K tokens, ollama/ollama#17201), rounded up. Both can be given.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from aiwire.exceptions import ConfigError
from aiwire.tco.shapes import ModelShape

__all__ = ["BITS", "MOST_ACCELERATORS", "Fit", "Need", "Serving", "Verdict", "fits", "least_accelerators", "needed"]

# bits per value, scales of blocks included
BITS = {
    "fp32": 32.0,
    "bf16": 16.0,
    "fp16": 16.0,
    "fp8": 8.0,  # one scale for a matrix, or for a block of 128 x 128: nothing that counts
    "int8": 8.5,  # a 16-bit scale per 32 values (llama.cpp Q8_0: 34 bytes per 32)
    "fp4": 4.5,  # an 8-bit scale per 16 values (NVFP4)
    "mxfp4": 4.25,  # an 8-bit scale per 32 values (OCP Microscaling Formats 1.0)
    "int4": 4.5,  # a 16-bit scale per 32 values (llama.cpp Q4_0: 18 bytes per 32); groups of 128 take less
}
OVERHEAD_SHARE = 0.2
OVERHEAD_GB = 2.5
HEADROOM = 0.1  # of the memory: what vLLM leaves alone (its gpu_memory_utilization is 0.9)
MOST_ACCELERATORS = 1024
_MOST_TOKENS = 100_000_000
_MOST_SEQUENCES = 1_000_000

Verdict = Literal["yes", "tight", "no"]  # tight: it fits, but into the headroom


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is served.

    Raises:
        ConfigError: a value is none that can be; the message says which and what is accepted.
    """

    precision: str = "bf16"  # of the weights: a name of BITS
    context: int = 8192  # tokens of one sequence, prompt and answer
    sequences: int = 1  # at the same time
    kv_precision: str = "bf16"  # of the cache
    windows: bool = True  # the engine drops what has left a sliding window
    overhead_share: float = OVERHEAD_SHARE  # of the weights
    overhead_gb: float = OVERHEAD_GB  # per accelerator, at least

    def __post_init__(self) -> None:
        """Refuse what cannot be served."""
        for name in ("precision", "kv_precision"):
            if getattr(self, name) not in BITS:
                raise ConfigError(f"{name} must be one of {', '.join(BITS)}, not {getattr(self, name)!r}")
        for name, most in (("context", _MOST_TOKENS), ("sequences", _MOST_SEQUENCES)):
            _whole(name, getattr(self, name), most)
        for name in ("overhead_share", "overhead_gb"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} must be a number from 0 up, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Need:
    """Memory that one accelerator needs, in GB (10^9 bytes)."""

    weights_gb: float
    cache_gb: float
    state_gb: float
    overhead_gb: float

    @property
    def total_gb(self) -> float:
        """Everything together."""
        return self.weights_gb + self.cache_gb + self.state_gb + self.overhead_gb


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model can be served, and how far that goes. The limits are those without touching the headroom."""

    verdict: Verdict
    need: Need
    accelerators: int
    memory_gb: float  # of one accelerator
    usable_gb: float  # without the headroom
    largest_context: int  # tokens, with these sequences, up to what the model knows; 0: none fits
    largest_sequences: int  # with this context; 0: none fits
    least_accelerators: int | None  # that suffice; None: no number up to MOST_ACCELERATORS does
    remarks: tuple[str, ...]


def needed(shape: ModelShape, serving: Serving, *, accelerators: int = 1) -> Need:
    """Return what each of some accelerators needs.

    Raises:
        ConfigError: the number of accelerators is not from 1 to MOST_ACCELERATORS.
    """
    _whole("accelerators", accelerators, MOST_ACCELERATORS)
    weights = shape.params_b * BITS[serving.precision] / 8 / accelerators
    tokens = shape.cached_tokens(serving.context, windows=serving.windows)
    cache = serving.sequences * tokens * shape.values_per_token * BITS[serving.kv_precision] / 8 / 1e9
    return Need(
        weights_gb=weights,
        cache_gb=cache * _cache_share(shape, accelerators),
        state_gb=serving.sequences * (shape.state_bytes or 0) / 1e9 / accelerators,
        overhead_gb=max(weights * serving.overhead_share, serving.overhead_gb),
    )


def fits(shape: ModelShape, serving: Serving, *, memory_gb: float, accelerators: int = 1) -> Fit:
    """Return whether a model can be served on some accelerators with so much memory each.

    Args:
        shape: of the model.
        serving: how it is to be served.
        memory_gb: of one accelerator, as it is printed: GB or GiB, taken as GB.
        accelerators: how many share the model.

    Raises:
        ConfigError: memory or number are none that can be.
    """
    if isinstance(memory_gb, bool) or not 0 < memory_gb < math.inf:
        raise ConfigError(f"memory_gb must be a number above 0, not {memory_gb!r}")
    need = needed(shape, serving, accelerators=accelerators)
    usable = memory_gb * (1 - HEADROOM)

    def fits_with(changed: Serving) -> bool:
        return needed(shape, changed, accelerators=accelerators).total_gb <= usable

    return Fit(
        verdict="yes" if need.total_gb <= usable else "tight" if need.total_gb <= memory_gb else "no",
        need=need,
        accelerators=accelerators,
        memory_gb=memory_gb,
        usable_gb=usable,
        largest_context=_largest(
            lambda tokens: fits_with(replace(serving, context=tokens)), shape.max_context or _MOST_TOKENS
        ),
        largest_sequences=_largest(lambda many: fits_with(replace(serving, sequences=many)), _MOST_SEQUENCES),
        least_accelerators=least_accelerators(shape, serving, memory_gb=memory_gb),
        remarks=_remarks(shape, serving),
    )


def least_accelerators(shape: ModelShape, serving: Serving, *, memory_gb: float) -> int | None:
    """Return how many suffice without touching the headroom; None: no number up to MOST_ACCELERATORS does."""
    usable = memory_gb * (1 - HEADROOM)

    def too_few(number: int) -> bool:
        return needed(shape, serving, accelerators=number).total_gb > usable

    number = _largest(too_few, MOST_ACCELERATORS) + 1  # more never need more each
    return number if number <= MOST_ACCELERATORS else None


def _cache_share(shape: ModelShape, accelerators: int) -> float:
    """Return the part of the cache that each holds: a latent vector belongs to all heads and cannot be dealt out."""
    if shape.compressed or not shape.kv_heads:
        return 1.0
    return math.ceil(shape.kv_heads / accelerators) / shape.kv_heads


def _largest(holds: Callable[[int], bool], most: int) -> int:
    """Return the largest number from 1 to `most` for which a falling condition holds; 0: it never does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _remarks(shape: ModelShape, serving: Serving) -> tuple[str, ...]:
    found = []
    if shape.max_context and serving.context > shape.max_context:
        found.append(f"the model knows {shape.max_context:,} tokens, fewer than asked for")
    if shape.window and not serving.windows:
        found.append(f"its windows of {shape.window:,} tokens are not made use of")
    if shape.state_layers and shape.state_bytes is None:
        found.append(f"the state of {shape.state_layers} layers is not counted: its size is not known")
    return tuple(found)


def _whole(name: str, value: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ConfigError(f"{name} must be a whole number from 1 to {most:,}, not {value!r}")
