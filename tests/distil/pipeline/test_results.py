"""Every file of numbers is a model, and its bytes are that model's."""

import json
from pathlib import Path

import pytest

from distil.pipeline.files import as_json
from distil.pipeline.metrics import (
    ContaminationMetrics,
    Environment,
    LevelSeedsMetrics,
    Minimum,
    ParsedMetrics,
    SeedMetrics,
    StudentMetrics,
    Summary,
    TeacherMetrics,
    TrainSplitMetrics,
    VerifiedMetrics,
)
from distil.pipeline.records import Record, projected
from distil.pipeline.results import EvalMetrics, Gap
from distil.pipeline.sweep_results import ControlMetrics, LevelMetrics, LevelRow, SweepMetrics

METRICS = Path(__file__).resolve().parents[3] / "metrics"
MODELS: dict[str, type[Record]] = {
    "contamination.json": ContaminationMetrics,
    "environment.json": Environment,
    "eval.json": EvalMetrics,
    "length_sweep.json": SweepMetrics,
    "lora_level/*.json": LevelSeedsMetrics,
    "lora_seed/*.json": SeedMetrics,
    "overfit_probe.json": Minimum,
    "parsed.json": ParsedMetrics,
    "student.json": StudentMetrics,
    "summary.json": Summary,
    "teacher_cot.json": TeacherMetrics,
    "train_split.json": TrainSplitMetrics,
    "verified.json": VerifiedMetrics,
}
MACHINE = {"bench.json"}
"""How fast a machine is: no stage reads it."""
COMMITTED = sorted(path for path in METRICS.rglob("*.json") if path.name not in MACHINE and "timings" not in path.parts)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.relative_to(METRICS).as_posix())
def test_the_committed_numbers_are_a_models_to_the_byte(path: Path) -> None:
    (model,) = [model for pattern, model in MODELS.items() if path.relative_to(METRICS).match(pattern)]
    text = path.read_text("utf-8")
    assert as_json(model.model_validate_json(text).model_dump()) == text


def test_every_model_has_a_committed_file() -> None:
    without = [pattern for pattern in MODELS if not any(path.relative_to(METRICS).match(pattern) for path in COMMITTED)]
    assert without == []


def test_a_reason_is_written_only_where_there_is_one() -> None:
    assert Gap(points=1.0, low=0.5, high=1.5).model_dump() == {"points": 1.0, "low": 0.5, "high": 1.5}
    assert Gap(points=None, low=None, high=None, reason="none").model_dump()["reason"] == "none"


def test_the_headline_of_a_level_is_a_part_of_its_row() -> None:
    level = json.loads((METRICS / "length_sweep.json").read_text("utf-8"))["R3"]
    row = LevelRow.model_validate(level | {"level": "R3", "n": 9, "no_answer": 0.0, "truncated": 0.0, "finished": 1.0})
    assert projected(row, LevelMetrics).model_dump() == level
    assert projected(row, ControlMetrics).compressed_over_truncated is None
