"""The claims. Each states a finding, in words that depend on the numbers, and shows its evidence."""

from stages.report.claims_chains import beside_the_study, chain_length, teacher_and_verifier, training
from stages.report.claims_result import seeds_against_questions, seen_against_unseen, student_against_base, year_by_year
from stages.report.counterparts import counterparts
from stages.report.drawing import Picture
from stages.report.inputs import Run
from stages.report.page_parts import Claim


def claims(run: Run, pictures: dict[str, Picture]) -> list[Claim]:
    """All claims, in the order of the argument. A claim says so when the run lacks its part."""
    return [
        student_against_base(run, pictures),
        seen_against_unseen(run, pictures),
        seeds_against_questions(run, pictures),
        chain_length(run, pictures),
        teacher_and_verifier(run),
        year_by_year(run, pictures),
        training(run, pictures),
        counterparts(run, pictures),
        beside_the_study(run),
    ]
