"""The parameters of answering."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, PositiveInt, field_validator, model_validator

from distil.endpoint import Dialect, Endpoint
from distil.pipeline.command import Params
from distil.pipeline.subset import Limit
from stages.answers.prompts import PromptStyle


class Model(Params):
    """One entry of `answers.models`: the folder of its weights, and how it is asked where not as the students are."""

    weights: str
    prompt: PromptStyle | None = None


class EndpointParams(Endpoint, Dialect):
    """Where `backend: openai` sends its requests, and how it words them. `concurrency` is `answers.batch_size`."""

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
    """The block `answers`; `models` repeats what `baselines` says of other ways to ask the base model."""

    models: dict[str, Model]
    baselines: dict[str, PromptStyle]
    backend: Literal["mlx", "torch", "openai"]
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


class StudentParams(Params):
    """What answering needs to know of the block `lora_seed`."""

    model_config = ConfigDict(extra="ignore")

    model: str


class ChatParams(Params):
    """The block `chat`."""

    system: str
