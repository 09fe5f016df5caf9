"""Keep the teacher's chains whose final answer is the key's.

    python -m stages.verified                          the stage
    python -m stages.verified --pairs FILE.jsonl       score rows of {"gold", "answer"[, "label"]}; --rows: each verdict
    python -m stages.verified --explain GOLD ANSWER    the steps that lead to one verdict

The stage reads data/parsed/problems.jsonl, data/teacher_cot/chains.jsonl and, where there was a judge, judgements.jsonl
beside it; it writes data/verified/accepted.jsonl and rejected.jsonl (each chain with its verdict), disagreements.jsonl
where there was a judge, and metrics/verified.json.
"""

import argparse
import json
from pathlib import Path

from distil.pipeline.command import run
from distil.pipeline.files import read_jsonl, replacing_folder, write_json, write_jsonl
from distil.pipeline.records import Chain, Judgement, Problem
from distil.verifier import Verifier
from distil.verifier.explain import explain
from distil.verifier.pairs import read_pairs, score_pairs
from distil.verifier.verifier import WORKERS
from stages.verified.chains import chain_metrics, verify_chains
from stages.verified.judge import agreement

PROBLEMS, TAUGHT, VERIFIED = Path("data/parsed/problems.jsonl"), Path("data/teacher_cot"), Path("data/verified")


def main() -> None:
    """Verify the teacher's chains, or score a file of pairs, or explain one verdict."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.verified", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, metavar="FILE.jsonl", help="score these rows and print one JSON object")
    parser.add_argument("--rows", action="store_true", help="with --pairs: every row's verdict in that object, too")
    parser.add_argument("--workers", type=int, help=f"with --pairs: worker processes for algebra (default {WORKERS})")
    parser.add_argument("--explain", nargs=2, metavar=("GOLD", "ANSWER"), help="print how one verdict comes about")
    arguments = parser.parse_args()
    if not arguments.pairs and (arguments.rows or arguments.workers is not None):
        parser.error("--rows and --workers go with --pairs")
    if arguments.workers is not None and arguments.workers < 1:
        parser.error("--workers must be 1 or more")
    if arguments.explain:
        print("\n".join(explain(*arguments.explain)))
    elif arguments.pairs:
        print(json.dumps(score_pairs(read_pairs(arguments.pairs), arguments.rows, arguments.workers or WORKERS)))
    else:
        verify_stage()


def verify_stage() -> None:
    """The stage itself."""
    problems = {problem.id: problem for problem in read_jsonl(PROBLEMS, Problem)}
    chains = list(read_jsonl(TAUGHT / "chains.jsonl", Chain))
    with Verifier() as verifier:
        verified = verify_chains(chains, problems, verifier)
    accepted = [row for row in verified if row.reason is None]
    rejected = [row for row in verified if row.reason is not None]
    metrics = chain_metrics(verified, problems)
    with replacing_folder(VERIFIED) as folder:
        write_jsonl(folder / "accepted.jsonl", accepted)
        write_jsonl(folder / "rejected.jsonl", rejected)
        if (TAUGHT / "judgements.jsonl").exists():
            judged = agreement(verified, list(read_jsonl(TAUGHT / "judgements.jsonl", Judgement)))
            write_jsonl(folder / "disagreements.jsonl", judged.disagreements)
            metrics["judge"] = judged.metrics
        write_json("metrics/verified.json", metrics)
    print(f"{len(accepted)} chains accepted, {len(rejected)} rejected -> {VERIFIED}")


if __name__ == "__main__":
    run(main)
