"""Three judges of the same answers, side by side in one run: Math-Verify, an LLM, and this project's verifier.

    python -m tools.bench.verifiers [FILE.jsonl]

Rows are {"gold", "answer", "label"[, "llm_verdict"]}; the default file is the study's labelled pairs beside the
checkout. Math-Verify runs as its README says, in this process: `verify(parse(gold), parse(answer))`, the key between
dollar signs as in its examples (and, before that, bare). Ours runs with two workers. Both are warm before the clock
starts, and their chunks alternate, so that a busy machine slows both alike. `ratio` is our rows per second over those
of Math-Verify as its README says.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from math_verify import parse
from math_verify import verify as math_verify
from tqdm import tqdm

from distil.verifier import Verifier
from distil.verifier.pairs import Pair, read_pairs

PAIRS = Path(__file__).resolve().parents[3] / "shared/verdicts/pairs.jsonl"
CHUNK = 50
Judge = Callable[[list[Pair]], list[bool]]


def compare(path: Path = PAIRS) -> dict[str, Any]:
    """Agreement with the labels, false accepts and rejects, and rows per second, by judge; and the ratio of speeds.

    Raises InputError when the file is missing or has a bad row.
    """
    pairs = [pair for pair in read_pairs(path) if pair.label is not None]
    with Verifier(workers=2) as verifier:
        judges: dict[str, Judge] = {
            "math_verify_bare_key": lambda rows: [_math_verify(row.gold, row.answer) for row in rows],
            "math_verify": lambda rows: [_math_verify(f"${row.gold}$", row.answer) for row in rows],
            "ours": lambda rows: _ours(verifier, rows),
        }
        _ours(verifier, [Pair(gold="1+√2", answer="√2+1"), Pair(gold="2+√2", answer="√2+2")])
        _math_verify("$1+\\sqrt{2}$", "$\\sqrt{2}+1$")
        said, seconds = _run(judges, pairs)
    scores = {name: _score(pairs, said[name], seconds[name]) for name in judges}
    if all(pair.llm_verdict is not None for pair in pairs):
        scores["llm"] = _score(pairs, [bool(pair.llm_verdict) for pair in pairs], None)
    return {"n": len(pairs), **scores, "ratio": seconds["math_verify"] / seconds["ours"]}


def _run(judges: dict[str, Judge], pairs: list[Pair]) -> tuple[dict[str, list[bool]], dict[str, float]]:
    """Verdicts and wall seconds by judge; the judges take turns on each chunk."""
    said: dict[str, list[bool]] = {name: [] for name in judges}
    seconds = dict.fromkeys(judges, 0.0)
    for start in tqdm(range(0, len(pairs), CHUNK), desc="verifiers", unit="chunk", disable=None):
        for name, judge in judges.items():
            begun = time.perf_counter()
            said[name] += judge(pairs[start : start + CHUNK])
            seconds[name] += time.perf_counter() - begun
    return said, seconds


def _ours(verifier: Verifier, rows: list[Pair]) -> list[bool]:
    return [row.verdict == "CORRECT" for row in verifier.verify_many((row.gold, row.answer) for row in rows)]


def _math_verify(gold: str, answer: str) -> bool:
    return bool(math_verify(parse(gold), parse(answer)))


def _score(pairs: list[Pair], said: list[bool], seconds: float | None) -> dict[str, Any]:
    right = sum(own == pair.label for own, pair in zip(said, pairs, strict=True))
    return {
        "agreement": right / len(pairs),
        "false_accepts": sum(own and not pair.label for own, pair in zip(said, pairs, strict=True)),
        "false_rejects": sum(not own and bool(pair.label) for own, pair in zip(said, pairs, strict=True)),
        "rows_per_second": len(pairs) / seconds if seconds else None,
    }


def table(compared: dict[str, Any]) -> str:
    """The comparison as a Markdown table."""
    names = {"math_verify": "Math-Verify, as its README says", "math_verify_bare_key": "Math-Verify, key without `$`",
             "llm": "the study's LLM judges", "ours": "this verifier, two workers"}  # fmt: skip
    lines = [
        f"| {compared['n']} labelled pairs | agreement | false accepts | false rejects | rows/s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name in names:
        if row := compared.get(name):
            speed = f"{row['rows_per_second']:,.0f}" if row["rows_per_second"] else ""
            cells = f"{row['agreement']:.1%} | {row['false_accepts']} | {row['false_rejects']} | {speed}"
            lines.append(f"| {names[name]} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table and the comparison as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench.verifiers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, nargs="?", default=PAIRS)
    compared = compare(parser.parse_args().file)
    print(table(compared))
    print(json.dumps(compared, indent=2))


if __name__ == "__main__":
    from distil.pipeline.command import run

    run(main)
