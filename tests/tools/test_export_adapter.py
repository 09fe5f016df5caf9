"""Adapters out and in: the numbers that other tools read are ours, and theirs are answered with here."""

import json
import subprocess
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from gguf import GGUFReader
from safetensors.numpy import load_file, save_file

from distil.lm.checkpoints import load, tokenizer_for, with_adapter
from distil.pipeline.files import InputError
from tests.checkpoint import write_checkpoint
from tests.workspace import inside
from tools.check_model.imported import PROMPTS
from tools.export_adapter.__main__ import export
from tools.export_adapter.adapter import tensor_shapes

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers/bin/python"
TINY = ROOT / "models/tiny-student"
EVERY = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
         "mlp.down_proj")  # fmt: skip
BASES = {
    "tiny": None,
    "qwen2": {},
    "qwen2 in 4 bits": {"quantization": {"group_size": 32, "bits": 4}, "torch_dtype": "bfloat16"},
    "llama": {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 3},
}


def base(name: str, folder: Path) -> Path:
    config = BASES[name]
    return TINY if config is None else write_checkpoint(folder / "base", seed=4, **config)


def write_adapter(
    folder: Path, model: Path, names: tuple[str, ...] = EVERY, blocks: tuple[int, ...] = (0, 1), dora: bool = False
) -> Path:
    """Random low-rank matrices of rank 4 for the layers `names` of some blocks, in mlx-lm's layout."""
    rng, shapes = np.random.default_rng(11), tensor_shapes(model)
    width = json.loads((model / "config.json").read_text())["hidden_size"]
    arrays = {}
    for block in blocks:
        for name in names:
            path = f"model.layers.{block}.{name}"
            outputs, inputs = shapes[f"{path}.weight"]
            inputs = {"mlp.down_proj": shapes["model.layers.0.mlp.up_proj.weight"][0]}.get(name, width)
            arrays[f"{path}.lora_a"] = rng.normal(0, 0.1, (inputs, 4)).astype(np.float32)
            arrays[f"{path}.lora_b"] = rng.normal(0, 0.1, (4, outputs)).astype(np.float32)
            if dora:
                arrays[f"{path}.m"] = rng.uniform(0.5, 1.5, outputs).astype(np.float32)
    folder.mkdir(parents=True)
    save_file(arrays, folder / "adapters.safetensors")
    lora = {"rank": 4, "dropout": 0.0, "scale": 2.5, "keys": list(names)}
    config = {"fine_tune_type": "dora" if dora else "lora", "lora_parameters": lora, "model": str(model)}
    (folder / "adapter_config.json").write_text(json.dumps(config | {"num_layers": -1}))
    return folder


def ours(model: Path, adapter: Path | None, prompts: list[list[int]]) -> list[np.ndarray]:
    weights, _ = load(str(model))
    if adapter:
        weights = with_adapter(weights, adapter)
    return [np.array(weights(mx.array([tokens]))[0]) for tokens in prompts]


def prompts_of(model: Path) -> list[list[int]]:
    tokenizer = tokenizer_for(str(model))
    return [tokenizer.encode(text) for text in PROMPTS]


@pytest.mark.slow
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("name", BASES)
def test_transformers_with_peft_gives_the_logits_of_mlx(tmp_path, name, dora):
    if not PEERS.exists():
        pytest.skip("no .venv-peers with transformers and PEFT; `make bench-peers` makes it")
    model = base(name, tmp_path)
    names = EVERY if name != "llama" else EVERY[:2]
    blocks = (1, 2) if name == "llama" else (0, 1)
    adapter, prompts = write_adapter(tmp_path / "adapter", model, names, blocks, dora), prompts_of(model)
    export(adapter, "peft", tmp_path / "peft")
    export(model, "fused", tmp_path / "plain")  # what PEFT puts the adapter of a quantised base on
    export(adapter, "fused", tmp_path / "fused")
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))

    pairs = [(tmp_path / "plain", tmp_path / "peft"), (tmp_path / "fused", "-"), (tmp_path / "plain", "-")]
    command = [PEERS, ROOT / "tests/tools/peft_logits.py", tmp_path / "prompts.json", tmp_path / "logits.npz"]
    command += [part for pair in pairs for part in pair]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, cwd=tmp_path)
    wanted, untouched = ours(model, adapter, prompts), ours(model, None, prompts)
    assert max(np.abs(one - two).max() for one, two in zip(wanted, untouched, strict=True)) > 0.01
    with np.load(tmp_path / "logits.npz") as theirs:
        assert len(theirs) == len(pairs) * 20
        for place, expected in enumerate((wanted, ours(tmp_path / "fused", None, prompts), untouched)):
            for number, logits in enumerate(expected):
                assert np.abs(theirs[f"{place}/{number}"] - logits).max() < 1e-4, (pairs[place], number)


@pytest.mark.parametrize("name", ["tiny", "qwen2", "llama"])
@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_fused_weights_answer_as_base_and_adapter_do(tmp_path, name, dora):
    model = base(name, tmp_path)
    adapter, prompts = write_adapter(tmp_path / "adapter", model, dora=dora), prompts_of(model)
    export(adapter, "fused", tmp_path / "fused")
    for found, expected in zip(ours(tmp_path / "fused", None, prompts), ours(model, adapter, prompts), strict=True):
        assert np.abs(found - expected).max() < 1e-4
    assert tensor_shapes(tmp_path / "fused") == tensor_shapes(model)


def test_fused_weights_of_a_quantised_base_are_not_quantised(tmp_path):
    model = base("qwen2 in 4 bits", tmp_path)
    prompts = prompts_of(model)
    export(model, "fused", tmp_path / "plain")
    assert "quantization" not in json.loads((tmp_path / "plain/config.json").read_text())
    for found, expected in zip(ours(tmp_path / "plain", None, prompts), ours(model, None, prompts), strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
@pytest.mark.parametrize("name", BASES)
def test_peft_and_back_is_the_same_adapter(tmp_path, name, dora):
    model = base(name, tmp_path)
    adapter = write_adapter(tmp_path / "adapter", model, EVERY[:3], (1,), dora)
    export(adapter, "peft", tmp_path / "peft")
    export(tmp_path / "peft", "mlx", tmp_path / "mlx")
    before, after = (load_file(folder / "adapters.safetensors") for folder in (adapter, tmp_path / "mlx"))
    assert before.keys() == after.keys() and all(np.array_equal(before[key], after[key]) for key in before)
    prompts = prompts_of(model)[:3]
    for found, expected in zip(ours(model, tmp_path / "mlx", prompts), ours(model, adapter, prompts), strict=True):
        assert np.array_equal(found, expected)
    config = json.loads((tmp_path / "peft/adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["use_dora"]) == (4, 10, dora)
    assert config["target_modules"] == ["k_proj", "q_proj", "v_proj"] and config["layers_to_transform"] == [1]
    export(adapter, "peft", tmp_path / "again")
    for path in (tmp_path / "peft").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_a_peft_adapter_can_be_fused_and_scales_with_the_root_of_its_rank(tmp_path):
    model = base("qwen2", tmp_path)
    adapter, prompts = write_adapter(tmp_path / "adapter", model), prompts_of(model)[:3]
    export(adapter, "peft", tmp_path / "peft")
    config = json.loads((tmp_path / "peft/adapter_config.json").read_text())
    assert config["target_modules"] == sorted(name.split(".")[1] for name in EVERY)
    assert "layers_to_transform" not in config
    config |= {"init_lora_weights": "gaussian", "alora_invocation_tokens": None, "use_qalora": False}
    config |= {"use_rslora": True, "lora_alpha": 5}  # 5 / sqrt(4) is the 2.5 that 10 / 4 was
    (tmp_path / "peft/adapter_config.json").write_text(json.dumps(config))
    (tmp_path / "peft/config.json").write_text((model / "config.json").read_text())  # as some trainers save it
    export(tmp_path / "peft", "fused", tmp_path / "fused")
    for found, expected in zip(ours(tmp_path / "fused", None, prompts), ours(model, adapter, prompts), strict=True):
        assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["tiny", "llama"])
def test_the_gguf_reader_finds_every_tensor(tmp_path, name):
    model = base(name, tmp_path)
    adapter = write_adapter(tmp_path / "adapter", model)
    export(adapter, "gguf", tmp_path / "gguf")
    reader = GGUFReader(tmp_path / "gguf/adapter.gguf")
    fields = {key: field.contents() for key, field in reader.fields.items()}
    assert fields["general.type"] == "adapter" and fields["adapter.type"] == "lora"
    assert fields["general.architecture"] == ("llama" if name == "llama" else "qwen2")
    assert fields["adapter.lora.alpha"] == 10.0  # llama.cpp multiplies with alpha / rank
    arrays = load_file(adapter / "adapters.safetensors")
    found = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    assert len(found) == len(arrays)
    config = json.loads((model / "config.json").read_text())
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down"}  # fmt: skip
    for key, array in arrays.items():
        _, _, block, kind, layer, part = key.split(".")
        expected = array.T
        if name == "llama" and layer in ("q_proj", "k_proj") and part == "lora_b":
            heads = config["num_attention_heads" if layer == "q_proj" else "num_key_value_heads"]
            half = len(expected) // heads // 2  # llama.cpp puts the two halves of a head in turns
            order = [
                head * 2 * half + side * half + row for head in range(heads) for row in range(half) for side in (0, 1)
            ]
            expected = expected[order]
        assert np.array_equal(found[f"blk.{block}.{names[f'{kind}.{layer}']}.weight.{part}"], expected), key


def spoil(folder: Path, **fields: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("source", "to", "fields", "said"),
    [
        ("adapter", "peft", {"model": "models/nowhere"}, "no checkpoint is there"),
        ("adapter", "peft", {"fine_tune_type": "full"}, "Use --to fused"),
        ("adapter", "peft", {"lora_parameters": {"rank": 3, "scale": 1.0}}, "do not fit rank 3"),
        ("adapter", "peft", {"lora_parameters": {"rank": 4}}, "has no field 'scale'"),
        ("peft", "mlx", {"peft_type": "IA3"}, "of type 'IA3'"),
        ("peft", "mlx", {"modules_to_save": ["lm_head"]}, "modules_to_save is ['lm_head']"),
        ("peft", "mlx", {"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ("peft", "mlx", {"init_lora_weights": "pissa_niter_16"}, "init_lora_weights is 'pissa_niter_16'"),
        ("peft", "mlx", {"init_lora_weights": "loftq"}, "init_lora_weights is 'loftq'"),
        ("peft", "mlx", {"alora_invocation_tokens": [5, 6]}, "alora_invocation_tokens is [5, 6]"),
        ("peft", "mlx", {"use_qalora": True}, "use_qalora is True"),
        ("peft", "mlx", {"target_parameters": ["mlp.experts.up_proj"]}, "target_parameters"),
        ("peft", "mlx", {"arrow_config": {"top_k": 3}}, "arrow_config"),
        ("peft", "gguf", {"base_model_name_or_path": "owner/name"}, "Name its folder with --model"),
        ("base", "peft", {}, "holds a checkpoint and no adapter"),
    ],
)
def test_what_cannot_be_told_is_one_message_and_no_file(tmp_path, source, to, fields, said):
    model = base("qwen2", tmp_path)
    export(write_adapter(tmp_path / "adapter", model), "peft", tmp_path / "peft")
    if fields:
        spoil(tmp_path / source, **fields)
    with pytest.raises(InputError) as caught:
        export(tmp_path / source, to, tmp_path / "out")
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_llama_cpp_reads_no_dora_and_a_folder_of_folds_names_them(tmp_path):
    model = base("qwen2", tmp_path)
    write_adapter(tmp_path / "seed/held_out", model, dora=True)
    with pytest.raises(InputError, match=r"DoRA adapter, which llama\.cpp does not read"):
        export(tmp_path / "seed/held_out", "gguf", tmp_path / "out")
    result = inside(tmp_path, "tools.export_adapter", "seed", "--to", "peft", "--output", "o")
    assert result.returncode == 1 and "It has adapters in its folders held_out" in result.stderr
    with pytest.raises(InputError, match="would replace"):
        export(tmp_path / "seed/held_out", "peft", tmp_path / "seed")


@pytest.mark.parametrize("to", ["gguf", "fused", "mlx"])
def test_an_adapter_of_the_head_has_no_place_and_is_sent_nowhere_in_vain(tmp_path, to):
    model = write_checkpoint(tmp_path / "base", tie_word_embeddings=False)
    export(write_adapter(tmp_path / "adapter", model), "peft", tmp_path / "peft")
    arrays = load_file(tmp_path / "peft/adapter_model.safetensors")
    outputs, inputs = tensor_shapes(model)["lm_head.weight"]
    arrays |= {
        "base_model.model.lm_head.lora_A.weight": np.ones((4, inputs), np.float32),
        "base_model.model.lm_head.lora_B.weight": np.ones((outputs, 4), np.float32),
    }
    save_file(arrays, tmp_path / "peft/adapter_model.safetensors")
    with pytest.raises(InputError, match="lm_head") as caught:
        export(tmp_path / "peft", to, tmp_path / "out")
    assert "merge_and_unload" in str(caught.value) and "--to fused" not in str(caught.value)


@pytest.mark.parametrize("to", ["peft", "gguf", "fused", "mlx"])
def test_only_an_export_is_replaced(tmp_path, to):
    model = base("qwen2", tmp_path / "models")
    adapter = write_adapter(tmp_path / "adapter", model)
    (model.parent / "config.json").touch()
    for output in (model, model.parent):
        with pytest.raises(InputError, match=r"would replace .*base itself"):
            export(adapter, to, output)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/thesis.tex").touch()
    with pytest.raises(InputError, match="was not written by this command"):
        export(adapter, to, tmp_path / "thesis")
    assert (tmp_path / "thesis/thesis.tex").exists() and (model / "config.json").exists()
    (tmp_path / "empty").mkdir()
    for _ in range(2):
        export(adapter, to, tmp_path / "empty")
