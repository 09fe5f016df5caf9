"""The figures of README and of the committed metrics, computed again: by other code, from what git holds of the run."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from distil.contest import FAMILIES
from stages.raw.sample import exams, load_layout

ROOT = Path(__file__).resolve().parents[1]
README = " ".join((ROOT / "README.md").read_text("utf-8").split())
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
FORMER_SEED = 2011
"""The seed of the contest that was drawn before this one."""


@cache
def metrics(name: str) -> Any:
    return json.loads((ROOT / f"metrics/{name}.json").read_text("utf-8"))


@cache
def verdicts(part: str) -> pd.DataFrame:
    """Right (1) or wrong (0) by question and model, with each question's cluster and section."""
    table = pd.read_csv(ROOT / "plots/eval/verdicts.csv")
    table = table[table["part"] == part]
    wide = table.pivot(index="id", columns="model", values="right")
    return wide.join(table.drop_duplicates("id").set_index("id")[["cluster", "section"]])


def seeds(table: pd.DataFrame) -> pd.DataFrame:
    return table[[name for name in table if str(name).startswith("seed_")]]


Kind = tuple[str, tuple[tuple[str, int], ...]]
"""A question's family and its numbers, whatever the wording."""


def kind(text: str) -> Kind | None:
    for name, family in FAMILIES.items():
        for _, pattern in family.patterns:
            if found := pattern.fullmatch(text):
                return name, tuple(sorted((number, int(digits)) for number, digits in found.groupdict().items()))
    return None


@cache
def contest(seed: int) -> dict[str, Kind]:
    """Every question of the sample contest that needs no figure, by id."""
    found = {}
    for exam in exams(load_layout(ROOT / PARAMS["raw"]["path"]), seed):
        for number, question in enumerate(exam.questions, 1):
            if known := kind(question.text.strip()):
                found[f"{exam.year}/{exam.section}/{number:02d}"] = known
    return found


def standard_error(values: pd.Series, groups: pd.Series) -> float:
    """Of the mean of `values`, whose groups are independent."""
    sums = (values - values.mean()).groupby(groups).sum()
    return math.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(values)


def interaction(table: pd.DataFrame, groups: pd.Series) -> float:
    """The variance of the mean over seeds that comes from the interaction of seeds and questions."""
    own = seeds(table)
    rest = own.sub(own.mean(axis=1), axis=0)
    rest = rest - rest.mean()
    by_group = rest.groupby(groups).sum() / (len(own) / groups.nunique())
    count, number = groups.nunique(), own.shape[1]
    return float((by_group**2).to_numpy().sum()) / ((number - 1) * count * (count - 1)) / number


def spread(table: pd.DataFrame) -> float:
    """The variance of the mean over seeds, from the seeds' values alone."""
    own = seeds(table)
    return float(own.mean().var()) / own.shape[1]


def seeds_error(table: pd.DataFrame, groups: pd.Series) -> float:
    """The part of the standard error of the mean over seeds that comes from the seeds, beyond the interaction."""
    return math.sqrt(max(0.0, spread(table) - interaction(table, groups)))


@pytest.mark.parametrize("part", ["contest_unseen", "transfer"])
def test_the_result_follows_from_every_verdict(part: str) -> None:
    found, table = metrics("eval")[part], verdicts(part)
    own = seeds(table)
    assert (found["n"], own.shape[1]) == (len(table), len(PARAMS["lora_seed"]["seeds"]))
    assert found["base"] == pytest.approx(table["base"].mean(), abs=1e-5)
    assert found["student_mean"] == pytest.approx(own.mean().mean(), abs=1e-5)
    assert found["student_std"] == pytest.approx(own.mean().std(), abs=1e-5)
    assert found["difference"] == pytest.approx(100 * (own.mean().mean() - table["base"].mean()), abs=1e-3)
    middle = own[own.sum().sort_values(kind="stable").index[(own.shape[1] - 1) // 2]]
    gained, lost = int(((middle == 1) & (table["base"] == 0)).sum()), int(((middle == 0) & (table["base"] == 1)).sum())
    assert (found["gained"], found["lost"]) == (gained, lost)
    tail = sum(math.comb(gained + lost, k) for k in range(min(gained, lost) + 1))
    assert found["mcnemar_p"] == pytest.approx(
        float(min(Fraction(1), Fraction(2 * tail, 2 ** (gained + lost)))), rel=1e-4
    )


@pytest.mark.parametrize("part", ["contest_unseen", "transfer"])
def test_the_intervals_follow_from_every_verdict(part: str) -> None:
    """Wilson's formula, and normal theory where the stage resamples: the ends agree to a point."""
    found, table = metrics("eval")[part], verdicts(part)
    z, few = float(stats.norm.ppf(0.975)), float(stats.t.ppf(0.975, seeds(table).shape[1] - 1))
    base, student = table["base"], seeds(table).mean(axis=1)
    shared = interaction(table, table["cluster"])
    drawn = max(0.0, (few / z) ** 2 * (spread(table) - shared / 2) - shared / 2)
    for name, right, from_seeds in (("base", base, 0.0), ("student", student, drawn)):
        p = right.mean()
        n = p * (1 - p) / (standard_error(right, table["cluster"]) ** 2 + from_seeds)
        centre, reach = (
            (p + z**2 / (2 * n)) / (1 + z**2 / n),
            z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n),
        )
        ends = found[f"{name}_low"], found[f"{name}_high"]
        assert ends == pytest.approx((centre - reach, centre + reach), abs=0.002)
    gaps = student - base
    asked = standard_error(gaps, table["cluster"]) ** 2
    both = z**2 * (asked - 0.6 * shared) + few**2 * max(0.0, spread(table) - 0.4 * shared)
    reach = 100 * math.sqrt(max(z**2 * asked, both))
    ends = found["difference_low"], found["difference_high"]
    assert ends == pytest.approx((found["difference"] - reach, found["difference"] + reach), abs=0.3)


def test_the_interval_for_other_kinds_follows_from_every_verdict() -> None:
    found, table = metrics("eval")["contest_unseen"], verdicts("contest_unseen")
    kinds = pd.Series({name: contest(PARAMS["raw"]["seed"])[name][0] for name in table.index})
    assert found["families"] == kinds.nunique()
    sizes = kinds.value_counts()
    freedom = sizes.sum() ** 2 / (sizes**2).sum() - 1
    gaps = seeds(table).mean(axis=1) - table["base"]
    asked, drawn = standard_error(gaps, kinds) ** 2 - interaction(table, kinds), spread(table)
    welch = (asked + drawn) ** 2 / (asked**2 / freedom + drawn**2 / (seeds(table).shape[1] - 1))
    these = float(stats.t.ppf(0.975, freedom)) * standard_error(gaps, kinds)
    reach = 100 * max(these, float(stats.t.ppf(0.975, welch)) * math.sqrt(asked + drawn))
    ends = found["difference_low_families"], found["difference_high_families"]
    assert ends == pytest.approx((found["difference"] - reach, found["difference"] + reach), abs=0.3)


def test_the_share_that_changes_with_the_seed_and_what_can_be_detected() -> None:
    found, table = metrics("eval"), verdicts("contest_unseen")
    right = seeds(table).sum(axis=1)
    assert found["flip_rate"] == pytest.approx(((right > 0) & (right < seeds(table).shape[1])).mean(), abs=1e-5)
    gaps = seeds(table).mean(axis=1) - table["base"]
    asked, drawn = standard_error(gaps, table["cluster"]), seeds_error(table, table["cluster"])
    share = drawn**2 / (asked**2 + drawn**2)
    assert found["seeds_share_of_uncertainty"] == pytest.approx(share, abs=0.01)
    rng, shared, freedom = np.random.default_rng(0), interaction(table, table["cluster"]), seeds(table).shape[1] - 1
    estimates = rng.normal(found["detectable_difference"] / 100, math.hypot(asked, drawn), 100_000)
    shown = (drawn**2 + shared) * rng.chisquare(freedom, len(estimates)) / freedom
    margins = float(stats.t.ppf(0.975, freedom)) ** 2 * np.maximum(0, shown - 0.4 * shared)
    z = float(stats.norm.ppf(0.975))
    reaches = np.sqrt(np.maximum(z**2 * asked**2, z**2 * (asked**2 - 0.6 * shared) + margins))
    assert (estimates > reaches).mean() == pytest.approx(0.8, abs=0.02)


def test_the_plots_and_the_summary_say_what_the_metrics_say() -> None:
    whole, sweep, short = metrics("eval"), metrics("length_sweep"), metrics("summary")
    unseen = whole["contest_unseen"]
    models = pd.read_csv(ROOT / "plots/eval/models.csv").set_index("model")["accuracy"]
    expected = {"base": unseen["base"], "student": unseen["student_mean"], "teacher": whole["teacher_unseen"]}
    assert {name: models[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    assert short["teacher"] == round(100 * whole["teacher_unseen"], 1)
    levels = pd.read_csv(ROOT / "plots/length_sweep/levels.csv").set_index("level")
    for level in PARAMS["length_sweep"]["levels"]:
        own = sweep[level]
        assert levels.loc[level, "accuracy"] == pytest.approx(own["accuracy"], abs=1e-5)
        assert own["accuracy"] == pytest.approx(np.mean(own["seeds"]), abs=1e-5)
        assert own["over_base"] == pytest.approx(100 * (own["accuracy"] - sweep["base"]["accuracy"]), abs=1e-3)
        if control := sweep["truncated"].get(level):
            gap = 100 * (own["accuracy"] - np.mean(control["seeds"]))
            assert control["compressed_over_truncated"] == pytest.approx(gap, abs=1e-3)
    assert sweep["change"] == pytest.approx(100 * (sweep["R6"]["accuracy"] - sweep["R1"]["accuracy"]), abs=1e-3)
    sections = pd.read_csv(ROOT / "plots/length_sweep/sections.csv").pivot(index="section", columns="level")
    falls = 100 * (sections["accuracy"]["R1"] - sections["accuracy"]["R6"])
    sizes = sections["n"]["R1"]
    focus = PARAMS["length_sweep"]["focus"]
    others = falls.drop(focus)
    rest = (others * sizes.drop(focus)).sum() / sizes.drop(focus).sum()
    assert sweep["focus_extra"] == pytest.approx(falls[focus] - rest, abs=0.01)
    assert short["gain"] == pytest.approx(unseen["difference"], abs=0.1)
    assert short["base"] == pytest.approx(100 * unseen["base"], abs=0.1)


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def ends(found: dict[str, Any], name: str) -> str:
    return f"{found[f'{name}_low']:.1f} to {found[f'{name}_high']:.1f}"


def fresh() -> str:
    """How many of the contest's questions stood in the former one."""
    now, then = contest(PARAMS["raw"]["seed"]), contest(FORMER_SEED)
    late, late_then = (
        {key for name, key in drawn.items() if int(name[:4]) in PARAMS["train_split"]["held_out_years"]}
        for drawn in (now, then)
    )
    shared = set(now.values()) & set(then.values())
    six = sum(count for _, count in Counter(family for family, _ in shared).most_common(6))
    return (
        f"of its {len(set(now.values()))} different questions, by kind and numbers, {len(shared)} stood in the old "
        f"one, and of the {len(late)} held out {len(late & shared)}, {len(late & late_then)} of them held out there, "
        f"too ({six} of the {len(shared)} are of six kinds with few questions)"
    )


SENTENCES: dict[str, Callable[[], str]] = {
    "kinds": lambda: f"all {metrics('train_split')['families']} kinds of its questions are in training",
    "other kinds": lambda: (
        f"{metrics('eval')['contest_unseen']['difference_low_families']:+.1f} to "
        f"{metrics('eval')['contest_unseen']['difference_high_families']:+.1f} points with kinds as clusters"
    ),
    "prompts": lambda: (
        "the untouched base is right on all {n}, asked in chat on {chat}, with an instruction to reason on "
        "{instruction} and with few-shot chains on {few_shot}"
    ).format(
        n=metrics("eval")["contest_unseen"]["n"] if baseline("solution") == 1 else "?",
        **{name: percent(baseline(name)) for name in ("chat", "instruction", "few_shot")},
    ),
    "leak": lambda: (
        f"answer the same {metrics('eval')['contest_unseen']['n']} questions "
        f"{metrics('eval')['contest_unseen']['leak_paired']:.1f} points better "
        f"({ends(metrics('eval')['contest_unseen'], 'leak_paired')})"
    ),
    "teacher": lambda: (
        f"The teacher answers {percent(metrics('eval')['teacher_unseen'])} of these "
        f"{metrics('eval')['teacher_unseen_n']}"
    ),
    "length": lambda: (
        f"From R1 to R6 accuracy falls by {-metrics('length_sweep')['change']:.1f} points "
        f"({-metrics('length_sweep')['change_high']:.1f} to {-metrics('length_sweep')['change_low']:.1f}), and "
        f"{' and '.join(below_base())} lie below the base"
    ),
    "control": lambda: (
        "Chains of R1 that are cut to R2's length give "
        f"{percent(metrics('length_sweep')['truncated']['R2']['accuracy'])}"
    ),
    "section": lambda: (
        f"is not settled: {metrics('length_sweep')['focus_extra']:.1f} points more "
        f"({metrics('length_sweep')['focus_extra_low']:.1f} to {metrics('length_sweep')['focus_extra_high']:+.1f})"
    ),
    "probe": lambda: (
        f"lowest at {metrics('overfit_probe')['best_iteration']}, {metrics('overfit_probe')['best_iteration_low']} to "
        f"{metrics('overfit_probe')['best_iteration_high']}"
    ),
    "iterations": lambda: f"How it was chosen: {PARAMS['lora_seed']['iters']} iterations",
    "fresh": fresh,
    "parameters": lambda: f"ships a {metrics('student')['parameters'] / 1e6:.1f}-million-parameter student",
    "step": lambda: (
        f"reaches {100 * metrics('bench')['step_share_of_peak']:.0f} % of the rate of its own products timed alone, "
        f"and {100 * metrics('bench')['peers']['peer_lora_f32']['share_of_peak']:.0f} % in float32"
    ),
}
"""Each figure of README's prose about the run, as the run's files have it. The printed block: tests/test_readme.py."""


def baseline(name: str) -> float:
    return float(metrics("eval")["contest_unseen"]["baselines"][name])


def below_base() -> list[str]:
    found = metrics("length_sweep")
    return [level for level in PARAMS["length_sweep"]["levels"] if found[level]["over_base_high"] < 0]


@pytest.mark.parametrize("name", SENTENCES)
def test_readmes_prose_has_the_runs_figures(name: str) -> None:
    assert SENTENCES[name]() in README


def test_the_section_is_not_settled_and_the_control_is_worse() -> None:
    found = metrics("length_sweep")
    assert found["focus_extra_low"] < 0 < found["focus_extra_high"]
    assert found["truncated"]["R2"]["compressed_over_truncated_low"] > 0


def test_the_page_on_metrics_has_the_runs_figures() -> None:
    page = " ".join((ROOT / "docs/metrics.md").read_text("utf-8").split())
    found = metrics("train_split")
    planted, kept = found["planted_pairs"], found["planted_pairs_kept"]
    word_for_word = re.search(r"plants (\d+) pairs word for word and (\d+) reworded", page)
    assert word_for_word and sum(map(int, word_for_word.groups())) == planted
    assert f"tuned on half of them ({planted - kept}) and finds all of the other half ({kept} of {kept})" in page
    assert found["planted_recall_kept"] == 1
    pairs = (ROOT / "tests/train_split/real_pairs.txt").read_text("utf-8").split("\n")
    same = [pair for pair in pairs if pair.endswith(" same")]
    assert (
        f"The real exams: {len(same)} pairs flagged among 514 questions, each read by a person, all one problem" in page
    )
