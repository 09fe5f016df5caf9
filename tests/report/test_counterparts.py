"""The counterparts of the article's tables: what is counted, and when a wrong answer is near the key."""

import contextlib
import math
from dataclasses import replace
from pathlib import Path

import pytest

from distil.pipeline.metrics import LevelSeedsMetrics
from distil.pipeline.records import Scored
from stages.report.counterparts import ERRORS, counterparts, error_class, losses_by_level, near
from stages.report.inputs import Run, load_run
from stages.report.page_parts import Table
from tests.report import synthetic

TRAINED = {
    "best_iteration": 100, "first_valid_loss": 3.0, "last_valid_loss": 1.0, "last_train_loss": 0.5, "iterations": 200,
    "reply_tokens_trained": 9, "adapter_parameters": 9, "train_rows": 50, "valid_rows": 12, "dropped_rows": 0,
    "dropped_problems": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(run_folder: Path) -> Run:
    with contextlib.chdir(run_folder):
        run = load_run()
        assert isinstance(run, Run)
        return run


def tables(run: Run) -> dict[str, Table]:
    return {table.caption: table for table in counterparts(run, {}).tables}


@pytest.mark.parametrize(
    ("key", "answer", "close"),
    [
        ("59", "57", True), ("59", "62", True), ("5", "8", False), ("100", "91", True), ("100", "89", False),
        ("9/7", "-9/7", True), ("9/7", "8/7", False), ("10/7", "19/14", True), ("12 cm", "13 cm", True),
        ("12 cm", "12 m", False), ("50%", "49%", True), ("x + 1", "x + 2", False),
        ("2, 3", "4, 3", False), ("3^{2}", "5^{2}", False), (r"2 \cdot x", r"4 \cdot x", False),
        (None, "3", False), ("3", None, False), ("1/3", "1/2", False),
    ],
)  # fmt: skip
def test_a_slip_is_a_number_close_to_the_key(key: str | None, answer: str | None, close: bool) -> None:
    assert near(key, answer) is close


@pytest.mark.parametrize(
    ("verdict", "finish", "kind"),
    [
        ("NO_ANSWER", "length", "cut off"), ("NO_ANSWER", "stop", "no answer"), ("UNVERIFIABLE", "stop", "undecided"),
        ("WRONG", "stop", "slip near the key"), ("WRONG", "length", "cut off"),
    ],
)  # fmt: skip
def test_a_wrong_answer_has_the_first_kind_that_fits(loaded: Run, verdict: str, finish: str, kind: str) -> None:
    row = loaded.scored[0]
    answer = row.answer.model_copy(update={"finish_reason": finish})
    found = row.verdict.model_copy(update={"verdict": verdict, "gold_form": "10", "answer_form": "11"})
    assert error_class(Scored(answer=answer, verdict=found)) == kind
    far = found.model_copy(update={"verdict": "WRONG", "answer_form": "50"})
    assert error_class(Scored(answer=row.answer.model_copy(update={"finish_reason": "stop"}), verdict=far)) == "other"


def test_every_wrong_answer_held_out_has_one_kind(loaded: Run) -> None:
    table = tables(loaded)["Wrong answers to questions held out, by kind"]
    accuracy = {
        row.model: row.n - row.correct for row in loaded.tables.accuracy
        if (row.part, row.by) == ("contest_unseen", "all")
    }  # fmt: skip
    for name, wrong, *kinds in table.rows:
        counts = [int(kind.split(" ")[0].replace(",", "")) for kind in kinds]
        assert len(counts) == len(ERRORS)
        assert sum(counts) == int(wrong.replace(",", "")) == accuracy[name.replace(" ", "_")]
    assert [row[0] for row in table.rows] == ["base", *(f"seed {seed}" for seed in range(5))]


def test_questions_are_counted_by_year_and_section(loaded: Run) -> None:
    table = tables(loaded)["Questions by year and section"]
    assert [row[0] for row in table.rows] == [str(year) for year in synthetic.YEARS]
    assert all(row[1:] == ["6", "6", "6", "18"] for row in table.rows)


def test_a_years_difficulty_is_what_base_and_teacher_got_wrong(loaded: Run) -> None:
    table = tables(loaded)["Difficulty by year"]
    assert loaded.verified is not None
    for year, n, base, teacher in table.rows:
        rows = [
            row for row in loaded.tables.accuracy
            if (row.by, row.group, row.model) == ("year", year, "base") and row.part != "contest_all"
        ]  # fmt: skip
        assert n == "18" and base.startswith(f"{100 * (1 - (rows[0].accuracy or 0)):.1f}")
        assert teacher.startswith(f"{100 * (1 - loaded.verified.by_year[year].share):.1f}")


def test_perplexity_is_that_of_the_mean_loss(loaded: Run) -> None:
    seeds = {f"seed_{seed}": TRAINED | {"best_valid_loss": loss} for seed, loss in enumerate((0.6, 0.8))}
    run = replace(loaded, level_losses={"R3": LevelSeedsMetrics.model_validate({"seeds": seeds})})
    (table,) = losses_by_level(run)
    assert table.rows == [["R3", "12", "0.7000", f"{math.exp(0.7):.3f}"]]


def test_base_student_and_teacher_are_in_one_figure_by_section(run_folder: Path, loaded: Run) -> None:
    drawn = (run_folder / "plots/figures/accuracy_by_section.svg").read_text()
    assert all(name in drawn for name in ("base", "student", "teacher"))
    sections = {row.section for row in loaded.tables.sections if row.part == "contest_unseen"}
    assert set(loaded.tables.teacher_sections) == sections
    assert sum(one.n for one in loaded.tables.teacher_sections.values()) == loaded.tables.teacher_unseen.n
