"""Tolerances follow from the committed seeds, and from nothing else."""

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy import stats

from tools.check_reproduction.differences import distance
from tools.check_reproduction.revision import read_rules
from tools.check_reproduction.tolerance import Reproduction, Spread, allowed, judge, nearest_sibling, read_metrics

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = {
    "eval.unseen.student_mean": 0.5,
    "eval.unseen.student_std": 0.02,
    "eval.unseen.difference": 30.0,
    "eval.unseen.p": 0.001,
    "length_sweep.R3.accuracy": 0.4,
    "length_sweep.R4.accuracy": 0.5,
    **{f"length_sweep.R4.seeds.{place}": value for place, value in enumerate([0.4, 0.5, 0.6])},
    "lora_seed.rows": 549,
    **{f"lora_seed.{seed}.loss": value for seed, value in enumerate([1.0, 1.1, 1.2, 1.3, 1.4])},
}
RULES = Reproduction(
    confidence=0.99,
    seeds=[0, 1, 2, 3, 4],
    trained=["lora_seed", "eval"],
    siblings=["lora_seed"],
    spreads=[
        Spread(metric="eval.*.student_mean", std="eval.*.student_std", of="mean"),
        Spread(metric="eval.*.difference", std="eval.*.student_std", of="mean", scale=100),
        Spread(metric="length_sweep.R3.accuracy", std="eval.unseen.student_std", of="seed"),
        Spread(metric="length_sweep.*.accuracy", std="length_sweep.*.seeds", of="mean"),
        Spread(metric="lora_seed.{seed}.loss", std="lora_seed.{seed}.loss", of="seed"),
        Spread(metric="eval.*.lost", std="eval.*.none", of="seed"),
    ],
    exact=["lora_*.rows"],
)
T = 4.604094871  # Student's t, two-sided 99 %, 4 degrees of freedom, as in any printed table: 4.604


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eval.unseen.student_mean", T * 0.02 * math.sqrt(2 / 5)),
        ("eval.unseen.difference", T * 2.0 * math.sqrt(2 / 5)),
        ("length_sweep.R3.accuracy", T * 0.02 * math.sqrt(2)),
        ("lora_seed.3.loss", T * math.sqrt(0.025) * math.sqrt(2)),  # the variance of 1.0 to 1.4 in steps of 0.1
        ("length_sweep.R4.accuracy", 9.924843201 * 0.1 * math.sqrt(2 / 3)),  # three seeds: t(0.995, 2) = 9.925
        ("lora_seed.rows", 0.0),
        ("eval.unseen.p", None),
        ("eval.unseen.lost", None),
    ],
)
def test_allowed(name: str, expected: float | None) -> None:
    found = allowed(name, COMMITTED, RULES)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-6))


def test_two_sets_of_seeds_stay_within_it_as_often_as_promised() -> None:
    """The interval's own promise, by simulation: 99 % of reruns with other seeds are inside, not 100 % and not 90 %."""
    rng, n = np.random.default_rng(0), 5
    before, after = rng.normal(size=(2, 4000, n))
    rule = [Spread(metric="m", std="s", of="mean")]
    rules = RULES.model_copy(update={"spreads": rule})
    quantile = allowed("m", {"s": 1.0}, rules)
    assert quantile
    inside = np.abs(before.mean(1) - after.mean(1)) <= quantile * before.std(1, ddof=1)
    assert 0.985 < inside.mean() < 0.995
    assert stats.t.ppf(0.995, n - 1) == pytest.approx(T, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "out", "said"),
    [
        ("eval.unseen.student_mean", 0.55, False, "within the tolerance of 0.05824"),
        ("eval.unseen.student_mean", 0.56, True, "outside the tolerance of 0.05824"),
        ("eval.unseen.student_mean", None, True, "outside"),
        ("eval.unseen.p", 0.9, False, "not judged"),
        ("lora_seed.rows", 548, True, "outside the tolerance of 0"),
        ("eval.unseen.new", 1, True, "only one of the two runs has it"),
    ],
)
def test_judge(name: str, value: float | None, out: bool, said: str) -> None:
    outside, inside = judge(COMMITTED, COMMITTED | {name: value}, COMMITTED, RULES)
    assert (len(outside), len(inside)) == ((1, 0) if out else (0, 1))
    assert said in (outside + inside)[0]


def test_weights_are_measured_against_other_seeds(tmp_path: Path) -> None:
    for seed, value in {"own": 1.0, "rerun": 1.001, "other": 1.5, "far": 9.0}.items():
        (tmp_path / seed).mkdir()
        save_file({"a": np.full(4, value, np.float32)}, tmp_path / seed / "adapters.safetensors")
    assert distance(tmp_path / "own", tmp_path / "rerun") == pytest.approx(0.001, rel=1e-3)
    save_file({"a": np.float32([1, np.nan])}, tmp_path / "nan.safetensors")
    save_file({"a": np.float32([1, 1])}, tmp_path / "one.safetensors")
    assert distance(tmp_path / "one.safetensors", tmp_path / "nan.safetensors") == math.inf
    others = {"other": tmp_path / "other", "far": tmp_path / "far", "gone": None}
    assert nearest_sibling(tmp_path / "own", others) == ("other", 0.5)


def test_answers_are_measured_by_the_share_that_differs(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("1\n2\n3\n4\n")
    (tmp_path / "b.jsonl").write_text("1\n2\n0\n4\n")
    (tmp_path / "short.jsonl").write_text("1\n")
    assert distance(tmp_path / "a.jsonl", tmp_path / "b.jsonl") == 0.25
    assert distance(tmp_path / "a.jsonl", tmp_path / "short.jsonl") == 0.75
    assert distance(tmp_path / "short.jsonl", tmp_path / "a.jsonl") == 0.75


@pytest.mark.parametrize("lost", ["contest.jsonl", "held_out/adapters.safetensors"])
def test_a_file_that_only_one_output_has_is_beyond_all_distance(lost: str, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / "held_out").mkdir(parents=True)
        (tmp_path / name / "contest.jsonl").write_text("1\n")
        save_file({"a": np.zeros(1, np.float32)}, tmp_path / name / "held_out/adapters.safetensors")
    (tmp_path / "other" / lost).unlink()
    assert distance(tmp_path / "one", tmp_path / "other") == distance(tmp_path / "other", tmp_path / "one") == math.inf


def test_the_projects_own_counts_of_questions_may_not_move() -> None:
    """A rerun that answered three questions of 252 has other questions, and not other statistics."""
    committed = read_metrics(["metrics/eval.json", "metrics/length_sweep.json"], ROOT.joinpath)
    counts = [name for name in committed if name.endswith((".n", "_n"))]
    outside, _ = judge(committed, committed | dict.fromkeys(counts, 3), committed, read_rules(ROOT))
    assert len(counts) > 15 and len(outside) == len(counts)


def test_the_projects_own_rules_are_read() -> None:
    rules = read_rules(ROOT)
    assert len(rules.seeds) >= 2 and "lora_seed" in rules.trained and "verified" not in rules.trained
    committed = read_metrics(["metrics/length_sweep.json"], ROOT.joinpath)
    accuracies = [name for name in committed if name.endswith(".accuracy") and ".base." not in name]
    assert len(accuracies) == 10 and all(allowed(name, committed, rules) for name in accuracies), "a level's own spread"
