"""Turn problems into chains of thought, by a solver, a distiller and a compressor behind an OpenAI-compatible endpoint.

    python -m stages.teacher_cot                      ask for missing answers, then write the chains
    python -m stages.teacher_cot --status             what is answered, pending and failed, tokens and money
    python -m stages.teacher_cot --export FILE.jsonl  the store's answers, for somebody else
    python -m stages.teacher_cot --import FILE.jsonl  answers that somebody else has paid for
    python -m stages.teacher_cot --serve              the embedded teacher, for any OpenAI client

Reads data/parsed/problems.jsonl, data/transfer/problems.jsonl with `teacher_cot.benchmark`, and recorded chains from
`teacher_cot.recorded` with the teacher `replay`. Keeps every answer in `teacher_cot.store`. Writes to data/teacher_cot:

- chains.jsonl, and requests.jsonl, which has the stored request of each chain
- failed.jsonl with reasons
- benchmark.jsonl: the solver's answers to the benchmark, where it is asked
- attempts.jsonl: the chains of all attempts, where several are wanted

Writes metrics/teacher_cot.json and metrics/timings/teacher_cot.json, too. Only two parts see a problem's key: the
verifier, to stop at the first verified chain, and the judge.
"""

import argparse
import functools
import itertools
import sys
from pathlib import Path

from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Problem
from distil.pipeline.subset import stratified
from distil.teacher import Store
from stages.teacher_cot import sharing, status
from stages.teacher_cot.embedded import endpoint_names
from stages.teacher_cot.lesson import BenchmarkProblem
from stages.teacher_cot.replay import replay
from stages.teacher_cot.results import Lacking, recall_all, write
from stages.teacher_cot.settings import BenchmarkLimit, Settings


def main() -> int:
    """Run the command in the arguments, or without one the stage."""
    arguments = parse_arguments()
    settings = load_params("teacher_cot", Settings)
    if arguments.serve:
        from stages.teacher_cot.server import serve  # imports that take long are where they are needed, here and below

        serve(settings.embedded, arguments.port, arguments.latency, arguments.log)
    elif arguments.export:
        print(f"{sharing.export(Store(settings.store), arguments.export)} answers written to {arguments.export}")
    elif arguments.import_:
        new, known = sharing.read_export(arguments.import_, Store(settings.store))
        print(f"{new} answers added, {known} were known")
    elif arguments.status:
        status.show(settings, Store(settings.store), load_problems(settings))
    elif settings.teacher == "replay":
        problems = load_problems(settings)
        return ended(settings, replay(Path(settings.recorded), problems), problems)
    else:
        return teach(settings, load_problems(settings))
    return 0


def teach(settings: Settings, problems: list[Problem]) -> int:
    """Ask for the answers that the store lacks, then write the outputs from the store."""
    store = Store(settings.store)
    lessons = functools.partial(recall_all, problems, settings, endpoint_names(settings), store)
    try:
        metrics = write(lessons(asked=False), settings)
    except Lacking as lacking:
        from stages.teacher_cot.ask import ask

        status.announce(settings, store, lacking)
        ask(settings, store, problems)
        metrics = write(lessons(asked=True), settings)
    return ended(settings, metrics.failed + (metrics.benchmark.failed if metrics.benchmark else 0), problems)


def ended(settings: Settings, failed: int, problems: list[Problem]) -> int:
    """Say how many problems failed. Returns the exit status, which is 1 where `require_all` wants none to fail."""
    if failed:
        print(f"{failed} of {len(problems)} problems failed: data/teacher_cot/failed.jsonl.", file=sys.stderr)
    return int(settings.require_all and failed > 0)


def load_problems(settings: Settings) -> list[Problem]:
    """The contest's problems by id, then the benchmark's problems that models are asked, if the teacher is asked them.

    Raises InputError where there is none in the contest, or two have the same id.
    """
    problems = by_id("data/parsed/problems.jsonl", Problem)
    if not problems:
        raise InputError("data/parsed/problems.jsonl has no problem; data/parsed/left_out.jsonl has why none was read.")
    if not settings.benchmark:
        return problems
    benchmark = by_id("data/transfer/problems.jsonl", BenchmarkProblem)
    if both := {problem.id for problem in problems} & {problem.id for problem in benchmark}:
        raise InputError(
            f"data/parsed/problems.jsonl and data/transfer/problems.jsonl both have the id {min(both)}. Rename the "
            "file that raw.path or transfer.path names, or give its problems other ids."
        )
    asked = set(stratified(benchmark, load_params("answers", BenchmarkLimit).limit.transfer))
    return [*problems, *(problem for problem in benchmark if problem.id in asked)]


def by_id(path: str, model: type[Problem]) -> list[Problem]:
    """The problems of a file by id. Raises InputError where two have the same id."""
    problems = sorted(read_jsonl(path, model), key=lambda problem: problem.id)
    for first, second in itertools.pairwise(problems):
        if first.id == second.id:
            raise InputError(f"{path}: two problems have the id {first.id}.")
    return problems


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command = parser.add_mutually_exclusive_group()
    command.add_argument("--status", action="store_true", help="what is answered, pending and failed, tokens and money")
    command.add_argument("--export", type=Path, metavar="FILE", help="write the store's answers as JSON lines")
    command.add_argument("--import", type=Path, metavar="FILE", dest="import_", help="add answers from such a file")
    command.add_argument("--serve", action="store_true", help="serve the embedded teacher on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="with --serve: the port; 0 finds a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="with --serve: seconds before each answer")
    parser.add_argument("--log", metavar="FILE", help="with --serve: append a JSON line for each request and answer")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
