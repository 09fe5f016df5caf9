"""The work of a profile: problems, tokens, teacher's cost. Its cheap stages are run in a scratch folder to find it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from distil.pipeline.files import InputError, read_jsonl, read_record
from distil.pipeline.records import Example, Problem, Split

ROOT = Path(__file__).resolve().parents[2]
BYTES_PER_TOKEN = 3
"""Bytes per token of mathematical English in a published model's vocabulary, for a model without a tokenizer here."""
PROJECTED = re.compile(r"still to ask: about ([\d,]+) requests, about \$([\d.]+)")


Blocks = dict[str, Any]
"""The blocks of a profile's params.yaml, by name."""


@dataclass(frozen=True)
class Work:
    """Token counts of training rows (one chat each) and of prompts, and the requests that the teacher still needs."""

    rows: list[int]
    replies: list[int]
    prompts: dict[str, list[int]]
    folds: int
    held_out: int
    measured: bool
    requests: int
    usd: float


def scratch(folder: Path, params: Blocks) -> None:
    """Make a folder in which the profile's stages run without changing the repository."""
    for name in ("stages", "conf", "models"):
        (folder / name).symlink_to(ROOT / name)
    for block in ("raw", "transfer"):
        params[block]["path"] = from_root(params[block]["path"])
    teacher = params["teacher_cot"]
    if (
        teacher["teacher"] == "openai" or params["parsed"]["reader"] == "vision"
    ):  # answers in the store need not be paid again
        teacher["store"] = from_root(teacher["store"])
    if not teacher["recorded"].startswith("data/"):
        teacher["recorded"] = from_root(teacher["recorded"])
    shown = params | {"lora_seed": params["lora_seed"] | {"model": "models/tiny-student"}}  # raw refuses a missing one
    (folder / "params.yaml").write_text(yaml.safe_dump(shown), encoding="utf-8")


def from_root(path: str) -> str:
    """A path of params.yaml as an absolute path. It begins at the repository's root or in a home folder."""
    return str((ROOT / Path(os.path.expandvars(path)).expanduser()).resolve())


def run_stage(folder: Path, *arguments: str) -> str:
    """Run one stage there and return what it printed. Raises InputError with its message when it fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{arguments[0]}: {last.removeprefix('error: ')}")
    return result.stdout


def workload(folder: Path, params: Blocks, count: Callable[[str], int] | None) -> Work:
    """Read the profile's exams and benchmark, and count. `count` counts a text's tokens; without it bytes are counted.

    Where the teacher costs nothing, its chains are made and verified, too, and the training rows are the real ones.
    Otherwise every question counts as a row with a reply of the distiller's expected length.
    """
    free = params["teacher_cot"]["teacher"] != "openai"
    run_stage(folder, "stages.raw")
    if params["parsed"]["reader"] == "vision":
        ask_no_reader(folder)
    for stage in ("parsed", "transfer", *(("teacher_cot", "verified", "train_split") if free else ())):
        run_stage(folder, f"stages.{stage}")
    counted = count or (lambda text: -(-len(text.encode()) // BYTES_PER_TOKEN))
    overhead = 12 + counted(params["chat"]["system"])
    problems = {
        name: [
            overhead + counted(problem.question)
            for problem in read_jsonl(folder / f"data/{stage}/problems.jsonl", Problem)
        ]
        for name, stage in (("contest", "parsed"), ("transfer", "transfer"))
    }
    split = params["train_split"]
    folds = (split["folds"] if split["protocol"] == "kfold_years" else 1) + (
        split["paper_protocol"] and split["protocol"] != "paper"
    )
    examples = training_rows(folder) if free else []
    if examples:
        replies = [counted(example.messages[-1].content) + 2 for example in examples]
        turns = [sum(counted(turn.content) for turn in example.messages[:-1]) + 12 for example in examples]
        rows = [turn + reply for turn, reply in zip(turns, replies, strict=True)]
    else:
        expected = params["teacher_cot"]["roles"]["distiller"].get("expected_tokens", 500)
        replies = [expected] * len(problems["contest"])
        rows = [prompt + expected for prompt in problems["contest"]]
    requests, usd = teacher(folder, params)
    held_out = 0
    for problem in read_jsonl(folder / "data/parsed/problems.jsonl", Problem):
        held_out += split["protocol"] != "held_out_years" or problem.year in split["held_out_years"]
    return Work(rows, replies, problems, folds, held_out, bool(examples), requests, usd)


def ask_no_reader(folder: Path) -> None:
    """Raise InputError with the cost, where a model must still be paid to read the exams."""
    requests, usd = still_to_ask(folder, "stages.parsed")
    if requests:
        raise InputError(
            f"the exams are not read yet: parsed.reader vision is still to ask about {requests:,} requests, about "
            f"${usd:.2f}. Run `dvc repro parsed`, then plan the rest."
        )


def training_rows(folder: Path) -> list[Example]:
    """The first main fold's training rows."""
    split = folder / "data/train_split"
    return list(read_jsonl(split / read_record(split / "folds.json", Split).main[0] / "train.jsonl", Example))


def teacher(folder: Path, params: Blocks) -> tuple[int, float]:
    """How many requests a paid teacher still has to get, and about how many US dollars they cost."""
    if params["teacher_cot"]["teacher"] != "openai":
        return 0, 0.0
    return still_to_ask(folder, "stages.teacher_cot")


def still_to_ask(folder: Path, stage: str) -> tuple[int, float]:
    """How many requests a stage says it will send, and about how many US dollars they cost."""
    found = PROJECTED.search(run_stage(folder, stage, "--status"))
    if not found:
        raise InputError(f"{stage} --status did not say what is still to be asked.")
    return int(found[1].replace(",", "")), float(found[2])


def padded(rows: list[int], batch_size: int) -> float:
    """Padded tokens of one epoch in batches of similar length."""
    from distil.lm.rows import epoch

    batches = epoch(rows, batch_size, np.random.default_rng(0))
    return float(sum(len(batch) * max(rows[number] for number in batch) for batch in batches))
