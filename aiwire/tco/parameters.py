"""How many parameters a model has, counted from its configuration, where its architecture is plain.

The matrices are counted; biases and norms are not: totals come out within 0.2 % of the published ones
(tests/test_tco_memory.py). Only the text model is counted, and no layers for predicting several tokens at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NEEDED", "PLAIN", "Parameters", "count_parameters"]

Config = Mapping[str, Any]

# architectures of transformers whose layers are attention and gated MLP or experts, and nothing else
PLAIN = frozenset({
    "deepseek_v2", "deepseek_v3", "deepseek_v32", "exaone4", "gemma", "gemma2", "gemma3_text", "glm4_moe",
    "glm_moe_dsa", "gpt_oss", "kimi_k2", "llama", "llama4_text", "minimax_m2", "mistral", "mixtral", "olmo2", "phi3",
    "qwen2", "qwen3", "qwen3_moe",
})  # fmt: skip
# what each of them says in its configuration; the sizes of experts and low ranks have many names
NEEDED = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size")
_TIED_UNLESS_SAID = frozenset({"gemma", "gemma2", "gemma3_text"})


@dataclass(frozen=True, slots=True)
class Parameters:
    """Counts, not billions."""

    total: int
    active: int  # at work for one token, embeddings included


def count_parameters(config: Config) -> Parameters | None:
    """Count the parameters of a text model.

    Embedding: vocabulary x hidden, twice unless tied. Attention: the four projections with the head size that is
    given, or the low-rank ones of multi-head latent attention. MLP: three matrices, for each expert where there
    are experts, and the router.

    Returns:
        The counts; None if the architecture is not one of those that are known to be plain, or a size is missing.
    """
    if str(config.get("model_type")) not in PLAIN:
        return None
    try:
        found = _count(config)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # a size is left to the code, or is none
        return None
    return found if isinstance(found.total, int) and found.total > 0 else None


def _count(config: Config) -> Parameters:
    layers, hidden = config["num_hidden_layers"], config["hidden_size"]
    tied = config.get("tie_word_embeddings", config["model_type"] in _TIED_UNLESS_SAID)
    shared = config["vocab_size"] * hidden * (1 if tied else 2) + layers * _attention(config)
    experts = config.get("n_routed_experts") or config.get("num_experts") or config.get("num_local_experts") or 0
    sparse = _expert_layers(config) if experts else 0
    shared += (layers - sparse) * 3 * hidden * _dense_size(config)
    if not sparse:
        return Parameters(shared, shared)
    expert = 3 * hidden * _expert_size(config)
    always = _always_experts(config) * expert + hidden * experts  # with the router
    used = config.get("num_experts_per_tok") or config["experts_per_token"]
    return Parameters(shared + sparse * (experts * expert + always), shared + sparse * (used * expert + always))


def _attention(config: Config) -> int:
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    if config.get("kv_lora_rank"):
        rank, rope, nope, value = (
            config[key] for key in ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
        )
        width, low = heads * (nope + rope), config.get("q_lora_rank")
        queries = hidden * low + low * width if low else hidden * width
        return int(queries + hidden * (rank + rope) + rank * heads * (nope + value) + heads * value * hidden)
    head_dim = config.get("head_dim") or hidden // heads
    kv_heads = config.get("num_key_value_heads") or heads
    return int(2 * hidden * heads * head_dim + 2 * hidden * kv_heads * head_dim)


def _expert_layers(config: Config) -> int:
    layers = int(config["num_hidden_layers"])
    if step := config.get("interleave_moe_layer_step"):  # Llama 4
        return layers // int(step)
    step = config.get("decoder_sparse_step") or 1
    return (
        layers // int(step) - int(config.get("first_k_dense_replace") or 0) - len(config.get("mlp_only_layers") or [])
    )


def _dense_size(config: Config) -> int:
    return int(config.get("intermediate_size_mlp") or config["intermediate_size"])


def _expert_size(config: Config) -> int:
    return int(config.get("moe_intermediate_size") or config["intermediate_size"])


def _always_experts(config: Config) -> int:
    """Return the shared experts, which see every token."""
    return 1 if config["model_type"] == "llama4_text" else int(config.get("n_shared_experts") or 0)
