"""Let one model answer the benchmarks: the base model, one seed's adapters, or the adapter of one chain length.

    python -m stages.answers --model base
    python -m stages.answers --model seed_0
    python -m stages.answers --level R3

Reads data/parsed, data/transfer, data/train_split, the model and its adapters. Writes one line per answer, by problem,
fold and sample, to data/answers/<model>/{contest,transfer}.jsonl (a level answers the contest alone, into
data/answers_level/<level>/), and times to metrics/timings/. A killed run goes on from cache/answers/.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from distil.lm.progress import LmParams
from distil.pipeline.command import load_params, run
from distil.pipeline.files import read_jsonl, read_record, replacing_folder, write_json, write_jsonl
from distil.pipeline.records import LEVELS, Example, Problem, Split
from distil.pipeline.subset import Limit, subset
from stages.answers.params import AnswersParams, ChatParams, StudentParams
from stages.answers.respond import open_store, respond
from stages.answers.tasks import Task, base_tasks, contest_tasks, level_tasks, transfer_tasks


def main() -> None:
    """List what is to be answered, let the model answer it, write the answers by benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", help="`base`, or `seed_N` for the adapters of data/lora_seed/N")
    which.add_argument("--level", choices=LEVELS, help="the adapter of data/lora_level/<level>")
    args = parser.parse_args()
    params, system = load_params("answers", AnswersParams), load_params("chat", ChatParams).system
    base, lm = load_params("lora_seed", StudentParams).model, load_params("lm", LmParams)

    if args.level:
        name, out = args.level, f"answers_level/{args.level}"
        adapters: Path | None = Path("data/lora_level", args.level)
        tasks = tasks_of_level(args.level)
    else:
        name, out = args.model, f"answers/{args.model}"
        adapters = None if name == "base" else Path("data/lora_seed", name.removeprefix("seed_"))
        tasks = tasks_of_model(name)
    tasks = limited(tasks, params.limit)
    tasks = [replace(task, sample=sample) for task in tasks for sample in range(params.samples)]
    store, began = open_store(name, base, adapters, tasks, params, lm, system), time.perf_counter()
    known = len(store.found)
    respond(name, base, adapters, tasks, params, lm, system, store)
    seconds = time.perf_counter() - began

    with replacing_folder(f"data/{out}") as folder:
        for benchmark in sorted({task.benchmark for task in tasks}):
            asked = sorted(task.key for task in tasks if task.benchmark == benchmark)
            write_jsonl(folder / f"{benchmark}.jsonl", (store.found[key] for key in asked))
    write_json(f"metrics/timings/{out}.json", {"answers": len(tasks) - known, "seconds": round(seconds, 3)})
    store.remove()


def tasks_of_model(name: str) -> list[Task]:
    """What the base model or a seed's adapters are asked."""
    contest = list(read_jsonl("data/parsed/problems.jsonl", Problem))
    transfer = list(read_jsonl("data/transfer/problems.jsonl", Problem))
    if name == "base":
        return base_tasks("contest", contest) + base_tasks("transfer", transfer)
    split = read_record("data/train_split/folds.json", Split)
    return contest_tasks(contest, split) + transfer_tasks(transfer, split)


def tasks_of_level(level: str) -> list[Task]:
    """What the adapter of a chain length is asked."""
    rows = Path("data/train_split/levels", level)
    trained = {
        part: [row.problem_id for row in read_jsonl(rows / f"{part}.jsonl", Example)] for part in ("train", "valid")
    }
    contest = list(read_jsonl("data/parsed/problems.jsonl", Problem))
    return level_tasks(contest, read_record("data/train_split/folds.json", Split), trained)


def limited(tasks: list[Task], limit: Limit) -> list[Task]:
    """The tasks that `answers.limit` leaves: the same questions whoever answers."""
    contest = read_jsonl("data/parsed/problems.jsonl", Problem)
    split = read_record("data/train_split/folds.json", Split)
    asked = subset(contest, read_jsonl("data/transfer/problems.jsonl", Problem), split, limit)
    return [task for task in tasks if asked.asks(task.benchmark, task.problem.id, task.fold, task.role, split.main)]


if __name__ == "__main__":
    run(main)
