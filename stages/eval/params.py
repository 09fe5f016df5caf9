"""The parameters of the stage."""

from pydantic import ConfigDict, Field

from distil.pipeline.command import Params
from distil.pipeline.files import InputError
from distil.pipeline.subset import Limit

BASE = "base"


class EvalParams(Params):
    """The block `eval`. `margin` and `effect` are percentage points."""

    resamples: int = Field(ge=1000)
    seed: int = Field(ge=0)
    effect: float = Field(gt=0, le=100)
    margin: float = Field(gt=0, le=100)
    against_paper: bool


class Answering(Params):
    """Of the block `answers`, the models, `base` and the seeds', and how many questions they were asked."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: dict[str, str] = Field(min_length=2)
    limit: Limit

    @property
    def names(self) -> list[str]:
        """The base model first. Raises InputError where it is missing."""
        if BASE not in self.models:
            raise InputError(f"params.yaml: answers.models has no '{BASE}' to compare the students with.")
        return [BASE, *(name for name in self.models if name != BASE)]
