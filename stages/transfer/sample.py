"""The transfer contest: the sample contest's families in a wording that no exam uses, with larger numbers."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from distil import contest
from distil.pipeline.files import InputError, read_yaml_as
from distil.pipeline.records import Problem

DRAWS = 1000  # without a new question, after which a family counts as exhausted


class TransferLayout(BaseModel):
    """How many problems there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    problems: int = Field(ge=1, le=1000)


def load_layout(path: Path) -> TransferLayout:
    """Read the contest's size. Raises InputError naming the file and what is wrong in it."""
    return read_yaml_as(path, TransferLayout, "transfer.path is the transfer contest's size.")


def draw_problems(layout: TransferLayout, seed: int) -> Iterator[Problem]:
    """The contest's problems, family by family in turn, no question twice. The same seed gives the same problems."""
    rng = Random(f"transfer {seed}")
    asked: set[str] = set()
    families = list(contest.FAMILIES)
    while len(asked) < layout.problems:
        if not families:
            raise InputError(f"transfer: the families have only {len(asked)} questions: lower the number asked.")
        for family in families[: layout.problems - len(asked)]:
            question = next(
                (drawn for _ in range(DRAWS) if (drawn := contest.draw(rng, family, "transfer")).text not in asked),
                None,
            )
            if question is None:
                families.remove(family)
                break
            asked.add(question.text)
            number = len(asked)
            yield Problem(
                id=f"transfer/{number:03d}",
                year=0,
                section=question.section,
                number=number,
                question=question.text,
                answer=str(question.answer),
                source="sample",
            )
