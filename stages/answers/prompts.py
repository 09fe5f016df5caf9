"""Other prompts for the untouched base model: does training gain more than a better prompt?"""

import hashlib
from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from distil.pipeline import chat
from distil.pipeline.command import Params
from distil.pipeline.files import InputError
from distil.pipeline.records import Example, Message

Prompt = list[Message] | str
"""The turns of a chat before the reply, or plain text for the model to continue."""


class PromptStyle(Params):
    """One entry of `answers.baselines`: exactly one of three ways to ask.

    `completion` is plain text, not a chat, with the question in place of `{question}`. `instruction` is a system turn.
    `shots` is the number of solved training questions that come first, as turns of the chat.
    """

    completion: str | None = None
    instruction: str | None = None
    shots: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum((bool(self.completion), bool(self.instruction), self.shots > 0)) != 1:
            raise ValueError("set one of completion, instruction and shots")
        if self.completion is not None and "{question}" not in self.completion:
            raise ValueError("completion has no {question}")
        return self

    def prompt(self, question: str, system: str, examples: Sequence[Example]) -> Prompt:
        """The prompt for a question; `examples` are the solved questions that come first."""
        if self.completion:
            return self.completion.replace("{question}", question)
        turns = [turn for example in examples for turn in example.messages if turn.role != "system"]
        opening = chat.prompt(question, self.instruction or system)
        return [*opening[:-1], *turns, opening[-1]]


def solved(rows: Sequence[Example], shots: int) -> list[Example]:
    """Draw `shots` training rows of as many problems, by a hash of the problems' ids, each problem's first row.

    Raises InputError where there are too few.
    """
    first = {row.problem_id: row for row in reversed(rows)}
    if len(first) < shots:
        raise InputError(f"answers.baselines asks for {shots} solved questions, and only {len(first)} are trained on.")
    return sorted(first.values(), key=lambda row: hashlib.sha256(row.problem_id.encode()).digest())[:shots]
