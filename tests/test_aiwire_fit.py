"""`aiwire fit` over the shipped reference: what it says, what it refuses, what it reads."""

import json
import os
from io import BufferedReader, BytesIO

import click
import pytest

from aiwire.cli.fit import fit
from aiwire.exceptions import AiwireError, ConfigError, DatabaseError, InputError
from aiwire.tco.memory import Serving, needed
from aiwire.tco.shapes import ModelShape
from db.connection import connect
from db.reference import load_reference

H100 = ("--accelerator", "nvidia-h100-sxm5-80gb")
LLAMA_8B = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "tie_word_embeddings": False, "vocab_size": 128256,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Without a database and without settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [name for name in os.environ if name.startswith("AIWIRE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def run(capsys):
    def run(*args):
        fit.main(list(args), standalone_mode=False)
        return capsys.readouterr().out

    return run


@pytest.fixture
def told(run):
    return lambda *args: json.loads(run(*args, "--json"))


def config_file(tmp_path, config):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return str(path)


def test_a_part_is_judged_with_every_component(told):
    found = told("--model", "llama-3.1-70b", "--precision", "fp8", "--context", "32768", "--sequences", "16", *H100,
                 "--count", "2")  # fmt: skip
    (part,) = found["parts"]
    need = needed(ModelShape("it", 70.55, 80, 8, 128), Serving("fp8", 32768, 16), accelerators=2)
    assert part["need"] == pytest.approx(
        {
            "weights_gb": 35.275,
            "cache_gb": need.cache_gb,
            "state_gb": 0,
            "overhead_gb": 7.055,
            "total_gb": need.total_gb,
        }
    )
    assert (part["verdict"], part["accelerators"], part["memory_gb"], part["least_accelerators"]) == ("no", 2, 80, 4)


def test_model_and_memory_have_their_sources_and_dates(told):
    found = told("--model", "llama-3.1-70b", *H100)
    (part,) = found["parts"]
    assert "Llama-3.1-70B" in found["model"]["source"]
    assert found["model"]["as_of"] == "2026-11-23"
    assert part["source"]
    assert part["as_of"] >= "2026-11-23"


def test_without_a_count_the_least_number_that_suffices_is_taken(told):
    (part,) = told("--model", "llama-3.1-70b", "--precision", "fp8", *H100)["parts"]
    assert (part["accelerators"], part["verdict"]) == (part["least_accelerators"], "yes")


def test_of_a_family_each_part_is_shown(told):
    parts = told("--model", "llama-3.1-8b", "--accelerator", "nvidia-a100")["parts"]
    assert {part["memory_gb"] for part in parts} == {40, 80}
    assert len({part["id"] for part in parts}) == len(parts) > 2


def test_without_an_accelerator_all_parts_with_known_memory_are_shown_fewest_first(told):
    parts = told("--model", "deepseek-v3", "--precision", "fp8")["parts"]
    least = [part["least_accelerators"] or float("inf") for part in parts]
    assert least == sorted(least)
    assert len(parts) > 100
    assert all(part["memory_gb"] for part in parts)


def test_the_table_names_need_verdict_and_sources(run):
    out = run("--model", "llama-3.1-70b", "--precision", "fp8", "--accelerator", "nvidia-h100", "--count", "4")
    assert "need on each of 4: weights 17.6 + cache 0.7 + overhead 3.5 = 21.8 GB" in out
    assert "model: PyPI aiconfigurator-core 0.12.0" in out
    assert "memory of nvidia-h100-sxm5-80gb: " in out
    assert "yes" in out


def test_parts_that_cannot_be_had_are_marked_and_others_are_not(run, tmp_path):
    assert "*" not in run("--model", "llama-3.1-8b", *H100)
    db = connect(tmp_path / "news.db")
    load_reference(db)
    marks = {"announced": "*", "discontinued": "†", "cancelled": "‡"}
    for status, mark in marks.items():
        db.execute("UPDATE accelerators SET status = ? WHERE id = ?", [status, H100[1]])
        db.conn.commit()

        out = run("--model", "llama-3.1-8b", "--accelerator", "nvidia-h100")

        assert f"{H100[1]}{mark} " in out
        assert f"\n{mark} {status}: " in out
        assert f"nvidia-h100-pcie-80gb{mark}" not in out
    db.close()


def test_weights_quantised_in_an_unknown_way_ask_for_their_precision(run, told, tmp_path):
    name = config_file(tmp_path, LLAMA_8B | {"quantization_config": {"quant_method": "aqlm"}})
    with pytest.raises(InputError, match=r"config\.json: its weights .* 'aqlm'.* with --precision"):
        run("--model-config", name, *H100)
    assert told("--model-config", name, "--precision", "int4", *H100)["serving"]["precision"] == "int4"


def test_the_table_of_all_parts_fits_a_narrow_terminal(run):
    out = run("--model", "llama-4-scout", "--precision", "fp8")
    assert [line for line in out.splitlines() if "…" in line] == []
    assert "memory of" not in out  # 200 footnotes help nobody


def test_a_context_beyond_what_the_model_knows_is_remarked_on(run):
    assert "the model knows 131,072 tokens, fewer than asked for" in run(
        "--model", "llama-3.1-8b", "--context", "200000", *H100
    )


def test_engines_that_keep_what_left_the_window_need_more(told):
    args = ("--model", "gemma-3-27b", "--context", "100000", *H100, "--count", "1")
    with_windows, without = (told(*args, *more)["parts"][0]["need"]["cache_gb"] for more in ((), ("--full-cache",)))
    assert without > 4 * with_windows


def test_a_memory_of_ones_own_needs_no_part_of_the_reference(told):
    (part,) = told("--model", "llama-3.1-8b", "--accelerator", "new-card", "--memory", "33.5")["parts"]
    assert (part["id"], part["memory_gb"], part["source"]) == ("new-card", 33.5, "--memory")


def test_a_config_json_is_read_with_its_precision_and_its_parameters_counted(told, tmp_path):
    found = told("--model-config", config_file(tmp_path, LLAMA_8B), *H100)
    assert found["model"]["params_b"] == pytest.approx(8.03, rel=0.001)
    assert found["model"]["note"] == "parameters counted from its matrices"
    assert found["serving"]["precision"] == "bf16"
    stored = LLAMA_8B | {"quantization_config": {"quant_method": "awq", "bits": 4}}
    assert told("--model-config", config_file(tmp_path, stored), *H100)["serving"]["precision"] == "int4"


def test_parameters_of_a_config_json_may_be_given(told, tmp_path):
    config = LLAMA_8B | {"model_type": "new_architecture"}
    found = told("--model-config", config_file(tmp_path, config), "--params", "9.1", *H100)
    assert (found["model"]["params_b"], found["model"]["note"]) == (9.1, None)


def test_a_config_json_may_come_from_standard_input(told, monkeypatch):
    class Stdin:
        buffer = BufferedReader(BytesIO(json.dumps(LLAMA_8B).encode()))

    monkeypatch.setattr("sys.stdin", Stdin)
    assert told("--model-config", "-", *H100)["model"]["layers"] == 32


def test_a_database_is_read_where_there_is_one(told, tmp_path):
    path = tmp_path / "news.db"
    db = connect(path)
    load_reference(db)
    db["model_shapes"].insert(
        {"id": 1, "name": "my-model", "params_b": 3.0, "layers": 10, "kv_heads": 4, "head_dim": 64,
         "origin": "import:me", "source": "our wiki", "as_of": "2026-11-01"}
    )  # fmt: skip
    db.close()
    found = told("--db", str(path), "--model", "my-model", *H100)
    assert (found["model"]["params_b"], found["model"]["source"], found["model"]["as_of"]) == (
        3,
        "our wiki",
        "2026-11-01",
    )
    assert told("--model", "my-model", *H100)["model"]["params_b"] == 3  # ./news.db is the default


def test_a_database_without_the_reference_names_the_command_that_loads_it(run, tmp_path):
    connect(tmp_path / "news.db").close()
    with pytest.raises(ConfigError, match="the reference is not loaded; run `aiwire reference load"):
        run("--model", "phi-4", *H100)


def test_what_is_superseded_or_implausible_is_not_used(told, tmp_path):
    path = tmp_path / "news.db"
    db = connect(path)
    load_reference(db)
    db.execute("UPDATE model_shapes SET superseded_at = '2026-11-24' WHERE name = 'phi-4'")
    db.execute("UPDATE model_shapes SET implausible = 'too many layers' WHERE name = 'qwq-32b'")
    db.conn.commit()
    db.close()
    for name in ("phi-4", "qwq-32b"):
        with pytest.raises(ConfigError, match=f"the shape of '{name}' is not known"):
            told("--model", name, *H100)


def test_a_part_whose_memory_nobody_says_asks_for_it(told, tmp_path):
    path = tmp_path / "news.db"
    db = connect(path)
    load_reference(db)
    db.execute(
        "UPDATE accelerators SET memory_gb = NULL WHERE family_id = 'nvidia-h100' AND id <> 'nvidia-h100-pcie-80gb'"
    )
    db.conn.commit()
    db.close()
    parts = told("--model", "llama-3.1-8b", "--accelerator", "nvidia-h100")["parts"]
    assert [part["verdict"] for part in parts] == ["yes"] + [None] * (len(parts) - 1)
    with pytest.raises(ConfigError, match="no source says its memory; give it with --memory, in GB"):
        told("--model", "llama-3.1-8b", *H100)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((), ConfigError, "either --model NAME or --model-config FILE"),
        (("--model", "phi-4", "--model-config", "x.json"), ConfigError, "either --model NAME"),
        (("--model", "llama-3.1-7b"), ConfigError, "'llama-3.1-7b' is not known; did you mean llama-3.1"),
        (("--model", "phi-4", "--params", "3"), ConfigError, "--params goes with --model-config"),
        (("--model-config", "x.json", "--params", "nan"), ConfigError, "number of billions above 0, not nan"),
        (("--model", "phi-4", "--memory", "80"), ConfigError, "--memory goes with --accelerator"),
        (("--model", "phi-4", *H100, "--memory", "-1"), ConfigError, "memory_gb must be a number above 0"),
        (("--model", "phi-4", "--accelerator", "nvidia-h10"), ConfigError, "did you mean nvidia-h100"),
        (("--model", "phi-4", "--context", "0"), ConfigError, "context must be a whole number from 1"),
        (("--model", "phi-4", "--sequences", "-3"), ConfigError, "sequences must be a whole number from 1"),
        (("--model", "phi-4", *H100, "--count", "0"), ConfigError, "accelerators must be a whole number from 1"),
        (("--model", "phi-4", "--overhead-share", "nan"), ConfigError, "overhead_share must be a number from 0 up"),
        (("--model", "phi-4", "--precision", "fp7"), click.BadParameter, "'fp7' is not one of 'fp32', 'bf16'"),
        (("--model-config", "not-there.json"), InputError, "not-there.json"),
        (("--model", "phi-4", "--db", "not-there.db"), DatabaseError, "not-there.db"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(run, args, error, message):
    with pytest.raises(error, match=message):
        run(*args)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"3", b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_a_file_that_is_no_config_json_is_refused_by_name(run, tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(AiwireError, match=r"config\.json") as refused:
        run("--model-config", str(path), "--params", "8", *H100)
    assert refused.value.exit_status == 2
