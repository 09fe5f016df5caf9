"""The names of models, made here and nowhere taken apart: who a model is stands in its record or in params.yaml."""

from distil.pipeline.records import Level

BASE = "base"
"""The untouched base model, asked as the students are."""
AS_STUDENTS = "chat"
"""The name of that way of asking, beside the names of `answers.baselines`."""


def seed_name(seed: int) -> str:
    """The student that is trained with a seed on a fold's rows, and the adapter of a chain length with that seed."""
    return f"seed_{seed}"


def control_name(level: Level) -> str:
    """The model that is trained on full chains cut to a level's length."""
    return f"truncated_{level}"
