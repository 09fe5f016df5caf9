"""What the claims say, given the numbers: each wording from a table of cases, on a run with real tables."""

import contextlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from distil.pipeline.files import read_record
from distil.pipeline.metrics import ContaminationMetrics, TrainSplitMetrics
from distil.pipeline.results import PairedGap
from distil.pipeline.sweep_results import LevelPair, SweepTables
from stages.report.answer import answer, title
from stages.report.claims_chains import beside_the_study, chain_length, teacher_and_verifier
from stages.report.claims_result import seeds_against_questions, seen_against_unseen, student_against_base
from stages.report.inputs import Run, load_run
from stages.report.wording import pretty


@pytest.fixture(scope="module")
def loaded(run_folder: Path) -> Run:
    with contextlib.chdir(run_folder):
        run = load_run()
        assert isinstance(run, Run)
        return run


@pytest.mark.parametrize(
    ("difference", "low", "high", "expected"),
    [
        (
            4.8,
            1.2,
            8.1,
            "Distillation raised the student’s accuracy by 4.8 points on questions held out from its training",
        ),
        (
            -4.8,
            -8.1,
            -1.2,
            "Distillation lowered the student’s accuracy by 4.8 points on questions held out from its training",
        ),
        (4.8, -0.1, 9.0, "No effect of distillation can be claimed on questions held out from its training"),
        (0.0, 0.0, 0.0, "No effect of distillation can be claimed on questions held out from its training"),
        (
            4.8,
            None,
            None,
            "Student and base differ by +4.8 points on questions held out from its training, with no interval",
        ),
        (None, None, None, "This run has no question that was held out from the student’s training"),
    ],
)
def test_the_title_claims_no_more_than_the_interval(
    loaded: Run, difference: float | None, low: float | None, high: float | None, expected: str
) -> None:
    result = loaded.tables.parts["contest_unseen"].model_copy(
        update={"difference": difference, "difference_low": low, "difference_high": high}
    )
    assert title(result).startswith(expected)


def judged(run: Run, difference: tuple[float, float, float], **cut: float) -> Run:
    """The run with another difference on the contest and its interval, and base or student cut off so often."""
    rows = [
        row.model_copy(update={"truncated": cut.get(row.model, 0.0)})
        if (row.part, row.by) == ("contest_unseen", "all")
        else row
        for row in run.tables.accuracy
    ]
    update = dict(zip(("difference", "difference_low", "difference_high"), difference, strict=True))
    parts = run.tables.parts | {"contest_unseen": run.tables.parts["contest_unseen"].model_copy(update=update)}
    return replace(run, tables=run.tables.model_copy(update={"accuracy": rows, "parts": parts}))


@pytest.mark.parametrize(
    ("difference", "base", "student", "expected", "caveats"),
    [
        ((20.0, 13.0, 27.0), 0.0, 0.0, "Distillation raised the student’s accuracy by 20.0 points", 0),
        ((20.0, 5.0, 35.0), 0.06, 0.0, "The base model was cut off in 6.0\u00a0% of its answers: the two cannot", 1),
        ((20.0, 13.0, 27.0), 0.06, 0.0, "Distillation raised the student’s accuracy by 20.0 points", 1),
        ((20.0, 13.0, 27.0), 0.0, 0.4, "Distillation raised the student’s accuracy by 20.0 points", 1),
        ((-20.0, -27.0, -13.0), 0.049, 0.0, "Distillation lowered the student’s accuracy by 20.0 points", 0),
        ((-20.0, -27.0, -13.0), 0.06, 0.0, "Distillation lowered the student’s accuracy by 20.0 points", 1),
        ((-20.0, -27.0, -13.0), 0.049, 0.4, "The student was cut off in 40.0\u00a0% of its answers: the two cannot", 1),
        (
            (-2.0, -9.0, 5.0), 0.06, 0.4,
            "The base model was cut off in 6.0\u00a0% of its answers and the student was cut off in 40.0\u00a0% of its",
            2,
        ),
    ],
)  # fmt: skip
def test_a_difference_that_the_token_cap_can_make_is_not_claimed(
    loaded: Run, difference: tuple[float, float, float], base: float, student: float, expected: str, caveats: int
) -> None:
    run = judged(loaded, difference, base=base, student=student)
    assert answer(run, {}).title.startswith(expected)
    claim = student_against_base(run, {})
    assert ("cut off" in claim.title) == ("cut off" in expected)
    assert sum("ended at the token cap" in line for line in claim.text) == caveats


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        ((20.0, 13.0, 27.0), "more than the student: training brought out what the model could do already."),
        ((-8.0, -14.2, -2.1), "more than the student. "),
        ((-1.0, -4.2, 2.1), "more than the student. "),
    ],
)
def test_training_brought_out_something_only_where_the_student_gained(
    loaded: Run, difference: tuple[float, float, float], expected: str
) -> None:
    over = {"accuracy": 0.6, "student_over": -30.0, "student_over_low": -40.0, "student_over_high": -20.0}
    run = judged(loaded, difference)
    best = [row.model_copy(update=over) for row in run.tables.baselines]
    said = answer(replace(run, tables=run.tables.model_copy(update={"baselines": best})), {}).text
    assert expected in said and ("brought out" in said) == ("brought out" in expected)


def test_a_base_that_is_cut_off_is_said_and_nothing_is_called_a_gain(loaded: Run) -> None:
    cut = judged(loaded, (20.0, 5.0, 35.0), base=0.06)
    claim, before = student_against_base(cut, {}), student_against_base(loaded, {})
    assert "gains" in before.title and not re.search(r"\bgain", repr(claim).replace("change=gained", ""))
    assert "the base model was cut off in 6.0\u00a0% of its answers" in claim.title
    assert any("raised" in line and "token cap" in line for line in claim.text)
    heading = answer(cut, {})
    assert "cannot be compared fairly" in heading.title and not re.search(r"\bgain", repr(heading))


@pytest.mark.parametrize(
    ("without", "title", "on", "label"),
    [
        (0, "of the contest, and", "On the 72 questions that base", "Teacher, same questions"),
        (8, "of the 262 questions it has a chain for,", "On 64 of the 72 questions that base", "Teacher, the 64"),
    ],
)
def test_the_teachers_accuracy_names_the_questions_that_it_is_over(
    loaded: Run, without: int, title: str, on: str, label: str
) -> None:
    """A question whose solver was cut off or refused has no chain, and is in no share."""
    tables = loaded.tables
    whole = {"teacher": tables.teacher, "teacher_unseen": tables.teacher_unseen}
    update = {name: one.model_copy(update={"n": one.n - without}) for name, one in whole.items()}
    run = replace(loaded, tables=tables.model_copy(update=update))
    claim = teacher_and_verifier(run)
    assert title in claim.title and claim.text[1].startswith(on)
    assert claim.text[0].endswith("questions without a chain are not counted.")
    assert answer(run, {}).scores[-1].name.startswith(label)


def level_tables(run: Run, change: tuple[float, float | None, float | None], pair: tuple[float, float]) -> SweepTables:
    value, low, high = change
    step = LevelPair(first="R1", second="R2", points=sum(pair) / 2, low=pair[0], high=pair[1], p=0.001, holm_p=0.001)
    assert run.level_tables
    tests = run.level_tables.tests.model_copy(update={"change": value, "change_low": low, "change_high": high})
    return run.level_tables.model_copy(update={"tests": tests, "pairs": [step], "reasons": {}})


@pytest.mark.parametrize(
    ("change", "pair", "expected", "said"),
    [
        ((-30.0, -40.0, -20.0), (-9.0, -1.0), "Accuracy falls from R1 to R6", False),
        ((-30.0, -40.0, -20.0), (1.0, 9.0), "Accuracy falls from R1 to R6, though not at every step", True),
        ((-30.0, -40.0, -20.0), (-1.0, 9.0), "Accuracy falls from R1 to R6", False),
        ((30.0, 20.0, 40.0), (-9.0, -1.0), "Accuracy rises from R1 to R6, though not at every step", True),
        ((-3.0, -9.0, 3.0), (1.0, 9.0), "No change of accuracy from R1 to R6 can be claimed", False),
        ((0.0, None, None), (0.0, 0.0), "With these chain lengths, no change of accuracy can be tested", False),
    ],
)
def test_a_change_that_a_pair_of_levels_contradicts_is_not_called_steady(
    loaded: Run,
    change: tuple[float, float | None, float | None],
    pair: tuple[float, float],
    expected: str,
    said: bool,
) -> None:
    claim = chain_length(replace(loaded, level_tables=level_tables(loaded, change, pair)), {})
    assert claim.title == expected
    assert ("Against it, R2 is" in claim.text[0]) == said


@pytest.mark.parametrize(
    ("first", "last", "extra", "expected"),
    [
        (0.6, 0.3, (8.0, 4.0, 12.0), "loses more from the first level to the last than other sections: +8.0 points"),
        (0.6, 0.5, (-8.0, -12.0, -4.0), "loses less from the first level to the last than other sections: −8.0 points"),
        (0.3, 0.32, (8.0, 4.0, 12.0), "gains less from the first level to the last than other sections: −8.0 points"),
        (0.3, 0.5, (-8.0, -12.0, -3.0), "other sections: +8.0 points (95 % interval +3.0 to +12.0)"),
        (0.3, 0.5, (-8.0, -12.0, 1.0), "loses more or less with the chains’ length than the others cannot be told"),
        (0.3, 0.5, (None, None, None), "is more sensitive is not known"),
    ],
)
def test_a_section_whose_accuracy_rises_is_not_said_to_lose(
    loaded: Run, first: float, last: float, extra: tuple[float | None, ...], expected: str
) -> None:
    assert loaded.level_tables
    tables, section = loaded.level_tables, loaded.params.length_sweep.focus
    ends = {(section, "R1"): first, (section, "R6"): last}
    rows = [
        row.model_copy(update={"accuracy": ends.get((row.section, row.level), row.accuracy)}) for row in tables.sections
    ]
    update = dict(zip(("focus_extra", "focus_extra_low", "focus_extra_high"), extra, strict=True))
    changed = tables.model_copy(update={"sections": rows, "tests": tables.tests.model_copy(update=update)})
    said = chain_length(replace(loaded, level_tables=changed), {}).text[1]
    assert expected in said and ("loses" in said) == ("gains" not in said and "not known" not in said)
    assert "gains more" not in said or last > first


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (2.0, 9.0, "The study’s protocol would have shown 5.0 points more on the same questions"),
        (-1.0, 9.0, "Whether the study’s protocol changes the result on the same questions cannot be told"),
        (None, None, "What the study’s protocol would have claimed is not known"),
    ],
)
def test_the_protocols_gap_is_claimed_only_with_an_interval(
    loaded: Run, low: float | None, high: float | None, expected: str
) -> None:
    gap = PairedGap(n=9, points=5.0, low=low, high=high, reason=None if low is not None else "no question")
    leakage = loaded.tables.leakage.model_copy(update={"paired": {"contest_unseen": gap}})
    tables = loaded.tables.model_copy(update={"leakage": leakage})
    assert seen_against_unseen(replace(loaded, tables=tables), {}).title == expected


def test_the_studys_own_protocol_is_not_said_to_hold_near_duplicates_out(loaded: Run) -> None:
    gap = PairedGap(n=0, points=None, low=None, high=None, reason="the study's protocol is this run's own")
    leakage = loaded.tables.leakage.model_copy(update={"paired": {"contest_unseen": gap}})
    split = loaded.split.model_copy(update={"protocol": "paper", "main": ["paper"]})
    run = replace(loaded, split=split, tables=loaded.tables.model_copy(update={"leakage": leakage}))
    said, claim = answer(run, {}).text, seen_against_unseen(run, {})
    assert "near-duplicates of them may be in it" in said and "adapters trained under the study’s protocol" not in said
    assert claim.title == "This run’s protocol is the study’s, so the two are not compared"
    for text, held_out in ((said, answer(loaded, {}).text), (claim.text[0], seen_against_unseen(loaded, {}).text[0])):
        assert "that the rule finds" not in text and "near-duplicates that the rule finds" in held_out


def test_what_questions_share_with_training_is_counted(loaded: Run) -> None:
    split = read_record(Path(__file__).parents[2] / "metrics/train_split.json", TrainSplitMetrics)
    said = " ".join(seen_against_unseen(replace(loaded, train_split=split), {}).text)
    for name, fold in split.folds.items():
        assert f"{pretty(name)} {fold.unseen_sharing_template} of {fold.unseen}" in said
        assert f"{pretty(name)} {fold.leaked_rows}" in said
    assert "but for its numbers" not in " ".join(seen_against_unseen(replace(loaded, train_split=None), {}).text)


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (0.0, 0.3, "The questions, more than the seeds, limit what can be claimed"),
        (0.4, 0.99, "Whether seeds or questions limit more what can be claimed cannot be told"),
        (0.6, 0.99, "The seeds, more than the questions, limit what can be claimed"),
        (None, None, "Seeds and questions cannot be told apart in this run"),
    ],
)
def test_what_limits_the_claim_is_named(loaded: Run, least: float | None, most: float | None, expected: str) -> None:
    unseen = loaded.tables.parts["contest_unseen"]
    assert unseen.crossed
    crossed = unseen.crossed.model_copy(update={"seeds_share_at_least": least, "seeds_share_at_most": most})
    parts = loaded.tables.parts | {"contest_unseen": unseen.model_copy(update={"crossed": crossed})}
    tables = loaded.tables.model_copy(update={"parts": parts})
    assert seeds_against_questions(replace(loaded, tables=tables), {}).title == expected


def test_published_numbers_are_compared_only_where_the_stages_did(loaded: Run) -> None:
    beside = beside_the_study(loaded)
    assert beside.title == "These numbers cannot be compared with the study’s"
    assert beside.tables[0].columns == ["Accuracy of", "Published (n)", "This run"]
    assert {len(row) for row in beside.tables[0].rows} == {3}
    tested = {"reason": None, "difference": 1.0, "tost_p": 0.01, "equivalent": True, "power": 0.5}
    rows = [row.model_copy(update=tested) for row in loaded.tables.published]
    rows[0] = rows[0].model_copy(update={"equivalent": False})
    tables = loaded.tables.model_copy(update={"published": rows})
    claim = beside_the_study(replace(loaded, tables=tables, level_tables=None))
    agree = f"{len(rows) - 1} of {len(rows)} comparisons with published numbers show agreement within"
    assert claim.title == f"{agree} 3 points"
    rows = [row.model_copy(update={"margin": 2.5}) for row in rows[:-1]] + [rows[-1].model_copy(update={"margin": 0.5})]
    other = replace(loaded, tables=loaded.tables.model_copy(update={"published": rows}), level_tables=None)
    assert beside_the_study(other).title == f"{agree} 2.5 or 0.5 points"
    assert [row[-1].split(",")[0] for row in claim.tables[0].rows] == ["not shown", *["yes"] * (len(rows) - 1)]


def test_what_base_knows_by_heart_stands_beside_its_accuracy(loaded: Run) -> None:
    found = {"n": 40, "completed": 0.25, "completed_low": 0.14, "completed_high": 0.4, "words_met": 0.31, "base": 0.5,
             "base_where_completed": 0.9, "base_elsewhere": 0.4}  # fmt: skip
    nothing = found | {"n": 0, "completed": None}
    tried = ContaminationMetrics.model_validate({"contest": found, "transfer": nothing})
    tables = seen_against_unseen(replace(loaded, contamination=tried), {}).tables
    row = ["contest", "40", "25.0\u00a0% (14.0\u00a0to\u00a040.0\u00a0%)", "31.0\u00a0%", "50.0\u00a0%", "90.0\u00a0%"]
    assert [list(one) for one in tables[1].rows] == [row]
    without = replace(loaded, contamination=ContaminationMetrics(reason="no model"))
    assert len(seen_against_unseen(without, {}).tables) == 1
