"""The parameters of the stage."""

from collections.abc import Iterable

import numpy as np
from pydantic import ConfigDict, Field

from distil.pipeline.command import Params
from distil.pipeline.files import InputError
from distil.pipeline.names import BASE, seed_name
from distil.pipeline.subset import Limit
from distil.statistics.resampling import named_generator


class EvalParams(Params):
    """The block `eval`. `margin` and `effect` are percentage points."""

    resamples: int = Field(ge=1000)
    seed: int = Field(ge=0)
    effect: float = Field(gt=0, le=100)
    margin: float = Field(gt=0, le=100)
    against_paper: bool

    def generator(self, name: str) -> np.random.Generator:
        """A random generator for one named result. No result depends on which others were computed before it."""
        return named_generator(self.seed, name)


class EvalModel(Params):
    """The one parameter of an entry of `answers.models` that the stage needs: the folder of its weights."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    weights: str


class EvalAnswers(Params):
    """The parameters of the block `answers` that the stage needs: the models, and the limit on their questions."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: dict[str, EvalModel] = Field(min_length=2)
    limit: Limit

    def recorded(self, seeds: Iterable[int]) -> bool:
        """Whether all answers are recorded: neither the base nor a student of these seeds is among the models."""
        return not {BASE, *map(seed_name, seeds)} & set(self.models)

    def compared(self, seeds: Iterable[int]) -> list[str]:
        """The base model and the students of these seeds, base first. Raises InputError where either is missing."""
        if BASE not in self.models:
            raise InputError(f"params.yaml: answers.models has no '{BASE}' to compare the students with.")
        names = [seed_name(seed) for seed in seeds]
        students = [name for name in names if name in self.models]
        if not students:
            raise InputError(
                f"params.yaml: answers.models has none of {', '.join(names)} (lora_seed.seeds), "
                f"and no student to compare with '{BASE}'."
            )
        return [BASE, *students]

    @property
    def baselines(self) -> list[str]:
        """The names of the other ways in which the base model was asked."""
        return [name for name, model in self.models.items() if model == self.models[BASE] and name != BASE]


class EvalTraining(Params):
    """The one parameter of the block `lora_seed` that the stage needs: the seeds of the students."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    seeds: list[int]
