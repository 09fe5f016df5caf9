"""Recorded answers instead of a model: they find their problems by id or text, and what does not fit is reported."""

import csv
import json
import subprocess

import pytest

from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Answer, JudgedAnswer, Problem
from stages.answers.__main__ import main
from stages.answers.params import AnswerColumns
from stages.answers.replay import AnswerMisfit, replay
from tests.workspace import problems, write_params, write_workspace


def contest(section: str, number: int, question: str) -> Problem:
    name = f"2011/{section}/{number:02d}"
    return Problem(id=name, year=2011, section=section, number=number, question=question, answer="3060", source="x")


SUM = contest("freshman_sophomore_test", 1, "Find the sum of the angles of a polygon with 19 sides.")
TWIN = contest("two_person_speed_event", 4, SUM.question)
TIE = contest("two_person_speed_event", 31, "A tie breaker asks for the largest prime below 100.")
MATH = Problem(
    id="test/algebra/1.json", year=0, section="Algebra", number=1, question="Find $1 + 1$.", answer="2", source="x"
)
BENCHMARKS = {"contest": [SUM, TWIN, TIE], "transfer": [MATH]}
OURS = {"id": "problem", "response": "reply"}
BY_TEXT = {"id": None, "question": "asked", "response": "reply"}
STUDY = {"id": ["year", "section", "question_id"], "question": "question", "response": "qwen_response"}


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def of_the_study(section, number, question, response="So it is 3060.", verdict="CORRECT"):
    """A row with the columns of the study's runs/reasoning_N/results.csv."""
    return {
        "year": "2011", "section": section, "question_id": number, "question": question, "true_answer": "3060",
        "agent1_answer": "3060", "agent2_verdict": "CORRECT", "correct_flag": "1", "qwen_response": response,
        "qwen_extracted_answer": "3060", "deepseek_verdict": verdict,
    }  # fmt: skip


@pytest.mark.parametrize("write", [write_csv, write_lines])
@pytest.mark.parametrize(
    ("rows", "columns", "answered", "misfits"),
    [
        ([{"problem": MATH.id, "reply": "2"}], OURS, {MATH.id: "2"}, []),
        ([{"problem": MATH.id, "reply": ""}], OURS, {MATH.id: ""}, []),
        ([{"problem": "test/algebra/9.json", "reply": "2"}], OURS, {}, [("unmatched", [])]),
        ([{"problem": MATH.id, "reply": "2"}] * 2, OURS, {MATH.id: "2"}, [("surplus", [MATH.id])]),
        ([{"asked": "find  $1 + 1$", "reply": "2"}], BY_TEXT, {MATH.id: "2"}, []),
        (
            [{"problem": SUM.id, "asked": "Is 17 a prime number?", "reply": "yes"}],
            OURS | {"question": "asked"},
            {},
            [("unmatched", [])],
        ),
        (
            [{"asked": SUM.question, "reply": "3060"}],
            BY_TEXT,
            {SUM.id: "3060", TWIN.id: "3060"},
            [("ambiguous", [SUM.id, TWIN.id])],
        ),
        (
            [
                of_the_study("freshman_sophomore_test", "question_1", SUM.question),
                of_the_study("two_person_speed_event", "question_4", SUM.question, "It is 1."),
                of_the_study("two_person_speed_event", "question_T1", TIE.question, "97"),
                of_the_study("two_person_speed_event", "question_9", "Question 9", "SKIPPED", "SKIPPED"),
            ],
            STUDY,
            {SUM.id: "So it is 3060.", TWIN.id: "It is 1.", TIE.id: "97"},
            [("unmatched", [])],
        ),
    ],
)  # fmt: skip
def test_a_row_finds_its_problem(tmp_path, write, rows, columns, answered, misfits):
    name = "answers.csv" if write is write_csv else "answers.jsonl"
    found = replay("student", write(tmp_path / name, rows), AnswerColumns(**columns), BENCHMARKS)
    assert {row.problem_id: row.text for row in found.answers} == answered
    assert [(row.reason, row.problem_ids) for row in found.misfits] == misfits
    assert {(row.model, row.fold, row.role, row.finish_reason) for row in found.answers} <= {
        ("student", None, "unseen", "recorded")
    }
    assert all(row.benchmark == ("transfer" if row.problem_id == MATH.id else "contest") for row in found.answers)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("CORRECT", "CORRECT"), ("incorrect", "INCORRECT"), ("yes", "CORRECT"), ("0", "INCORRECT"),
        ("JUDGE_ERROR: Connection error.", "UNCLEAR"), ("SKIPPED", "UNCLEAR"), ("", "UNCLEAR"),
    ],
)  # fmt: skip
def test_a_judges_word_is_kept(tmp_path, said, verdict):
    rows = [{"problem": MATH.id, "reply": "2", "judge": said}]
    found = replay("student", write_csv(tmp_path / "a.csv", rows), AnswerColumns(**OURS, judge="judge"), BENCHMARKS)
    assert [(row.problem_id, row.verdict) for row in found.judged] == [(MATH.id, verdict)]


def test_another_runs_answers_are_replayed_as_they_are(tmp_path, monkeypatch, capsys):
    folder = write_workspace(tmp_path)
    contest_ids = [problem.id for problem in problems(30)]
    recorded = [
        Answer(
            problem_id=name, benchmark="contest", model="seed_9", fold="held_out", role="unseen", text=name,
            prompt_tokens=9, completion_tokens=4, finish_reason="length",
        )
        for name in contest_ids[24:]
    ]  # fmt: skip
    other = folder / "elsewhere/seed_3"
    other.mkdir(parents=True)
    write_lines(other / "contest.jsonl", [row.model_dump() for row in recorded])
    write_lines(other / "unmatched.jsonl", [{"no": "answer"}])
    write_params(
        folder,
        answers={"backend": "replay", "models": {"base": {"weights": "x"}, "seed_3": {"weights": "elsewhere/seed_3"}}},
    )
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["answers", "--model", "seed_3"])
    assert not main()
    written = list(read_jsonl("data/answers/seed_3/contest.jsonl", Answer))
    assert written == [row.model_copy(update={"model": "seed_3"}) for row in recorded]
    assert list(read_jsonl("data/answers/seed_3/transfer.jsonl", Answer)) == []
    assert not list(read_jsonl("data/answers/seed_3/unmatched.jsonl", AnswerMisfit))
    assert "6 recorded answers; 24 contest problems without, 5 transfer problems without" in capsys.readouterr().err
    assert not (folder / "data/answers/seed_3/judged.jsonl").exists()


def test_answers_beyond_the_limit_are_left_out(tmp_path, monkeypatch):
    folder = write_workspace(tmp_path)
    rows = [{"problem_id": problem.id, "text": "1", "said": "CORRECT"} for problem in problems(5, "transfer")]
    write_csv(folder / "answers.csv", rows)
    limit = {"unseen": None, "seen": None, "transfer": 2}
    models = {"student": {"weights": "answers.csv", "columns": {"judge": "said"}}}
    write_params(folder, answers={"backend": "replay", "models": models, "limit": limit})
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["answers", "--model", "student"])
    assert not main()
    kept = [row.problem_id for row in read_jsonl("data/answers/student/transfer.jsonl", Answer)]
    assert len(kept) == 2
    assert [row.problem_id for row in read_jsonl("data/answers/student/judged.jsonl", JudgedAnswer)] == kept


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ([{"problem": MATH.id, "reply": "2"}], {}, r"no column 'text', 'problem_id'; it has problem, reply"),
        ([{"problem_id": MATH.id, "text": {"a": 1}}], {}, r"line 1, column text: text was expected"),
        ([{"problem_id": MATH.id, "text": "2", "role": "known"}], {}, r"line 1, column role: Input should be"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_one_message(tmp_path, rows, columns, says):
    with pytest.raises(InputError, match=says):
        replay("student", write_lines(tmp_path / "a.jsonl", rows), AnswerColumns(**columns), BENCHMARKS)


def test_a_folder_without_answers_is_one_message(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.csv, \.json, \.jsonl"):
        replay("student", tmp_path, AnswerColumns(), BENCHMARKS)


def test_two_benchmarks_with_one_id_cannot_be_told_apart(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", [{"problem_id": SUM.id, "text": "1"}])
    with pytest.raises(InputError, match=f"{SUM.id} names a problem of two benchmarks"):
        replay("student", path, AnswerColumns(), {"contest": [SUM], "transfer": [SUM]})


def test_a_pinned_file_is_fetched_once(tmp_path, monkeypatch):
    folder = tmp_path / "study"
    (folder / "runs/reasoning_1").mkdir(parents=True)
    write_csv(folder / "runs/reasoning_1/results.csv", [of_the_study("freshman_sophomore_test", "1", SUM.question)])

    def git(*arguments):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "answers")
    monkeypatch.chdir(tmp_path)
    pin = tmp_path / "R2.yaml"
    revision = git("rev-parse", "HEAD")
    pin.write_text(f"repository: {folder.as_uri()}\nrevision: {revision}\nfile: runs/reasoning_1/results.csv\n")
    first = replay("R2", pin, AnswerColumns(**STUDY), BENCHMARKS)
    assert [row.problem_id for row in first.answers] == [SUM.id]
    folder.rename(tmp_path / "gone")
    assert replay("R2", pin, AnswerColumns(**STUDY), BENCHMARKS) == first


def test_a_repository_out_of_reach_is_one_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pin = tmp_path / "R2.yaml"
    pin.write_text(f"repository: {(tmp_path / 'nowhere').as_uri()}\nrevision: main\nfile: results.csv\n")
    with pytest.raises(
        InputError, match=r"could not be fetched.*answers\.models\.<model>\.weights to a copy of results\.csv"
    ):
        replay("R2", pin, AnswerColumns(), BENCHMARKS)
    assert not list((tmp_path / "cache").rglob("results.csv"))
