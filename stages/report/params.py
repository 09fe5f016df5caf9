"""The parts of params.yaml that the page shows or needs."""

from typing import Literal

from pydantic import ConfigDict

from distil.pipeline.command import Params
from distil.pipeline.records import Level


class Block(Params):
    """A part of a block; other stages read the rest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Raw(Block):
    """Where the exams come from."""

    source: Literal["sample", "study", "folder", "problems"]
    path: str


class ReportRole(Block):
    """The model that the teacher asks in one role."""

    model: str


class Roles(Block):
    """The teacher's roles. The page names the solver."""

    solver: ReportRole


class ReportTeacher(Block):
    """Who taught."""

    teacher: str
    roles: Roles


class ReportTraining(Block):
    """How the student was trained."""

    model: str
    seeds: list[int]
    iters: int | Literal["probe"]
    batch_size: int
    learning_rate: float


class Sweep(Block):
    """The chain lengths, the folders of their rows, and the section of interest."""

    levels: list[Level]
    rows: dict[str, str]
    focus: str


class ReportModel(Block):
    """Where a model or its recorded answers come from."""

    weights: str


class ReportAnswers(Block):
    """The models that answered."""

    models: dict[str, ReportModel]


class ReportParams(Block):
    """The blocks of params.yaml that the report reads."""

    profile: str = "tiny"
    raw: Raw
    teacher_cot: ReportTeacher
    lora_seed: ReportTraining
    length_sweep: Sweep
    answers: ReportAnswers
