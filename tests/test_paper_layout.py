"""A checkpoint laid out as mlx-community/Qwen2.5-7B-Instruct-4bit goes through load, LoRA, answers and fuse.

Same config keys, quantisation block, bfloat16 scales and biases, query, key and value biases; few and narrow layers
with random weights. What the profile `paper` reads is so met here.
"""

import json

import pytest

from distil.pipeline.files import read_jsonl
from distil.pipeline.records import Answer
from stages.answers.__main__ import main as answers
from stages.lora_seed.__main__ import main as lora_seed
from tests.checkpoint import write_checkpoint
from tests.workspace import inside, write_workspace

CONFIG = {
    "bos_token_id": 151643,
    "eos_token_id": 258,
    "hidden_size": 128,
    "intermediate_size": 256,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rope_theta": 1000000.0,
    "sliding_window": 131072,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.43.1",
    "use_sliding_window": False,
    "vocab_size": 512,
}
PAPER = {"num_layers": 2, "learning_rate": 1e-5, "batch_size": 4, "grad_checkpoint": True, "rank": 8, "scale": 20.0}


@pytest.mark.parametrize("tied", [False, True])
def test_the_papers_checkpoint_goes_all_the_way(tmp_path, monkeypatch, tied):
    folder = write_workspace(tmp_path, PAPER | {"iters": 4}, {"max_tokens": 4})
    quantization = {"group_size": 64, "bits": 4}
    write_checkpoint(folder / "models/random", quantization=quantization, tie_word_embeddings=tied, **CONFIG)

    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["lora_seed", "--seed", "3"])
    lora_seed()
    monkeypatch.setattr("sys.argv", ["answers", "--model", "seed_3"])
    answers()
    assert len(list(read_jsonl(folder / "data/answers/seed_3/contest.jsonl", Answer))) == 30
    metrics = json.loads((folder / "metrics/lora_seed/3.json").read_text())["folds"]["held_out"]
    assert metrics["last_valid_loss"] < metrics["first_valid_loss"]

    adapter = ["--model", "models/random", "--adapter-path", "data/lora_seed/3/held_out"]
    result = inside(folder, "mlx_lm.fuse", *adapter, "--save-path", "fused")
    assert result.returncode == 0, result.stderr
    fused = json.loads((folder / "fused/config.json").read_text())
    assert fused["quantization"] == quantization and fused["tie_word_embeddings"] is tied
    result = inside(folder, "mlx_lm.generate", "--model", "fused", "--prompt", "Find x.", "--max-tokens", "2")
    assert result.returncode == 0, result.stderr
