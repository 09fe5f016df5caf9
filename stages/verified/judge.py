"""How often the LLM judge and the verifier agree, and where they differ. The judge does not overrule the verifier."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from distil.pipeline.metrics import JudgeAgreement
from distil.pipeline.records import Disagreement, Judgement, VerifiedChain
from distil.statistics.proportions import kappa


class Agreement(NamedTuple):
    """The numbers for metrics/verified.json, and the chains on which the two differ."""

    metrics: JudgeAgreement
    disagreements: list[Disagreement]


def agreement(verified: Sequence[VerifiedChain], judgements: Sequence[Judgement]) -> Agreement:
    """Compare verdicts on the chains with a clear verdict of the judge. `kappa` is Cohen's, or null with its reason."""
    said = {(row.problem_id, row.level): row.verdict for row in judgements if row.verdict != "UNCLEAR"}
    both = [row for row in verified if (row.chain.problem_id, row.chain.level) in said]
    ours = np.array([row.verdict.verdict == "CORRECT" for row in both], dtype=bool)
    theirs = np.array([said[row.chain.problem_id, row.chain.level] == "CORRECT" for row in both], dtype=bool)
    disagreements = [
        Disagreement(
            problem_id=row.chain.problem_id,
            level=row.chain.level,
            judge="CORRECT" if word else "INCORRECT",
            verdict=row.verdict,
        )
        for row, word, own in zip(both, theirs, ours, strict=True)
        if word != own
    ]
    value = kappa(ours, theirs)
    metrics = JudgeAgreement(
        n=len(both),
        unclear=len(judgements) - len(said),
        agree=len(both) - len(disagreements),
        kappa=value,
        kappa_reason=None if value is not None else "no rows, or both say only one thing",
        only_judge_accepts=sum(row.judge == "CORRECT" for row in disagreements),
        only_verifier_accepts=sum(row.judge == "INCORRECT" for row in disagreements),
    )
    return Agreement(metrics, disagreements)
