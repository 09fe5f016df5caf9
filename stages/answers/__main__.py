"""Let one model answer the benchmarks.

The model is the base, the adapters of one seed or of one chain length, or the base asked in another way.

    python -m stages.answers --model base
    python -m stages.answers --model seed_0
    python -m stages.answers --model few_shot
    python -m stages.answers --model R3

Reads data/parsed, data/transfer, data/train_split, the model and its adapters (`answers.models` names their folders).
Writes one line per answer, by problem, fold and sample, to data/answers/<model>/{contest,transfer}.jsonl, and times to
metrics/timings/. A baseline is the base asked as `answers.baselines` says: it answers the held-out questions and the
transfer benchmark. The adapters of a chain length answer only the held-out questions. A killed run goes on from
cache/answers/. With `answers.backend: replay` no model is asked: the file or folder in `answers.models` holds its
recorded answers.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from distil.lm.cpu import blas

blas.route()  # before MLX is imported

from distil.lm.progress import LmParams
from distil.pipeline import chat
from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, read_jsonl, read_record, replacing_folder, write_json, write_jsonl
from distil.pipeline.records import Answer, Example, Problem, Split
from distil.pipeline.subset import Limit, subset
from stages.answers.params import AnswersParams, AskedModel, Model, StudentParams
from stages.answers.prompts import PromptStyle, solved
from stages.answers.replay import replay, write
from stages.answers.respond import open_store, respond
from stages.answers.tasks import Task, base_tasks, baseline_tasks, contest_tasks, level_tasks, transfer_tasks

SWEEP = Path("data/lora_level")


def main() -> None:
    """List the tasks, let the model answer them, and write the answers by benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="its name in answers.models")
    args = parser.parse_args()
    params, system = load_params("answers", AnswersParams), load_params("chat", chat.ChatParams).system
    base, lm, name = load_params("lora_seed", StudentParams).model, load_params("lm", LmParams), args.model
    if name not in params.models:
        raise InputError(f"answers.models has no {name!r}; it has {', '.join(params.models)}.")
    model = params.models[name]
    if params.backend == "replay":
        replay_answers(name, model, params.limit)
        return
    adapters = None if model.weights == base else Path(model.weights)
    every = [
        replace(task, sample=sample) for task in tasks_of(adapters, model.prompt) for sample in range(params.samples)
    ]
    tasks = limited(every, params.limit)
    # With MLX the questions asked together change each other's last bits, so kept answers fit these tasks only.
    together = tasks if params.backend == "mlx" else every
    asked = AskedModel(name, base, adapters, params, lm, system)
    store, began = open_store(asked, together), time.perf_counter()
    known = sum(task.key in store.found for task in tasks)
    respond(asked, tasks, store)
    seconds = time.perf_counter() - began

    with replacing_folder(f"data/answers/{name}") as folder:
        for benchmark in sorted({task.benchmark for task in tasks}):
            keys = sorted(task.key for task in tasks if task.benchmark == benchmark)
            write_jsonl(folder / f"{benchmark}.jsonl", (store.found[key] for key in keys))
    write_json(f"metrics/timings/answers/{name}.json", {"answers": len(tasks) - known, "seconds": round(seconds, 3)})
    store.remove()


def replay_answers(name: str, model: Model, limit: Limit) -> None:
    """Write the recorded answers to the questions within `answers.limit`. Raises InputError where none fits."""
    folds, benchmarks = split(), {"contest": contest(), "transfer": transfer()}
    asked = subset(benchmarks["contest"], benchmarks["transfer"], folds, limit)
    replayed = replay(name, Path(model.weights), model.columns, benchmarks)
    if not replayed.answers:
        raise InputError(f"{model.weights}: none of its rows is about a problem of data/parsed or data/transfer.")

    def asks(row: Answer) -> bool:
        return asked.asks(row.benchmark, row.problem_id, row.fold, row.role, folds.main)

    write(name, replayed.where(asks), benchmarks)


def tasks_of(adapters: Path | None, style: PromptStyle | None) -> list[Task]:
    """The tasks of one model: base, base with another prompt, a seed's adapters, or a chain length's."""
    folds = split()
    if style:
        rows = {fold: list(read_jsonl(Path("data/train_split", fold, "train.jsonl"), Example)) for fold in folds.main}
        examples = {fold: solved(found, style.shots) for fold, found in rows.items()}
        return baseline_tasks(contest(), transfer(), folds, style, examples)
    if adapters is None:
        return base_tasks("contest", contest()) + base_tasks("transfer", transfer())
    if adapters.is_relative_to(SWEEP):
        return level_tasks(contest(), folds, sorted(path.name for path in adapters.glob("*/")))
    return contest_tasks(contest(), folds) + transfer_tasks(transfer(), folds)


def contest() -> list[Problem]:
    """The contest's problems."""
    return list(read_jsonl("data/parsed/problems.jsonl", Problem))


def transfer() -> list[Problem]:
    """The transfer benchmark's problems."""
    return list(read_jsonl("data/transfer/problems.jsonl", Problem))


def split() -> Split:
    """data/train_split/folds.json."""
    return read_record("data/train_split/folds.json", Split)


def limited(tasks: list[Task], limit: Limit) -> list[Task]:
    """The tasks within `answers.limit`. Every model is asked the same questions."""
    folds = split()
    asked = subset(contest(), transfer(), folds, limit)
    return [task for task in tasks if asked.asks(task.benchmark, task.problem.id, task.fold, task.role, folds.main)]


if __name__ == "__main__":
    run(main)
