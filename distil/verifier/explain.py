"""The steps that lead to one verdict, for a person who doubts it."""

from distil.verifier import extract, verify
from distil.verifier.notation import plain
from distil.verifier.reading import read


def explain(gold: str, answer: str) -> list[str]:
    """One line per step: extraction, notation and form of both sides, the rule that decided, the verdict."""
    found = extract(answer)
    verdict = verify(gold, answer)
    steps = [
        f"answer    {_shown(found.answer)} found by {found.found_by}"
        if found.answer is not None
        else "answer    none: no cue marks a final answer",
        *(f"flag      {flag}" for flag in found.flags),
    ]
    for side, text in (("key", gold), ("answer", found.answer)):
        if text is not None and len(text) <= 2000:
            form = read(text)
            steps.append(f"notation  {side}: {_shown(plain(text))}")
            steps.append(f"form      {side}: {type(form).__name__.lower()} {_shown(form.canonical)}")
    rounding = " (equal to the printed digits)" if verdict.within_rounding and verdict.verdict != "CORRECT" else ""
    return [*steps, f"rule      {verdict.rule}", f"verdict   {verdict.verdict}{rounding}"]


def _shown(text: str | None) -> str:
    return repr(text if text is None or len(text) <= 200 else f"{text[:200]}...")
