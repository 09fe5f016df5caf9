"""Every question of the run for the page: its row in the list, and its details (chains, answers and verdicts)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from distil.pipeline.names import BASE
from distil.pipeline.records import Level, Problem, Record, Scored, Verdict, VerifiedChain

LETTERS = {"CORRECT": "C", "WRONG": "W", "NO_ANSWER": "N", "UNVERIFIABLE": "U"}
MISSING = "-"
"""The letter of a model that did not answer a question."""
COLUMNS = ("id", "benchmark", "section", "year", "role", "question", "key", "base", "seeds", "change", "chain")
"""The fields of a row, in order. Rows are stored as arrays, so that 20,000 of them stay small."""
CHANGES = {
    (False, True): "gained",
    (True, False): "lost",
    (True, True): "both right",
    (False, False): "both wrong",
}


class VerdictShown(Record):
    """A verdict for the page. `verdict` is one of LETTERS, `rounding` means that only rounding is missing."""

    verdict: str
    rule: str
    extracted: str | None = None
    found_by: str | None = None
    gold_form: str | None = None
    answer_form: str | None = None
    rounding: bool = False
    flags: list[str] = Field(default_factory=list)


class ChainText(Record):
    """A chain, and why it was rejected. `attempt` is set from the second attempt on."""

    level: Level
    model: str
    text: str
    finish: str
    attempt: int | None = None
    reason: str | None = None


class ChainShown(VerdictShown, ChainText):
    """A chain with its verdict."""


class AnswerText(Record):
    """A model's answer."""

    model: str
    fold: str | None = None
    role: str
    sample: int = 0
    text: str
    words: int = 0
    finish: str


class AnswerShown(VerdictShown, AnswerText):
    """An answer with its verdict. `before` is the verdict against the key before errata."""

    before: str | None = None


class Details(Record):
    """The details of a question. Fields with their default are left out, and the page reads a missing one as empty."""

    source: str
    page: int | None = None
    question_before: str | None = None
    key_before: str | None = None
    errata: list[str] = Field(default_factory=list)
    chains: list[ChainShown] = Field(default_factory=list)
    answers: list[AnswerShown] = Field(default_factory=list)
    levels: list[AnswerShown] = Field(default_factory=list)


@dataclass
class Questions:
    """Rows for the list (see COLUMNS), their details in the same order, and the models whose letters are in `seeds`."""

    students: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    details: list[Details] = field(default_factory=list)

    def texts(self) -> Iterator[str]:
        """Every question, chain and answer."""
        yield from (row[COLUMNS.index("question")] for row in self.rows)
        for details in self.details:
            yield from (chain.text for chain in details.chains)
            yield from (answer.text for answer in (*details.answers, *details.levels))

    def keys(self) -> Iterator[str]:
        """Every key."""
        yield from (row[COLUMNS.index("key")] for row in self.rows)


def collect(
    benchmarks: Mapping[str, Iterable[Problem]],
    scored: Iterable[Scored],
    level_scored: Iterable[Scored],
    chains: Iterable[VerifiedChain],
    main_folds: Sequence[str],
    students: Sequence[str],
) -> Questions:
    """Join problems, chains and scored answers by benchmark and problem id.

    A question's letters come from the folds that make the result (`main_folds`). The answer of an adapter that had not
    seen the question comes before any other. The other answers are in the details. `change` compares the base model
    with the majority of the seeds (`students`). The base model asked in other ways is in the details only. Questions
    that no model answered are kept, with MISSING for every letter.
    """
    answers: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for row in scored:
        answers[row.answer.benchmark, row.answer.problem_id].append(row)
    levels: dict[str, list[Scored]] = defaultdict(list)
    for row in level_scored:
        levels[row.answer.problem_id].append(row)
    chains_of: dict[str, list[VerifiedChain]] = defaultdict(list)
    for chain in chains:
        chains_of[chain.chain.problem_id].append(chain)

    questions = Questions([*students])
    for benchmark, problems in benchmarks.items():
        for problem in sorted(
            problems, key=lambda problem: (problem.year, problem.section, problem.number, problem.id)
        ):
            own = answers.get((benchmark, problem.id), [])
            contest = benchmark == next(iter(benchmarks))
            own_chains = sorted(chains_of[problem.id], key=lambda row: row.chain.level) if contest else []
            own_levels = sorted(levels[problem.id], key=lambda row: row.answer.model) if contest else []
            questions.rows.append(_row(benchmark, problem, own, own_chains, students, main_folds))
            questions.details.append(_details(problem, own, own_chains, own_levels, students, main_folds))
    return questions


def chosen(rows: Iterable[Scored], main_folds: Sequence[str]) -> dict[str, Scored]:
    """One row for each model: first sample, main fold, unseen before seen."""
    best: dict[str, Scored] = {}
    for row in rows:
        answer = row.answer
        if answer.sample or (answer.fold is not None and answer.fold not in main_folds):
            continue
        current = best.get(answer.model)
        if current is None or (answer.role == "unseen" and current.answer.role != "unseen"):
            best[answer.model] = row
    return best


def change(base: str, seeds: str) -> str | None:
    """`gained`, `lost`, `both right` or `both wrong`: the base model against more than half of the seeds.

    None where either has no answer.
    """
    counted = [letter for letter in seeds if letter != MISSING]
    if base == MISSING or not counted:
        return None
    return CHANGES[base == "C", 2 * Counter(counted)["C"] > len(counted)]


def _row(
    benchmark: str,
    problem: Problem,
    rows: list[Scored],
    chains: list[VerifiedChain],
    students: Sequence[str],
    main_folds: Sequence[str],
) -> list[Any]:
    best = chosen(rows, main_folds)
    letters = {model: LETTERS[row.verdict.verdict] for model, row in best.items()}
    base = letters.get(BASE, MISSING)
    seeds = "".join(letters.get(model, MISSING) for model in students)
    roles = [best[model].answer.role for model in students if model in best] or ["unseen"]
    role = {"train": "seen", "valid": "seen"}.get(roles[0], roles[0])
    first = next((chain for chain in chains if chain.chain.level == "R1"), None)
    teacher = "none" if first is None else "rejected" if first.reason else "accepted"
    return [
        problem.id, benchmark, problem.section, problem.year, role, problem.question, problem.answer,
        base, seeds, change(base, seeds), teacher,
    ]  # fmt: skip


def _details(
    problem: Problem,
    rows: list[Scored],
    chains: list[VerifiedChain],
    levels: list[Scored],
    students: Sequence[str],
    main_folds: Sequence[str],
) -> Details:
    place = {model: number for number, model in enumerate((BASE, *students))}

    def order(row: Scored) -> tuple[int, str, bool, str, int]:
        answer = row.answer
        main = answer.fold in main_folds
        return place.get(answer.model, len(place)), answer.model, not main, answer.fold or "", answer.sample

    return Details(
        source=problem.source,
        page=problem.page,
        question_before=problem.question_uncorrected,
        key_before=problem.answer_uncorrected,
        errata=problem.errata,
        chains=[_chain(row) for row in chains],
        answers=[_answer(row) for row in sorted(rows, key=order)],
        levels=[_answer(row) for row in levels],
    )


def _chain(row: VerifiedChain) -> ChainShown:
    chain = row.chain
    return ChainShown(
        level=chain.level,
        model=chain.model,
        text=chain.text,
        finish=chain.finish_reason,
        attempt=chain.attempt if chain.attempt > 1 else None,
        reason=row.reason,
        **dict(_verdict(row.verdict)),
    )


def _answer(row: Scored) -> AnswerShown:
    answer = row.answer
    return AnswerShown(
        model=answer.model,
        fold=answer.fold,
        role=answer.role,
        sample=answer.sample,
        text=answer.text,
        words=len(answer.text.split()),
        finish=answer.finish_reason,
        **dict(_verdict(row.verdict)),
        before=row.verdict_uncorrected.verdict if row.verdict_uncorrected else None,
    )


def _verdict(verdict: Verdict) -> VerdictShown:
    return VerdictShown(
        verdict=LETTERS[verdict.verdict],
        rule=verdict.rule,
        extracted=verdict.extracted,
        found_by=verdict.found_by,
        gold_form=verdict.gold_form,
        answer_form=verdict.answer_form,
        rounding=verdict.within_rounding and verdict.verdict != "CORRECT",
        flags=verdict.flags,
    )
