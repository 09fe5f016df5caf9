"""Scoring: what each answer becomes, and messages for answers that fit no problem."""

import io
from pathlib import Path

import pytest

from distil.pipeline.files import InputError, write_jsonl
from distil.pipeline.records import Answer, Problem, Scored
from distil.statistics.outcomes import answer_form, questions_table, score
from distil.verifier import Verifier


def problem(name: str, answer: str, uncorrected: str | None = None) -> Problem:
    return Problem(
        id=name, year=2011, section="s", number=1, question=f"Q {name}", answer=answer, source="tests",
        answer_uncorrected=uncorrected,
    )  # fmt: skip


def answer(name: str, text: str, sample: int = 0, finish: str = "stop") -> Answer:
    return Answer.model_validate(
        dict(problem_id=name, benchmark="contest", model="base", fold=None, role="unseen", sample=sample, text=text,
             prompt_tokens=1, completion_tokens=1, finish_reason=finish)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("31", "integer"), ("-4", "integer"), ("14,400", "integer"), ("2/7", "fraction"), ("0.25", "decimal"),
        ("3√2", "expression"), ("2π", "expression"), ("(3, 4)", "tuple"), ("1, 2, 3", "list"), ("2:5", "ratio"),
        ("x < 3", "region"), ("never on a Sunday", "words"), ("east", "words"), ("2x + 3", "expression"),
    ],
)  # fmt: skip
def test_forms_of_keys(key: str, form: str) -> None:
    assert answer_form(key) == form


def test_outcomes_and_scored_lines(tmp_path: Path) -> None:
    problems = [problem("b", "1/2"), problem("a", "7", uncorrected="8")]
    questions = questions_table(problems, "contest", {"a": 4, "b": 4})
    assert list(questions["id"]) == ["a", "b"] and list(questions["cluster"]) == [4, 4]
    answers = [
        answer("a", "Answer: 8"),
        answer("a", "so it is\nAnswer: 7", sample=1),
        answer("b", "Answer: 0.5", finish="length"),
        answer("b", "", sample=1),
    ]
    write_jsonl(tmp_path / "answers.jsonl", answers)
    out = io.StringIO()
    with Verifier() as verifier:
        table = score(tmp_path / "answers.jsonl", questions, verifier, out)
    assert table["question"].tolist() == [0, 0, 1, 1]
    assert table["correct"].tolist() == [False, True, True, False]
    assert table["uncorrected"].tolist() == [True, False, True, False]
    assert table["no_answer"].tolist() == [False, False, False, True]
    assert table["truncated"].tolist() == [False, False, True, False]
    assert table["words"].tolist() == [2, 5, 2, 0]
    scored = [Scored.model_validate_json(line) for line in out.getvalue().splitlines()]
    assert [row.answer for row in scored] == answers
    assert [row.verdict_uncorrected is None for row in scored] == [False, False, True, True]


def test_batches_do_not_change_the_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = questions_table([problem(str(n), str(n), "0" if n % 3 else None) for n in range(20)], "contest", {})
    write_jsonl(tmp_path / "answers.jsonl", [answer(str(n), f"Answer: {n if n % 2 else 0}") for n in range(20)])
    with Verifier() as verifier:
        whole, parts = io.StringIO(), io.StringIO()
        one = score(tmp_path / "answers.jsonl", questions, verifier, whole)
        monkeypatch.setattr("distil.statistics.outcomes.BATCH", 3)
        other = score(tmp_path / "answers.jsonl", questions, verifier, parts)
    assert whole.getvalue() == parts.getvalue()
    assert one.astype(str).equals(other.astype(str))


def test_a_problem_without_cluster_is_one_of_its_own() -> None:
    table = questions_table([problem("a", "1"), problem("b", "1"), problem("c", "1")], "contest", {"b": 9})
    assert table["cluster"].nunique() == 3 and table["cluster"][1] == 9


def test_an_answer_to_an_unknown_problem_is_one_message(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "answers.jsonl", [answer("zzz", "Answer: 1")])
    with Verifier() as verifier, pytest.raises(InputError, match="zzz"):
        score(tmp_path / "answers.jsonl", questions_table([problem("a", "1")], "contest", {}), verifier, io.StringIO())


def test_a_problem_twice_is_one_message() -> None:
    with pytest.raises(InputError, match="a is there twice"):
        questions_table([problem("a", "1"), problem("a", "2")], "contest", {})


def test_no_answers_make_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text("")
    with Verifier() as verifier:
        table = score(tmp_path / "answers.jsonl", questions_table([], "contest", {}), verifier, io.StringIO())
    assert len(table) == 0
