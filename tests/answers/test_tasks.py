import pytest

from distil.pipeline.files import InputError
from distil.pipeline.records import Fold, Split
from stages.answers.tasks import contest_tasks, level_tasks, transfer_tasks
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


def test_a_row_left_out_of_the_levels_is_unused():
    tasks = level_tasks(PROBLEMS, SPLIT, {"train": IDS[:1], "valid": IDS[2:3]})
    assert [task.role for task in tasks] == ["train", "unused", "valid", "unseen", "unseen", "unused"]
    assert {task.fold for task in tasks} == {"levels"}


def test_a_stranger_in_the_folds_is_named():
    parts = FOLDS["held_out"].model_copy(update={"answers": [*IDS, "contest/999"]})
    with pytest.raises(InputError, match=r"asks for 1 problems .* contest/999 the first"):
        contest_tasks(PROBLEMS, SPLIT.model_copy(update={"folds": {"held_out": parts}}))


def test_a_samples_seed_depends_on_problem_and_sample_alone():
    from dataclasses import replace

    task, other = contest_tasks(PROBLEMS, SPLIT)[:2]
    assert task.seed(0) == replace(task, fold="paper", role="unseen").seed(0)
    assert len({task.seed(0), replace(task, sample=1).seed(0), other.seed(0), task.seed(1)}) == 4
