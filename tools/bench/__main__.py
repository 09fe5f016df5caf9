"""Time this project against what a user would otherwise run, side by side in one run, on the pipeline's own data.

    make bench                                        (python -m tools.bench)
    python -m tools.bench --only lora_tiny answers

Each comparison alternates stock and ours and takes medians: training tokens per second against the `mlx_lm.lora`
command, answers per second against `mlx_lm.generate` one problem at a time, padding against mlx-lm's batches, a
training step at Qwen2.5-0.5B's shape, five seeds two at a time against one after the other, and the verifier against
Math-Verify. Needs what `make repro` leaves. Writes metrics/bench.json, and prints a table.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from stages.answers.params import AnswersParams
from stages.common.command import load_params, run
from stages.common.files import InputError, read_json, write_json
from stages.common.lm.train import LoraParams
from tools.bench import verifiers
from tools.bench.comparisons import COMPARISONS, Setting


def main() -> None:
    """Run the comparisons one after the other and keep what each found as soon as it is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(COMPARISONS), default=list(COMPARISONS), help="which of them")
    parser.add_argument("--repeats", type=int, default=3, help="how often each side of a comparison runs (%(default)s)")
    args = parser.parse_args()
    params, answering = load_params("lora_seed", LoraParams), load_params("answers", AnswersParams)
    fold = read_json("data/train_split/folds.json")["main"][0]
    file = Path("metrics/bench.json")
    found: dict[str, Any] = read_json(file) if file.exists() else {"medians": {}}
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
        found["medians"][name] = medians
        write_json(file, found)
        print(line(name, medians), flush=True)
        if "judges" in medians:
            print(verifiers.table(medians["judges"]), flush=True)


def line(name: str, medians: dict[str, Any]) -> str:
    """One row of the table."""
    if medians["ratio"] is None:
        return f"{name:24} {medians['reason']}"
    return "{:24} {stock:>12,.2f} {ours:>12,.2f} {ratio:>8,.2f}  {unit}".format(name, **medians)


if __name__ == "__main__":
    run(main)
