"""Time this project and the alternatives that a user has, in one run and on the pipeline's own data.

    make bench                                        (python -m tools.bench)
    python -m tools.bench --only lora_tiny answers

Each comparison alternates between stock and ours and takes medians:

- training tokens per second against the `mlx_lm.lora` command, and a training step at Qwen2.5-0.5B's shape
- answers per second against `mlx_lm.generate` one problem at a time
- padding against mlx-lm's batches
- five seeds two at a time against one after the other
- the verifier against Math-Verify
- a stage's scoring and resampling with a free Dask worker's help against one process

Needs the files that `make repro` writes. Writes metrics/bench.json and prints a table. Exit status 1 when a ratio
misses its target on this machine.
"""

import argparse
import tempfile
from pathlib import Path

from distil.lm.progress import LoraParams
from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, read_json, read_record, write_json
from distil.pipeline.records import Split
from stages.answers.params import AnswersParams
from tools.bench import verifiers
from tools.bench.comparisons import COMPARISONS, Setting
from tools.bench.runs import Measured, at_least_once

TARGETS: dict[str, tuple[str, float]] = {
    "padding": ("<=", 1.05), "verify": (">=", 20), "lora_tiny": (">=", 8), "lora_4m": (">=", 12), "answers": (">=", 20),
    "seeds_jobs2": ("<=", 0.6), "train_step_half_billion": (">=", 15), "shared": (">=", 1.7),
}  # fmt: skip
"""The target of each ratio on two x86-64 cores."""


def main() -> int:
    """Run the comparisons, and write the numbers of each as soon as it ends. Returns 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(COMPARISONS), default=list(COMPARISONS), help="which of them")
    parser.add_argument("--repeats", type=at_least_once, default=3, help="how often each side runs (%(default)s)")
    args = parser.parse_args()
    params, answering = load_params("lora_seed", LoraParams), load_params("answers", AnswersParams)
    fold = read_record("data/train_split/folds.json", Split).main[0]
    file = Path("metrics/bench.json")
    found: Measured = read_json(file) if file.exists() else {}
    for name in args.only:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            setting = Setting(
                student=Path(params.model).resolve(),
                split=Path("data/train_split", fold).resolve(),
                adapter=Path("data/lora_seed", str(params.seeds[0]), fold).resolve(),
                problems=Path("data/parsed/problems.jsonl").resolve(),
                max_tokens=answering.max_tokens,
                batch_size=answering.batch_size,
                scratch=Path(scratch),
                repeats=args.repeats,
            )
            try:
                medians = COMPARISONS[name](setting)
            except InputError as error:
                medians = {"ratio": None, "reason": str(error)}
        found[name] = medians["ratio"]
        found.setdefault("medians", {})[name] = medians
        write_json(file, found)
        print(line(name, medians), flush=True)
        if "judges" in medians:
            print(verifiers.table(medians["judges"]), flush=True)
    return int(any(missed(name, found["medians"][name]) for name in args.only))


def missed(name: str, medians: Measured) -> bool:
    """Whether a ratio misses its target, or answers compared text by text differ.

    A comparison that could not run misses nothing.
    """
    if medians["ratio"] is None:
        return False
    sign, target = TARGETS[name]
    reached = medians["ratio"] >= target if sign == ">=" else medians["ratio"] <= target
    return not reached or medians.get("same_texts") != medians.get("compared_texts")


def line(name: str, medians: Measured) -> str:
    """One row of the table."""
    if medians["ratio"] is None:
        return f"{name:24} {medians['reason']}"
    row = "{:24} {stock:>12,.2f} {ours:>12,.2f} {ratio:>8,.2f}  {unit}".format(name, **medians)
    return row + (f"  MISSED: {' '.join(map(str, TARGETS[name]))}" if missed(name, medians) else "")


if __name__ == "__main__":
    run(main)
