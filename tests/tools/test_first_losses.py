"""The reproduction check notices, by a training's first losses, what other seeds' spread would let pass."""

import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from distil.pipeline.files import write_jsonl
from distil.pipeline.records import Example
from tests.workspace import environment, problems, rows, write_workspace
from tools.check_reproduction.compare import RunComparison
from tools.check_reproduction.revision import Entry, Revision, Stage, read_rules
from tools.check_reproduction.run import PipelineRun
from tools.check_reproduction.tolerance import FirstLosses, Reproduction, judge, losses_apart, read_metrics

ROOT = Path(__file__).resolve().parents[2]
CURVES = ROOT / "plots/lora_seed"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))["lora_seed"]
SEEDS = list(range(5, 15))
"""Ten seeds that the committed run has not."""
HERE, ELSEWHERE = "Haswell", "Nehalem"
"""Kernels that add up in different orders, as another machine's do."""
CHANGES = {
    "half the scale": {"scale": PARAMS["scale"] / 2},
    "a quarter of the learning rate": {"learning_rate": PARAMS["learning_rate"] / 4},
    "half the iterations": {"iters": 10},
    "one answer in ten wrong": {},
}


@pytest.fixture(scope="module")
def rules() -> Reproduction:
    return read_rules(ROOT)


@pytest.fixture(scope="module")
def first_losses(rules: Reproduction) -> FirstLosses:
    assert rules.first_losses
    return rules.first_losses


def moved(path: Path, folder: Path, share: float, at: int) -> Path:
    """A table of curves, its validation loss at one iteration moved by a share of it."""
    table = pd.read_csv(path)
    table.loc[table["iteration"] == at, "valid_loss"] *= 1 + share
    table.to_csv(folder / path.name, index=False)
    return folder / path.name


@pytest.mark.parametrize("path", sorted(CURVES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_committed_curve_begins_as_itself_and_as_no_other_seeds(path: Path, first_losses: FirstLosses) -> None:
    assert not losses_apart(path, path, first_losses)[1]
    for other in CURVES.glob("*.csv"):
        assert losses_apart(path, other, first_losses)[1] == (other != path)


def test_rounding_passes_and_more_does_not(tmp_path: Path, first_losses: FirstLosses) -> None:
    path, within = CURVES / "0.csv", first_losses.within
    every = PARAMS["steps_per_eval"]
    assert not losses_apart(path, moved(path, tmp_path, 0.9 * within, every), first_losses)[1]
    said, apart = losses_apart(path, moved(path, tmp_path, 1.1 * within, every), first_losses)
    assert apart and f"valid_loss at held_out {every} is furthest from the committed one: {1.1 * within:.2%}" in said
    late = every * first_losses.validations
    assert not losses_apart(path, moved(path, tmp_path, 0.5, late), first_losses)[1], "later losses may go apart"


def test_curves_of_other_iterations_or_columns_are_told(tmp_path: Path, first_losses: FirstLosses) -> None:
    table = pd.read_csv(CURVES / "0.csv")
    table.assign(iteration=table["iteration"] // 2).to_csv(tmp_path / "half.csv", index=False)
    table.drop(columns="train_loss").to_csv(tmp_path / "fewer.csv", index=False)
    table.assign(train_loss=None).to_csv(tmp_path / "empty.csv", index=False)
    table.assign(train_loss=None, valid_loss=None).to_csv(tmp_path / "none.csv", index=False)
    for name in ("half", "fewer", "empty", "none"):
        said, apart = losses_apart(CURVES / "0.csv", tmp_path / f"{name}.csv", first_losses)
        assert apart and "other trainings, iterations or columns" in said
    assert losses_apart(tmp_path / "none.csv", tmp_path / "none.csv", first_losses)[1], "nothing to compare with"


def test_half_the_iterations_are_told_by_the_committed_metrics(rules: Reproduction) -> None:
    before = read_metrics([f"metrics/lora_seed/{seed}.json" for seed in rules.seeds], ROOT.joinpath)
    after = before | {name: value // 2 for name, value in before.items() if name.endswith(".iterations")}
    outside, _ = judge(before, after, before, rules)
    assert len(outside) == len(after) - sum(before[name] == after[name] for name in after) > 0
    assert all("outside the tolerance of 0" in line for line in outside)


@pytest.mark.parametrize(("share", "verdict"), [(0.5, "within tolerance"), (1.5, "different")])
def test_the_check_says_which_curve_begins_otherwise(
    tmp_path: Path, rules: Reproduction, first_losses: FirstLosses, share: float, verdict: str
) -> None:
    out = "plots/lora_seed/0.csv"
    here = moved(ROOT / out, tmp_path, share * first_losses.within, PARAMS["steps_per_eval"])
    stage = Stage("lora_seed@0", "", [], {}, [out], {out}, False)
    before, after = (PipelineRun({stage.name: Entry({}, {out: name}, {})}, lambda _: None) for name in ("a", "b"))
    committed, fresh = replace(before, output=lambda name: ROOT / name), replace(after, output=lambda _: here)
    revision = Revision(ROOT, "HEAD", ROOT, [stage], committed.lock, rules)
    (outcome,) = RunComparison(revision, committed, fresh, rules).outcomes()
    assert outcome.verdict == verdict
    assert any(f"{out}: of its first losses" in line for line in outcome.reasons + outcome.differences)


def training(folder: Path, core: str, what: str | None, seeds: list[int]) -> Path:
    """The first 20 iterations of the tiny student with the run's own settings, for each seed; the table of losses."""
    changed = {"model": str(ROOT / PARAMS["model"]), "iters": 20, "steps_per_eval": 20} | CHANGES.get(what or "", {})
    write_workspace(folder, PARAMS | changed)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["length_sweep"]["seeds"] = seeds
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    found = rows(problems(190))
    if what == "one answer in ten wrong":
        found = [wrong(row) if number % 10 == 0 else row for number, row in enumerate(found)]
    write_jsonl(folder / "data/train_split/levels/R3/train.jsonl", found[:170])
    write_jsonl(folder / "data/train_split/levels/R3/valid.jsonl", found[170:])
    command = [sys.executable, "-m", "stages.lora_seed", "--rows", "levels/R3", "--name", "R3"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment() | {"OPENBLAS_CORETYPE": core},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "plots/lora_level/R3.csv"


def wrong(row: Example) -> Example:
    """The row with another final answer."""
    user, reply = row.messages
    working, _, answer = reply.content.rpartition("Answer: ")
    text = f"{working}Answer: {(int(answer) + 7) % 60}"
    return row.model_copy(update={"messages": [user, reply.model_copy(update={"content": text})]})


def split(table: Path, folder: Path) -> dict[str, Path]:
    """A table of curves as one table for each seed."""
    folder.mkdir(exist_ok=True)
    found = {}
    for seed, own in pd.read_csv(table).groupby("seed"):
        found[str(seed)] = folder / f"{seed}.csv"
        own.to_csv(found[str(seed)], index=False)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="needs OpenBLAS's x86-64 kernels")
def test_other_kernels_cry_no_wolf_and_every_change_is_noticed(tmp_path: Path, first_losses: FirstLosses) -> None:
    """Ten seeds here and with other kernels; then each change to the training with other kernels, for two of them."""
    committed = split(training(tmp_path / "here", HERE, None, SEEDS), tmp_path / "committed")
    elsewhere = split(training(tmp_path / "there", ELSEWHERE, None, SEEDS), tmp_path / "elsewhere")
    told = {seed: losses_apart(committed[seed], elsewhere[seed], first_losses) for seed in committed}
    print(told)
    assert len(told) == len(SEEDS) and not [said for said, apart in told.values() if apart]
    for number, what in enumerate(CHANGES):
        tables = split(training(tmp_path / what, ELSEWHERE, what, SEEDS[:2]), tmp_path / f"change {number}")
        told = {seed: losses_apart(committed[seed], table, first_losses) for seed, table in tables.items()}
        print(what, told)
        assert all(apart for _, apart in told.values()), what


@pytest.mark.parametrize(
    "table",
    ["", "step,valid_loss\n0,1.5\n", "iteration,valid_loss\n0,none\n", "iteration,valid_loss\n0,0\n",
     "fold,iteration,valid_loss\n,0,1.5\nheld_out,20,1.4\n"],
)  # fmt: skip
def test_a_table_that_is_no_curve_is_another_one(table: str, first_losses: FirstLosses, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(table)
    committed = min(CURVES.glob("*.csv"))
    assert "of other trainings, iterations or columns" in losses_apart(committed, tmp_path / "odd.csv", first_losses)[0]
    assert losses_apart(tmp_path / "odd.csv", tmp_path / "odd.csv", first_losses)[1]
