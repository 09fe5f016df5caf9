"""Verify chains, and count the share of the teacher's answers that is right."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from distil.pipeline.files import InputError
from distil.pipeline.metrics import AcceptedShare, LevelShare, VerifiedMetrics
from distil.pipeline.progress import Bar
from distil.pipeline.records import LEVELS, Chain, Problem, Verdict, VerifiedChain
from distil.pipeline.share import each
from distil.statistics.proportions import wilson
from distil.verifier import Verifier

BATCH = 1250
"""Chains verified at once."""


def verify_chains(chains: Sequence[Chain], problems: Mapping[str, Problem], verifier: Verifier) -> list[VerifiedChain]:
    """Each chain with its verdict against its problem's key, in order. Raises InputError for an unknown problem."""
    for chain in chains:
        if chain.problem_id not in problems:
            raise InputError(
                f"data/teacher_cot/chains.jsonl has a chain for {chain.problem_id!r}, which data/parsed/problems.jsonl "
                f"does not have. Run `dvc repro teacher_cot` again."
            )
    pairs = [(problems[chain.problem_id].answer, chain.text) for chain in chains]
    batches = (pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH))
    verdicts: list[Verdict] = []
    with Bar(total=len(pairs), desc="verifying", unit="chain", delay=2) as progress:
        for judged in each(_judged, batches, verifier=verifier):
            verdicts += judged
            progress.update(len(judged))
    return [
        VerifiedChain(chain=chain, verdict=verdict, reason=rejection(chain, verdict))
        for chain, verdict in zip(chains, verdicts, strict=True)
    ]


def _judged(pairs: Sequence[tuple[str, str]], verifier: Verifier) -> list[Verdict]:
    return verifier.verify_many(pairs)


def rejection(chain: Chain, verdict: Verdict) -> str | None:
    """Why a chain is rejected; None when it is accepted. A chain cut off at its token cap is always rejected."""
    if chain.finish_reason == "length":
        return "truncated"
    return {"CORRECT": None, "WRONG": "wrong_answer", "NO_ANSWER": "no_answer", "UNVERIFIABLE": "unverifiable"}[
        verdict.verdict
    ]


def chain_metrics(verified: Sequence[VerifiedChain], problems: Mapping[str, Problem]) -> VerifiedMetrics:
    """Counts, and the teacher's accuracy: the share of R1 chains that were accepted.

    Intervals are Wilson's at 95 %. `accepted` and `rejected` count R1 chains, one per problem. `by_level` counts all
    chains.
    """
    first = [row for row in verified if row.chain.level == "R1"]
    accepted = sum(row.reason is None for row in first)
    interval = wilson(accepted, len(first))
    places = [problems[row.chain.problem_id] for row in first]
    return VerifiedMetrics(
        accepted=accepted,
        rejected=len(first) - accepted,
        teacher_accuracy=accepted / len(first) if first else None,
        teacher_accuracy_low=interval.low if interval else None,
        teacher_accuracy_high=interval.high if interval else None,
        n=len(first),
        reasons=_reasons(first),
        by_section=_shares(first, [place.section for place in places]),
        by_year=_shares(first, [str(place.year) for place in places]),
        by_level={
            level: LevelShare(**dict(share(rows)), reasons=_reasons(rows))
            for level in LEVELS
            if (rows := [row for row in verified if row.chain.level == level])
        },
    )


def _reasons(rows: Iterable[VerifiedChain]) -> dict[str, int]:
    return dict(sorted(Counter(row.reason for row in rows if row.reason).items()))


def _shares(rows: Sequence[VerifiedChain], groups: Sequence[str]) -> dict[str, AcceptedShare]:
    """The accepted share of the rows of each group."""
    return {
        group: share([row for row, name in zip(rows, groups, strict=True) if name == group])
        for group in sorted(set(groups))
    }


def share(rows: Sequence[VerifiedChain]) -> AcceptedShare:
    """Counts of rows and of accepted ones, their share with its interval, and the share right to the printed digits."""
    accepted = sum(row.reason is None for row in rows)
    interval = wilson(accepted, len(rows))
    assert interval is not None
    return AcceptedShare(
        n=len(rows),
        accepted=accepted,
        share=accepted / len(rows),
        low=interval.low,
        high=interval.high,
        within_rounding=sum(row.verdict.within_rounding for row in rows) / len(rows),
    )
