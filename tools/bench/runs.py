"""Timed processes that take turns, so that other work on the machine slows both sides alike."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distil.pipeline.files import InputError

ANSI = re.compile(r"\x1b\[[0-9;]*m")
REPORT = re.compile(r"^\s*\d+\s+[\d.]+ [▲▼]\s+([\d,]+)\s")
VALIDATION = re.compile(r"^\s*\d+\s+val [\d.]+\s+([\d.]+)s")
OWN_SETTINGS = ("MLX_DISABLE_COMPILE", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE")
Measured = dict[str, Any]
"""The numbers of a comparison, by name: times, medians, ratios and the reasons for gaps."""


def at_least_once(text: str) -> int:
    """How often something runs, as an option says it. Raises ValueError for less than once."""
    if (times := int(text)) < 1:
        raise ValueError
    return times


def turn_about(stock: Callable[[], float], ours: Callable[[], float], repeats: int) -> Measured:
    """Run both `repeats` times in turn; medians and every run, and the ratio of the medians, ours over stock."""
    runs = [(stock(), ours()) for _ in range(repeats)]
    before, after = zip(*runs, strict=True)
    medians = statistics.median(before), statistics.median(after)
    return {
        "stock": round(medians[0], 3),
        "ours": round(medians[1], 3),
        "ratio": round(medians[1] / medians[0], 3),
        "stock_runs": [round(run, 3) for run in before],
        "ours_runs": [round(run, 3) for run in after],
    }


def worker(*arguments: Any) -> Measured:
    """Run `tools.bench.worker` and return what it prints. Raises InputError with its last words when it fails."""
    return json.loads(run("tools.bench.worker", *arguments)[-1][1])


def stock_training(model: Path, split: Path, iters: int, batch_size: int, every: int, out: Path) -> dict[str, float]:
    """The rates of the stock `mlx_lm.lora` command: loss tokens per second, and the seconds of one batch's loss alone.

    The rate is the median of all reports but the first, in which MLX compiles; the command rounds it to a whole number.
    `first_seconds` is the time from the validation before training to the first report.
    """
    output = run(
        *("mlx_lm", "lora", "--train", "--mask-prompt", "--model", model, "--data", split, "--adapter-path", out),
        *("--num-layers", -1, "--batch-size", batch_size, "--iters", iters, "--learning-rate", 1e-3),
        *("--steps-per-report", every, "--steps-per-eval", iters + 1, "--val-batches", 1, "--max-seq-length", 2048),
    )
    reports = [(when, float(found[1].replace(",", ""))) for when, line in output if (found := REPORT.match(line))]
    if not reports:
        raise InputError(f"mlx_lm.lora printed no report; its output ends: {[line for _, line in output[-5:]]}")
    validated, validation = next((when, found) for when, line in output if (found := VALIDATION.match(line)))
    rates = [rate for _, rate in reports]
    return {
        "rate": statistics.median(rates[1:] or rates),
        "first_seconds": reports[0][0] - validated,
        "forward_seconds": float(validation[1]),
    }


def run(module: str, *arguments: Any) -> list[tuple[float, str]]:
    """Run a module with this interpreter; the lines it printed, without colours, each with the second it came in.

    Raises InputError with its last words when it fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS} | {"COLUMNS": "200"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout
        lines = [(time.perf_counter(), ANSI.sub("", line.rstrip("\n"))) for line in process.stdout]
        if process.wait():
            errors.seek(0)
            raise InputError(f"`{' '.join(command)}` failed: {errors.read()[-1000:]}")
    return lines
