"""Rows and details of questions, counting, and the words for numbers."""

import json

import pandas as pd
import pytest

from stages.report import figures
from stages.report.figure_data import losses, verdict_runs
from stages.report.page import script_json
from stages.report.questions import COLUMNS, change, collect
from stages.report.wording import count, percent, points, points_interval, probability
from tests.report import synthetic


@pytest.mark.parametrize(
    ("base", "seeds", "expected"),
    [
        ("W", "CCCWW", "gained"),
        ("N", "CCWW", "both wrong"),  # half of the seeds is not a majority
        ("C", "CCC", "both right"),
        ("C", "WNU", "lost"),
        ("C", "C--", "both right"),  # seeds without an answer have no vote
        ("-", "CCC", None),
        ("C", "---", None),
        ("C", "", None),
    ],
)
def test_change_is_base_against_the_majority_of_seeds(base: str, seeds: str, expected: str | None) -> None:
    assert change(base, seeds) == expected


def test_a_row_shows_the_unseen_prediction_of_a_main_fold_first() -> None:
    contest = synthetic.problems(1, years=[2020])[:1]
    rows = list(synthetic.scored(contest, [], [0], set()))
    base, seen, paper = rows
    unseen = seen.model_copy(update={"answer": seen.answer.model_copy(update={"fold": "fold_2", "role": "unseen"})})
    wrong = seen.verdict.model_copy(update={"verdict": "NO_ANSWER"})
    seen = seen.model_copy(update={"answer": seen.answer.model_copy(update={"fold": "fold_1"}), "verdict": wrong})
    for order in ([base, seen, unseen, paper], [base, paper, unseen, seen]):
        found = collect({"contest": contest}, order, [], [], ["fold_1", "fold_2"], ["seed_0"])
        row = dict(zip(COLUMNS, found.rows[0], strict=True))
        assert row["role"] == "unseen"
        assert row["seeds"] == ("C" if unseen.verdict.verdict == "CORRECT" else row["seeds"])
        folds = [answer.fold for answer in found.details[0].answers]
        assert folds == [None, "fold_1", "fold_2", "paper"], "the study's protocol comes last"


def test_a_question_nobody_answered_is_kept() -> None:
    contest = synthetic.problems(1, years=[2020])[:1]
    found = collect({"contest": contest}, [], [], [], ["held_out"], [])
    assert found.rows[0][COLUMNS.index("base") :] == ["-", "", None, "none"]
    assert "answers" not in found.details[0].model_dump(exclude_defaults=True)


def test_the_base_model_asked_otherwise_is_no_seed() -> None:
    contest = synthetic.problems(1, years=[2020])[:1]
    base, other, seed, _ = synthetic.scored(contest, [], [10], {contest[0].id})
    found = collect({"contest": contest}, [other, seed, base], [], [], ["held_out"], ["seed_9", "seed_10"])
    assert len(found.rows[0][COLUMNS.index("seeds")]) == 2
    assert [answer.model for answer in found.details[0].answers] == ["base", "seed_10", synthetic.BASELINE]


def test_verdict_runs_cover_every_question_once() -> None:
    letters = ["WC", "CC", "WW", "WC", "CN", "WU"]
    runs = verdict_runs(letters, ["seed_0"])
    for _, own in runs.groupby("model"):
        assert list(own["start"]) == [0, *own["end"][:-1]]
        assert own["end"].iloc[-1] == len(letters)
    wide = (
        runs[runs["verdict"] == "right"]
        .assign(size=lambda row: row["end"] - row["start"])
        .groupby("model")["size"]
        .sum()
    )
    assert wide.to_dict() == {"base": 2, "seed 0": 3}


def test_the_mark_of_a_loss_curve_is_its_lowest_validation() -> None:
    curves = pd.DataFrame(
        {"seed": ["0"] * 3, "iteration": [0, 20, 40], "train_loss": [None, 1.0, 0.5], "valid_loss": [2.0, 0.9, 1.1]}
    )
    long, best = losses(curves)
    assert len(long) == 5
    assert best.to_dict("records") == [{"seed": "0", "iteration": 20, "loss": 0.9}]


@pytest.mark.parametrize(("first", "axis"), [(2.5, "log"), (0.5, None)])
def test_losses_that_fall_steeply_have_a_log_axis(first: float, axis: str | None) -> None:
    """Else all that follows the first fall is one flat line, and its minimum cannot be seen."""
    curves = pd.DataFrame(
        {"seed": ["0"] * 3, "iteration": [0, 20, 40], "train_loss": [None, 0.4, 0.3], "valid_loss": [first, 0.21, 0.2]}
    )
    drawn = figures.loss_curves(*losses(curves)).to_dict()
    assert {layer["encoding"]["y"]["scale"].get("type") for layer in drawn["layer"]} == {axis}


@pytest.mark.parametrize("text", [*synthetic.HOSTILE, "√2 ≤ π", "\ud7ff\U0001d538"])
def test_data_in_a_script_element_cannot_leave_it(text: str) -> None:
    written = script_json({"text": text})
    assert not set("<>&\u2028\u2029\x00") & set(written)
    assert json.loads(written) == {"text": text}


def test_numbers_in_words() -> None:
    assert percent(0.12345) == "12.3\u00a0%"
    assert percent(None) == "not known"
    assert points(-3.21) == "−3.2"
    assert points(-0.04) == "0.0"
    assert points_interval(None, None) == ""
    assert points_interval(-1, 2.25) == "−1.0 to +2.2"
    assert probability(0.0004) == "p\u00a0<\u00a00.001"
    assert probability(0.0675) == "p\u00a0=\u00a00.068"
    assert (count(1, "seed"), count(20000, "question")) == ("1 seed", "20,000 questions")
