"""Memory of a served model: worked examples by hand, the cases that simple rules get wrong, and what always holds."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError, InputError
from aiwire.tco.memory import BITS, MOST_ACCELERATORS, Serving, fits, least_accelerators, needed
from aiwire.tco.parameters import count_parameters
from aiwire.tco.shapes import ModelShape, precision_of, shape_from_config

LLAMA_70B = ModelShape("llama-70b", 70.55, 80, kv_heads=8, head_dim=128, max_context=131072)
DEEPSEEK_V3 = ModelShape("deepseek-v3", 671.03, 61, kv_lora_rank=512, rope_head_dim=64, max_context=163840)
V2_LITE = ModelShape("deepseek-v2-lite", 16.0, 27, kv_lora_rank=512, rope_head_dim=64)
GPT_OSS_120B = ModelShape("gpt-oss-120b", 116.79, 36, kv_heads=8, head_dim=64, window=128, full_layers=18)
GEMMA_3_27B = ModelShape("gemma-3-27b", 27.01, 62, kv_heads=16, head_dim=128, window=1024, full_layers=10)

# the parts of configurations that the memory follows from
LLAMA_8B_CONFIG = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "tie_word_embeddings": False, "vocab_size": 128256,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16",
}  # fmt: skip
QWEN3_4B_CONFIG = {
    "model_type": "qwen3", "hidden_size": 2560, "intermediate_size": 9728, "num_attention_heads": 32, "head_dim": 128,
    "num_hidden_layers": 36, "num_key_value_heads": 8, "tie_word_embeddings": True, "vocab_size": 151936,
    "sliding_window": None, "use_sliding_window": False, "max_window_layers": 36,
}  # fmt: skip
MIXTRAL_CONFIG = {
    "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
    "tie_word_embeddings": False, "vocab_size": 32000, "sliding_window": None,
}  # fmt: skip
DEEPSEEK_V3_CONFIG = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128, "first_k_dense_replace": 3,
    "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "q_lora_rank": 1536,
    "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 129280,
    "moe_layer_freq": 1, "tie_word_embeddings": False, "quantization_config": {"quant_method": "fp8"},
}  # fmt: skip
GPT_OSS_20B_CONFIG = {
    "model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_attention_heads": 64, "head_dim": 64,
    "num_hidden_layers": 24, "num_key_value_heads": 8, "num_local_experts": 32, "num_experts_per_tok": 4,
    "tie_word_embeddings": False, "vocab_size": 201088, "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * 12, "quantization_config": {"quant_method": "mxfp4"},
}  # fmt: skip

SHAPES = st.sampled_from([LLAMA_70B, DEEPSEEK_V3, V2_LITE, GPT_OSS_120B, GEMMA_3_27B])
SERVINGS = st.builds(
    Serving,
    precision=st.sampled_from(list(BITS)),
    kv_precision=st.sampled_from(list(BITS)),
    context=st.integers(1, 2_000_000),
    sequences=st.integers(1, 10_000),
    windows=st.booleans(),
)
COUNTS = st.integers(1, MOST_ACCELERATORS)


# worked by hand


def test_a_dense_model_needs_weights_cache_and_overhead():
    """Llama 3.1 70B in fp8, 16 sequences of 32,768 tokens, on 2: 8 KV heads of 128, dealt out 4 to each."""
    need = needed(LLAMA_70B, Serving("fp8", 32768, 16), accelerators=2)
    assert need.weights_gb == pytest.approx(70.55 / 2)
    # 80 layers x 2 x 8 x 128 values x 2 bytes = 327,680 bytes a token; x 524,288 tokens = 171.8 GB
    assert need.cache_gb == pytest.approx(327_680 * 524_288 / 1e9 / 2)
    assert need.overhead_gb == pytest.approx(0.2 * 35.275)
    assert need.total_gb == pytest.approx(35.275 + 85.89934592 + 7.055)


def test_the_verdict_tells_what_fits_from_what_fits_into_the_headroom():
    serving = Serving("fp8", 8192, 1)  # 70.55 + 2.684 + 14.11 = 87.34 GB
    verdicts = {gb: fits(LLAMA_70B, serving, memory_gb=gb).verdict for gb in (87, 88, 97, 98)}
    assert verdicts == {87: "no", 88: "tight", 97: "tight", 98: "yes"}


def test_the_limits_of_a_fit_are_those_at_which_it_just_fits():
    serving = Serving("fp8", 32768, 16)
    fit = fits(LLAMA_70B, serving, memory_gb=80, accelerators=2)
    # 72 - 35.275 - 7.055 = 29.67 GB for the cache; 163,840 bytes a token on each
    assert fit.largest_context == int(29.67e9 / 163_840 / 16)
    assert fit.largest_sequences == int(29.67e9 / 163_840 / 32768)
    assert fit.least_accelerators == 4  # 17.64 + 42.95 + 3.53 = 64.1 of 72 GB; on 3 it is 85.5


def test_no_limit_goes_beyond_what_the_model_knows():
    assert fits(LLAMA_70B, Serving("int4", 1024, 1), memory_gb=512).largest_context == 131_072


def test_what_does_not_fit_at_all_has_no_context_and_no_sequences():
    fit = fits(LLAMA_70B, Serving("bf16", 8192, 1), memory_gb=24)
    assert (fit.verdict, fit.largest_context, fit.largest_sequences) == ("no", 0, 0)


def test_where_no_number_suffices_none_is_named():
    """A latent cache is held by each: more accelerators do not help."""
    assert least_accelerators(DEEPSEEK_V3, Serving("fp8", 163840, 64), memory_gb=80) is None


# what simple rules get wrong


def test_quantising_the_cache_halves_it():
    """A calculator that ignores the cache's own type sees no difference."""
    full, half = (needed(LLAMA_70B, Serving("fp8", 32768, 8, kv)).cache_gb for kv in ("bf16", "fp8"))
    assert half == full / 2


def test_block_scales_cost_a_sixteenth_and_not_thirty_two_times_the_cache():
    """Q8_0 stores 32 values in 34 bytes; a rule that took 34 bytes a value was 32 times too high."""
    cache = needed(LLAMA_70B, Serving("fp8", 1000, 1, "int8")).cache_gb
    assert cache == pytest.approx(80 * 2 * 8 * 128 * 1000 / 32 * 34 / 1e9)


def test_a_latent_cache_is_kept_once_a_layer_and_not_by_head():
    """DeepSeek-V3 at 128K: 61 x (512 + 64) values; by its 128 heads of 56 dimensions it would be 28 times as much."""
    cache = needed(DEEPSEEK_V3, Serving("fp8", 131072, 1)).cache_gb
    assert cache == pytest.approx(61 * 576 * 131072 * 2 / 1e9)
    by_heads = ModelShape("as if", 671.03, 61, kv_heads=128, head_dim=7168 // 128)
    assert needed(by_heads, Serving("fp8", 131072, 1)).cache_gb > 24 * cache


def test_the_head_size_that_is_given_counts_and_not_hidden_size_by_heads():
    """Qwen3 4B: 128 is given, 2560 / 32 would be 80."""
    shape = shape_from_config(QWEN3_4B_CONFIG, name="qwen3-4b")
    assert shape.values_per_token == 2 * 8 * 128


def test_layers_with_a_window_keep_no_more_than_the_window():
    """gpt-oss: 18 of 36 layers see 128 tokens; a rule without windows takes twice the cache."""
    with_windows, without = (
        needed(GPT_OSS_120B, Serving("mxfp4", 131072, 1, windows=windows)).cache_gb for windows in (True, False)
    )
    a_token = 2 * 8 * 64 * 2 / 1e9
    assert with_windows == pytest.approx(a_token * (18 * 131072 + 18 * 128))
    assert without == pytest.approx(a_token * 36 * 131072)


def test_a_context_within_the_window_is_all_that_is_kept():
    assert GEMMA_3_27B.cached_tokens(1000) == 62 * 1000
    assert GEMMA_3_27B.cached_tokens(5000) == 10 * 5000 + 52 * 1024


def test_the_compute_buffer_that_was_measured_is_covered():
    """DeepSeek-V2-Lite at 32K took 2.4 GB beside weights and cache, also where its weights are small."""
    for precision in BITS:
        assert needed(V2_LITE, Serving(precision, 32768, 1)).overhead_gb >= 2.4


def test_more_accelerators_than_heads_hold_heads_several_times():
    of_8, of_16, of_3 = (needed(LLAMA_70B, Serving("fp8", 8192, 4), accelerators=n).cache_gb for n in (8, 16, 3))
    assert of_16 == of_8
    assert of_3 == pytest.approx(of_8 * 3)  # heads are dealt out 3, 3, 2: the fullest counts


def test_a_latent_cache_is_not_dealt_out():
    of_1, of_8 = (needed(DEEPSEEK_V3, Serving("fp8", 8192, 4), accelerators=n).cache_gb for n in (1, 8))
    assert of_8 == of_1


def test_all_experts_count_although_few_are_at_work():
    counted = count_parameters(MIXTRAL_CONFIG)
    assert counted is not None
    assert counted.total / 1e9 == pytest.approx(46.7, abs=0.05)
    assert counted.active / 1e9 == pytest.approx(12.9, abs=0.05)


def test_printed_gigabytes_are_taken_as_the_smaller_ones():
    """80 GB of memory are 80 x 10^9 bytes here: what needs 80 GiB does not fit."""
    eighty_gib = 80 * 2**30 / 1e9
    shape = ModelShape("dense", eighty_gib / 1.2, 1, kv_heads=1, head_dim=1)
    assert fits(shape, Serving("fp8", 1, 1), memory_gb=80).verdict == "no"


# configurations


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (LLAMA_8B_CONFIG, 8.03),
        (QWEN3_4B_CONFIG, 4.02),
        (MIXTRAL_CONFIG, 46.7),
        (DEEPSEEK_V3_CONFIG, 671.03),
        (GPT_OSS_20B_CONFIG, 20.91),
    ],
)
def test_counted_parameters_are_the_published_ones(config, published):
    assert shape_from_config(config, name="it").params_b == pytest.approx(published, rel=0.002)


def test_parameters_that_are_given_are_not_counted():
    assert shape_from_config(LLAMA_8B_CONFIG, name="it", params_b=9.5).params_b == 9.5


def test_an_architecture_that_is_not_plain_asks_for_its_parameters():
    with pytest.raises(InputError, match=r"cannot be counted .* 'mamba'; give them in billions with --params"):
        shape_from_config(LLAMA_8B_CONFIG | {"model_type": "mamba"}, name="it")


@pytest.mark.parametrize("size", ["num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size"])
@pytest.mark.parametrize("value", [None, -32, "32"])
def test_a_size_that_is_missing_or_none_is_named_where_parameters_are_counted(size, value):
    with pytest.raises(InputError, match=f"it: {size} is {value!r}, but must be a whole number from 1"):
        shape_from_config(LLAMA_8B_CONFIG | {size: value}, name="it")


def test_layers_that_are_wrong_are_named_before_an_architecture_that_is_not_plain():
    with pytest.raises(InputError, match="num_hidden_layers is -1"):
        shape_from_config(LLAMA_8B_CONFIG | {"model_type": "mamba", "num_hidden_layers": -1}, name="it")


def test_a_size_that_the_configuration_leaves_to_the_code_is_not_guessed():
    assert count_parameters({k: v for k, v in LLAMA_8B_CONFIG.items() if k != "vocab_size"}) is None


def test_the_text_model_is_read_where_it_is_nested():
    shape = shape_from_config({"model_type": "mistral3", "text_config": LLAMA_8B_CONFIG}, name="it")
    assert (shape.layers, shape.kv_heads, shape.head_dim, shape.max_context) == (32, 8, 128, 131072)


def test_a_latent_cache_is_read():
    shape = shape_from_config(DEEPSEEK_V3_CONFIG, name="it")
    assert (shape.kv_lora_rank, shape.rope_head_dim, shape.kv_heads) == (512, 64, None)


def test_keys_of_sparse_attention_count_beside_the_latent_vector():
    shape = shape_from_config(DEEPSEEK_V3_CONFIG | {"index_head_dim": 128}, name="it")
    assert shape.values_per_token == 512 + 64 + 128


@pytest.mark.parametrize(
    ("said", "window", "full"),
    [
        ({"layer_types": ["sliding_attention"] * 24 + ["full_attention"] * 8, "sliding_window": 512}, 512, 8),
        ({"layer_types": ["chunked_attention"] * 24 + ["full_attention"] * 8, "attention_chunk_size": 8192}, 8192, 8),
        ({"sliding_window": 1024, "sliding_window_pattern": 6}, 1024, 5),
        ({"sliding_window": 4096, "model_type": "gemma2"}, 4096, 16),
        ({"sliding_window": 1024, "model_type": "gemma3_text"}, 1024, 5),
        ({"sliding_window": 4096, "model_type": "mistral"}, 4096, 0),
        (
            {"sliding_window": 4096, "model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 28},
            4096,
            28,
        ),
        ({"sliding_window": 4096, "model_type": "qwen2", "use_sliding_window": False}, None, None),
        ({"sliding_window": None, "model_type": "mistral"}, None, None),
        ({"sliding_window": 4096}, None, None),  # a llama with a window: nobody says of which layers
    ],
)
def test_windows_are_read_as_configurations_write_them(said, window, full):
    shape = shape_from_config(LLAMA_8B_CONFIG | said, name="it")
    assert (shape.window, shape.full_layers) == (window, full)


def test_layers_with_a_state_do_not_grow_and_their_state_counts():
    """Qwen3.5 122B: 36 of 48 layers keep 64 x 128 x 128 values in 32 bits and 3 x 12,288 in 16."""
    config = LLAMA_8B_CONFIG | {
        "num_hidden_layers": 48, "full_attention_interval": 4, "linear_num_value_heads": 64,
        "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_key_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    }  # fmt: skip
    shape = shape_from_config(config, name="it", params_b=122)
    assert (shape.state_layers, shape.cached_tokens(1000)) == (36, 12 * 1000)
    assert shape.state_bytes == 36 * (4 * 64 * 128 * 128 + 2 * 3 * (2 * 16 * 128 + 64 * 128))
    assert needed(shape, Serving("fp8", 1000, 10)).state_gb == pytest.approx(10 * shape.state_bytes / 1e9)


def test_the_pattern_of_nemotron_h_is_read():
    config = LLAMA_8B_CONFIG | {
        "hybrid_override_pattern": "MEM*EM-E", "num_hidden_layers": 8, "mamba_num_heads": 64, "mamba_head_dim": 64,
        "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4,
    }  # fmt: skip
    shape = shape_from_config(config, name="it", params_b=30)
    assert (shape.layers, shape.state_layers, shape.cached_tokens(100)) == (4, 3, 100)
    assert shape.state_bytes == 3 * (4 * 64 * 64 * 128 + 2 * 3 * (64 * 64 + 2 * 8 * 128))


def test_a_state_of_unknown_size_is_said_not_to_be_counted():
    shape = ModelShape("hybrid", 10, 40, kv_heads=8, head_dim=128, state_layers=30)
    assert (
        "the state of 30 layers is not counted: its size is not known" in fits(shape, Serving(), memory_gb=80).remarks
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"compress_ratios": [0, 4]}, r"cache is not known here \(compress_ratios\)"),
        ({"num_kv_shared_layers": 10}, "num_kv_shared_layers"),
        ({"is_encoder_decoder": True}, "is_encoder_decoder"),
        ({"layer_types": ["full_attention"] * 31 + ["new_attention"]}, "new_attention, which is not known here"),
        ({"num_hidden_layers": "32"}, "num_hidden_layers is '32', but must be a whole number from 1"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True"),
        ({"num_key_value_heads": -8}, "num_key_value_heads is -8"),
        ({"num_attention_heads": None}, "num_attention_heads is None"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(said, message):
    with pytest.raises(InputError, match=message):
        shape_from_config(LLAMA_8B_CONFIG | said, name="it", params_b=8)


@pytest.mark.parametrize(
    ("said", "precision"),
    [
        ({"torch_dtype": "bfloat16"}, "bf16"),
        ({"dtype": "float16"}, "fp16"),
        ({"torch_dtype": "float32"}, "fp32"),
        ({}, None),
        ({"quantization_config": {"quant_method": "fp8"}}, "fp8"),
        ({"quantization_config": {"quant_method": "mxfp4"}}, "mxfp4"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "fp4"),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "int4"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 8}}, "int8"),
        (
            {
                "quantization_config": {
                    "quant_method": "compressed-tensors",
                    "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
                }
            },
            "fp8",
        ),
        ({"text_config": {"quantization_config": {"quant_method": "fp8"}}}, "fp8"),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "int4"),
        ({"quantization_config": {"load_in_8bit": True, "load_in_4bit": False}}, "int8"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "W4A8_AWQ"}}, "int4"),
        ({"quantization_config": {"quant_method": "w4afp8"}}, "int4"),
        ({"quantization_config": {"quant_method": "torchao", "quant_type": "int8_weight_only"}}, "int8"),
        ({"quantization_config": {"quant_method": "quanto", "weights": "float8"}}, "fp8"),
        ({"torch_dtype": "float8_e4m3fn"}, "fp8"),
        ({"quantization_config": {}, "torch_dtype": "float16"}, "fp16"),
    ],
)
def test_the_stored_precision_is_read(said, precision):
    assert precision_of(said, name="it") == precision


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"quant_method": "bitsandbytes"}, "'bitsandbytes'"),
        ({"quant_method": "bitsandbytes", "config_groups": {"a": {"weights": None}}}, "'bitsandbytes'"),
        ({"quant_method": "aqlm", "nbits_per_codebook": 16}, "'aqlm'"),
        ({"quant_method": "gptq", "bits": 3}, "'gptq'"),
        ({"quant_method": "exl2", "bits": 4.65}, "'exl2'"),
        ("new", "'new'"),
    ],
)
def test_weights_that_are_quantised_in_an_unknown_way_are_not_taken_for_16_bits(said, named):
    with pytest.raises(InputError, match=f"it: its weights .* not known here .*{named}.* with --precision"):
        precision_of({"torch_dtype": "bfloat16", "quantization_config": said}, name="it")


SIZES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 200), st.text(max_size=3), st.lists(st.integers(), max_size=2)
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [*LLAMA_8B_CONFIG, *DEEPSEEK_V3_CONFIG, *GPT_OSS_20B_CONFIG, "full_attention_interval", "sliding_window",
             "hybrid_override_pattern", "linear_num_value_heads", "mamba_num_heads", "index_head_dim", "text_config"]
        ),
        SIZES,
    )
)  # fmt: skip
@example({"num_attention_heads": 0})
@example({"layer_types": [{}], "num_hidden_layers": 1})
def test_any_configuration_is_read_or_refused_in_words(changes):
    with suppress(InputError):  # and nothing else
        shape = shape_from_config(LLAMA_8B_CONFIG | changes, name="it")
        assert needed(shape, Serving()).total_gb > 0
    with suppress(InputError):
        assert precision_of(changes, name="it") in (None, *BITS)


# shapes and servings that cannot be


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"params_b": 0.0}, "params_b must be greater than 0"),
        ({"params_b": float("nan")}, "params_b must be greater than 0"),
        ({"layers": 0}, "layers must be greater than 0"),
        ({"kv_heads": None}, "its cache is not known"),
        ({"window": 128}, "full_layers must say"),
        ({"full_layers": 50, "window": 128, "state_layers": 31}, "more than its 80 layers"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(figures, message):
    with pytest.raises(InputError, match=message):
        replace(LLAMA_70B, **figures)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"precision": "fp7"}, "precision must be one of fp32, bf16"),
        ({"kv_precision": ""}, "kv_precision must be one of"),
        ({"context": 0}, "context must be a whole number from 1 to 100,000,000, not 0"),
        ({"context": 1.5}, "context must be a whole number"),
        ({"sequences": True}, "sequences must be a whole number"),
        ({"overhead_share": float("nan")}, "overhead_share must be a number from 0 up"),
        ({"overhead_gb": -1.0}, "overhead_gb must be a number from 0 up"),
    ],
)
def test_a_serving_that_cannot_be_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        Serving(**values)


@pytest.mark.parametrize("memory", [0, -80, float("nan"), float("inf"), True])
def test_a_memory_that_cannot_be_is_refused(memory):
    with pytest.raises(ConfigError, match="memory_gb must be a number above 0"):
        fits(LLAMA_70B, Serving(), memory_gb=memory)


@pytest.mark.parametrize("count", [0, -1, 1.0, True, MOST_ACCELERATORS + 1])
def test_a_number_of_accelerators_that_cannot_be_is_refused(count):
    with pytest.raises(ConfigError, match="accelerators must be a whole number from 1 to 1,024"):
        needed(LLAMA_70B, Serving(), accelerators=count)


# what always holds


@settings(deadline=None)
@given(SHAPES, SERVINGS, COUNTS, st.integers(1, 1000))
def test_more_context_never_needs_less(shape, serving, count, more):
    longer = replace(serving, context=serving.context + more)
    before, after = (needed(shape, one, accelerators=count) for one in (serving, longer))
    assert after.total_gb >= before.total_gb


@settings(deadline=None)
@given(SHAPES, SERVINGS, COUNTS, st.integers(1, 1000))
def test_more_sequences_never_need_less(shape, serving, count, more):
    fuller = replace(serving, sequences=serving.sequences + more)
    assert needed(shape, fuller, accelerators=count).total_gb >= needed(shape, serving, accelerators=count).total_gb


@settings(deadline=None)
@given(SHAPES, SERVINGS, COUNTS, st.floats(0.001, 1000))
def test_more_parameters_never_need_less(shape, serving, count, more):
    larger = replace(shape, params_b=shape.params_b + more)
    assert needed(larger, serving, accelerators=count).total_gb >= needed(shape, serving, accelerators=count).total_gb


@settings(deadline=None)
@given(SHAPES, SERVINGS, st.integers(1, MOST_ACCELERATORS - 1))
def test_more_accelerators_never_need_more_each_nor_less_together_than_one(shape, serving, count):
    one, fewer, more = (needed(shape, serving, accelerators=n).total_gb for n in (1, count, count + 1))
    assert more <= fewer
    assert more * (count + 1) >= one * (1 - 1e-12)  # of 8 heads 3 hold 9, but 4 hold 8


@settings(deadline=None)
@given(SHAPES, SERVINGS, st.integers(1, 64))
def test_keeping_what_left_the_windows_never_needs_less(shape, serving, count):
    kept, dropped = (needed(shape, replace(serving, windows=w), accelerators=count).total_gb for w in (False, True))
    assert kept >= dropped


@settings(deadline=None)
@given(SHAPES, SERVINGS, st.integers(1, 64), st.floats(1, 600))
def test_limits_are_the_last_values_that_fit(shape, serving, count, memory):
    fit = fits(shape, serving, memory_gb=memory, accelerators=count)

    def is_clear(changed, accelerators):
        return needed(shape, changed, accelerators=accelerators).total_gb <= fit.usable_gb

    if fit.largest_context:
        assert is_clear(replace(serving, context=fit.largest_context), count)
    if fit.largest_context < (shape.max_context or 0):
        assert not is_clear(replace(serving, context=fit.largest_context + 1), count)
    if fit.largest_sequences:
        assert is_clear(replace(serving, sequences=fit.largest_sequences), count)
    least = fit.least_accelerators
    assert is_clear(serving, least) if least else not is_clear(serving, MOST_ACCELERATORS)
    assert least in (None, 1) or not is_clear(serving, least - 1)
    assert (fit.verdict == "yes") == is_clear(serving, count)
