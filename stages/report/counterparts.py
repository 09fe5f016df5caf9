"""The article's figures for this run: counts, accuracy by section, difficulty, losses, kinds of errors."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from statistics import fmean

from distil.pipeline.names import BASE
from distil.pipeline.records import LEVELS, Scored
from stages.report.drawing import Picture, chosen
from stages.report.inputs import CONTEST, Loaded, Run
from stages.report.page_parts import Claim, Table
from stages.report.wording import percent, percent_interval, pretty, with_interval

CUT_OFF, NO_ANSWER, UNDECIDED, SLIP, OTHER = ERRORS = (
    "cut off",
    "no answer",
    "undecided",
    "slip near the key",
    "other",
)
NUMBER = re.compile(r"(-?\d+(?:/\d+)?)( [^\W\d_].*|[%°])?", re.DOTALL)
"""A number and its unit, if it has one."""
NEAR = Fraction(1, 10)
"""A number that differs from the key by at most this share is near it."""
OFF = 2
"""A whole number that differs from a whole key by at most this much is near it, too."""


def counterparts(run: Run, pictures: dict[str, Picture]) -> Claim:
    """The claim of a run that trained students."""
    held_out = {problem for fold in run.main_folds for problem in run.split.folds[fold].unseen}
    unseen = [
        row for row in run.scored
        if row.answer.benchmark == CONTEST and row.answer.role == "unseen" and row.answer.problem_id in held_out
        and (row.answer.fold is None or row.answer.fold in run.main_folds)
    ]  # fmt: skip
    return Claim(
        anchor="article",
        topic="Beside the article’s figures",
        title="What the article shows of its run, of this one",
        text=[
            "The article’s other tables and figures have their counterparts above: accuracy by year, the loss curve, "
            "accuracy by chain length and section."
        ],
        pictures=chosen(pictures, "accuracy_by_section"),
        tables=[
            questions_by_year(run),
            *difficulty_by_year(run),
            *losses_by_level(run),
            *error_classes(unseen, [BASE, *run.students], "questions held out"),
        ],
    )


def questions_by_year(run: Loaded) -> Table:
    """How many questions the contest has, by year and section."""
    counts = Counter((problem.year, problem.section) for problem in run.problems[CONTEST])
    sections = sorted({section for _, section in counts})
    rows = [
        [str(year), *(f"{counts[year, section]:,}" for section in sections),
         f"{sum(counts[year, section] for section in sections):,}"]
        for year in sorted({year for year, _ in counts})
    ]  # fmt: skip
    return Table("Questions by year and section", ["Year", *map(pretty, sections), "All"], rows, folded=True)


def difficulty_by_year(run: Run) -> Iterator[Table]:
    """How hard a year was: the share of its questions that the base model and the teacher got wrong."""
    taught = run.verified.by_year if run.verified else {}
    base = {
        row.group: row for row in run.tables.accuracy
        if row.by == "year" and row.model == BASE and row.part in ("contest_unseen", "contest_seen")
    }  # fmt: skip
    rows = []
    for year, row in sorted(base.items()):
        teacher = taught.get(year)
        rows.append([
            year, f"{row.n:,}", wrong(row.accuracy, row.low, row.high),
            wrong(teacher.share, teacher.low, teacher.high) if teacher else "–",
        ])  # fmt: skip
    if rows:
        yield Table(
            "Difficulty by year",
            ["Year", "n", "Base wrong (95 %)", "Teacher wrong (95 %)"],
            rows,
            "The article has a model grade the questions; here a year is as hard as its questions proved. The "
            "teacher’s share is over the questions with a chain.",
            folded=True,
        )


def wrong(right: float | None, low: float | None, high: float | None) -> str:
    """The share of wrong answers with its interval, computed from the share of right ones."""
    if right is None or low is None or high is None:
        return "–"
    return with_interval(percent(1 - right), percent_interval(1 - high, 1 - low))


def losses_by_level(run: Loaded) -> Iterator[Table]:
    """Loss and perplexity of every chain length on questions that were not trained on."""
    rows = []
    for level in LEVELS:
        if level in run.level_losses:
            seeds = run.level_losses[level].seeds.values()
            loss = fmean(seed.best_valid_loss for seed in seeds)
            valid = max(seed.valid_rows for seed in seeds)
            rows.append([level, f"{valid:,}", f"{loss:.4f}", f"{math.exp(loss):.3f}"])
    if rows:
        yield Table(
            "Loss and perplexity by chain length",
            ["Level", "Questions", "Loss (nats per token)", "Perplexity"],
            rows,
            "Mean over seeds, on validation questions: no adapter was trained on them, but they chose the iteration "
            "that is kept. Levels have other replies, so that a lower loss does not mean more right answers.",
        )


def error_classes(rows: Iterable[Scored], models: Sequence[str], questions: str) -> Iterator[Table]:
    """The kinds of wrong answers, by model. Of several samples the first counts."""
    counts: dict[str, Counter[str]] = {model: Counter() for model in models}
    for row in rows:
        if row.answer.model in counts and row.answer.sample == 0 and row.verdict.verdict != "CORRECT":
            counts[row.answer.model][error_class(row)] += 1
    found = [
        [pretty(model), f"{sum(count.values()):,}", *(cell(count, kind) for kind in ERRORS)]
        for model, count in counts.items()
        if count
    ]
    if found:
        yield Table(
            f"Wrong answers to {questions}, by kind",
            ["Model", "Wrong", *(kind.capitalize() for kind in ERRORS)],
            found,
            "A slip: a number within a tenth of the key, the key with the other sign, or a whole number at most two "
            "from a whole key. Undecided: the verifier could not tell, and it counts as wrong.",
        )


def cell(count: Counter[str], kind: str) -> str:
    """A class’s count, and its share of the wrong answers."""
    return f"{count[kind]:,} ({percent(count[kind] / count.total())})"


def error_class(row: Scored) -> str:
    """The first of ERRORS that fits a wrong answer."""
    if row.answer.finish_reason == "length":
        return CUT_OFF
    if row.verdict.verdict == "NO_ANSWER":
        return NO_ANSWER
    if row.verdict.verdict == "UNVERIFIABLE":
        return UNDECIDED
    return SLIP if near(row.verdict.gold_form, row.verdict.answer_form) else OTHER


def near(key: str | None, answer: str | None) -> bool:
    """Whether two canonical forms are numbers close to each other, in the same unit."""
    first, second = (NUMBER.fullmatch(form or "") for form in (key, answer))
    if not first or not second or first[2] != second[2]:
        return False
    gold, said = Fraction(first[1]), Fraction(second[1])
    whole = gold.denominator == said.denominator == 1
    away = abs(said - gold)
    return said == -gold or away <= abs(gold) * NEAR or (whole and away <= OFF)
