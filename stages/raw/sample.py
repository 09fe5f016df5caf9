"""The sample contest: which questions are asked in which year and section, repeats and figures included."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from distil import contest
from distil.pipeline.files import InputError, read_yaml_as
from stages.raw.exam_pdf import Exam, PrintedQuestion


class Section(BaseModel):
    """The layout of one section's pages."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    questions: int = Field(ge=1)
    columns: int = Field(ge=1, le=3)
    space: float = Field(ge=0)


class ContestLayout(BaseModel):
    """The contest as contest.yaml describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    contest: str
    first_year: int
    last_year: int
    figures: float = Field(ge=0, le=1)
    repeated: float = Field(ge=0, le=1)
    reworded: float = Field(ge=0, le=1)
    sections: dict[str, Section] = Field(min_length=1)

    @model_validator(mode="after")
    def _years_in_order(self) -> Self:
        if self.first_year > self.last_year:
            raise ValueError(f"first_year is {self.first_year}, but last_year is {self.last_year}")
        return self


def load_layout(path: Path) -> ContestLayout:
    """Read the contest's layout. Raises InputError naming the file and what is wrong in it."""
    return read_yaml_as(path, ContestLayout, "raw.path is the sample contest's layout.")


def exams(layout: ContestLayout, seed: int) -> Iterator[Exam]:
    """All exams of the contest, year by year. The same layout and seed give the same exams.

    Questions come twice only on purpose: the study's contest repeats problems between sections and years, word for word
    or nearly, and such repeats must not mislead a split.
    """
    asked: list[contest.Question] = []
    workings: set[tuple[contest.Step, ...]] = set()
    for year in range(layout.first_year, layout.last_year + 1):
        for section, printed in layout.sections.items():
            rng = Random(f"{seed} {year} {section}")
            questions: list[PrintedQuestion] = []
            earlier = len(asked)
            for family in _families(section, printed.questions, rng):
                kind = rng.random()
                if kind < layout.figures:
                    questions.append(_with_figure(rng))
                    continue
                if earlier and kind < layout.figures + layout.repeated:
                    question = asked[rng.randrange(earlier)]
                elif earlier and kind < layout.figures + layout.repeated + layout.reworded:
                    question = _reworded(asked[rng.randrange(earlier)], rng)
                else:
                    question = _new(family, workings, rng)
                asked.append(question)
                workings.add(question.steps)
                questions.append(PrintedQuestion(question.text, str(question.answer)))
            yield Exam(year, section, layout.contest, printed.title, printed.columns, printed.space, tuple(questions))


def _section_families(section: str) -> list[str]:
    return [name for name, family in contest.FAMILIES.items() if family.section == section]


def _families(section: str, count: int, rng: Random) -> list[str]:
    """`count` families of a section in random order. Each comes as often as the others, or once more."""
    names = _section_families(section)
    if not names:
        raise InputError(f"The sample contest has no questions for a section {section!r}; see distil/contest.")
    rng.shuffle(names)
    families = [names[index % len(names)] for index in range(count)]
    rng.shuffle(families)
    return families


def _new(family: str, asked: set[tuple[contest.Step, ...]], rng: Random) -> contest.Question:
    """A question that was not asked before. A small family runs out of them, and another of its section follows."""
    others = [name for name in _section_families(contest.FAMILIES[family].section) if name != family]
    rng.shuffle(others)
    for name in (family, *others):
        for _ in range(100):
            if (question := contest.draw(rng, name)).steps not in asked:
                return question
    raise InputError(f"The sample contest has run out of questions like {family!r}: lower the counts in its layout.")


def _reworded(question: contest.Question, rng: Random) -> contest.Question:
    """The same numbers in another of the family's exam wordings."""
    family = contest.FAMILIES[question.family]
    found = {wording: pattern.fullmatch(question.text) for wording, pattern in family.patterns}
    numbers = next({name: int(text) for name, text in match.groupdict().items()} for match in found.values() if match)
    others = [wording for wording in family.wordings if not found[wording]]
    again = family.pose(rng.choice(others), numbers)
    assert again is not None
    return again


def _with_figure(rng: Random) -> PrintedQuestion:
    """A question that nobody can answer without its drawing."""
    across, up = 2 * rng.randint(5, 15), rng.randint(5, 14)
    if rng.random() < 0.5:
        return PrintedQuestion(
            "Find the perimeter of the rectangle shown in the figure.",
            str(2 * (across + up)),
            ("rectangle", across, up),
        )
    return PrintedQuestion(
        "What is the area of the right triangle shown in the figure?", str(across * up // 2), ("triangle", across, up)
    )
