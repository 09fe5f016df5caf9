"""Problems with several verified chains: more chains to train on, and how often a problem's attempts verify."""

from collections import defaultdict
from pathlib import Path

from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Chain, VerifiedChain

ATTEMPTS = Path("data/verified/attempts.jsonl")

Attempts = dict[str, list[VerifiedChain]]
"""The R1 chains of all attempts at each problem, in order."""


def read_attempts() -> Attempts:
    """Every problem's attempts. Empty where one chain of each problem was wanted."""
    attempts: Attempts = defaultdict(list)
    if ATTEMPTS.exists():
        for row in read_jsonl(ATTEMPTS, VerifiedChain):
            attempts[row.chain.problem_id].append(row)
    return dict(attempts)


def within_pass_rate(chains: dict[str, Chain], attempts: Attempts, low: float, high: float) -> dict[str, Chain]:
    """The chains of those problems whose share of verified attempts is from `low` to `high`.

    Raises InputError where there are no attempts, or no problem is left.
    """
    if (low, high) == (0, 1):
        return chains
    if not attempts:
        raise InputError(
            "train_split.pass_rate needs several attempts at a problem: set teacher_cot.chains_per_problem above 1 "
            "(docs/teacher.md)."
        )
    rates = {name: sum(row.reason is None for row in rows) / len(rows) for name, rows in attempts.items()}
    kept = {name: chain for name, chain in chains.items() if name in rates and low <= rates[name] <= high}
    if not kept:
        raise InputError(
            f"train_split.pass_rate: of none of the {len(chains)} problems with a verified chain did a share from "
            f"{low:g} to {high:g} of the attempts verify."
        )
    return kept


def others(chains: dict[str, Chain], attempts: Attempts) -> dict[str, list[Chain]]:
    """Each problem's accepted chains other than the one in `chains`. Every text comes once."""
    found = {}
    for name, chain in chains.items():
        texts = {row.chain.text: row.chain for row in reversed(attempts.get(name, [])) if row.reason is None}
        texts.pop(chain.text, None)
        found[name] = list(reversed(texts.values()))
    return found
