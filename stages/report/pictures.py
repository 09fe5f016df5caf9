"""Draw the pictures of figures.py from the run's tables. A picture whose data the run lacks is left out."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from distil.pipeline.names import BASE
from distil.pipeline.progress import Bar
from stages.report import figures, recorded
from stages.report.drawing import Picture, draw
from stages.report.figure_data import losses, unseen_letters, verdict_runs
from stages.report.figures import Plan
from stages.report.inputs import CONTEST, RecordedRun, Run
from stages.report.questions import Questions
from stages.report.wording import count, pretty

PARTS = {
    "contest_unseen": "held out",
    "contest_seen": "seen in training",
    "paper_protocol": "study’s protocol",
}


def draw_pictures(folder: Path, run: Run | RecordedRun, questions: Questions) -> dict[str, Picture]:
    """Draw every picture that the run has data for into `folder`. Return them by name."""
    planned = list(recorded.plans(run) if isinstance(run, RecordedRun) else plans(run, questions))
    return {plan.name: draw(folder, *plan) for plan in Bar(planned, "pictures", unit="picture", delay=2)}


def plans(run: Run, questions: Questions) -> Iterator[Plan]:
    """The pictures of this run."""
    models, seeds = model_frames(run)
    by_model = figures.accuracy_by_model(models, seeds)
    levels = level_frame(run)
    by_words = figures.accuracy_by_words(levels) if len(levels) else None
    yield Plan(
        "result",
        figures.result(by_model, by_words),
        "The result: accuracy by model, and by the length of the chains that the student learnt from.",
        f"Accuracy: {_list(models, 'model')}." + (f" By level: {_list(levels, 'level')}." if len(levels) else ""),
    )
    yield Plan(
        "accuracy_by_model",
        by_model,
        "Accuracy on contest questions held out from the student, with 95 % intervals; each tick is one seed.",
        f"Accuracy by model: {_list(models, 'model')}.",
    )
    if by_words is not None:
        yield Plan(
            "accuracy_by_words",
            by_words,
            "Students trained on the same questions with chains of each length: accuracy against the mean words of "
            "their responses, with 95 % intervals.",
            f"Accuracy by level: {_list(levels, 'level')}.",
        )
    yield from _by_part(run)
    yield from _by_question(run, questions)
    yield from _training(run)


def model_frames(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For figures.accuracy_by_model: base, student and teacher on unseen questions, and every seed."""
    own = accuracy(run, "contest_unseen")
    seeds = own[own["model"].isin(run.students)]
    student = f"Student, {count(len(seeds), 'seed')}"
    names = {BASE: "Base", "student": student}
    models = own[own["model"].isin(list(names))].assign(kind=own["model"], model=own["model"].map(names))
    teacher = run.tables.teacher_unseen
    if teacher.accuracy is not None:
        models = pd.concat([models, pd.DataFrame([{**dict(teacher), "model": "Teacher", "kind": "teacher"}])])
    frame = models[["model", "kind", "accuracy", "low", "high"]]
    return frame, seeds.assign(model=student, kind="student")[["model", "kind", "accuracy"]]


def accuracy(run: Run, part: str, by: str = "all") -> pd.DataFrame:
    """The rows of the accuracy table (data/eval/tables.json) for one part and one grouping."""
    columns = ["part", "by", "group", "model", "n", "correct", "accuracy", "low", "high"]
    table = pd.DataFrame(map(dict, run.tables.accuracy), columns=columns)
    return table[(table["part"] == part) & (table["by"] == by)]


def level_frame(run: Run) -> pd.DataFrame:
    """For figures.accuracy_by_words: the levels of the length sweep that have an accuracy."""
    rows = [dict(row) for row in run.answered_levels if row.words]
    return pd.DataFrame(rows, columns=["level", "words", "accuracy", "low", "high"])


def _by_part(run: Run) -> Iterator[Plan]:
    parts = [accuracy(run, part).assign(questions=words) for part, words in PARTS.items()]
    cells = _pair(pd.concat(parts))
    if cells["questions"].nunique() > 1:
        yield Plan(
            "seen_and_unseen",
            figures.seen_and_unseen(cells),
            "Accuracy on questions held out from the student, on those it was trained on, and on all of them under the "
            "study’s protocol, which lets them overlap. The base model had none of this training.",
            "Accuracy: " + "; ".join(f"{row.kind}, {row.questions}: {row.accuracy:.1%}" for row in cells.itertuples()),
        )
    roles = {"contest_unseen": "unseen", "contest_seen": "seen"}
    years = _pair(pd.concat([accuracy(run, part, "year").assign(role=role) for part, role in roles.items()]))
    if len(years):
        yield Plan(
            "year_by_year",
            figures.year_by_year(years.rename(columns={"group": "year"})),
            "Accuracy in every year with 95 % intervals; hollow where the student was trained on that year.",
            f"Accuracy of base and student in {count(years['group'].nunique(), 'year')}; the table has the numbers.",
        )
    cells = _pair(accuracy(run, "contest_unseen", "section")).rename(columns={"group": "section"})
    teacher = [
        {"section": section, "kind": "teacher", **dict(found)}
        for section, found in run.tables.teacher_sections.items() if found.accuracy is not None
    ]  # fmt: skip
    if len(cells):
        both = pd.concat([cells, pd.DataFrame(teacher)])[["section", "kind", "accuracy", "low", "high"]]
        yield Plan(
            "accuracy_by_section",
            figures.accuracy_by_section(both.assign(section=both["section"].map(pretty))),
            "Accuracy of base, student and teacher on the questions held out, by section, with 95 % intervals.",
            "; ".join(f"{row.kind}, {pretty(row.section)}: {row.accuracy:.1%}" for row in both.itertuples()),
        )
    sections = run.level_tables.sections if run.level_tables else []
    cells = pd.DataFrame(map(dict, sections), columns=["section", "level", "accuracy", "low", "high"])
    cells = cells.dropna().assign(section=cells["section"].map(pretty))
    if len(cells):
        yield Plan(
            "section_by_level",
            figures.section_by_level(cells, run.params.length_sweep.levels),
            "Accuracy by chain length in each section, with 95 % intervals.",
            "Accuracy by level in each section; the table has the numbers.",
        )


def _by_question(run: Run, questions: Questions) -> Iterator[Plan]:
    letters = unseen_letters(questions, CONTEST)
    if not letters or not questions.students:
        return
    result = run.tables.parts["contest_unseen"]
    pairs = pd.DataFrame(
        [(pretty(seed.model), seed.gained, seed.lost) for seed in result.seeds], columns=["seed", "gained", "lost"]
    )
    yield Plan(
        "discordant_pairs",
        figures.discordant_pairs(pairs),
        f"Of {count(result.n, 'question')} held out: those that only the student got right, and those that only "
        "the base model did, for each seed. The others say nothing about which is better.",
        "; ".join(
            f"{row.seed}: {row.gained} right from it alone, {row.lost} from the base model alone"
            for row in pairs.itertuples()
        ),
    )
    models = [BASE, *(pretty(student) for student in questions.students)]
    yield Plan(
        "questions_by_seed",
        figures.questions_by_seed(verdict_runs(letters, questions.students), models),
        "Every question held out is a column, coloured by each model’s verdict; questions with one pattern of "
        "verdicts lie together. A ragged edge is a question whose verdict depends on the seed.",
        f"Verdicts of {count(len(models), 'model')} on {count(len(letters), 'question')}.",
    )


def _training(run: Run) -> Iterator[Plan]:
    fold = run.main_folds[0]
    curves, best = losses(run.curves[run.curves["fold"] == fold])
    if len(best):
        yield Plan(
            "loss_curves",
            figures.loss_curves(curves, best),
            f"Loss of every seed on fold {fold}; a diamond marks the iteration whose adapter was kept.",
            "Kept: " + "; ".join(f"seed {row.seed} at iteration {row.iteration}" for row in best.itertuples()),
        )
    curves, best = losses(run.probe)
    if len(best):
        yield Plan(
            "overfit_probe",
            figures.loss_curves(curves, best),
            "One long run. Where validation loss begins to rise again, a student begins to learn by heart.",
            f"Lowest validation loss at iteration {best['iteration'].iloc[0]}.",
        )


def _pair(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the base and of the mean over seeds, named as in figures.py."""
    return rows[rows["model"].isin([BASE, "student"])].rename(columns={"model": "kind"})


def _list(frame: pd.DataFrame, name: str) -> str:
    return "; ".join(f"{row[name]} {row['accuracy']:.1%}" for row in frame.to_dict("records"))
