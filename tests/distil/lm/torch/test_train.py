"""PyTorch trains as MLX does: the same start, the same losses in float32, adapters that mlx-lm loads."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from distil.lm import state  # noqa: E402
from distil.lm import train as mlx_train  # noqa: E402
from distil.lm.checkpoints import load, with_adapter  # noqa: E402
from distil.lm.progress import LmParams, LoraParams, TrainingSetup  # noqa: E402
from distil.lm.rows import read_rows  # noqa: E402
from distil.lm.torch import train as torch_train  # noqa: E402
from distil.lm.torch.generate import load_to_answer  # noqa: E402
from distil.pipeline.files import InputError, write_jsonl  # noqa: E402
from tests.checkpoint import write_checkpoint  # noqa: E402
from tests.workspace import LORA, contents, problems, rows  # noqa: E402

SHAPES = {
    "qwen2": {"num_attention_heads": 4, "num_key_value_heads": 2},
    "llama": {"tie_word_embeddings": False, "num_hidden_layers": 3},
}


@pytest.fixture(scope="module", params=SHAPES)
def checkpoint(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return write_checkpoint(folder, model_type=request.param, **SHAPES[request.param])


@pytest.fixture(scope="module")
def data(checkpoint, tmp_path_factory):
    folder, (_, tokenizer) = tmp_path_factory.mktemp("rows"), load(str(checkpoint))
    write_jsonl(folder / "rows.jsonl", rows(problems(29)))
    found, _ = read_rows(folder / "rows.jsonl", tokenizer, 256)
    return found[:23], found[23:]


@pytest.fixture
def train(checkpoint, data):
    def run(folder, backend="torch", compute="float32", iters=12, seed=3, **changed):
        params = LoraParams(**LORA | {"model": str(checkpoint), "dropout": 0.0, "num_layers": 2} | changed)
        setup = TrainingSetup(params, iters, seed, *data, folder, "test")
        if backend == "mlx":
            return mlx_train.train_adapter(load(params.model)[0], setup)
        lm = LmParams(backend="torch", compute=compute)
        return torch_train.train_adapter(lm, setup)

    return run


def tensors(folder):
    from safetensors.numpy import load_file

    return load_file(folder / state.ADAPTER)


@pytest.mark.parametrize("kind", ["dora", "full"])
def test_what_pytorch_does_not_train_is_refused_and_not_answered_with(train, tmp_path, checkpoint, kind):
    with pytest.raises(InputError, match=rf"fine_tune_type: backend torch trains LoRA alone, not {kind}\. Set lm"):
        train(tmp_path / "torch", fine_tune_type=kind)
    train(tmp_path / "mlx", "mlx", iters=4, fine_tune_type=kind)
    with pytest.raises(InputError, match=rf"answers\.backend: torch reads LoRA alone, .* fine_tune_type {kind}\. Set"):
        load_to_answer(str(checkpoint), tmp_path / "mlx", torch.float32)


def test_both_backends_start_and_learn_alike(train, tmp_path):
    histories = {
        name: train(tmp_path / name, name, learning_rate=3e-3, steps_per_eval=1).history for name in ("mlx", "torch")
    }
    mlx, ours = histories["mlx"], histories["torch"]
    assert ours.iterations == mlx.iterations == list(range(13))
    np.testing.assert_allclose(np.stack(ours.valid_losses), np.stack(mlx.valid_losses), rtol=1e-4)
    np.testing.assert_allclose(ours.train_losses[1:], mlx.train_losses[1:], rtol=1e-4)
    assert ours.valid_losses[-1].sum() < 0.97 * ours.valid_losses[0].sum()
    one, other = tensors(tmp_path / "mlx"), tensors(tmp_path / "torch")
    assert {name: array.shape for name, array in one.items()} == {name: array.shape for name, array in other.items()}
    assert (tmp_path / "mlx" / state.CONFIG).read_bytes() == (tmp_path / "torch" / state.CONFIG).read_bytes()


def test_the_first_adapter_is_mlxs_to_the_bit(train, tmp_path):
    for name in ("mlx", "torch"):
        train(tmp_path / name, name, iters=1, learning_rate=1e-30)
    one, other = tensors(tmp_path / "mlx"), tensors(tmp_path / "torch")
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one if "lora_a" in name)


def test_mlx_loads_the_adapter(train, checkpoint, data, tmp_path):
    trained = train(tmp_path, learning_rate=3e-3)
    model = with_adapter(load(str(checkpoint))[0], tmp_path)
    found = mlx_train.row_losses(model, data[1], 4)
    np.testing.assert_allclose(found, trained.history.valid_losses[trained.history.best()], rtol=1e-4)


def test_bfloat16_learns_as_float32_does(train, tmp_path):
    curves = [
        np.stack(train(tmp_path / name, compute=name).history.valid_losses).sum(1) for name in ("float32", "bfloat16")
    ]
    np.testing.assert_allclose(curves[1], curves[0], rtol=0.01)


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_checkpointing_changes_no_byte(train, tmp_path, compute):
    for name, checkpointing in (("with", True), ("without", False)):
        train(tmp_path / name, compute=compute, grad_checkpoint=checkpointing)
    assert contents(tmp_path / "with") == contents(tmp_path / "without")


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_a_run_taken_up_again_ends_with_the_same_bytes(train, tmp_path, monkeypatch, compute):
    train(tmp_path / "whole", compute=compute)
    save, count = state.save_state, itertools.count(1)

    def save_and_die(*arguments):
        save(*arguments)
        if next(count) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("distil.lm.progress.save_state", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", compute=compute)
    monkeypatch.undo()
    train(tmp_path / "killed", compute=compute)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_patience_stops_early(train, tmp_path):
    trained = train(tmp_path, iters=400, patience=2, learning_rate=0.3)
    assert trained.history.best() == len(trained.history.iterations) - 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dropout": 0.1}, "without dropout, not with 0.1"),
        ({"num_layers": 9}, "9 layers; the model has"),
        ({"learning_rate": 1e30}, "the loss is not a number at iteration 4"),
    ],
)
def test_what_cannot_be_trained_is_a_message(train, tmp_path, changed, said):
    with pytest.raises(InputError, match=said):
        train(tmp_path, **changed)


def test_mlx_refuses_bfloat16():
    with pytest.raises(ValueError, match="bfloat16 is for backend torch"):
        LmParams(compute="bfloat16")
