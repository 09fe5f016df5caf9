"""Verdicts on one pair or many."""

from collections.abc import Iterable
from fractions import Fraction

from stages.common.answers.extraction import extract
from stages.common.records import Verdict


def verify(gold: str, response: str) -> Verdict:
    """Whether `response` (a whole response or a bare answer) ends in an answer equivalent to `gold`."""
    found = extract(response)
    if found.answer is None:
        return Verdict(
            verdict="NO_ANSWER", rule="no_answer", extracted=None, found_by=None, gold_form=gold, answer_form=None,
            within_rounding=False, flags=found.flags,
        )  # fmt: skip
    gold_form, answer_form = _form(gold), _form(found.answer)
    same = gold_form == answer_form
    return Verdict(
        verdict="CORRECT" if same else "WRONG", rule="same_text", extracted=found.answer, found_by=found.found_by,
        gold_form=gold_form, answer_form=answer_form, within_rounding=same, flags=found.flags,
    )  # fmt: skip


def _form(text: str) -> str:
    plain = text.strip().strip("$.").replace(" ", "")
    try:
        return str(Fraction(plain.replace(",", "")))
    except (ValueError, ZeroDivisionError):
        return plain.lower()


class Verifier:
    """Verdicts on many pairs, the costly ones in `workers` processes of at most `timeout` seconds a pair."""

    def __init__(self, workers: int = 2, timeout: float = 3.0):
        self.workers, self.timeout = workers, timeout

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def verify_many(self, pairs: Iterable[tuple[str, str]]) -> list[Verdict]:
        """One verdict per (gold, response), in order."""
        return [verify(gold, response) for gold, response in pairs]
