"""Checkpoints of given shapes with random weights, and rows of a given length."""

import json
import shutil
from pathlib import Path
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "4m": {
        "hidden_size": 256,
        "intermediate_size": 896,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 8,
    },
    "half_billion": {  # Qwen2.5-0.5B's config.json
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "vocab_size": 151_936,
        "rope_theta": 1_000_000.0,
    },
}


def write_model(folder: Path, student: Path, shape: str) -> Path:
    """Write random float32 weights of a shape, with the tokenizer of the student in `student`; returns the folder."""
    from distil.lm.cpu import blas

    blas.route()  # before MLX is imported
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models.qwen2 import Model, ModelArgs

    shutil.copytree(student, folder)
    config = json.loads((student / "config.json").read_text(encoding="utf-8")) | SHAPES[shape]
    mx.random.seed(0)
    weights = dict(tree_flatten(Model(ModelArgs.from_dict(config)).parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def write_rows(folder: Path, count: int, words: int) -> Path:
    """Write `count` rows whose replies are `words` numbers, to train and to validate on; returns the folder."""
    folder.mkdir(parents=True)
    reply = " ".join(str(number % 60) for number in range(words))
    turns = [{"role": "user", "content": "Count."}, {"role": "assistant", "content": reply}]
    rows = "".join(
        json.dumps({"messages": turns, "problem_id": str(row), "level": "R1"}) + "\n" for row in range(count)
    )
    for part in ("train", "valid"):
        (folder / f"{part}.jsonl").write_text(rows, encoding="utf-8")
    return folder
