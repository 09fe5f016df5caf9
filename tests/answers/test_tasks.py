import pytest

from distil.pipeline.files import InputError
from distil.pipeline.records import Fold, Split
from stages.answers.prompts import PromptStyle
from stages.answers.tasks import baseline_tasks, contest_tasks, level_tasks, transfer_tasks
from tests.workspace import problems

PROBLEMS = problems(6)
IDS = [problem.id for problem in PROBLEMS]
FOLDS = {
    "held_out": Fold(train=IDS[:2], valid=IDS[2:3], unseen=IDS[3:5], unused=IDS[5:], answers=IDS),
    "paper": Fold(train=IDS[3:], valid=[], unseen=IDS[:3], unused=[], answers=IDS[:1]),
}
SPLIT = Split(
    protocol="held_out_years",
    main=["held_out"],
    transfer_fold="held_out",
    clusters={name: number for number, name in enumerate(IDS)},
    families=dict.fromkeys(IDS, 0),
    family_names=["mean"],
    families_are="families",
    folds=FOLDS,
)


def roles(tasks):
    return [(task.fold, task.problem.id, task.role) for task in tasks]


def test_each_fold_answers_its_list_in_its_roles():
    expected = ["train", "train", "valid", "unseen", "unseen", "unused"]
    held_out = [("held_out", name, role) for name, role in zip(IDS, expected, strict=True)]
    assert roles(contest_tasks(PROBLEMS, SPLIT)) == [*held_out, ("paper", IDS[0], "unseen")]


def test_transfer_is_answered_by_one_fold_that_saw_none_of_it():
    assert {(task.fold, task.role) for task in transfer_tasks(PROBLEMS, SPLIT)} == {("held_out", "unseen")}


def test_every_seed_of_a_level_is_asked_what_the_main_fold_holds_out():
    tasks = level_tasks(PROBLEMS, SPLIT, ["seed_0", "seed_7"])
    assert roles(tasks) == [(f"seed_{seed}", name, "unseen") for seed in (0, 7) for name in IDS[3:5]]


def test_a_baseline_is_asked_held_out_questions_and_the_second_benchmark():
    style = PromptStyle(instruction="Reason.")
    tasks = baseline_tasks(PROBLEMS, problems(2, "transfer"), SPLIT, style, [])
    assert roles(tasks) == [(None, name, "unseen") for name in [*IDS[3:5], "transfer/000", "transfer/001"]]
    turns = [(turn.role, turn.content) for turn in tasks[0].prompt("Never.")]
    assert turns == [("system", "Reason."), ("user", PROBLEMS[3].question)]


def test_a_stranger_in_the_folds_is_named():
    parts = FOLDS["held_out"].model_copy(update={"answers": [*IDS, "contest/999"]})
    with pytest.raises(InputError, match=r"asks for 1 problems .* contest/999 the first"):
        contest_tasks(PROBLEMS, SPLIT.model_copy(update={"folds": {"held_out": parts}}))


def test_a_samples_seed_depends_on_problem_and_sample_alone():
    from dataclasses import replace

    task, other = contest_tasks(PROBLEMS, SPLIT)[:2]
    assert task.seed(0) == replace(task, fold="paper", role="unseen").seed(0)
    assert len({task.seed(0), replace(task, sample=1).seed(0), other.seed(0), task.seed(1)}) == 4
