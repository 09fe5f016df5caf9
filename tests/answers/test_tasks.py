import pytest

from distil.pipeline.files import InputError
from distil.pipeline.records import Example, Fold, Message, Split
from stages.answers.prompts import PromptStyle, solved
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
    tasks = baseline_tasks(PROBLEMS, problems(2, "transfer"), SPLIT, style, {"held_out": []})
    assert roles(tasks) == [(None, name, "unseen") for name in [*IDS[3:5], "transfer/000", "transfer/001"]]
    turns = [(turn.role, turn.content) for turn in tasks[0].prompt("Never.")]
    assert turns == [("system", "Reason."), ("user", PROBLEMS[3].question)]


def row(name, chain=0):
    turns = [Message(role="user", content=name), Message(role="assistant", content=f"chain {chain}")]
    return Example(messages=turns, problem_id=name, level="R1")


def test_no_baseline_is_shown_the_question_it_is_asked():
    """With several main folds each question is among the training rows of the other folds."""
    halves = {"fold_1": IDS[:3], "fold_2": IDS[3:]}
    folds = {
        name: Fold(train=[one for one in IDS if one not in half], valid=[], unseen=half, unused=[], answers=IDS)
        for name, half in halves.items()
    }
    split = SPLIT.model_copy(update={"main": [*halves], "transfer_fold": "fold_1", "folds": folds})
    examples = {name: solved([row(one) for one in fold.train], 2) for name, fold in folds.items()}
    tasks = baseline_tasks(PROBLEMS, problems(1, "transfer"), split, PromptStyle(shots=2), examples)
    assert [task.problem.id for task in tasks] == [*IDS, "transfer/000"]
    for task in tasks:
        assert len(task.examples) == 2 and task.problem.id not in {one.problem_id for one in task.examples}


def test_the_solved_questions_of_a_baseline_are_different_ones():
    rows = [row(name, chain) for name in IDS[:3] for chain in range(4)]
    shown = solved(rows, 3)
    assert sorted(one.problem_id for one in shown) == IDS[:3]
    assert {one.messages[-1].content for one in shown} == {"chain 0"}
    with pytest.raises(InputError, match="asks for 4 solved questions, and only 3 are trained on"):
        solved(rows, 4)


def test_a_stranger_in_the_folds_is_named():
    parts = FOLDS["held_out"].model_copy(update={"answers": [*IDS, "contest/999"]})
    with pytest.raises(InputError, match=r"asks for 1 problems .* contest/999 the first"):
        contest_tasks(PROBLEMS, SPLIT.model_copy(update={"folds": {"held_out": parts}}))


def test_a_samples_seed_depends_on_problem_and_sample_alone():
    from dataclasses import replace

    task, other = contest_tasks(PROBLEMS, SPLIT)[:2]
    assert task.seed(0) == replace(task, fold="paper", role="unseen").seed(0)
    assert len({task.seed(0), replace(task, sample=1).seed(0), other.seed(0), task.seed(1)}) == 4
