"""Answers to and from Inspect and lm-evaluation-harness.

    python -m tools.harness --to inspect --output exports/inspect       (make export)
    python -m tools.harness --to lm-eval --output exports/lm-eval       (make export TO=lm-eval)
    python -m tools.harness --from inspect logs --output theirs.jsonl
    python -m tools.harness --from lm-eval out --output theirs.jsonl --student

`--to` writes a finished run's answers, by model and benchmark, with eval's verdicts: those to the contest's held-out
questions and to the transfer benchmark. `--from` makes of their logs a file of recorded answers, which
`answers.backend: replay` reads; with `--student`, as answers of the adapters that had not seen the questions.
tools/harness/tasks has the tasks for both. docs/export.md says how to use them.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

from distil.pipeline.command import load_params, run
from distil.pipeline.files import InputError, replacing_folder, write_jsonl
from tools.harness import lm_eval_samples
from tools.harness.questions import HarnessAnswers
from tools.harness.recorded import as_student
from tools.harness.run import finished_run
from tools.output import refuse_foreign

HARNESSES = ("inspect", "lm-eval")
MARK = ".exported"
"""A file in each folder that this command wrote, which it therefore may replace."""


def main() -> None:
    """Write a run in a harness's format, or read its logs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--to", choices=HARNESSES, help="write the finished run in this harness's format")
    way.add_argument("--from", dest="source", choices=HARNESSES, help="read logs of this harness")
    parser.add_argument("logs", nargs="*", type=Path, help="with --from: files or folders")
    parser.add_argument("--output", type=Path, required=True, help="a folder to make (--to) or a file (--from)")
    parser.add_argument("--student", action="store_true", help="with --from: a model that trained on the other folds")
    args = parser.parse_args()
    if bool(args.logs) != bool(args.source):
        parser.error("--from takes the logs to read, --to takes none.")
    if args.student and args.to:
        parser.error("--student is of logs that are read (--from); --to writes every model.")
    if args.to:
        write(harness(args.to), args.output)
    else:
        read(harness(args.source), args.logs, args.output, args.student)


def harness(name: str) -> ModuleType:
    """The module that writes and reads a harness's logs. Raises InputError where its library is not installed."""
    if name == "lm-eval":
        return lm_eval_samples
    from tools.harness import inspect_logs

    return inspect_logs


def write(format: ModuleType, output: Path) -> None:
    """Write the finished run into a folder, which it replaces if it is one that this wrote."""
    answering, written = load_params("answers", HarnessAnswers), 0
    refuse_foreign(output, MARK)
    with replacing_folder(output) as folder:
        (folder / MARK).touch()
        for answered in finished_run():
            format.write(answered, answering, folder)
            written += 1
    print(f"{output}: {written} logs", file=sys.stderr)


def read(format: ModuleType, logs: list[Path], output: Path, student: bool) -> None:
    """Write the answers of logs as recorded answers. Raises InputError for a log that is not there, or two models'."""
    if absent := [path for path in logs if not path.exists()]:
        raise InputError(f"{absent[0]} is not there.")
    rows = [row for path in logs for row in format.read(path)]
    asked = Counter((row.problem_id or row.question, row.sample) for row in rows)
    (question, _), answers = next(iter(asked.most_common(1)), (("", 0), 0))
    if answers > 1:
        raise InputError(
            f"{answers} answers to {question}: these are logs of several models or of several runs. Read them one at a "
            "time."
        )
    write_jsonl(output, as_student(rows) if student else rows)
    print(f"{output}: {len(rows)} answers", file=sys.stderr)


if __name__ == "__main__":
    run(main)
