"""The parameters of the stage."""

from pydantic import Field, model_validator

from distil.pipeline import command


class Mix(command.Params):
    """Each kind of document's share of the tokens."""

    facts: float = Field(ge=0)
    counting: float = Field(ge=0)
    direct: float = Field(ge=0)
    solution: float = Field(ge=0)

    @model_validator(mode="after")
    def _whole(self) -> "Mix":
        total = self.facts + self.counting + self.direct + self.solution
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares add up to {total:g} instead of 1")
        return self


class Recipe(command.Params):
    """The recipe: the model's shape, the corpus, the optimiser."""

    seed: int
    hidden_size: int = Field(gt=0)
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    steps: int = Field(gt=1)
    rows: int = Field(gt=0)
    row_length: int = Field(gt=1)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    warmup: int = Field(gt=0)
    early_share: float = Field(ge=0, le=1)
    early_mix: Mix
    mix: Mix
    steps_per_checkpoint: int = Field(gt=0)
    test_seed: int
    test_questions: int = Field(gt=0)
