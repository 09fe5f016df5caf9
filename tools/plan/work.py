"""The work of a profile: problems, tokens, teacher's cost. Its cheap stages are run in a scratch folder to find it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from distil.pipeline.files import InputError, read_jsonl, read_record
from distil.pipeline.progress import Bar
from distil.pipeline.records import Example, Fold, Problem, Split

ROOT = Path(__file__).resolve().parents[2]
BYTES_PER_TOKEN = 3
"""Bytes per token of mathematical English in a published model's vocabulary, for a model without a tokenizer here."""
PROJECTED = re.compile(r"still to ask: about ([\d,]+) requests, about \$([\d.]+)\nspent: \$([\d.]+)")


@dataclass(frozen=True)
class Counter:
    """Counts a text's tokens. A chat has `turns` tokens more before the reply, and `end` after it."""

    count: Callable[[str], int] = lambda text: -(-len(text.encode()) // BYTES_PER_TOKEN)
    turns: int = 12
    end: int = 2


Block = dict[str, Any]
Blocks = dict[str, Block]
"""The blocks of a profile's params.yaml, by name."""


@dataclass(frozen=True)
class Work:
    """Token counts of training rows (one chat each) and of prompts, and the requests that the teacher still needs.

    A seed trains `folds` adapters. The first of their folds holds out `held_out` questions.
    """

    rows: list[int]
    replies: list[int]
    prompts: dict[str, list[int]]
    folds: int
    held_out: int
    measured: bool
    requests: int
    usd: float
    means: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Mean tokens of a row and of its reply, by the rows' folder in train_split: of each fold and chain length."""
    spent: float = 0.0
    """US dollars that the answers in the store have cost."""

    @property
    def row(self) -> float:
        """Mean tokens of the main fold's rows."""
        return sum(self.rows) / len(self.rows)

    @property
    def reply(self) -> float:
        """Mean tokens of their replies."""
        return sum(self.replies) / len(self.replies)

    @property
    def prompt(self) -> float:
        """Mean tokens of a question as it is asked."""
        every = [length for lengths in self.prompts.values() for length in lengths]
        return sum(every) / len(every)

    def mean(self, rows: str) -> tuple[float, float]:
        """Mean tokens of a row and of its reply in a folder of train_split; the main fold's if it is not made."""
        return self.means.get(rows, (self.row, self.reply))


def scratch(folder: Path, params: Blocks) -> None:
    """Make a folder in which the profile's stages run without changing the repository."""
    for name in ("stages", "conf", "models", "corrections.yaml"):
        (folder / name).symlink_to(ROOT / name)
    for block in ("raw", "transfer"):
        params[block]["path"] = from_root(params[block]["path"])
    teacher = params["teacher_cot"]
    paid = teacher["teacher"] == "openai" or params["parsed"]["reader"] == "vision"
    store = from_root(teacher["store"])
    # paid answers need not be paid again; a store that is not there is not made, and nothing embedded is added to it
    teacher["store"] = store if paid and Path(store).exists() else "cache/teacher.sqlite"
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


def workload(folder: Path, params: Blocks, counter_of: Callable[[], Counter]) -> Work:
    """Read the profile's exams and benchmark, then count with what `counter_of` returns.

    Where the teacher costs nothing, its chains are made and verified, too, and the training rows are the real ones.
    Otherwise every question counts as a row with a reply of the distiller's expected length.
    """
    free = params["teacher_cot"]["teacher"] != "openai"
    stages = ["raw", "parsed", "transfer", *(["teacher_cot", "verified", "train_split"] if free else [])]
    for stage in Bar(stages, desc="cheap stages", unit="stage"):
        run_stage(folder, f"stages.{stage}")
        if stage == "raw" and params["parsed"]["reader"] == "vision":
            ask_no_reader(folder)
    counter = counter_of()
    overhead = counter.turns + counter.count(params["chat"]["system"])
    problems = {
        name: [
            overhead + counter.count(problem.question)
            for problem in read_jsonl(folder / f"data/{stage}/problems.jsonl", Problem)
        ]
        for name, stage in (("contest", "parsed"), ("transfer", "transfer"))
    }
    made = folder / "data/train_split"
    if free:
        folds = read_record(made / "folds.json", Split).folds
    else:
        folds = expected_folds(params["train_split"], read_jsonl(folder / "data/parsed/problems.jsonl", Problem))
    main = next(iter(folds))  # the study's protocol, where it is trained besides, comes last
    rows, replies = row_lengths(made / main, counter) if free else ([], [])
    means = dict[str, tuple[float, float]]()
    if rows:
        for name in (*folds, *params["length_sweep"]["rows"].values()):
            some, their_replies = row_lengths(made / name, counter)
            means[name] = sum(some) / len(some), sum(their_replies) / len(their_replies)
    else:
        expected = params["teacher_cot"]["roles"]["distiller"].get("expected_tokens", 500)
        replies = [expected] * len(problems["contest"])
        rows = [prompt + expected for prompt in problems["contest"]]
    requests, usd, spent = teacher(folder, params)
    return Work(rows, replies, problems, len(folds), len(folds[main].unseen), bool(means), requests, usd, means, spent)


def expected_folds(split: Block, problems: Iterable[Problem]) -> dict[str, Fold]:
    """The folds that train_split would make if every question had a chain and none resembled another.

    Raises InputError where it would.
    """
    from stages.train_split.__main__ import SplitParams, make_folds
    from stages.train_split.families import families

    ordered = sorted(problems, key=lambda problem: problem.id)
    clusters = {problem.id: number for number, problem in enumerate(ordered)}
    names, kinds = set(clusters), families(ordered, [], clusters)
    return make_folds(SplitParams.model_validate(split), ordered, names, names, clusters, kinds, set())


def ask_no_reader(folder: Path) -> None:
    """Raise InputError with the cost, where a model must still be paid to read the exams."""
    requests, usd, _ = still_to_ask(folder, "stages.parsed")
    if requests:
        raise InputError(
            f"the exams are not read yet: parsed.reader vision is still to ask about {requests:,} requests, about "
            f"${usd:.2f}. Run `dvc repro parsed`, then plan the rest."
        )


def row_lengths(folder: Path, counter: Counter) -> tuple[list[int], list[int]]:
    """Tokens of the rows in a folder of train_split, and of their replies."""
    examples = list(read_jsonl(folder / "train.jsonl", Example))
    replies = [counter.count(example.messages[-1].content) + counter.end for example in examples]
    asked = [sum(counter.count(turn.content) for turn in example.messages[:-1]) + counter.turns for example in examples]
    return [prompt + reply for prompt, reply in zip(asked, replies, strict=True)], replies


def teacher(folder: Path, params: Blocks) -> tuple[int, float, float]:
    """As `still_to_ask`, of a paid teacher."""
    if params["teacher_cot"]["teacher"] != "openai":
        return 0, 0.0, 0.0
    return still_to_ask(folder, "stages.teacher_cot")


def still_to_ask(folder: Path, stage: str) -> tuple[int, float, float]:
    """How many requests a stage says it will send, about how many US dollars they cost, and how many are spent."""
    found = PROJECTED.search(run_stage(folder, stage, "--status"))
    if not found:
        raise InputError(f"{stage} --status did not say what is still to be asked.")
    return int(found[1].replace(",", "")), float(found[2]), float(found[3])


def padded(rows: list[int], batch_size: int) -> float:
    """Padded tokens of one epoch in batches of similar length."""
    from distil.lm.rows import epoch

    batches = epoch(rows, batch_size, np.random.default_rng(0))
    return float(sum(len(batch) * max(rows[number] for number in batch) for batch in batches))
