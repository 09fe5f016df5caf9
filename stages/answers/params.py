"""The parameters of answering."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, PositiveInt, field_validator, model_validator

from distil.endpoint import Dialect, Endpoint
from distil.lm.progress import LmParams
from distil.pipeline.command import Params
from distil.pipeline.subset import Limit
from stages.answers.prompts import PromptStyle


class AnswerColumns(Params):
    """The names of the columns in a file of recorded answers. The defaults are the fields of Answer records.

    `id` may name three columns: an exam's year, section and number. With id null, the text of `question` decides.
    """

    id: str | list[str] | None = "problem_id"
    question: str | None = None
    response: str = "text"
    judge: str | None = None

    @property
    def ids(self) -> list[str]:
        """The columns of the id."""
        return [] if self.id is None else [self.id] if isinstance(self.id, str) else self.id

    @model_validator(mode="after")
    def _problem_is_named(self) -> Self:
        if len(self.ids) not in (0, 1, 3):
            raise ValueError("id names one column, or three: year, section and number")
        if not self.ids and self.question is None:
            raise ValueError("set id, question or both: they say which problem is answered")
        return self


class Model(Params):
    """One entry of `answers.models`: the folder of its weights, and its prompt where the students have another one.

    With `backend: replay`, `weights` is the file or folder of recorded answers, and `columns` says how to read them.
    """

    weights: str
    prompt: PromptStyle | None = None
    columns: AnswerColumns = AnswerColumns()


class EndpointParams(Endpoint, Dialect):
    """Where `backend: openai` sends its requests, and in which dialect. `concurrency` is `answers.batch_size`."""

    model: str = Field(description="the name asked for, in which {model} and {fold} are filled in")

    @field_validator("model")
    @classmethod
    def _only_known_places(cls, value: str) -> str:
        try:
            value.format(model="", fold="")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError("only {model} and {fold} can be filled in") from error
        return value


class AnswersParams(Params):
    """The block `answers`. Each of `baselines`, the other ways to ask the base model, is an entry of `models`, too."""

    models: dict[str, Model]
    baselines: dict[str, PromptStyle]
    backend: Literal["mlx", "torch", "openai", "replay"]
    max_tokens: PositiveInt
    batch_size: PositiveInt
    temperature: float = Field(ge=0)
    samples: PositiveInt
    seed: int
    limit: Limit
    endpoint: EndpointParams

    @model_validator(mode="after")
    def _samples_differ(self) -> Self:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("samples above 1 need a temperature above 0: greedy answers are all the same")
        return self


@dataclass(frozen=True)
class AskedModel:
    """A model to ask: its name in `answers.models`, the folders of base and adapters, and how to ask it.

    `adapters` has a folder for each fold. It is None for the base model. `system` is the text of the system turn.
    """

    name: str
    base: str
    adapters: Path | None
    params: AnswersParams
    lm: LmParams
    system: str


class StudentParams(Params):
    """The one parameter of the block `lora_seed` that answering needs."""

    model_config = ConfigDict(extra="ignore")

    model: str
