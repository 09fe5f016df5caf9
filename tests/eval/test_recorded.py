"""Recorded answers without a base model: pairs, judges, chain lengths, on a run whose verdicts are known by hand."""

import contextlib
import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from distil.pipeline import command
from distil.pipeline.files import read_jsonl, write_jsonl
from distil.pipeline.records import Answer, JudgedAnswer, Problem
from stages.eval.__main__ import main
from tests.scored_run import write_run
from tests.workspace import inside

SUBJECTS = ("Algebra", "Geometry")
TEACHER = "rrrrrrrrwe"
STUDENT = "rrrrwwwerr"
JUDGE_OF_TEACHER = "CCCCCCCCIC"
JUDGE_OF_STUDENT = "CCCIIIC?CC"
"""For every question: right, wrong or empty; the judge says CORRECT, INCORRECT or something else."""
SAID = {"C": "CORRECT", "I": "INCORRECT", "?": "UNCLEAR"}


def answer(model: str, problem: Problem, benchmark: str, kind: str) -> Answer:
    text = {"r": f"So it is \\boxed{{{problem.answer}}}.", "w": "So it is \\boxed{-1}.", "e": ""}[kind]
    return Answer(
        problem_id=problem.id, benchmark=benchmark, model=model, fold=None, role="unseen", text=text,
        prompt_tokens=None, completion_tokens=None, finish_reason="recorded",
    )  # fmt: skip


def write_answers(folder: Path, model: str, benchmark: str, problems: list[Problem], kinds: str, said: str) -> None:
    path = folder / "data/answers" / model
    rows = [answer(model, problem, benchmark, kind) for problem, kind in zip(problems, kinds, strict=True)]
    for name in ("contest", "transfer"):
        write_jsonl(path / f"{name}.jsonl", rows if name == benchmark else [])
    common = {"benchmark": benchmark, "fold": None, "sample": 0}
    if said:
        write_jsonl(
            path / "judged.jsonl",
            [
                JudgedAnswer.model_validate(common | {"problem_id": problem.id, "verdict": SAID[letter]})
                for problem, letter in zip(problems, said, strict=True)
            ],
        )


def recorded(folder: Path) -> Path:
    """Ten questions of MATH-500 answered by teacher and student, six contest questions by three chain lengths.

    The last of the ten has no difficulty.
    """
    write_run(folder)
    maths = [
        Problem(
            id=f"test/{number}", year=0, section=SUBJECTS[number % 2], number=number, question=f"What is {number} + 7?",
            answer=str(number + 7), source="MATH-500", difficulty=None if number == 9 else 1 + number // 5,
        )
        for number in range(10)
    ]  # fmt: skip
    write_jsonl(folder / "data/transfer/problems.jsonl", maths)
    contest = [
        Problem.model_validate_json(line)
        for line in (folder / "data/parsed/problems.jsonl").read_text().splitlines()[2:20:3]
    ]
    write_answers(folder, "teacher", "transfer", maths, TEACHER, JUDGE_OF_TEACHER)
    write_answers(folder, "student", "transfer", maths, STUDENT, JUDGE_OF_STUDENT)
    for level, kinds in (("R2", "rrrrrw"), ("R4", "rrrwww"), ("R6", "rwwwwe")):
        write_answers(folder, level, "contest", contest, kinds, "")
    names = ("student", "teacher", "R2", "R4", "R6")
    models = {name: {"weights": "x.csv"} for name in names}
    change(folder, "answers", models=models)
    change(folder, "eval", against_paper=True)
    return folder


def change(folder: Path, block: str, **values: Any) -> None:
    """Set parameters of one block, which need not be there."""
    blocks = yaml.safe_load((folder / "params.yaml").read_text())
    blocks.setdefault(block, {}).update(values)
    (folder / "params.yaml").write_text(yaml.safe_dump(blocks))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = recorded(tmp_path_factory.mktemp("run"))
    done = inside(folder, "stages.eval")
    assert done.returncode == 0, done.stderr
    return folder


def loads(path: Path) -> Any:
    return json.loads(path.read_text())


def test_teacher_and_student_are_compared_on_the_same_questions(whole: Path) -> None:
    found = loads(whole / "metrics/eval.json")["math500"]
    assert {name: found[name] for name in ("n", "teacher", "student", "difference")} == {
        "n": 10, "teacher": 0.8, "student": 0.6, "difference": pytest.approx(-20.0),
    }  # fmt: skip
    assert (found["only_teacher"], found["only_student"], found["both"], found["neither"]) == (4, 2, 4, 0)
    assert found["mcnemar_p"] == pytest.approx(2 * (1 + 6 + 15) / 64)
    assert found["difference_low"] < -20 < found["difference_high"]


def test_questions_that_a_recorded_student_was_trained_on_do_not_count(tmp_path: Path) -> None:
    """Another run's answers say which of them are to training questions."""
    folder = recorded(tmp_path)
    path = folder / "data/answers/student/transfer.jsonl"
    rows = [row.model_copy(update={"fold": "held_out"}) for row in read_jsonl(path, Answer)]
    taught = [row.model_copy(update={"role": "train"}) for row in rows[:4]]
    again = [row.model_copy(update={"fold": "fold_2", "role": "train"}) for row in rows[4:]]
    write_jsonl(path, [*taught, *again, *rows[4:]])
    assert inside(folder, "stages.eval").returncode == 0
    found = loads(folder / "metrics/eval.json")["math500"]
    assert found["n"] == 6
    right = [letter in "r" for letter in STUDENT[4:]]
    assert found["student"] == pytest.approx(sum(right) / 6)
    for path in folder.glob("data/answers/*/*.jsonl"):
        if path.stem in ("contest", "transfer"):
            write_jsonl(path, [row.model_copy(update={"role": "train"}) for row in read_jsonl(path, Answer)])
    refused = inside(folder, "stages.eval")
    assert "no recorded answer is the first to a question that its model had not seen" in refused.stderr


def test_a_judge_is_counted_against_the_verifier(whole: Path) -> None:
    found = loads(whole / "metrics/eval.json")["math500"]
    assert found["judge_student"] == pytest.approx(6 / 9)  # one verdict is unclear
    assert [found[f"judge_student_{name}"] for name in ("n", "false_accepts", "false_rejects")] == [9, 1, 1]
    assert [found[f"judge_teacher_{name}"] for name in ("n", "false_accepts", "false_rejects")] == [10, 1, 0]
    assert (found["judge_teacher_empty_accepted"], found["judge_student_empty_accepted"]) == (1, 0)


def test_every_disagreement_is_listed_with_the_rule(whole: Path) -> None:
    rows = loads(whole / "data/eval/tables.json")["recorded"]["math500"]["disagreements"]
    assert [(row["model"], row["id"], row["judge"], row["verifier"]) for row in rows] == [
        ("student", "test/3", "INCORRECT", "CORRECT"), ("student", "test/6", "CORRECT", "WRONG"),
        ("student", "test/7", "UNCLEAR", "NO_ANSWER"), ("teacher", "test/9", "CORRECT", "NO_ANSWER"),
    ]  # fmt: skip
    assert all(row["rule"] for row in rows)


def test_groups_are_sections_and_the_benchmarks_own_levels(whole: Path) -> None:
    groups = loads(whole / "data/eval/tables.json")["recorded"]["math500"]["groups"]
    assert [(row["by"], row["group"], row["n"]) for row in groups] == [
        ("section", "Algebra", 5), ("section", "Geometry", 5), ("difficulty", "1", 5), ("difficulty", "2", 4),
    ]  # fmt: skip
    assert [row["teacher"] for row in groups if row["by"] == "difficulty"] == [1.0, 0.75]
    assert all(row["holm_p"] >= row["mcnemar_p"] for row in groups)


@pytest.mark.parametrize(("ungraded", "groups"), [((), []), (("test/9",), ["1"])])
def test_a_group_that_is_the_whole_benchmark_is_no_second_test(tmp_path: Path, ungraded, groups) -> None:
    path = recorded(tmp_path) / "data/transfer/problems.jsonl"
    rows = [
        row.model_copy(update={"section": "Algebra", "difficulty": None if row.id in ungraded else 1})
        for row in read_jsonl(path, Problem)
    ]
    write_jsonl(path, rows)
    assert inside(tmp_path, "stages.eval").returncode == 0
    found = loads(tmp_path / "metrics/eval.json")["math500"]
    assert (found["holm_p"] == found["mcnemar_p"]) == (not groups)
    tested = loads(tmp_path / "data/eval/tables.json")["recorded"]["math500"]["groups"]
    assert [row["group"] for row in tested] == groups


def test_chain_lengths_are_tested_for_a_trend(whole: Path) -> None:
    found = loads(whole / "metrics/eval.json")["contest"]
    shares = [found["models"][level]["accuracy"] for level in ("R2", "R4", "R6")]
    assert shares == pytest.approx([5 / 6, 3 / 6, 1 / 6], abs=1e-6)
    assert found["trend"]["n"] == 6 and found["trend"]["p"] < 0.05
    assert found["trend"]["change"] == pytest.approx(-100 * 4 / 6, abs=1e-3)


def test_published_accuracies_are_corrected_for_the_students_judge(whole: Path) -> None:
    rows = loads(whole / "data/eval/tables.json")["corrected"]
    assert [row["of"] for row in rows] == ["base", "student", "R2", "R3", "R4", "R5", "R6"]
    assert all(row["low"] <= row["corrected"] <= row["high"] for row in rows)


def test_another_judge_corrects_nothing_that_the_study_published(tmp_path: Path) -> None:
    folder = recorded(tmp_path)
    change(folder, "eval", against_paper=False)
    assert inside(folder, "stages.eval").returncode == 0
    assert loads(folder / "data/eval/tables.json")["corrected"] == []


def test_every_answer_is_listed_with_both_verdicts_and_no_text(whole: Path) -> None:
    with (whole / "plots/eval/judges.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 10 + 3 * 6
    assert {row["judge"] for row in rows if row["benchmark"] == "contest"} == {""}
    assert list(rows[0]) == ["benchmark", "id", "model", "verdict", "rule", "judge"]


def test_the_later_stages_take_such_a_run(whole: Path) -> None:
    change(whole, "length_sweep", levels=[], truncated=[])
    for name in ("stages.length_sweep", "stages.summary"):
        done = inside(whole, name)
        assert done.returncode == 0, done.stderr
    assert loads(whole / "metrics/length_sweep.json")["n"] == 0
    summary = loads(whole / "metrics/summary.json")
    assert [summary[f"math500_{name}"] for name in ("teacher", "student", "difference")] == [80.0, 60.0, -20.0]
    assert summary["models"] == {"contest_R2": 83.3, "contest_R4": 50.0, "contest_R6": 16.7}
    printed = inside(whole, "tools.summary").stdout
    assert "Student minus teacher: -20.0 points" in printed
    assert "Recorded answers to 6 questions of the contest" in printed and "  R4   50.0 % (" in printed
    assert "From R2 to R6, on 6 questions that all answered: -66.7 points (" in printed


def test_the_report_says_what_the_answers_show(whole: Path) -> None:
    change(whole, "raw", source="study", path="x")
    change(whole, "teacher_cot", teacher="replay", roles={"solver": {"model": "recorded"}})
    change(whole, "lora_seed", model="models/tiny-student", seeds=[], iters=1, batch_size=1, learning_rate=1e-4)
    change(whole, "length_sweep", levels=[], truncated=[])
    for name in ("stages.length_sweep", "stages.report"):
        done = inside(whole, name)
        assert done.returncode == 0, done.stderr
    page = " ".join((whole / "reports/index.html").read_text("utf-8").split())
    assert "The student is −20.0 points from its teacher on 10 questions of MATH-500" in page
    assert "Nothing was trained and no model was asked." in page
    assert "Judge and verifier differ on 3 of 19 answers" in page
    assert "1 false accept has no answer in it at all." in page
    assert "From R2 to R6, on 6 questions that all answered, accuracy changes by −66.7" in page
    for caption in (
        "Teacher by student",
        "By difficulty",
        "Questions by year and section",
        "Published accuracies, corrected",
        "Every disagreement of judge and verifier",
    ):
        assert caption in page
    assert {path.stem for path in (whole / "plots/figures").glob("*.svg")} == {
        "accuracy_by_rater", "accuracy_by_difficulty",
    }  # fmt: skip


def test_base_without_students_is_still_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = recorded(tmp_path)
    change(folder, "answers", models={"base": {"weights": "m"}, "teacher": {"weights": "x"}})
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["stages.eval"])
        command.run(main)
    assert end.value.code != 0 and "no student to compare with 'base'" in str(end.value.code) + capsys.readouterr().err
