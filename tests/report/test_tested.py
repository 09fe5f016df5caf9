"""The line under the title: what was tested, and whether contest and teacher were real."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import pytest
from mlx.utils import tree_flatten
from mlx_lm.utils import load

from distil.pipeline.files import write_json
from stages.report.inputs import Run, load_run
from stages.report.params import ReportParams
from stages.report.tested import number_of_weights, what_was_tested

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "models/tiny-student"


@pytest.fixture(scope="module")
def loaded(run_folder: Path) -> Run:
    with contextlib.chdir(run_folder):
        run = load_run()
        assert isinstance(run, Run)
        return run


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "Student: tiny-student, 0.8 million weights. Contest: made up by a program, 270 questions, 2011 to 2025. "
            "Teacher: a program that makes planted slips.",
        ),
        (
            {
                "lora_seed": {"model": "models/not-there"},
                "raw": {"source": "study"},
                "teacher_cot": {"teacher": "replay"},
            },
            "Student: not-there. Contest: the real exams of the study, 270 questions, 2011 to 2025. "
            "Teacher: recorded chains.",
        ),
        (
            {"raw": {"source": "folder", "path": "/srv/my exams"}, "teacher_cot": {"teacher": "openai"}},
            "Student: tiny-student, 0.8 million weights. Contest: exams of your own (my exams), 270 questions, "
            "2011 to 2025. Teacher: embedded/solver.",
        ),
    ],
    ids=["default", "study", "own"],
)
def test_the_line_says_what_was_tested(loaded: Run, changes: dict[str, dict[str, Any]], expected: str) -> None:
    params = loaded.params.model_dump()
    for block, values in changes.items():
        params[block] |= values
    with contextlib.chdir(ROOT):
        assert what_was_tested(replace(loaded, params=ReportParams.model_validate(params))) == expected


def test_weights_are_counted_alike_when_they_are_quantised(tmp_path: Path) -> None:
    model, _ = load(str(TINY))
    expected = sum(weights.size for _, weights in tree_flatten(model.parameters()))
    assert number_of_weights(TINY) == expected
    for bits in (4, 8):
        nn.quantize(model, group_size=32, bits=bits)
        mx.save_safetensors(str(tmp_path / "model.safetensors"), dict(tree_flatten(model.parameters())))
        write_json(tmp_path / "config.json", {"quantization": {"bits": bits, "group_size": 32}})
        assert number_of_weights(tmp_path) == expected
        model, _ = load(str(TINY))
