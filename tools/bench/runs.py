"""Timed processes, taken turn about so that what else the machine does touches both sides alike."""

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.common.files import InputError

ANSI = re.compile(r"\x1b\[[0-9;]*m")
REPORT = re.compile(r"^\s*\d+\s+[\d.]+ [▲▼]\s+([\d,]+)\s")
VALIDATION = re.compile(r"^\s*\d+\s+val [\d.]+\s+([\d.]+)s")
OWN_SETTINGS = ("MLX_DISABLE_COMPILE", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE")


def turn_about(stock: Callable[[], float], ours: Callable[[], float], repeats: int) -> dict[str, Any]:
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


def worker(*arguments: Any) -> dict[str, Any]:
    """Run `tools.bench.worker` and return what it prints. Raises InputError with its last words when it fails."""
    return json.loads(run("tools.bench.worker", *arguments).splitlines()[-1])


def stock_training(model: Path, split: Path, iters: int, batch_size: int, every: int, out: Path) -> dict[str, float]:
    """What the stock `mlx_lm.lora` command reports: loss tokens per second, and the seconds of one batch's loss alone.

    The rate is the median of all reports but the first, in which MLX compiles.
    """
    output = run(
        *("mlx_lm", "lora", "--train", "--mask-prompt", "--model", model, "--data", split, "--adapter-path", out),
        *("--num-layers", -1, "--batch-size", batch_size, "--iters", iters, "--learning-rate", 1e-3),
        *("--steps-per-report", every, "--steps-per-eval", iters + 1, "--val-batches", 1, "--max-seq-length", 2048),
    )
    rates = [float(found[1].replace(",", "")) for line in output.splitlines() if (found := REPORT.match(line))]
    if not rates:
        raise InputError(f"mlx_lm.lora printed no report; its output ends: {output[-500:]}")
    validation = next(found for line in output.splitlines() if (found := VALIDATION.match(line)))
    return {"rate": statistics.median(rates[1:] or rates), "forward_seconds": float(validation[1])}


def run(module: str, *arguments: Any) -> str:
    """Run a module with this interpreter and return what it printed, without colours."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS} | {"COLUMNS": "200"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise InputError(f"`{' '.join(command)}` failed: {result.stderr[-1000:]}")
    return ANSI.sub("", result.stdout)
