"""A small repository root for the stages that train and answer: a model, parameters, problems and their rows."""

import contextlib
import importlib
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from filelock import FileLock

from distil.contest import FAMILIES, bare_steps, draw
from distil.pipeline.command import run
from distil.pipeline.files import write_json, write_jsonl
from distil.pipeline.records import Example, Message, Problem
from tests.checkpoint import write_checkpoint

ROOT = Path(__file__).resolve().parents[1]
LORA: dict[str, Any] = {
    "model": "models/random",
    "fine_tune_type": "lora",
    "seeds": [3],
    "iters": 12,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "rank": 4,
    "scale": 4.0,
    "dropout": 0.1,
    "num_layers": -1,
    "max_seq_length": 256,
    "steps_per_eval": 4,
    "patience": 0,
    "grad_checkpoint": False,
    "track": [],
}
BASELINES: dict[str, Any] = {
    "solution": {"completion": "{question} Solution:\n"},
    "instruction": {"instruction": "Reason step by step."},
    "few_shot": {"shots": 2},
}
ANSWERS: dict[str, Any] = {
    "models": {
        "base": {"weights": "models/random"},
        "seed_3": {"weights": "data/lora_seed/3"},
        "seed_9": {"weights": "data/lora_seed/9"},
        "R3": {"weights": "data/lora_level/R3"},
        **{name: {"weights": "models/random", "prompt": prompt} for name, prompt in BASELINES.items()},
    },
    "baselines": BASELINES,
    "backend": "mlx",
    "max_tokens": 8,
    "batch_size": 8,
    "temperature": 0.0,
    "samples": 1,
    "seed": 0,
    "limit": {"unseen": None, "seen": None, "transfer": None},
    "endpoint": {"base_url": "http://127.0.0.1:1/v1", "model": "m", "api_key_env": None, "timeout": 20},
}


def problems(number: int, benchmark: str = "contest") -> list[Problem]:
    """Questions of the sample contest."""
    rng, names = Random(7), list(FAMILIES)
    questions = [draw(rng, names[count % len(names)]) for count in range(number)]
    return [
        Problem(
            id=f"{benchmark}/{count:03d}",
            year=2011,
            section=question.section,
            number=count,
            question=question.text,
            answer=str(question.answer),
            source="tests",
        )
        for count, question in enumerate(questions)
    ]


def rows(chosen: list[Problem]) -> list[Example]:
    """Training rows with short chains."""
    from distil.contest import read

    examples = []
    for problem in chosen:
        question = read(problem.question)
        assert question
        text = "\n".join([*bare_steps(question), f"Answer: {problem.answer}"])
        turns = [Message(role="user", content=problem.question), Message(role="assistant", content=text)]
        examples.append(Example(messages=turns, problem_id=problem.id, level="R1"))
    return examples


def write_workspace(folder: Path, lora: dict[str, Any] | None = None, answers: dict[str, Any] | None = None) -> Path:
    """Write a workspace of 30 contest problems (18 to train on, 6 to validate, 6 unseen) and 5 transfer problems."""
    write_checkpoint(folder / "models/random", tie_word_embeddings=False)
    contest, transfer = problems(30), problems(5, "transfer")
    write_jsonl(folder / "data/parsed/problems.jsonl", contest)
    write_jsonl(folder / "data/transfer/problems.jsonl", transfer)
    split = folder / "data/train_split"
    for name in ("held_out", "levels/R3", "truncated/R3"):
        write_jsonl(split / name / "train.jsonl", rows(contest[:18]))
        write_jsonl(split / name / "valid.jsonl", rows(contest[18:24]))
    ids = [problem.id for problem in contest]
    parts = {"train": ids[:18], "valid": ids[18:24], "unseen": ids[24:], "unused": [], "answers": ids}
    write_json(
        split / "folds.json",
        {
            "protocol": "held_out_years",
            "main": ["held_out"],
            "folds": {"held_out": parts},
            "transfer_fold": "held_out",
            "clusters": {name: number for number, name in enumerate(ids)},
            "families": dict.fromkeys(ids, 0),
            "family_names": ["mean"],
            "families_are": "families",
        },
    )
    write_params(folder, lora, answers)
    return folder


def write_params(folder: Path, lora: dict[str, Any] | None = None, answers: dict[str, Any] | None = None) -> None:
    """Write params.yaml with some values of the blocks changed."""
    blocks = {
        "chat": {"system": ""},
        "lm": {"backend": "mlx", "compute": "float32", "threads": 1},
        "lora_seed": LORA | (lora or {}),
        "overfit_probe": {"iters": 8, "seed": 0},
        "length_sweep": {"seeds": [3, 4]},
        "answers": ANSWERS | (answers or {}),
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(blocks))


def stage(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m stages.<command>` in a workspace."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def ending(folder: Path, module: str, *arguments: str) -> str | int | None:
    """A command's exit code or its last message, run in this process, which has loaded the libraries already.

    An error that is no message to the user comes through.
    """
    package = importlib.import_module(module)
    command = importlib.import_module(f"{module}.__main__") if hasattr(package, "__path__") else package
    terminated = signal.getsignal(signal.SIGTERM)  # a command may handle it in its own way, for as long as it runs
    try:
        with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
            patch.setattr("sys.argv", [module, *arguments])
            run(command.main)
    finally:
        signal.signal(signal.SIGTERM, terminated)
    return end.value.code


def inside(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The result of `stage`, from this process: see `ending`.

    For tests of what a command makes of its inputs; one test of each stage starts it as a user does.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = ending(folder, module, *arguments)
    if isinstance(code, str):  # which the interpreter prints
        print(code, file=err)
        code = 1
    return subprocess.CompletedProcess([module, *arguments], code or 0, out.getvalue(), err.getvalue())


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A new folder that `build` fills, once for all workers of pytest-xdist; not to be changed."""
    base = factory.getbasetemp()  # a worker's lies in that of the whole run
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    built = folder.with_suffix(".built")
    with FileLock(folder.with_suffix(".lock")):
        if not built.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            built.touch()
    return folder


def environment() -> dict[str, str]:
    """The environment of a stage that runs in a folder other than the repository's root."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
