"""How often the reproduction check's tolerances cry wolf: other seeds stand in for a rerun that took another path."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from distil.pipeline.files import read_json, read_jsonl
from distil.pipeline.records import Answer, Problem
from distil.statistics.difference import difference
from distil.statistics.proportions import accuracy
from distil.verifier import Verifier
from tests.workspace import stage
from tools.check_reproduction.revision import read_rules
from tools.check_reproduction.tolerance import allowed, judge, read_metrics

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("train_split", "parsed", "transfer")
PART = "eval.contest_unseen"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    not all((ROOT / "data" / name).exists() for name in NEEDED), reason="needs the default run's data: make repro"
)
@pytest.mark.parametrize("seeds", [range(5, 10), range(10, 15)], ids=["5 to 9", "10 to 14"])
def test_other_seeds_stay_within_the_tolerances(tmp_path: Path, seeds: range) -> None:
    """Five other seeds, each in the place of a committed one: their losses, and the accuracies of all five.

    A hundredth of the metrics may be told where none should be. Those of one training move together.
    """
    rules = read_rules(ROOT)
    paths = [ROOT / "metrics/eval.json", *sorted((ROOT / "metrics/lora_seed").glob("*.json"))]
    committed = read_metrics([str(path.relative_to(ROOT)) for path in paths], ROOT.joinpath)
    trained, right = train(tmp_path, seeds)
    fresh = in_their_place(trained, rules.seeds) | accuracies(right)
    assert fresh.keys() <= committed.keys() and None not in [allowed(name, committed, rules) for name in fresh]
    outside, inside = judge({name: committed[name] for name in fresh}, fresh, committed, rules)
    print(f"\n{len(outside)} of {len(fresh)} metrics told", *outside, *inside, sep="\n")
    assert len(outside) + len(inside) > 20 and len(outside) <= 2


def train(folder: Path, seeds: range) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train these seeds on the rows of the result and ask them the questions held out, by the stages themselves.

    Returns what metrics/lora_level would hold, and each question's verdicts, by seed.
    """
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    params["length_sweep"]["seeds"] = list(seeds)
    params["answers"]["models"] = {"others": {"weights": "data/lora_level/others"}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "data").mkdir()
    for name in NEEDED:
        (folder / "data" / name).symlink_to(ROOT / "data" / name)
    (folder / "models").symlink_to(ROOT / "models")
    for command in (
        ("stages.lora_seed", "--rows", "held_out", "--name", "others"),
        ("stages.answers", "--model", "others"),
    ):
        done = stage(folder, *command)
        assert done.returncode == 0, done.stderr
    keys = {problem.id: problem.answer for problem in read_jsonl(ROOT / "data/parsed/problems.jsonl", Problem)}
    answers = list(read_jsonl(folder / "data/answers/others/contest.jsonl", Answer))
    with Verifier() as verifier:
        found = verifier.verify_many([(keys[answer.problem_id], answer.text) for answer in answers])
    table = pd.DataFrame(
        {
            "id": [answer.problem_id for answer in answers],
            "fold": [answer.fold for answer in answers],
            "right": [float(one.verdict == "CORRECT") for one in found],
        }
    )
    return read_json(folder / "metrics/lora_level/others.json")["seeds"], table.pivot(
        index="id", columns="fold", values="right"
    )


def in_their_place(trained: dict[str, Any], places: list[int]) -> dict[str, float]:
    """The losses of each training under the names of a committed seed's."""
    assert len(trained) == len(places)
    return {
        f"lora_seed.{place}.folds.held_out.{name}": value
        for place, metrics in zip(places, trained.values(), strict=True)
        for name, value in metrics.items()
        if name.endswith(("train_loss", "valid_loss"))
    }


def accuracies(right: pd.DataFrame) -> dict[str, float]:
    """The student's accuracy and its gain on the committed base, with their intervals, by their names in metrics."""
    table = pd.read_csv(ROOT / "plots/eval/verdicts.csv").query("part == 'contest_unseen' and model == 'base'")
    assert set(table["id"]) == set(right.index), "other questions are held out: data/ is not the committed run's"
    base = table.set_index("id").loc[right.index]
    clusters, students = base["cluster"].to_numpy(), right.to_numpy()
    mean, gain = (
        accuracy(students, clusters),
        difference(base[["right"]].to_numpy(float), students, clusters, 10_000, np.random.default_rng(0)),
    )
    assert mean.value is not None and mean.low is not None and mean.high is not None
    assert gain.value is not None and gain.both is not None
    return {
        f"{PART}.student_mean": mean.value,
        f"{PART}.student_low": mean.low,
        f"{PART}.student_high": mean.high,
        f"{PART}.difference": 100 * gain.value,
        f"{PART}.difference_low": 100 * gain.both.low,
        f"{PART}.difference_high": 100 * gain.both.high,
    }
