import resource
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
import safetensors.numpy
from mlx.utils import tree_flatten
from mlx_lm.utils import load_model

from distil.lm import state
from distil.lm.checkpoints import load, with_adapter
from distil.lm.progress import LoraParams, TrainingSetup
from distil.lm.rows import collate, read_rows
from distil.lm.train import make_trainable, reply_loss, row_losses, train_adapter
from distil.pipeline.files import InputError, write_jsonl
from tests.checkpoint import write_checkpoint
from tests.workspace import LORA, contents, problems, rows


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def data(checkpoint, tmp_path_factory):
    folder, (_, tokenizer) = tmp_path_factory.mktemp("rows"), load(str(checkpoint))
    examples = rows(problems(29))
    write_jsonl(folder / "rows.jsonl", examples)
    found, _ = read_rows(folder / "rows.jsonl", tokenizer, 256)
    return found[:23], found[23:]


@pytest.fixture
def train(checkpoint, data):
    def run(folder: Path, iters: int = 12, seed: int = 3, **changed):
        params = LoraParams(**LORA | {"model": str(checkpoint)} | changed)
        model, _ = load(str(checkpoint))
        return train_adapter(model, TrainingSetup(params, iters, seed, *data, folder, "test"))

    return run


def test_the_loss_counts_the_replys_tokens_and_no_padding(checkpoint, data):
    model, _ = load(str(checkpoint))
    batch = data[0][:5]
    loss, counted = reply_loss(model, *collate(batch))
    assert counted.item() == sum(row.reply for row in batch)
    padded, _ = reply_loss(model, *collate(batch, 64))
    assert loss.item() == pytest.approx(padded.item(), rel=1e-5)
    assert loss.item() == pytest.approx(row_losses(model, batch, 2).sum() / counted.item(), rel=1e-5)


def test_training_learns_and_keeps_the_best_validation(train, tmp_path):
    trained = train(tmp_path, iters=30, learning_rate=1e-2)
    history = trained.history
    sums = [losses.sum() for losses in history.valid_losses]
    assert history.iterations == [0, 4, 8, 12, 16, 20, 24, 28, 30]
    assert history.finished and min(sums) < 0.9 * sums[0]
    assert history.best() == int(np.argmin(sums))


def test_same_seed_same_bytes_other_seed_other_bytes(train, tmp_path):
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        train(tmp_path / name, seed=seed)
    first, again, other = (contents(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert first["adapters.safetensors"] != other["adapters.safetensors"]


def test_how_often_one_validates_does_not_change_the_training(train, tmp_path):
    for every in (2, 3, 12):
        train(tmp_path / str(every), steps_per_eval=every)
    two, three, twelve = (contents(tmp_path / str(every)) for every in (2, 3, 12))
    assert two["last.safetensors"] == three["last.safetensors"] == twelve["last.safetensors"]


@pytest.mark.parametrize(("stop", "kind"), [(4, "lora"), (8, "lora"), (8, "dora"), (8, "full")])
def test_a_run_taken_up_again_ends_with_the_same_bytes(train, tmp_path, monkeypatch, stop, kind):
    """Dropout draws random numbers and Adam remembers: both must go on where they were."""
    train(tmp_path / "whole", fine_tune_type=kind)
    save, saved = state.save_state, []

    def save_and_die(folder, arrays, history):
        save(folder, arrays, history)
        saved.append(history.iterations[-1])
        if saved[-1] == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr("distil.lm.progress.save_state", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", fine_tune_type=kind)
    monkeypatch.undo()
    assert saved[-1] == stop
    train(tmp_path / "killed", fine_tune_type=kind)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
@pytest.mark.parametrize("layers", [1, -1])
def test_what_was_trained_is_what_answers(train, tmp_path, checkpoint, data, kind, layers):
    """A fresh model with the adapter's files on it has the loss that the training reached."""
    history = train(tmp_path, fine_tune_type=kind, num_layers=layers, learning_rate=3e-3).history
    best = history.valid_losses[history.best()].sum()
    assert best < 0.98 * history.valid_losses[0].sum()
    answering = with_adapter(load(str(checkpoint))[0], tmp_path)
    assert row_losses(answering, data[1], 4).sum() == pytest.approx(best, rel=1e-5)

    names = safetensors.numpy.load_file(tmp_path / state.ADAPTER)
    parts = {"lora": {"lora_a", "lora_b"}, "dora": {"lora_a", "lora_b", "m"}, "full": {"weight", "bias"}}
    assert {name.rpartition(".")[2] for name in names} == parts[kind]
    trained = {name.split(".")[2] for name in names}
    assert trained == ({"1"} if layers == 1 else {"0", "1"})


def test_whole_layers_of_quantised_weights_are_refused(tmp_path):
    folder = write_checkpoint(tmp_path, quantization={"group_size": 32, "bits": 4})
    model, _ = load_model(folder)  # as a GPU keeps it; on a CPU `load` makes its weights floats
    params = LoraParams(**LORA | {"model": "models/quantised", "fine_tune_type": "full"})
    with pytest.raises(InputError, match=r"lora_seed\.fine_tune_type: full .* models/quantised are quantised"):
        make_trainable(model, params)
    make_trainable(model, params.model_copy(update={"fine_tune_type": "dora"}))


def test_whole_layers_kept_in_16_bits_learn_by_steps_too_small_for_16_bits(tmp_path, checkpoint, data):
    """As on a GPU, where `load` keeps the checkpoint's type: a step of 1e-5 is less than half a bfloat16's last bit."""
    model, _ = load_model(checkpoint)
    model.set_dtype(mx.bfloat16)
    before = dict(tree_flatten(model.layers[-1].parameters()))
    params = LoraParams(**LORA | {"model": str(checkpoint), "fine_tune_type": "full", "num_layers": 1})
    params = params.model_copy(update={"learning_rate": 1e-5})
    train_adapter(model, TrainingSetup(params, 4, 3, *data, tmp_path, "test"))
    after = mx.load(str(tmp_path / "last.safetensors"))
    steps = [mx.abs(after[f"model.layers.1.{name}"] - weights) for name, weights in before.items()]
    moved = sum(((step > 0) & (step < 1e-3)).sum().item() for step in steps)
    assert moved > 0.9 * sum(step.size for step in steps)
    assert {weights.dtype for _, weights in tree_flatten(model.layers[0].parameters())} == {mx.bfloat16}


def test_patience_stops_early_and_a_stopped_run_stays_stopped(train, tmp_path):
    trained = train(tmp_path, iters=400, patience=2, learning_rate=0.3)
    iterations = trained.history.iterations
    assert trained.history.best() == len(iterations) - 3 and iterations[-1] < 400
    assert train(tmp_path, iters=400, patience=2, learning_rate=0.3).history.iterations == iterations


def test_a_loss_that_is_no_number_keeps_the_best_adapter(train, tmp_path):
    with pytest.raises(
        InputError, match=r"test: the loss is not a number at iteration 4.*Lower.*\(iteration 0\) is kept"
    ):
        train(tmp_path, learning_rate=1e30)
    assert {"adapters.safetensors", "adapter_config.json"} <= set(contents(tmp_path))


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_state_is_named_and_the_best_adapter_stays(train, tmp_path, damage):
    train(tmp_path)
    path, adapter = tmp_path / state.STATE, (tmp_path / state.ADAPTER).read_bytes()
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"state\.safetensors is damaged .* best adapter so far is kept in"):
        train(tmp_path)
    assert (tmp_path / state.ADAPTER).read_bytes() == adapter


def test_a_full_disk_keeps_what_was_there(train, tmp_path):
    """A limit on the size of files stands for the full disk: the writes fail the same way, half done."""
    train(tmp_path, iters=4)
    before = contents(tmp_path)
    size = max(map(len, before.values()))
    for name in before:
        if name == state.STATE:
            (tmp_path / name).unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    try:
        with pytest.raises(InputError, match=r"state\.safetensors could not be written.*Free some space.* is kept in"):
            train(tmp_path, iters=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path)[state.ADAPTER]
    train(tmp_path, iters=4)
    assert contents(tmp_path) == before


def test_the_history_comes_back_to_the_bit(train, tmp_path):
    before, after = (train(tmp_path, iters=6, steps_per_eval=3).history for _ in range(2))
    assert before.train_losses == after.train_losses and before.iterations == after.iterations


def test_a_best_adapter_that_could_not_be_saved_is_not_said_to_be_kept(train, tmp_path, monkeypatch):
    saved: list[int] = []

    def fails_the_second_time(*arguments):
        if saved:
            raise InputError("no room.")
        saved.append(1)
        state.save_adapter(*arguments)

    monkeypatch.setattr("distil.lm.progress.save_adapter", fails_the_second_time)
    with pytest.raises(InputError, match=r"no room\. The best adapter so far \(iteration 0\) is kept"):
        train(tmp_path, iters=4)


def test_gradient_checkpointing_is_undone_after_a_run(train, tmp_path, checkpoint):
    model, _ = load(str(checkpoint))
    forward = type(model.layers[0]).__call__
    train(tmp_path / "with", grad_checkpoint=True, dropout=0.0)
    assert type(model.layers[0]).__call__ is forward
    train(tmp_path / "without", dropout=0.0)
    assert contents(tmp_path / "with")[state.ADAPTER] == contents(tmp_path / "without")[state.ADAPTER]
