"""The questions of a harness: the contest's held-out questions and the transfer benchmark, as `eval` has them."""

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from distil.pipeline import chat
from distil.pipeline.command import Params, load_params
from distil.pipeline.files import InputError, read_jsonl, read_record
from distil.pipeline.records import Message, Problem, Record, Split

Benchmark = Literal["contest", "transfer"]
FILES: dict[Benchmark, Path] = {
    "contest": Path("data/parsed/problems.jsonl"),
    "transfer": Path("data/transfer/problems.jsonl"),
}


class HarnessQuestion(Record):
    """A question as both harnesses have it: the system turn before it, and the fold that holds it out."""

    id: str
    question: str
    answer: str
    system: str
    fold: str

    @property
    def prompt(self) -> list[Message]:
        """The turns that a model is given."""
        return chat.prompt(self.question, self.system)


class HarnessModel(Params):
    """Of an entry of `answers.models`: how the model was asked, None as the students are."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: dict[str, object] | None = None


class HarnessAnswers(Params):
    """Of the block `answers`: who was asked, and how."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: dict[str, HarnessModel]
    max_tokens: int
    temperature: float


def questions(benchmark: Benchmark) -> list[HarnessQuestion]:
    """The benchmark's questions in the order of their ids; of the contest those that a main fold holds out.

    Raises InputError where the pipeline has not made them yet.
    """
    split, system = read_record("data/train_split/folds.json", Split), load_params("chat", chat.ChatParams).system
    held_out = {name: fold for fold in split.main for name in split.folds[fold].unseen}
    found = []
    for problem in sorted(read_jsonl(FILES[benchmark], Problem), key=lambda problem: problem.id):
        if fold := split.transfer_fold if benchmark == "transfer" else held_out.get(problem.id):
            found.append(
                HarnessQuestion(
                    id=problem.id, question=problem.question, answer=problem.answer, system=system, fold=fold
                )
            )
    if not found:
        raise InputError(f"{FILES[benchmark]} has no question to ask. Run `make repro`.")
    return found
