"""The shape of a language model: what the memory that it needs follows from. Pure: read a configuration, count.

A configuration is the `config.json` of a Hugging Face repository, as a mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiwire.exceptions import InputError
from aiwire.tco.parameters import NEEDED, PLAIN, count_parameters

__all__ = ["ModelShape", "precision_of", "shape_from_config"]

Config = Mapping[str, Any]

# what makes the cache differ from layer to layer in ways that `ModelShape` has no words for
_UNKNOWN_CACHES = (
    "compress_ratios", "cross_attention_layers", "global_head_dim", "linear_attn_config", "swa_num_key_value_heads",
)  # fmt: skip
_FULL = ("full_attention", "attention", "global")
_WINDOWED = ("sliding_attention", "chunked_attention", "local")
_STATE = ("linear_attention", "mamba", "mamba2", "recurrent")
_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
# words in the names of ways to quantise -> precision of the weights; the first that is found counts
_METHODS = (
    (("mxfp4",), "mxfp4"),
    (("nvfp4",), "fp4"),
    (("int4", "w4a"), "int4"),
    (("fp8", "float8"), "fp8"),
    (("int8", "w8a", "eetq"), "int8"),
)  # fmt: skip
# by model_type: one layer in so many is without a window, where the configuration leaves it to the code
_DEFAULT_PATTERN = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6}


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A row of `model_shapes`, and what only a configuration tells.

    Raises:
        InputError: the figures contradict each other, or one that is needed is missing.
    """

    name: str
    params_b: float  # billions, all experts counted
    layers: int
    kv_heads: int | None = None  # None where kv_lora_rank is set
    head_dim: int | None = None
    kv_lora_rank: int | None = None  # compressed cache (multi-head latent attention): per layer and token
    rope_head_dim: int | None = None  # what such a cache keeps beside
    window: int | None = None  # tokens that a layer with a sliding window sees
    full_layers: int | None = None  # layers without a window, where others have one
    state_layers: int = 0  # layers whose cache does not grow with the context
    max_context: int | None = None  # tokens
    index_head_dim: int = 0  # keys that sparse attention searches, per layer and token
    state_bytes: float | None = None  # of all state layers, per sequence; None: not known

    def __post_init__(self) -> None:
        """Refuse what cannot be a model."""
        for name in ("params_b", "layers"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"{self.name}: {name} must be greater than 0")
        if not ((self.kv_lora_rank and self.rope_head_dim) or (self.kv_heads and self.head_dim)):
            raise InputError(
                f"{self.name}: its cache is not known: give kv_heads and head_dim, or kv_lora_rank and rope_head_dim"
            )
        if self.window is not None and self.full_layers is None:
            raise InputError(f"{self.name}: has a window: full_layers must say how many layers are without (0: none)")
        if self.state_layers + (self.full_layers or 0) > self.layers:
            raise InputError(f"{self.name}: full_layers and state_layers are more than its {self.layers} layers")

    @property
    def compressed(self) -> bool:
        """Whether the cache is that of multi-head latent attention."""
        return self.kv_lora_rank is not None

    @property
    def values_per_token(self) -> int:
        """Values that one layer keeps of one token.

        Key and value of each KV head (2 x kv_heads x head_dim), or the latent vector with its rotary part
        (kv_lora_rank + qk_rope_head_dim; DeepSeek-V2, arXiv:2405.04434, section 2.1.3).
        """
        if self.kv_lora_rank is not None and self.rope_head_dim is not None:
            return self.kv_lora_rank + self.rope_head_dim + self.index_head_dim
        return 2 * (self.kv_heads or 0) * (self.head_dim or 0) + self.index_head_dim

    def cached_tokens(self, context: int, *, windows: bool = True) -> int:
        """Return the tokens that one sequence keeps, added up over all layers.

        Args:
            context: tokens of the sequence, prompt and answer.
            windows: whether the engine drops what has left a window; many keep it.
        """
        growing = self.layers - self.state_layers
        if self.window is None or not windows:
            return growing * context
        full = self.full_layers or 0
        return full * context + (growing - full) * min(context, self.window)


def shape_from_config(config: Config, *, name: str, params_b: float | None = None) -> ModelShape:
    """Read a model's configuration.

    Args:
        config: the configuration; that of the text model where it is nested.
        name: for messages.
        params_b: parameters in billions; without it they are counted where the architecture is plain.

    Raises:
        InputError: something that is needed is missing, or the cache is of a kind that is not known here.
    """
    text = _text_config(config)
    _refuse_unknown(text, name)
    layers, cache = _integer(text, "num_hidden_layers", name), _cache(text, name)
    shape = ModelShape(
        name=name,
        params_b=params_b if params_b is not None else _counted(text, name),
        layers=layers,
        max_context=_optional(text, "max_position_embeddings", name),
        index_head_dim=_optional(text, "index_head_dim", name) or 0,
        **cache,
    )
    return _with_layers(shape, text)


def precision_of(config: Config, *, name: str) -> str | None:
    """Return the precision in which the weights are stored, by its name in `memory.BITS`; None: it is not said.

    Quantised checkpoints leave some matrices in 16 bits; that is not counted apart.

    Args:
        config: the configuration.
        name: for messages.

    Raises:
        InputError: the weights are quantised in a way that is not known here.
    """
    text = _text_config(config)
    quantized = config.get("quantization_config") or text.get("quantization_config")
    if quantized:
        return _quantized(quantized, name)
    dtype = str(text.get("dtype") or text.get("torch_dtype") or config.get("torch_dtype")).removeprefix("torch.")
    return "fp8" if dtype.startswith("float8") else _DTYPES.get(dtype)


def _quantized(said: object, name: str) -> str:
    precision = None
    if isinstance(said, Mapping):
        method = " ".join(str(said.get(key)) for key in ("quant_method", "quant_algo", "quant_type", "weights")).lower()
        precision = next((precision for words, precision in _METHODS if any(word in method for word in words)), None)
        precision = precision or _by_loading(said) or _by_bits(said)
    if precision is None:
        method = str(said.get("quant_method") if isinstance(said, Mapping) else said)[:60]
        raise InputError(
            f"{name}: its weights are quantised in a way that is not known here (quantization_config of {method!r}); "
            "give the precision that is nearest from above with --precision"
        )
    return precision


def _by_loading(said: Config) -> str | None:
    """Return what the keys of bitsandbytes say; its NF4 has a 32-bit scale per 64 values: the 4.5 bits of int4."""
    for bits, precision in ((4, "int4"), (8, "int8")):
        if said.get(f"load_in_{bits}bit") is True or said.get(f"_load_in_{bits}bit") is True:
            return precision
    return None


def _by_bits(said: Config) -> str | None:
    names = {8: "int8", 4: "int4"}
    bits = said.get("bits") or said.get("num_bits")
    groups = said.get("config_groups")
    if bits is None and isinstance(groups, Mapping):
        weights = [group["weights"] for group in groups.values() if isinstance(group, Mapping) and "weights" in group]
        if weights and isinstance(weights[0], Mapping):
            bits = weights[0].get("num_bits")
            names = {8: "fp8", 4: "fp4"} if weights[0].get("type") == "float" else names
    return names.get(bits) if isinstance(bits, int) else None


def _text_config(config: Config) -> Config:
    for key in ("text_config", "llm_config", "language_config"):
        nested = config.get(key)
        if isinstance(nested, Mapping):
            return nested
    return config


def _refuse_unknown(text: Config, name: str) -> None:
    found = [key for key in _UNKNOWN_CACHES if text.get(key)]
    if text.get("num_kv_shared_layers"):
        found.append("num_kv_shared_layers")
    if text.get("is_encoder_decoder"):
        found.append("is_encoder_decoder")
    if found:
        raise InputError(
            f"{name}: its cache is not known here ({', '.join(found)}): take the figures of the engine that serves it"
        )


def _counted(text: Config, name: str) -> float:
    if str(text.get("model_type")) in PLAIN:
        for key in NEEDED:
            _integer(text, key, name)
    counted = count_parameters(text)
    if counted is None:
        raise InputError(
            f"{name}: its parameters cannot be counted from the configuration of a {text.get('model_type')!r}; "
            "give them in billions with --params 70.6"
        )
    return counted.total / 1e9


def _integer(text: Config, key: str, name: str) -> int:
    value = text.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(
            f"{name}: {key} is {value!r}, but must be a whole number from 1; is this the config.json of an LLM?"
        )
    return value


def _optional(text: Config, key: str, name: str) -> int | None:
    """Return a whole number from 1, or None where there is none: left out, null, or 0 for "none"."""
    return _integer(text, key, name) if text.get(key) else None


def _cache(text: Config, name: str) -> dict[str, int]:
    """Return what a layer keeps of a token. head_dim need not be hidden_size / heads: it counts if it is given."""
    if text.get("kv_lora_rank"):
        return {
            "kv_lora_rank": _integer(text, "kv_lora_rank", name),
            "rope_head_dim": _integer(text, "qk_rope_head_dim", name),
        }
    heads = _integer(text, "num_attention_heads", name)
    head_dim = _optional(text, "head_dim", name) or -(-_integer(text, "hidden_size", name) // heads)
    kv_heads = _optional(text, "num_key_value_heads", name) or heads
    return {"kv_heads": kv_heads, "head_dim": max(head_dim, _optional(text, "v_head_dim", name) or 0)}


def _with_layers(shape: ModelShape, text: Config) -> ModelShape:
    """Tell apart layers with all of the context, with a window and with a state."""
    pattern = text.get("hybrid_override_pattern")
    if isinstance(pattern, str):  # Nemotron-H: M Mamba, * attention, others keep nothing
        full, state = pattern.count("*"), pattern.count("M")
        shape = replace(shape, layers=full + state)
    else:
        full, state = _full_and_state(shape, text)
    if state:
        shape = replace(shape, state_layers=state, state_bytes=_state_bytes(text, state, shape.name))
    window = _optional(text, "sliding_window", shape.name) or _optional(text, "attention_chunk_size", shape.name)
    if window and full + state < shape.layers:
        shape = replace(shape, window=window, full_layers=full)
    return shape


def _full_and_state(shape: ModelShape, text: Config) -> tuple[int, int]:
    """Return how many layers keep all of the context, and how many a state."""
    kinds = text.get("layer_types")
    if isinstance(kinds, list) and len(kinds) == shape.layers:
        names = [str(kind) for kind in kinds]
        if unknown := {*names} - {*_FULL, *_WINDOWED, *_STATE}:
            raise InputError(f"{shape.name}: layer_types has {', '.join(sorted(unknown))}, which is not known here")
        return sum(kind in _FULL for kind in names), sum(kind in _STATE for kind in names)
    if every := _optional(text, "full_attention_interval", shape.name):
        return shape.layers // every, shape.layers - shape.layers // every
    return _full_by_pattern(shape, text), 0


def _full_by_pattern(shape: ModelShape, text: Config) -> int:
    """Return how many layers are without a window; all of them where it is not plain: more cache, not less."""
    if not text.get("sliding_window") or text.get("use_sliding_window") is False:
        return shape.layers
    kind = str(text.get("model_type"))
    if every := _optional(text, "sliding_window_pattern", shape.name) or _DEFAULT_PATTERN.get(kind):
        return shape.layers // every
    if "max_window_layers" in text:  # Qwen2: layers below it see everything
        return min(shape.layers, _optional(text, "max_window_layers", shape.name) or 0)
    return 0 if kind in ("mistral", "phi3") else shape.layers


def _state_bytes(text: Config, layers: int, name: str) -> float | None:
    """Return what state layers keep of a sequence: the state in 32 bits, the tail of the convolution in 16.

    Gated DeltaNet: value heads x key dimension x value dimension (transformers, modeling_qwen3_next);
    Mamba-2: heads x head dimension x state size (arXiv:2405.21060, section 7).
    """

    def size(key: str) -> int:
        return _integer(text, key, name)

    if text.get("linear_num_value_heads"):
        values = size("linear_num_value_heads") * size("linear_value_head_dim")
        keys = size("linear_num_key_heads") * size("linear_key_head_dim")
        state, channels = values * size("linear_key_head_dim"), 2 * keys + values
        kernel = _optional(text, "linear_conv_kernel_dim", name) or 4
    elif text.get("mamba_num_heads"):
        inner = size("mamba_num_heads") * size("mamba_head_dim")
        groups = _optional(text, "n_groups", name) or 1
        state, channels = inner * size("ssm_state_size"), inner + 2 * groups * size("ssm_state_size")
        kernel = _optional(text, "conv_kernel", name) or 4
    else:
        return None
    return float(layers * (4 * state + 2 * channels * (kernel - 1)))
