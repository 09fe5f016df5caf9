"""What a difference looks like to the person who must find its cause."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tools.check_reproduction.differences import describe, flatten

ROWS = [json.dumps({"id": number, "answer": str(number * 7), "chain": {"text": "so"}}) for number in range(5)]


@pytest.mark.parametrize(
    ("name", "committed", "fresh", "said"),
    [
        ("a.jsonl", ROWS, [*ROWS[:2], ROWS[2].replace("14", "15"), *ROWS[3:]], 'a.jsonl, line 3: answer: "14" -> "15"'),
        ("a.jsonl", ROWS, [*ROWS[:2], *ROWS[3:]], "line 3 (5 lines committed, 4 here): is missing here: {"),
        ("a.jsonl", ROWS[:4], ROWS, "line 5 (4 lines committed, 5 here): is new here: {"),
        ("a.jsonl", ROWS[:1], [ROWS[0].replace("so", "thus")], 'chain.text: "so" -> "thus"'),
        ("a.csv", ["x,y", "1,2"], ["x,y", "1,3"], "line 2: \n- 1,2\n+ 1,3"),
        (
            "a.json",
            ['{"n": 1, "gone": 2}'],
            ['{"n": 3, "new": null}'],
            "n: 1 -> 3\na.json: gone: 2 -> none\na.json: new: none",
        ),
        ("a.json", ["{broken"], ["{}"], "a.json: 8 bytes committed, 3 here, the first difference at byte 1"),
        ("a.pdf", ["%PDF 1"], ["%PDF\udcff2"], "7 bytes committed, 7 here, the first difference at byte 4"),
        ("a.txt", ["x" * 500], ["y"], "(500 characters)"),
        ("a.txt", ["a", "b"], ["a\r", "b"], "4 bytes committed, 5 here, the first difference at byte 1"),
        ("a.bin", ["\0\1"], ["\0\2"], "3 bytes committed, 3 here, the first difference at byte 1"),
    ],
)
def test_files(name: str, committed: list[str], fresh: list[str], said: str, tmp_path: Path) -> None:
    for side, lines in (("committed", committed), ("fresh", fresh)):
        (tmp_path / side).mkdir()
        (tmp_path / side / name).write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    told = "\n".join(describe(name, tmp_path / "committed" / name, tmp_path / "fresh" / name))
    assert said in told


def test_folders(tmp_path: Path) -> None:
    for side, names in (("committed", "abc"), ("fresh", "abd")):
        for name in names:
            path = tmp_path / side / f"{name}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text("same" if name == "a" else side)
    told = describe("out", tmp_path / "committed", tmp_path / "fresh")
    assert told == [
        "out/c.txt: only in the committed output",
        "out/d.txt: only in this run's output",
        "out: 1 of 3 files differ: b.txt",
        "out/b.txt, line 1: \n- committed\n+ fresh",
    ]


def test_weights(tmp_path: Path) -> None:
    weights = {"a": np.zeros(3, np.float32), "b": np.ones((2, 2), np.float32)}
    save_file(weights, tmp_path / "one.safetensors")
    save_file(weights | {"b": weights["b"] + np.float32(0.25)}, tmp_path / "two.safetensors")
    save_file({"a": weights["a"]}, tmp_path / "three.safetensors")
    one = tmp_path / "one.safetensors"
    assert describe("x.safetensors", one, tmp_path / "two.safetensors") == [
        "x.safetensors: weights differ by at most 0.25 (b)"
    ]
    assert describe("x.safetensors", one, tmp_path / "three.safetensors") == ["x.safetensors: other tensors or shapes"]


def test_what_cannot_be_had(tmp_path: Path) -> None:
    assert "only its hash is known" in describe("out", None, tmp_path)[0]
    assert "was not written here" in describe("out", tmp_path, tmp_path / "none")[0]


def test_flatten() -> None:
    assert flatten({"a": {"b": [1, {"c": None}], "d": {}}, "e": []}) == {
        "a.b.0": 1,
        "a.b.1.c": None,
        "a.d": {},
        "e": [],
    }
