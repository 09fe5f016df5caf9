"""Keep the teacher's chains whose final answer equals the key.

    python -m stages.verified

Reads data/parsed/problems.jsonl and data/teacher_cot/chains.jsonl. In the same folder it reads judgements.jsonl if
there was a judge, and attempts.jsonl where several chains of a problem were wanted. Writes metrics/verified.json. To
data/verified it writes accepted.jsonl and rejected.jsonl (each chain with its verdict), attempts.jsonl (the chains of
all attempts with their verdicts) and, if there was a judge, disagreements.jsonl.

`python -m distil.verifier --explain GOLD ANSWER` explains one verdict.
"""

import argparse
from pathlib import Path

from distil.pipeline.command import run
from distil.pipeline.files import read_jsonl, replacing_folder, write_json, write_jsonl
from distil.pipeline.records import Chain, Judgement, Problem
from distil.verifier import Verifier
from stages.verified.chains import chain_metrics, share, verify_chains
from stages.verified.judge import agreement

PROBLEMS, TAUGHT, VERIFIED = Path("data/parsed/problems.jsonl"), Path("data/teacher_cot"), Path("data/verified")


def main() -> None:
    """Verify the teacher's chains."""
    argparse.ArgumentParser(
        prog="python -m stages.verified", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    problems = {problem.id: problem for problem in read_jsonl(PROBLEMS, Problem)}
    chains = list(read_jsonl(TAUGHT / "chains.jsonl", Chain))
    several = (TAUGHT / "attempts.jsonl").exists()
    recorded = list(read_jsonl(TAUGHT / "attempts.jsonl", Chain)) if several else []
    with Verifier() as verifier:
        verified = verify_chains(chains, problems, verifier)
        attempts = verify_chains(recorded, problems, verifier)
    accepted = [row for row in verified if row.reason is None]
    rejected = [row for row in verified if row.reason is not None]
    metrics = chain_metrics(verified, problems)
    with replacing_folder(VERIFIED) as folder:
        write_jsonl(folder / "accepted.jsonl", accepted)
        write_jsonl(folder / "rejected.jsonl", rejected)
        if several:
            write_jsonl(folder / "attempts.jsonl", attempts)
            metrics = metrics.model_copy(update={"attempts": share(attempts)})
        if (TAUGHT / "judgements.jsonl").exists():
            judged = agreement(verified, list(read_jsonl(TAUGHT / "judgements.jsonl", Judgement)))
            write_jsonl(folder / "disagreements.jsonl", judged.disagreements)
            metrics = metrics.model_copy(update={"judge": judged.metrics})
        write_json("metrics/verified.json", metrics.model_dump())
    print(f"{len(accepted)} chains accepted, {len(rejected)} rejected -> {VERIFIED}")


if __name__ == "__main__":
    run(main)
