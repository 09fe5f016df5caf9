"""The names of models. They are made here and never parsed: records and params.yaml say which model is which."""

from distil.pipeline.records import Level

BASE = "base"
"""The untouched base model, asked as the students are."""
TEACHER = "teacher"
"""The teacher's solver, where it answered a benchmark itself."""
AS_STUDENTS = "chat"
"""The name of that prompt; `answers.baselines` names the others."""


def seed_name(seed: int) -> str:
    """The student trained with a seed on a fold's rows; also a chain length's adapter with that seed."""
    return f"seed_{seed}"


def control_name(level: Level) -> str:
    """The model that is trained on full chains cut to a level's length."""
    return f"truncated_{level}"
