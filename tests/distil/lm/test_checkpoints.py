import json

import mlx.core as mx
import numpy as np
import psutil
import pytest
from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers

from distil.lm.checkpoints import load, with_adapter
from distil.pipeline.files import InputError
from tests.checkpoint import write_checkpoint


def test_a_folder_without_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"models/nowhere holds no model"):
        load("models/nowhere")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.safetensors", None),
        ("model.safetensors", b"cut short"),
        ("config.json", {"model_type": "unheard_of"}),
        ("config.json", {"hidden_size": 64}),
        ("tokenizer.json", b"{}"),
    ],
)
def test_an_incomplete_or_strange_checkpoint_is_one_message(tmp_path, name, change):
    folder = write_checkpoint(tmp_path / "model")
    path = folder / name
    if change is None:
        path.unlink()
    elif isinstance(change, bytes):
        path.write_bytes(change)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"could not be loaded"):
        load(str(folder))


def test_a_tokenizer_without_chat_template_is_named(tmp_path):
    folder = write_checkpoint(tmp_path / "model")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="no chat template"):
        load(str(folder))


def test_quantised_weights_become_floats_on_a_cpu(tmp_path):
    """And stand for the same numbers."""
    quantization = {"group_size": 32, "bits": 4}
    model, _ = load(str(write_checkpoint(tmp_path / "quantised", quantization=quantization)))
    weight = model.model.layers[0].mlp.down_proj.weight
    assert weight.dtype == mx.float32 and weight.shape == (32, 64)
    saved = mx.load(str(tmp_path / "quantised/model.safetensors"))
    name = "model.layers.0.mlp.down_proj"
    expected = mx.dequantize(*(saved[f"{name}.{part}"] for part in ("weight", "scales", "biases")), **quantization)
    assert np.array_equal(np.array(weight), np.array(expected.astype(mx.float32)))


@pytest.mark.parametrize(
    ("rope", "add"),
    [
        ({"rope_type": "default", "rope_theta": 5e5}, '"rope_theta": 500000.0'),
        (
            {"rope_type": "yarn", "rope_theta": 5e5, "factor": 4.0},
            '"rope_theta": 500000.0, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}',
        ),
    ],
)
def test_positions_that_mlx_lm_would_not_read_are_refused_with_what_to_add(tmp_path, rope, add):
    folder = write_checkpoint(tmp_path / "model")
    path = folder / "config.json"
    config = json.loads(path.read_text()) | {"rope_parameters": rope}
    del config["rope_theta"]
    path.write_text(json.dumps(config))
    with pytest.raises(InputError) as refused:
        load(str(folder))
    assert str(refused.value).endswith(f"Add to that file: {add}")
    path.write_text(json.dumps(config | json.loads("{" + add + "}")))
    load(str(folder))


def test_too_little_memory_is_said_before_it_is_used(tmp_path, monkeypatch):
    folder = write_checkpoint(tmp_path / "model")
    free = psutil.virtual_memory()._replace(available=20_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    with pytest.raises(InputError, match=r"need 0\.0 GB of memory here and 0\.0 GB are free"):
        load(str(folder))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda saved: {name: saved[name] for name in saved if name.endswith("lora_a")},
            "1 of its low-rank products lack a half",
        ),
        (lambda saved: saved | {"model.layers.1.mlp.lora_a": mx.zeros((2, 2))}, "contains incompatible tensors: model"),
        (lambda saved: {name: mx.zeros((3, 3)) for name in saved}, "contains incompatible tensors: model"),
    ],
)
def test_an_adapter_that_is_not_this_models_is_one_line(tmp_path, change, says):
    """mlx-lm#1725: half an adapter answered as the base would."""
    path = str(write_checkpoint(tmp_path / "model"))
    parameters = {"keys": ["self_attn.q_proj"], "rank": 2, "scale": 1.0, "dropout": 0.0}
    trained, _ = load(path)
    linear_to_lora_layers(trained, 1, parameters)
    saved = {name: value for name, value in tree_flatten(trained.parameters()) if ".lora_" in name}
    (tmp_path / "adapter").mkdir()
    settings = {"fine_tune_type": "lora", "num_layers": 1, "lora_parameters": parameters}
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps(settings))
    mx.save_safetensors(str(tmp_path / "adapter/adapters.safetensors"), saved)
    with_adapter(load(path)[0], tmp_path / "adapter")
    mx.save_safetensors(str(tmp_path / "adapter/adapters.safetensors"), change(saved))
    with pytest.raises(InputError, match=says) as stopped:
        with_adapter(load(path)[0], tmp_path / "adapter")
    assert "\n" not in str(stopped.value)
