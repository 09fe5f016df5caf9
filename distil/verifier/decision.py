"""One key against one extracted answer: the texts to forms, the forms compared, exactly and to the printed digits."""

import re
from dataclasses import dataclass

from distil.verifier.comparison import FormComparison
from distil.verifier.forms import Form, Items, Numeral
from distil.verifier.notation import plain
from distil.verifier.reading import read_plain
from distil.verifier.scalars import Algebra, NeedsAlgebra, Outcome, Scalars, needs_algebra

MAX_CHARACTERS = 2000
"""Longest answer or key that is judged: contest answers have tens of characters."""
_INTEGER = re.compile(r"-?[1-9]\d{0,17}|0")


@dataclass(frozen=True)
class Decision:
    """`outcome` is the exact comparison's, `within_rounding` the lenient one's; both forms are canonical spellings."""

    outcome: Outcome
    within_rounding: bool
    gold_form: str | None
    answer_form: str | None


def decide(gold: str, answer: str, algebra: Algebra = needs_algebra) -> Decision:
    """Compare a key with an extracted answer. Raises NeedsAlgebra when only algebra can tell and none is given."""
    if _INTEGER.fullmatch(gold) and _INTEGER.fullmatch(answer):
        return Decision(Outcome(gold == answer, "integer"), gold == answer, gold, answer)
    if max(len(gold), len(answer)) > MAX_CHARACTERS:
        return Decision(Outcome(None, "too_long"), False, None, None)
    gold_text, answer_text = plain(gold), plain(answer)
    if not gold_text:
        return Decision(Outcome(None, "no_key"), False, None, None)
    key = read_plain(gold_text)
    if gold_text == answer_text:
        return Decision(Outcome(True, "same_text"), True, key.canonical, key.canonical)
    said = read_plain(answer_text)
    if isinstance(key, Numeral) and answer_text.upper() == key.digits:
        return Decision(Outcome(True, "base_left_out"), True, key.canonical, said.canonical)
    exact = FormComparison(Scalars(algebra))
    outcome, key, said = _compared(gold_text, answer_text, key, said, exact)
    within = outcome.equal is True
    if not within and "." in gold + answer:
        within = _lenient(key, said, algebra)
    return Decision(outcome, within, key.canonical, said.canonical)


def _compared(gold: str, answer: str, key: Form, said: Form, comparison: FormComparison) -> tuple[Outcome, Form, Form]:
    """`100,200` is one number, or two where the other side is a bare list or a set. `(100,200)` is a point."""
    outcome = comparison(key, said)
    if outcome.equal or isinstance(key, Items) == isinstance(said, Items):
        return outcome, key, said
    items = key if isinstance(key, Items) else said
    if re.search(r",0\d", gold + answer) or (isinstance(items, Items) and items.kind not in ("list", "either", "set")):
        return outcome, key, said
    other_key = key if isinstance(key, Items) else read_plain(gold, grouped=False)
    other_said = said if isinstance(said, Items) else read_plain(answer, grouped=False)
    if isinstance(other_key, Items) and isinstance(other_said, Items):
        return comparison(other_key, other_said), other_key, other_said
    return outcome, key, said


def _lenient(key: Form, said: Form, algebra: Algebra) -> bool:
    try:
        return FormComparison(Scalars(algebra, lenient=True))(key, said).equal is True
    except NeedsAlgebra:
        return False
