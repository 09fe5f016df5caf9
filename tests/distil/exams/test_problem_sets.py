"""Problems that are data already, in the shapes that people have them."""

import json
from pathlib import Path

import pytest

from distil.exams.left_out import LeftOut
from distil.exams.problem_sets import (
    ProblemColumns,
    final_answer,
    read_problems,
    ready_mappings,
    recorded_chains,
    understood,
)
from distil.pipeline.files import InputError

GSM8K = {
    "question": "Ann packs 6 boxes of 7 pens. How many pens are there?",
    "answer": "There are 6*7=<<6*7=42>>42 pens.\n#### 42",
}
MATH = {
    "problem": "What is $\\frac{1}{2}+\\frac14$?",
    "level": "Level 1",
    "type": "Prealgebra",
    "solution": "We add: $\\frac24+\\frac14=\\boxed{\\frac{3}{4}}$.",
}
AIME = {"ID": "2024-II-4", "Year": 2024, "Problem Number": 4, "Question": "Find $m+n$.", "Answer": "033", "Part": "II"}
S1K = {
    "question": "Compute 2 + 2.",
    "solution": "4",
    "cot_type": "math",
    "source_type": "arithmetic",
    "thinking_trajectories": ["Two and two make four.\n\nAnswer: 4"],
}


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("mapping", "row", "key", "section", "year"),
    [
        ("gsm8k", GSM8K, "42", "all", 0),
        ("gsm8k", {**GSM8K, "answer": "#### 1,024"}, "1,024", "all", 0),
        ("math", MATH, r"\frac{3}{4}", "Prealgebra", 0),
        ("math", {**MATH, "answer": "3/4", "unique_id": "x/1"}, "3/4", "Prealgebra", 0),
        ("aime", AIME, "033", "all", 2024),
        (
            "aime",
            {"problem": "Find n.", "answer": 204.0, "id": 60, "solution": "So n is \\boxed{204}."},
            "204",
            "all",
            0,
        ),
        ("s1k", S1K, "4", "math", 0),
        ("s1k", {**S1K, "solution": "A text.\nIt ends in nothing certain."}, None, "math", 0),
        ("math", {**MATH, "problem": "Find it. [asy] draw((0,0)--(1,1)); [/asy]"}, None, "Prealgebra", 0),
        ("plain", {"question": "In the figure, find x.", "answer": "2"}, None, "all", 0),
    ],
)
def test_the_shapes_of_well_known_data_sets(tmp_path, mapping, row, key, section, year):
    (problem,) = read_problems(write(tmp_path / "set.jsonl", [row]), ready_mappings()[mapping], groups=None)
    read = understood(problem)
    assert (problem.section, problem.year) == (section, year)
    assert isinstance(read, LeftOut) if key is None else read.answer == key


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        *((key, key) for key in (
            "Tuesday", "no solution", "none", "blue", "Alice has more", "cannot be determined", "45 sq. units",
            "5 ft. 6 in.", "x = 3 or x = 5", "a: 3, b: 4", "March 5, 2011", "12 R 3", "(A)", "$12.50",
        )),
        *((key, None) for key in (
            "N/A", "?", "TBD", "-", "null", "see below", "Refer to page 3", "Multiply 7 by 8, then add 3 to get 59",
            "7 x 8 = 56, then add 3 to get 59", "By Vieta the sum is 7",
        )),
        ("Multiply 7 by 8, then add 3. The answer is 59.", "59"),
    ],
)  # fmt: skip
def test_a_key_is_an_answer_or_its_question_is_left_out(key, answer):
    assert final_answer(key) == answer


def test_worked_solutions_are_recorded_chains_that_end_in_the_key(tmp_path):
    for mapping, row, ends in (
        ("gsm8k", GSM8K, "There are 6*7=42 pens.\n#### 42"),
        ("math", MATH, MATH["solution"]),
        ("s1k", S1K, "Answer: 4"),
        ("s1k", {**S1K, "thinking_trajectories": ["Two and two make four"]}, "make four\n\nAnswer: 4"),
    ):
        path, columns = write(tmp_path / "set.jsonl", [row]), ready_mappings()[mapping]
        problems = read_problems(path, columns, groups=None)
        (chain,) = recorded_chains(path, columns, problems)
        key = understood(problems[0])
        assert chain.text.endswith(ends) and chain.answer == key.answer and chain.problem_id == problems[0].id
    path, columns = write(tmp_path / "set.jsonl", [AIME]), ready_mappings()["aime"]
    assert recorded_chains(path, columns, read_problems(path, columns, None)) == []


@pytest.mark.parametrize(
    ("solution", "text"),
    [
        ("2 + 3 = 5", "2 + 3 = 5\n\nAnswer: 5"),
        (["We add.", None, " 2 + 3 = 5 "], "We add.\n\n2 + 3 = 5\n\nAnswer: 5"),
        (float("nan"), None),
        (None, None),
        ([{"role": "assistant", "content": "2 + 3 = 5"}], "set.jsonl, line 1, column solution: text or a number"),
        ({"text": "2 + 3 = 5"}, "set.jsonl, line 1, column solution: text or a number"),
        (False, "set.jsonl, line 1, column solution: text or a number"),
    ],
)
def test_a_chain_is_made_of_text_alone(tmp_path, solution, text):
    path = write(tmp_path / "set.jsonl", [{"question": "Find 2 + 3.", "answer": 5, "solution": solution}])
    columns = ready_mappings()["plain"]
    problems = read_problems(path, columns, None)
    if text and text.startswith("set.jsonl"):
        with pytest.raises(InputError, match=text):
            recorded_chains(path, columns, problems)
    else:
        assert [chain.text for chain in recorded_chains(path, columns, problems)] == ([text] if text else [])


def test_every_kind_of_file_gives_the_same_problems(tmp_path):
    rows = [
        {"question": "Find 1 + 1.", "answer": "2", "topic": "sums"},
        {"question": "Löse x² = 4,\nx > 0.", "answer": "2", "topic": "roots"},
    ]
    write(tmp_path / "set.jsonl", rows)
    (tmp_path / "set.json").write_text(json.dumps({"version": 1, "data": rows}))
    (tmp_path / "set.csv").write_text(
        '\ufeffquestion,answer,topic\nFind 1 + 1.,2,sums\n\n"Löse x² = 4,\nx > 0.",2,roots\n', encoding="utf-8"
    )
    columns = ready_mappings()["plain"]
    expected = read_problems(tmp_path / "set.jsonl", columns, 5)
    for kind in ("json", "csv"):
        read = read_problems(tmp_path / f"set.{kind}", columns, 5)
        assert [problem.model_copy(update={"source": "set.jsonl"}) for problem in read] == expected
    assert [(problem.id, problem.topic, problem.section) for problem in expected] == [
        ("set/0001", "sums", "sums"),
        ("set/0002", "roots", "roots"),
    ]


@pytest.mark.parametrize("layout", ["parquet", "save_to_disk", "splits", "folder"])
def test_parquet_and_hugging_face_folders(tmp_path, layout):
    datasets = pytest.importorskip("datasets", reason="the extra 'datasets' is not installed")
    rows = [{"question": f"Find {n} + 1.", "answer": str(n + 1)} for n in range(4)]
    found = datasets.Dataset.from_list(rows)
    path, columns = tmp_path / "set", ready_mappings()["plain"]
    if layout == "parquet":
        path = tmp_path / "set.parquet"
        found.to_parquet(path)
    elif layout == "save_to_disk":
        found.save_to_disk(path)
    elif layout == "splits":
        datasets.DatasetDict({"train": found.select(range(3)), "test": found.select([3])}).save_to_disk(path)
        assert [(p.id, p.question) for p in read_problems(path, columns, 5, "test")] == [
            ("set/test/0001", "Find 3 + 1.")
        ]
        assert read_problems(path, columns, 5, "train")[0].id == "set/train/0001"
        with pytest.raises(InputError, match="has no split 'dev'; it has train, test"):
            read_problems(path, columns, 5, "dev")
    else:
        path.mkdir()
        write(path / "train.jsonl", rows)
    assert [(p.question, p.answer) for p in read_problems(path, columns, 5)] == [
        (row["question"], row["answer"]) for row in rows
    ]


def test_groups_by_column_by_hash_and_by_year(tmp_path):
    rows = [{"question": f"Find {n} + 1.", "answer": "0", "book": "ab"[n % 2], "year": 1990 + n} for n in range(40)]
    path = write(tmp_path / "set.jsonl", rows)
    plain = ProblemColumns(question=("question",), answer=("answer",))
    by_hash = [problem.year for problem in read_problems(path, plain, 5)]
    assert set(by_hash) == {1, 2, 3, 4, 5}
    again = read_problems(write(tmp_path / "set.jsonl", rows[::-1]), plain, 5)
    assert [problem.year for problem in again] == by_hash[::-1]
    by_column = read_problems(path, plain.model_copy(update={"group": ("book",)}), 5)
    assert {problem.year for problem in by_column} == {1, 2}
    by_year = read_problems(path, plain.model_copy(update={"year": ("year",)}), 5)
    assert {problem.year for problem in by_year} == set(range(1990, 2030))


ROW = '{"question": "Find 1 + 1.", "answer": "2"}\n'


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("a.jsonl", ROW + '{"question": "x", "answer": " "}', {}, "a.jsonl, line 2, column answer: is empty"),
        ("a.jsonl", ROW + '{"question": "x"}', {}, "a.jsonl, line 2, column answer: is empty"),
        ("a.jsonl", ROW + '{"question": ["x"], "answer": "1"}', {}, "line 2, column question: text or a number"),
        ("a.jsonl", ROW + "[1]", {}, "a.jsonl, line 2: an object with a value for each column"),
        ("a.jsonl", ROW + "{", {}, "a.jsonl, line 2 is not JSON"),
        ("a.jsonl", ROW, {"question": "problem"}, "has no column 'problem' for the question; it has question, answer"),
        ("a.jsonl", ROW, {"year": "jahr"}, "has no column 'jahr' for the year"),
        ("a.jsonl", ROW, {"year": ["Jahr", "Yaer"]}, "has no column 'Jahr' or 'Yaer' for the year"),
        ("a.jsonl", ROW, {"solution": "Soluton"}, "has no column 'Soluton' for the solution"),
        ("a.jsonl", '{"question": "x", "answer": "1", "y": "May"}', {"year": "y"}, "column y: a year was expected"),
        ("a.jsonl", '{"question": "x\\ufffdy", "answer": "1"}', {}, "line 1, column question: holds U\\+FFFD"),
        (
            "a.jsonl",
            ROW + r'{"question": "x\ud83d", "answer": "1"}',
            {},
            "line 2, column question: holds U\\+D83D, half of",
        ),
        ("a.jsonl", ROW + "[" * 100_000, {}, "a.jsonl, line 2: arrays or objects are nested too deeply"),
        ("a.jsonl", "", {}, "a.jsonl holds no problems"),
        ("a.csv", "question,answer\nx,1\ny,2,3\n", {}, "a.csv, row 3: 3 values for 2 columns"),
        ("a.csv", 'question,answer\nx,1\n"y,2\n', {}, "a.csv, row 3, is not CSV"),
        ("a.csv", "question,answer,answer\nx,1,2\n", {}, "the column 'answer' comes twice"),
        (
            "a.csv",
            "question,answer,nr\nx,1,a\ny,2,a\n",
            {"id": "nr"},
            "row 3, column nr: the id 'a' is that of .*row 2",
        ),
        ("a.csv", b"question,answer\nx,1\ncaf\xe9,2\n", {}, "a.csv, line 3: byte 0xe9 is not UTF-8"),
        ("a.txt", "x", {}, "a.txt is of no kind that is read here"),
        ("a.json", "3", {}, "a.json: an array of objects was expected"),
    ],
)
def test_a_fault_is_named_with_file_row_and_column(tmp_path, name, content, columns, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    mapping = ProblemColumns.model_validate({"question": "question", "answer": "answer", **columns})
    with pytest.raises(InputError, match=message):
        read_problems(path, mapping, 5)


def test_a_missing_package_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    (tmp_path / "a.parquet").touch()
    with pytest.raises(InputError, match=r"'datasets' is not installed.*make extra NAME=datasets"):
        read_problems(tmp_path / "a.parquet", ready_mappings()["plain"], 5)
