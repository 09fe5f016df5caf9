"""What trackers are shown of a training: every loss, each once, and no text."""

import csv
import getpass
import json
import platform
import subprocess
import sys
import time

import pytest

from distil.lm import state
from distil.lm.checkpoints import load
from distil.lm.progress import LoraParams, TrainingSetup
from distil.lm.rows import read_rows
from distil.lm.train import train_adapter
from distil.pipeline.files import InputError, write_jsonl
from tests.checkpoint import write_checkpoint
from tests.workspace import LORA, ROOT, contents, problems, rows

TITLE = "lora_seed/3 held_out"
NAME = "lora_seed-3-held_out"


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train in a folder of `tmp_path`; the files of trackers are below that, too."""
    monkeypatch.chdir(tmp_path)
    checkpoint = write_checkpoint(tmp_path / "model")
    write_jsonl(tmp_path / "rows.jsonl", rows(problems(15)))

    def run(name, track):
        model, tokenizer = load(str(checkpoint))
        found, _ = read_rows(tmp_path / "rows.jsonl", tokenizer, 256)
        params = LoraParams(**LORA | {"model": "model", "track": track})
        return train_adapter(model, TrainingSetup(params, 12, 3, found[:11], found[11:], tmp_path / name, TITLE))

    return run


def no_text_in(folder):
    words = ["Answer:", *(problem.question[:25] for problem in problems(15))]
    files = contents(folder)
    assert files
    for name, content in files.items():
        assert not [word for word in words if word.encode() in content], name


def test_dvclive_has_the_whole_curve_also_of_a_run_taken_up_again(train, tmp_path, monkeypatch):
    pytest.importorskip("dvclive", reason="DVCLive is optional: make extra NAME=dvclive")
    save = state.save_state

    def save_and_die(folder, arrays, history):
        save(folder, arrays, history)
        if history.iterations[-1] == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr("distil.lm.progress.save_state", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        train("run", ["dvclive"])
    live = tmp_path / "dvclive" / NAME
    assert len((live / "plots/metrics/val_loss.tsv").read_text().splitlines()) == 4, "shown while it goes on"
    monkeypatch.setattr("distil.lm.progress.save_state", save)
    history = train("run", ["dvclive"]).history

    with (live / "plots/metrics/val_loss.tsv").open() as file:
        points = [(int(row["step"]), float(row["val_loss"])) for row in csv.DictReader(file, delimiter="\t")]
    assert [step for step, _ in points] == history.iterations == [0, 4, 8, 12]
    sums = [losses.sum() for losses in history.valid_losses]
    assert [loss / points[0][1] for _, loss in points] == pytest.approx([value / sums[0] for value in sums])
    with (live / "plots/metrics/train_loss.tsv").open() as file:
        losses = [float(row["train_loss"]) for row in csv.DictReader(file, delimiter="\t")]
    assert losses == pytest.approx(history.train_losses[1:])
    no_text_in(live)


def test_dvc_shows_the_curve_that_dvclive_keeps(train, tmp_path):
    pytest.importorskip("dvclive", reason="DVCLive is optional: make extra NAME=dvclive")
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    me = ["-c", "user.name=me", "-c", "user.email=me"]
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    subprocess.run(["git", *me, "commit", "--quiet", "--message", "a first commit"], check=True)
    history = train("run", ["dvclive"]).history
    shown = subprocess.run([sys.executable, "-m", "dvc", "metrics", "show", "--json"], capture_output=True, check=True)
    found = json.loads(shown.stdout)[""]["data"][f"dvclive/{NAME}/metrics.json"]["data"]
    assert found["step"] == 12 and found["train_loss"] == pytest.approx(history.train_losses[-1])


@pytest.mark.parametrize("tracker", ["dvclive", "wandb"])
def test_a_tracker_changes_no_byte_of_the_training(train, tmp_path, monkeypatch, tracker):
    pytest.importorskip(tracker, reason=f"{tracker} is optional: make extra NAME={tracker}")
    monkeypatch.setenv("WANDB_MODE", "offline")
    train("without", [])
    assert not (tmp_path / "cache").exists() and not (tmp_path / "dvclive").exists()
    train("with", [tracker])
    assert contents(tmp_path / "with") == contents(tmp_path / "without")


def test_weights_and_biases_gets_a_run_of_its_own_for_every_training(train, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="Weights & Biases is optional: make extra NAME=wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    train("first", ["wandb"])
    train("second", ["wandb"])
    runs = list((tmp_path / "cache/live" / NAME / "wandb").glob("offline-run-*/*.wandb"))
    assert len(runs) == 2
    while not all(b"val_loss" in run.read_bytes() for run in runs):  # its service writes on when `finish` has returned
        time.sleep(0.1)
    no_text_in(tmp_path / "cache/live")


def test_weights_and_biases_is_told_nothing_of_the_machine_or_the_repository(train, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="Weights & Biases is optional: make extra NAME=wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "remote", "add", "origin", "https://user:secret@example.org/exams.git"], check=True)
    train("only", ["wandb"])
    folder = tmp_path / "cache/live" / NAME / "wandb"
    while not (runs := [run for run in folder.glob("offline-run-*/*.wandb") if b"val_loss" in run.read_bytes()]):
        time.sleep(0.1)
    private = (str(tmp_path), sys.prefix, sys.argv[0], platform.node(), getpass.getuser(), "example.org")
    written = runs[0].read_bytes()
    # a short name stands in random bytes by chance; a text has its length in front, JSON has quotes, a path has slashes
    for word in private:
        forms = (f"{chr(len(word))}{word}", f'"{word}"', f"/{word}/") if len(word) < 6 else (word,)
        assert not [form for form in forms if form.encode() in written]
    assert not list(folder.glob("offline-run-*/files/*")), "these would be sent, too"


@pytest.mark.parametrize(
    ("tracker", "command"),
    [
        ("dvclive", "make extra NAME=dvclive"),
        ("wandb", "make extra NAME=wandb"),
        ("swanlab", ".venv/bin/python -m pip install swanlab"),
    ],
)
def test_without_the_tracker_one_message_says_what_to_install(train, monkeypatch, tracker, command):
    monkeypatch.setitem(sys.modules, tracker, None)
    monkeypatch.setattr(f"mlx_lm.tuner.callbacks.{tracker}", None, raising=False)
    with pytest.raises(InputError, match=rf"^lora_seed\.track: {tracker} is not installed\. Run `{command}`"):
        train("run", [tracker])
