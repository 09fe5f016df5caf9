"""PyTorch's models compute what MLX's compute from the same folder."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from distil.lm.checkpoints import load as load_mlx  # noqa: E402
from distil.lm.torch.model import attend_in_rows, hidden_states, linear, load  # noqa: E402
from distil.pipeline.files import InputError  # noqa: E402
from tests.checkpoint import write_checkpoint  # noqa: E402

SHAPES = [
    {"model_type": "qwen2"},
    {"model_type": "qwen2", "tie_word_embeddings": False, "num_attention_heads": 4, "num_key_value_heads": 2},
    {"model_type": "llama", "head_dim": 16},
    {"model_type": "llama", "tie_word_embeddings": False, "rope_theta": 100000.0},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["model_type"])
def test_packed_rows_have_the_logits_that_mlx_gives_each(shape, tmp_path):
    import mlx.core as mx

    folder = write_checkpoint(tmp_path, seed=5, **shape)
    rows = [np.random.default_rng(number).integers(0, 259, length) for number, length in enumerate((7, 1, 30))]
    weights = load(folder, torch.float32)
    lengths = [len(row) for row in rows]
    with torch.no_grad():
        hidden = hidden_states(
            weights,
            torch.from_numpy(np.concatenate(rows)),
            torch.cat([torch.arange(length) for length in lengths]),
            attend_in_rows(lengths),
        )
        ours = linear(hidden, weights.head).split(lengths)
    model, _ = load_mlx(str(folder))
    for row, found in zip(rows, ours, strict=True):
        np.testing.assert_allclose(found.numpy(), np.array(model(mx.array(row)[None]))[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "mamba"}, "model_type mamba.*Set lm.backend to mlx"),
        ({"quantization": {"bits": 4, "group_size": 64}}, "quantised weights"),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, "rope_scaling"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 2}}, "rope_type yarn"),
    ],
)
def test_what_is_not_computed_here_is_a_message(changed, said, tmp_path):
    folder = write_checkpoint(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(InputError, match=said):
        load(folder, torch.float32)


def test_a_cut_file_is_a_message(tmp_path):
    folder = write_checkpoint(tmp_path)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="could not be loaded"):
        load(folder, torch.float32)
