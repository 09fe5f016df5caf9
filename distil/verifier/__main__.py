"""Ask the verifier about one answer, or about a file of answers.

    python -m distil.verifier --explain GOLD ANSWER    print the steps that lead to one verdict
    python -m distil.verifier --pairs FILE.jsonl       score rows of {"gold", "answer"[, "label"]}; --rows: each verdict

GOLD is the key. ANSWER is a bare answer or a whole response. Both may begin with a minus, so `--explain` comes last.
"""

import argparse
from pathlib import Path

from distil.pipeline.command import run
from distil.verifier.explain import explain
from distil.verifier.pairs import read_pairs, score_pairs
from distil.verifier.verifier import WORKERS


def main() -> None:
    """Explain one verdict, or score a file of pairs."""
    parser = argparse.ArgumentParser(
        prog="python -m distil.verifier", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # REMAINDER and not a count of two: argparse takes `-\sqrt2` for an option otherwise.
    parser.add_argument(
        "--explain", nargs=argparse.REMAINDER, metavar="GOLD ANSWER", help="print the steps that lead to one verdict"
    )
    parser.add_argument("--pairs", type=Path, metavar="FILE.jsonl", help="score these rows and print one JSON object")
    parser.add_argument("--rows", action="store_true", help="with --pairs: add every row's verdict to that object")
    parser.add_argument("--workers", type=int, help=f"with --pairs: worker processes for algebra (default {WORKERS})")
    arguments = parser.parse_args()
    if not arguments.pairs and (arguments.rows or arguments.workers is not None):
        parser.error("--rows and --workers go with --pairs")
    if arguments.workers is not None and arguments.workers < 1:
        parser.error("--workers must be 1 or more")
    if arguments.explain is not None:
        if len(arguments.explain) != 2:
            parser.error(f"--explain takes a key and an answer, each in quotes (found {len(arguments.explain)} words)")
        print("\n".join(explain(*arguments.explain)))
    elif arguments.pairs:
        scores = score_pairs(read_pairs(arguments.pairs), arguments.rows, arguments.workers or WORKERS)
        print(scores.model_dump_json(exclude_unset=True))
    else:
        parser.error("say --explain GOLD ANSWER or --pairs FILE.jsonl")


if __name__ == "__main__":
    run(main)
