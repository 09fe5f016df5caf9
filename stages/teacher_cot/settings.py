"""The stage's parameters: who the teacher is, its roles, and how much it is asked."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from distil.pipeline.command import Params
from distil.pipeline.records import Level
from distil.pipeline.subset import Limit
from distil.teacher import RoleName, Teacher

Share = Annotated[float, Field(gt=0, le=1)]
ROLES: tuple[RoleName, ...] = ("solver", "distiller", "compressor", "judge")


class BenchmarkLimit(Params):
    """The one parameter of the block `answers` that the stage needs: how much of the benchmark the models are asked."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    limit: Limit


class Embedded(Params):
    """The embedded teacher: which problems it gets wrong, and how many of them."""

    seed: int
    slip_share: float = Field(ge=0, le=1)


class Settings(Teacher):
    """The block `teacher_cot` of params.yaml."""

    teacher: Literal["embedded", "openai", "replay"]
    recorded: str
    samples_per_problem: int = Field(ge=1)
    chains_per_problem: int = Field(default=1, ge=1)
    levels: dict[Level, Share]
    judge: bool
    benchmark: bool
    require_all: bool
    embedded: Embedded

    @property
    def roles_played(self) -> tuple[RoleName, ...]:
        """The roles that get requests."""
        return ROLES if self.judge else ROLES[:-1]

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.benchmark and self.teacher == "replay":
            raise ValueError("benchmark needs a teacher that can be asked; recorded chains answer no benchmark")
        if self.chains_per_problem > self.samples_per_problem:
            raise ValueError(
                f"chains_per_problem is {self.chains_per_problem}, but samples_per_problem allows only "
                f"{self.samples_per_problem} attempts at a problem; raise it"
            )
        needing = {
            "chains_per_problem above 1": self.chains_per_problem > 1,
            "samples_per_problem above 1": self.samples_per_problem > 1,
            "judge": self.judge,
        }
        if self.teacher == "replay" and (wanted := next((name for name, wants in needing.items() if wants), None)):
            raise ValueError(f"{wanted} needs a teacher that can be asked, not recorded chains")
        if "R1" in self.levels:
            raise ValueError("levels has R1, the full chain that the others are made from; take it out")
        for name in self.roles_played if self.teacher != "replay" else ():
            if fault := self.fault_of(name, paid=self.teacher == "openai"):
                raise ValueError(fault)
        return self
