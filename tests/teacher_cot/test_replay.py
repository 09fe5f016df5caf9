"""Recorded chains find their problems by id or text, and what does not fit is reported."""

import csv
import json
from collections import Counter

import pytest

from distil.pipeline.files import InputError
from distil.pipeline.records import LEVELS, Problem
from stages.parsed.transcription import read_transcriptions
from stages.teacher_cot.replay import COLUMNS, RecordedChain, match, read
from tests.teacher_cot.support import Workspace


def problem(number: int, question: str, **more) -> Problem:
    name = f"2011/junior_senior_test/{number:02d}"
    return Problem(
        id=name,
        year=2011,
        section="junior_senior_test",
        number=number,
        question=question,
        answer="1",
        source="x",
        **more,
    )


def row(question: str | None, problem_id: str | None = None, level="R1", text="So it is 1.\nAnswer: 1", line=1):
    return RecordedChain(f"file, line {line}", problem_id, question, level, text)


SQUARE = problem(1, "Find the area of the square with side 1.")
SUM = problem(2, "Find 3x² + 1 where x = 0.")
TWIN = SUM.model_copy(update={"id": "2011/two_person_speed_event/09"})
MENDED = problem(3, "The area is Aπ. Find A.", question_uncorrected="The area is 4π. Find A.", errata=["question"])


@pytest.mark.parametrize(
    ("rows", "chained", "misfit"),
    [
        ([row(SQUARE.question)], {SQUARE.id: 1}, []),
        ([row("find the area  of the Square with side 1")], {SQUARE.id: 1}, []),
        ([row("Find 3x2 + 1 where x = 0.")], {SUM.id: 1, TWIN.id: 1}, [("ambiguous", [SUM.id, TWIN.id])]),
        ([row("Find the volume of the cube with side 1.")], {}, [("unmatched", [])]),
        ([row(None, SQUARE.id)], {SQUARE.id: 1}, []),
        ([row(None, "2012/junior_senior_test/01")], {}, [("unmatched", [])]),
        ([row("Find the area of the square with side one.", SQUARE.id)], {SQUARE.id: 1}, []),
        ([row("What is the remainder of 9 by 4?", SQUARE.id)], {}, [("unmatched", [])]),
        ([row(SQUARE.question, MENDED.id)], {SQUARE.id: 1}, []),
        ([row("The area is 4π. Find A.")], {MENDED.id: 1}, []),
        ([row("The area is Aπ. Find A.")], {MENDED.id: 1}, []),
        ([row(SQUARE.question, text=" ")], {}, [("empty", [])]),
        (
            [row(SQUARE.question, line=1), row(SQUARE.question, line=2, text="2")],
            {SQUARE.id: 1},
            [("surplus", [SQUARE.id])],
        ),
        (
            [row(None, SQUARE.id, line=1), row(None, SQUARE.id, line=2)],
            {SQUARE.id: 1},
            [("surplus", [SQUARE.id])],
        ),
    ],
)
def test_matching(rows, chained, misfit):
    chains, misfits = match(rows, [SQUARE, SUM, TWIN, MENDED])
    assert Counter(chain.problem_id for chain in chains) == chained
    assert [(found.reason, found.problem_ids) for found in misfits] == misfit
    assert all(chain.answer == "1" and chain.role == "replay" for chain in chains)


def test_problems_with_one_text_take_its_rows_in_order():
    rows = [row(SUM.question, text=f"Answer: {number}", line=number) for number in (5, 6)]
    chains, misfits = match(rows, [SUM, TWIN])
    assert [(chain.problem_id, chain.answer) for chain in chains] == [(SUM.id, "5"), (TWIN.id, "6")]
    assert [found.reason for found in misfits] == ["ambiguous", "ambiguous"]


def record(folder, rows) -> None:
    """Write the study's two kinds of files."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "reasoning_chain.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["year", "section", "question_id", "question", "true_answer", *COLUMNS])
        for number, question in rows:
            writer.writerow(
                [
                    2011,
                    "junior_senior_test",
                    f"question_{number}",
                    question,
                    "1",
                    *(f"{level}\n1" for level in LEVELS[1:]),
                ]
            )
    with (folder / "distilled_train.jsonl").open("w") as file:
        for _, question in rows:
            turns = [("system", "Be precise."), ("user", question), ("assistant", "It is 1.\nAnswer: 1")]
            file.write(json.dumps({"messages": [{"role": who, "content": text} for who, text in turns]}) + "\n")


def test_the_stage_replays(tmp_path):
    recorded = [(1, SQUARE.question), (7, "Another year's question?")]
    record(tmp_path / "recorded", recorded)
    workspace = Workspace(tmp_path, [SQUARE, MENDED], teacher="replay")
    done = workspace.command()
    assert done.returncode == 0, done.stderr
    chains = workspace.rows("chains")
    assert [(chain["problem_id"], chain["level"]) for chain in chains] == [(SQUARE.id, level) for level in LEVELS]
    assert [row["reason"] for row in workspace.rows("unmatched")] == ["unmatched"] * 6
    assert [row["problem_id"] for row in workspace.rows("failed")] == [MENDED.id]
    assert workspace.metrics() == {
        "teacher": "replay", "problems": 2, "answered": 1, "failed": 1, "chains": dict.fromkeys(LEVELS, 1),
        "recorded": 12, "unmatched": 6, "ambiguous": 0, "surplus": 0, "empty": 0,
    }  # fmt: skip
    first = workspace.outputs()
    workspace.params(teacher="replay", require_all=True)
    done = workspace.command()
    assert done.returncode == 1 and "1 of 2 problems failed: data/teacher_cot/failed.jsonl" in done.stderr
    workspace.params(teacher="replay")
    cut = [chain | {"finish_reason": "length"} if chain["level"] == "R3" else chain for chain in chains]
    (tmp_path / "recorded/chains.jsonl").write_text("".join(json.dumps(chain) + "\n" for chain in cut))
    (tmp_path / "recorded/reasoning_chain.csv").unlink()
    (tmp_path / "recorded/distilled_train.jsonl").unlink()
    assert workspace.command().returncode == 0  # another run's chains are recorded chains, too
    replayed = workspace.rows("chains")
    texts = [chain["text"] for chain in replayed]
    assert texts == [json.loads(line)["text"] for line in first["data/teacher_cot/chains.jsonl"].splitlines()]
    assert [chain["level"] for chain in replayed if chain["finish_reason"] == "length"] == ["R3"], "cut off, still"


def chat(question, chain) -> str:
    """A chat row with these contents."""
    return json.dumps({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": chain}]})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "year,section\n2011,x\n", r"a.csv has no column question, question_id, reasoning_1"),
        ("a.jsonl", '{"messages": [{"role": "user", "content": "?"}]}\n', "a.jsonl, line 1: neither a chat row nor"),
        ("a.jsonl", chat("?", None), "a.jsonl, line 1: neither a chat row nor"),
        ("a.jsonl", chat([{"type": "text", "text": "?"}], "1"), "a.jsonl, line 1: neither a chat row nor"),
        ("a.jsonl", "\n{broken\n", "a.jsonl, line 2: neither a chat row nor a Chain"),
        ("a.txt", "?", "holds no"),
    ],
)
def test_malformed_records_are_one_message(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=says):
        list(read(tmp_path))


def test_the_studys_chains_find_its_questions(shared):
    """Every recorded row of a question that is there finds it; 20 of each level belong to placeholders.

    24 distilled rows stand for two problems each: 12 questions were asked twice.
    """
    problems, placeholders = read_transcriptions(shared / "job/transcribed")
    recorded = list(read(shared / "job/chains"))
    chains, misfits = match(recorded, problems)
    levels = Counter(chain.level for chain in chains)
    assert levels["R1"] == 476
    assert all(levels[level] == len(problems) == 514 for level in LEVELS[1:])
    assert Counter(found.reason for found in misfits) == {"ambiguous": 24, "unmatched": 5 * len(placeholders)}
    assert sum(chain.answer is not None for chain in chains if chain.level == "R1") > 470
