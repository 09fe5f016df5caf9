"""Answers again by transformers: equal texts, ties and faults told apart, and a whole check where it is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from distil.pipeline.files import read_jsonl, write_jsonl
from distil.pipeline.records import Answer
from tests.workspace import environment, inside, stage, write_workspace
from tools.check_model.__main__ import compared

PEERS = Path(__file__).resolve().parents[2] / ".venv-peers/bin/python"
END = 0


def decode(tokens: list[int]) -> str:
    """Tokens that are bytes, as a byte-level tokenizer puts them."""
    return bytes(tokens).decode("utf-8", errors="replace")


@pytest.mark.parametrize(
    ("ours", "theirs", "leads", "lead"),
    [
        ("ab", [97, 98, END], [1, 1, 1], None),
        ("ab", [97, 98], [1, 1], None),  # both cut at the cap
        ("ac", [97, 98, END], [3, 0.5, 3], 0.5),
        ("ac", [97, 98, END], [3, 1e-4, 3], 1e-4),
        ("abc", [97, 98, END], [3, 3, 0.25], 0.25),  # theirs ends and ours goes on
        ("a", [97, 98, END], [3, 0.75, 3], 0.75),  # ours ends and theirs goes on
        ("é", [0xC3, 0xA9, END], [1, 1, 1], None),
        ("éa", [0xC3, 0xA9, 98], [3, 3, 0.125], 0.125),
        ("éa", [0xC3, 0xA8, 97], [3, 0.375, 3], 0.375),
    ],
)
def test_texts_part_where_a_token_of_theirs_is_not_in_ours(ours, theirs, leads, lead):
    found = compared(ours, "", theirs, leads, [END], decode)
    assert found.lead == lead
    assert found.fault == (lead is not None and lead > 1e-3)


def check(folder: Path, python: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tools.check_model",
        "--answers",
        "4",
        "--max-tokens",
        "12",
        "--python",
        str(python),
    ]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def test_without_transformers_it_says_what_makes_them(tmp_path):
    done = inside(write_workspace(tmp_path), "tools.check_model", "--python", str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "`make check-model` makes it" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["mlx", "torch"])
def test_transformers_writes_the_same_texts(tmp_path, backend):
    if not PEERS.exists():
        pytest.skip("no .venv-peers with transformers and PEFT; `make check-model` makes it")
    if backend == "torch":
        pytest.importorskip("torch", reason="PyTorch is optional: make extra NAME=torch")
    folder = write_workspace(tmp_path, answers={"backend": backend, "max_tokens": 12})
    for command in (
        ["stages.lora_seed", "--seed", "3"],
        *(["stages.answers", "--model", m] for m in ("base", "seed_3")),
    ):
        assert stage(folder, *command).returncode == 0
    path = folder / "data/answers/base/contest.jsonl"  # random weights do not end a text
    write_jsonl(path, [row.model_copy(update={"finish_reason": "stop"}) for row in read_jsonl(path, Answer)])
    done = check(folder, PEERS)
    assert done.returncode == 0, done.stdout + done.stderr
    base, adapted = (line.split("|")[1:-1] for line in done.stdout.splitlines()[-2:])
    assert [base[0].strip(), adapted[0].strip()] == ["base", "seed_3"]
    assert [int(cell) for cell in base[1:4]] in ([4, 4, 0], [4, 3, 1])
