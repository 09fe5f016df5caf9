"""Three judges of the same answers: Math-Verify, an LLM, and this project's verifier.

    python -m tools.bench.verifiers [FILE.jsonl] [--rounds N]

Rows are {"gold", "answer", "label"[, "llm_verdict"]}; the default file is the study's labelled pairs in a folder next
to the checkout. Math-Verify runs as its README says: `verify(parse(gold), parse(answer))`, the key between dollar signs
as in its examples (and once more with the key bare). Ours runs with two workers.

The comparison of speed is fair to both sides. Each judge runs in a fresh process of its own (`worker`): none finds
sympy's caches filled by another one, or memory that another one used. A judge warms up on pairs that are not in the
file, so that loading modules and starting workers costs nothing. Then it judges every pair once. The judges take turns
over N rounds, so that a busy machine slows all alike, and medians count. Seconds are given on the wall and of the
processor, with the workers' share. `ratio` and `processor_ratio` are the seconds of Math-Verify as its README says,
over ours.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from tqdm import tqdm

from distil.verifier.pairs import Pair, read_pairs
from tools.bench.runs import Measured, at_least_once, worker

PAIRS = Path(__file__).resolve().parents[3] / "shared/verdicts/pairs.jsonl"
ROUNDS = 5
TIMED = {
    "math_verify": "Math-Verify, as its README says",
    "math_verify_bare_key": "Math-Verify, key without `$`",
    "ours": "this verifier, two workers",
}


def compare(path: Path = PAIRS, rounds: int = ROUNDS) -> Measured:
    """Agreement with the labels, false accepts and rejects, and median seconds, by judge; and the ratios of seconds.

    Raises InputError when the file is missing or has a bad row.
    """
    pairs = [pair for pair in read_pairs(path) if pair.label is not None]
    runs: dict[str, list[Measured]] = {name: [] for name in TIMED}
    with tempfile.TemporaryDirectory(prefix="judges-") as scratch:
        rows = Path(scratch, "pairs.json")
        rows.write_text(json.dumps([(pair.gold, pair.answer) for pair in pairs]), encoding="utf-8")
        for _ in tqdm(range(rounds), desc="verifiers", unit="round", disable=None):
            for name in TIMED:
                runs[name].append(worker("judge", name, rows))
    scores = {name: _score(pairs, runs[name][0]["said"]) | _seconds(runs[name]) for name in TIMED}
    stock, ours = scores["math_verify"], scores["ours"]
    ratios = {
        "ratio": stock["seconds"] / ours["seconds"],
        "processor_ratio": stock["processor_seconds"] / ours["processor_seconds"],
    }
    if all(pair.llm_verdict is not None for pair in pairs):
        scores["llm"] = _score(pairs, [bool(pair.llm_verdict) for pair in pairs])
    return {"n": len(pairs), **scores, **ratios}


def _score(pairs: list[Pair], said: list[bool]) -> Measured:
    return {
        "agreement": sum(own == pair.label for own, pair in zip(said, pairs, strict=True)) / len(pairs),
        "false_accepts": sum(own and not pair.label for own, pair in zip(said, pairs, strict=True)),
        "false_rejects": sum(not own and bool(pair.label) for own, pair in zip(said, pairs, strict=True)),
    }


def _seconds(runs: list[Measured]) -> Measured:
    """Medians over a judge's rounds, and every round."""
    found: Measured = {}
    for name in ("seconds", "processor_seconds"):
        rounds = [run[name] for run in runs]
        found |= {name: statistics.median(rounds), f"{name}_by_round": rounds}
    return found | {"rows_per_second": len(runs[0]["said"]) / found["seconds"]}


def table(compared: Measured) -> str:
    """The comparison as a Markdown table."""
    lines = [
        f"| {compared['n']} labelled pairs | agreement | false accepts | false rejects | pairs/s | processor seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, title in {**TIMED, "llm": "the study's LLM judges"}.items():
        if row := compared.get(name):
            timed = "seconds" in row
            speed = f"{row['rows_per_second']:,.0f} | {row['processor_seconds']:.3f}" if timed else " | "
            cells = f"{row['agreement']:.1%} | {row['false_accepts']} | {row['false_rejects']} | {speed}"
            lines.append(f"| {title} | {cells} |")
    ratios = f"{compared['ratio']:.1f} on the wall, {compared['processor_ratio']:.1f} in processor time"
    return "\n".join([*lines, "", f"Math-Verify's seconds over this verifier's: {ratios}."])


def main() -> None:
    """Print the table and the comparison as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.verifiers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, nargs="?", default=PAIRS)
    parser.add_argument("--rounds", type=at_least_once, default=ROUNDS, help="how often each judge runs (%(default)s)")
    args = parser.parse_args()
    compared = compare(args.file, args.rounds)
    print(table(compared))
    print(json.dumps(compared, indent=2))


if __name__ == "__main__":
    from distil.pipeline.command import run

    run(main)
