"""The answers so far. They are kept outside the stage's outputs, so that a killed run does not ask again."""

import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from distil.pipeline.files import InputError
from distil.pipeline.records import Answer
from stages.answers.tasks import Key

ANSWERS = Path("cache/answers")


class AnswerStore:
    """A file to which answers are appended as they come. A line that a kill cut short is ignored.

    With a `cap` in tokens, the file may hold answers given under other caps. Only those that this cap would not change
    are used.
    """

    def __init__(self, name: str, cap: int | None = None):
        self.cap = cap
        self.path = ANSWERS / f"{name}.jsonl"
        self.found: dict[Key, Answer] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for line in self.path.read_bytes().splitlines() if self.path.exists() else []:
                try:
                    self._remember(Answer.model_validate_json(line))
                except ValidationError:
                    continue
        except OSError as error:
            raise self._unusable(error) from error

    def add(self, answers: Iterable[Answer]) -> None:
        """Keep answers. They are on the disk when this returns. Raises InputError when they cannot be written."""
        try:
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                for answer in answers:
                    file.write("\n" * (file.tell() > 0) + answer.model_dump_json())
                    self._remember(answer)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unusable(error) from error

    def _remember(self, answer: Answer) -> None:
        if self.cap is None or self._same_under(self.cap, answer):
            self.found[answer.problem_id, answer.fold, answer.benchmark, answer.sample] = answer

    @staticmethod
    def _same_under(cap: int, answer: Answer) -> bool:
        """Whether an answer ended within the cap, or at exactly this cap."""
        tokens = answer.completion_tokens or 0
        return tokens == cap or (tokens < cap and answer.finish_reason == "stop")

    def _unusable(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} could not be used: {error.strerror}. Answers given so far are kept there; free some "
            "space and run again."
        )

    def remove(self) -> None:
        """Remove the file. The stage's outputs hold the answers now."""
        self.path.unlink(missing_ok=True)
