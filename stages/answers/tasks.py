"""Which problems a model answers, and whether its adapter was trained on them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from distil.pipeline import chat
from distil.pipeline.files import InputError
from distil.pipeline.records import Answer, Example, Fold, Problem, Split
from stages.answers.prompts import Prompt, PromptStyle

Role = Literal["train", "valid", "unseen", "unused"]
Key = tuple[str, str | None, str, int]


@dataclass(frozen=True)
class Task:
    """One sample of one adapter's answer to one problem. `fold` is None for the base model, which has seen no problem.

    `style` is a baseline's way to ask, and `examples` are the solved questions that come first. Without a style the
    prompt is the chat that the students were trained on.
    """

    problem: Problem
    benchmark: str
    fold: str | None
    role: Role
    sample: int = 0
    style: PromptStyle | None = None
    examples: tuple[Example, ...] = ()

    def prompt(self, system: str) -> Prompt:
        """What the model is given."""
        if self.style:
            return self.style.prompt(self.problem.question, system, self.examples)
        return chat.prompt(self.problem.question, system)

    @property
    def key(self) -> Key:
        """The key of this task among its model's tasks. Rows are written in the order of these keys."""
        return self.problem.id, self.fold, self.benchmark, self.sample

    def seed(self, seed: int) -> int:
        """The seed of this sample's random generator. It depends on problem and sample, and not on the model."""
        return int.from_bytes(hashlib.sha256(f"{seed} {self.problem.id} {self.sample}".encode()).digest()[:4], "big")

    def answer(
        self,
        model: str,
        text: str,
        prompt_tokens: int | None,
        completion_tokens: int | None,
        finish_reason: Literal["stop", "length"],
    ) -> Answer:
        """The record of a reply to this task."""
        return Answer(
            problem_id=self.problem.id,
            benchmark=self.benchmark,
            model=model,
            fold=self.fold,
            role=self.role,
            sample=self.sample,
            text=text,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            finish_reason=finish_reason,
        )


def base_tasks(benchmark: str, problems: list[Problem]) -> list[Task]:
    """Every problem once, for the base model."""
    return [Task(problem, benchmark, None, "unseen") for problem in problems]


def contest_tasks(problems: list[Problem], split: Split) -> list[Task]:
    """For each fold's adapter, the problems that folds.json lists as its to answer."""
    return [
        Task(problem, "contest", fold, role)
        for fold, parts in split.folds.items()
        for problem, role in with_roles(problems, parts)
    ]


def transfer_tasks(problems: list[Problem], split: Split) -> list[Task]:
    """The transfer benchmark, for the adapter of the fold that folds.json names for it."""
    return [Task(problem, "transfer", split.transfer_fold, "unseen") for problem in problems]


def level_tasks(problems: list[Problem], split: Split, adapters: Sequence[str]) -> list[Task]:
    """The questions that the first main fold holds out, for each adapter of a chain length. There is one per seed."""
    unseen = set(split.folds[split.main[0]].unseen)
    asked = [problem for problem in problems if problem.id in unseen]
    return [Task(problem, "contest", adapter, "unseen") for adapter in adapters for problem in asked]


def baseline_tasks(
    contest: list[Problem],
    transfer: list[Problem],
    split: Split,
    style: PromptStyle,
    examples: Mapping[str, Sequence[Example]],
) -> list[Task]:
    """The held-out questions of the main folds and the transfer benchmark, for the base model asked in one `style`.

    `examples` has the solved questions by fold. Each question has those of the fold that holds it out: another fold
    trains on it.
    """
    asked = list[tuple[str, Problem, str]]()
    for fold in split.main:
        unseen = set(split.folds[fold].unseen)
        asked += [("contest", problem, fold) for problem in contest if problem.id in unseen]
    asked += [("transfer", problem, split.transfer_fold) for problem in transfer]
    return [
        Task(problem, benchmark, None, "unseen", style=style, examples=tuple(examples[fold]))
        for benchmark, problem, fold in asked
    ]


def with_roles(problems: list[Problem], parts: Fold) -> list[tuple[Problem, Role]]:
    """The problems of the part `answers`, each with its role: the other part it is in.

    Raises InputError where a problem is in no other part, or is not among `problems`.
    """
    roles: tuple[Role, ...] = ("train", "valid", "unseen", "unused")
    role_of = {name: role for role in roles for name in getattr(parts, role)}
    known = {problem.id: problem for problem in problems}
    if strangers := [name for name in parts.answers if name not in known or name not in role_of]:
        raise InputError(
            f"data/train_split/folds.json asks for {len(strangers)} problems that are not in data/parsed/problems.jsonl"
            f" or in no part of their fold, {strangers[0]} the first. Run `dvc repro train_split`."
        )
    return [(known[name], role_of[name]) for name in parts.answers]
