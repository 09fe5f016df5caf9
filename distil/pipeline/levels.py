"""The parameters of the length sweep that more than one stage reads."""

from pydantic import ConfigDict, Field, NonNegativeInt, field_validator

from distil.pipeline.command import Params
from distil.pipeline.records import Level


class LevelParams(Params):
    """Of the block `length_sweep`: the chain lengths, and those with a control.

    The control of a level is full chains cut to the level's length.
    """

    model_config = ConfigDict(extra="ignore")

    levels: list[Level]
    truncated: list[Level]

    @field_validator("levels", "truncated")
    @classmethod
    def _different(cls, levels: list[Level]) -> list[Level]:
        if len(set(levels)) < len(levels):
            raise ValueError("a level is listed twice")
        return levels

    @field_validator("truncated")
    @classmethod
    def _shorter(cls, truncated: list[Level]) -> list[Level]:
        if "R1" in truncated:
            raise ValueError("R1 is the full chain, which cannot be cut to its own length; take it out")
        return truncated

    @property
    def controls(self) -> list[Level]:
        """The levels whose control is trained: a level that is not swept has none."""
        return [level for level in self.truncated if level in self.levels]


class LevelSeedParams(Params):
    """Of the block `length_sweep`: the seeds with which every chain length is trained."""

    model_config = ConfigDict(extra="ignore")

    seeds: list[NonNegativeInt] = Field(min_length=1)

    @field_validator("seeds")
    @classmethod
    def _different_seeds(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed is listed twice")
        return seeds
