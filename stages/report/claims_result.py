"""The claims about the result: student against base, seen against unseen, seeds against questions, years."""

from collections.abc import Iterator

from distil.pipeline.names import BASE
from distil.pipeline.results import Comparison, Crossed, SectionComparison
from stages.report.answer import capped
from stages.report.drawing import Picture, chosen
from stages.report.inputs import CONTEST, TRANSFER, Run
from stages.report.page_parts import Claim, Link, Table
from stages.report.pictures import PARTS, accuracy
from stages.report.wording import (
    count,
    p_cell,
    percent,
    percent_interval,
    points,
    points_interval,
    pretty,
    sentence,
    side,
    with_interval,
)

Pictures = dict[str, Picture]
NAMES = {
    "contest_unseen": "contest, held out",
    "transfer": "transfer benchmark",
    "contest_all": "contest, all questions",
}


def student_against_base(run: Run, pictures: Pictures) -> Claim:
    """The paired comparison on unseen questions, by section and benchmark."""
    result = run.tables.parts["contest_unseen"]
    gained, lost = result.gained, result.lost
    rows = [
        [
            name, f"{part.n:,}", percent(part.base), percent(part.student_mean), difference(part),
            f"{part.gained} / {part.lost}", p_cell(part.mcnemar_p), p_cell(part.holm_p),
        ]
        for name, part in [
            *((NAMES[key], run.tables.parts[key]) for key in ("contest_unseen", "transfer", "contest_all")),
            *_by_section(run),
        ]
        if part.n
    ]  # fmt: skip
    if gained is None or lost is None:
        title = "Student and base cannot be compared on questions held out"
    elif cap := capped(run):
        title = f"The student alone is right on {count(gained, 'question')}, the base model alone on {lost}, but {cap}"
    elif side(result.difference_low, result.difference_high) not in ("above", "below"):
        title = f"Student and base differ on {count(gained + lost, 'question')}, and neither can be said to be better"
    else:
        title = f"The student gains {count(gained, 'question')} that the base model gets wrong, and loses {lost}"
    return Claim(
        anchor="student",
        topic="Student against base",
        title=title,
        text=[
            "Both models were asked the same questions, so only those count on which they differ. Questions that one "
            "model alone got right are those of the seed with the median accuracy; the difference, its interval and "
            "the accuracies are over all seeds. Near-duplicate questions, as far as the rule finds them, count as one "
            "in every interval.",
            *_cut_off(run),
            *_power(result),
        ],
        links=[
            Link(f"#questions?benchmark={CONTEST}&role=unseen&change=gained", "Right from the student alone"),
            Link(f"#questions?benchmark={CONTEST}&role=unseen&change=lost", "Right from the base model alone"),
        ],
        pictures=chosen(pictures, "discordant_pairs"),
        tables=[
            Table(
                "Base and student on the same questions",
                ["Questions", "n", "Base", "Student", "Difference (95 %)", "Student / base alone", "p", "Holm p"],
                rows,
                "Difference: percentage points. p: exact McNemar. Holm p: corrected for all sections and benchmarks "
                "looked at.",
            ),
            *prompts(run),
            *by_kind(run),
            rates(run),
        ],
    )


def difference(result: Comparison) -> str:
    """A comparison's difference with its interval."""
    interval = points_interval(result.difference_low, result.difference_high)
    return with_interval(points(result.difference), interval)


def _by_section(run: Run) -> Iterator[tuple[str, SectionComparison]]:
    """The sections of each part, named."""
    for part in run.tables.sections:
        yield f"{part.part.split('_')[0]}: {pretty(part.section)}", part


def _cut_off(run: Run) -> Iterator[str]:
    for model, name, other, where in (
        (BASE, "the base model", "A student", "above"),
        ("student", "the student", "A base model", "below"),
    ):
        if model in run.cut_off:
            yield (
                f"{percent(run.cut_off[model])} of {name}’s answers ended at the token cap. {other} that writes "
                "shorter answers would be above it without solving anything better, so a student "
                f"{where} the base model says little before answers.max_tokens is raised."
            )


def _power(result: Comparison) -> Iterator[str]:
    power = result.power
    if not power:
        return
    if power.detectable is not None:
        yield sentence(
            f"By the uncertainty of this estimate, a true difference of {power.detectable:.1f} points would be found "
            "four times in five.",
            f"To find one of {power.effect:g} points takes {count(power.questions_needed, 'question')}."
            if power.questions_needed
            else None,
        )


def prompts(run: Run) -> Iterator[Table]:
    """The accuracy of the untouched base model for each way to ask it."""
    rows = [
        [
            NAMES.get(row.part, pretty(row.part)),
            pretty(row.name),
            f"{row.n:,}",
            with_interval(percent(row.accuracy), percent_interval(row.low, row.high)),
            with_interval(points(row.student_over), points_interval(row.student_over_low, row.student_over_high)),
        ]
        for row in run.tables.baselines
        if row.part in ("contest_unseen", "transfer")
    ]
    if rows:
        yield Table(
            "The untouched base model, by how it is asked",
            ["Questions", "Asked", "n", "Base (95 %)", "Student over it, points (95 %)"],
            rows,
            "Chat: as the student is asked. The other ways are answers.baselines.",
        )


def by_kind(run: Run) -> Iterator[Table]:
    """Base and student on every kind of question, where kinds are known."""
    cells = {
        (row.part, row.group, row.model): row
        for row in run.tables.accuracy
        if row.by == "family" and row.part in ("contest_unseen", "transfer")
    }
    rows = []
    for part, kind in sorted({key[:2] for key in cells}):
        base, student = cells[part, kind, "base"], cells[part, kind, "student"]
        spread = "–" if student.std is None else f"{100 * student.std:.1f}"
        name = f"{NAMES.get(part, pretty(part))}: {pretty(kind)}"
        rows.append([name, f"{student.n:,}", percent(base.accuracy), percent(student.accuracy), spread])
    if rows:
        yield Table(
            "By kind of question",
            ["Questions", "n", "Base", "Student", "Seeds’ standard deviation, points"],
            rows,
            folded=True,
        )


def rates(run: Run) -> Table:
    """Every model's accuracy on unseen questions, and how often it gave no answer or reached the token cap."""
    rows = [row for row in run.tables.accuracy if row.part == "contest_unseen" and row.by == "all"]
    return Table(
        "Every model on questions held out",
        ["Model", "Accuracy (95 %)", "Before errata", "Within rounding", "No answer", "Cut off", "Of finished"],
        [
            [
                "mean over seeds" if row.model == "student" else pretty(row.model),
                with_interval(percent(row.accuracy), percent_interval(row.low, row.high)),
                percent(row.uncorrected), percent(row.within_rounding), percent(row.no_answer),
                percent(row.truncated), percent(row.finished),
            ]
            for row in rows
        ],
        "Before errata: against the keys as first transcribed. Of finished: accuracy among answers that ended by "
        "themselves.",
    )  # fmt: skip


def seen_against_unseen(run: Run, pictures: Pictures) -> Claim:
    """The gain from having seen the questions, and the claim that the study's protocol would have made."""
    leakage = run.tables.leakage
    gap = leakage.paired["contest_unseen"]
    found = side(gap.low, gap.high)
    if run.as_the_study:
        title = "This run’s protocol is the study’s, so the two are not compared"
    elif found is None or gap.points is None:
        title = "What the study’s protocol would have claimed is not known"
    elif found != "around":
        more = "more" if found == "above" else "less"
        title = f"The study’s protocol would have shown {abs(gap.points):.1f} points {more} on the same questions"
    else:
        title = "Whether the study’s protocol changes the result on the same questions cannot be told"
    names = {
        "student": "student: trained on minus held out",
        "base": "base: the same questions",
        "inflation": "student’s gap minus base’s (leakage inflation)",
        "paper_protocol": "difference under the study’s protocol minus difference on questions held out",
    }
    gaps = {"study’s protocol minus ours, the same questions and seeds (paired)": gap}
    gaps |= {name: getattr(leakage, key) for key, name in names.items()}
    rows = [
        [name, points(one.points), points_interval(one.low, one.high) or one.reason or "–"]
        for name, one in gaps.items()
    ]
    trained = "; ".join(f"{pretty(name)} {rows_of:,}" for name, rows_of in leakage.rows.items())
    folds = run.train_split.folds if run.train_split else {}
    leaks = "; ".join(f"{pretty(name)} {fold.leaked_rows:,}" for name, fold in folds.items())
    alike = "; ".join(
        f"{pretty(name)} {fold.unseen_sharing_template:,} of {fold.unseen:,}" for name, fold in folds.items()
    )
    return Claim(
        anchor="protocol",
        topic="Held out or trained on",
        title=title,
        text=[
            "The study split its questions at random, so that many test questions, or near-duplicates of them, were "
            "in training. "
            + (
                "So does this run: near-duplicates of the questions held out may be in training."
                if run.as_the_study
                else "Here questions are held out with all near-duplicates that the rule finds, and the study’s "
                "protocol is run, too. The paired estimate compares both adapters of each seed on the same questions. "
                f"It includes that the study’s protocol trains on other numbers of rows ({trained})."
            ),
            "The other gaps compare different questions, which may differ in difficulty; the base model, which "
            "was fine-tuned on neither, shows by how much.",
            *(
                [
                    f"Training rows that a scored question, or a near-duplicate of one, is among: {leaks}.",
                    f"Questions held out that a training row equals but for its numbers: {alike}.",
                ]
                if leaks
                else []
            ),
        ],
        pictures=chosen(pictures, "seen_and_unseen"),
        tables=[
            Table("What training on a question is worth", ["Gap", "Points", "95 % interval"], rows),
            *by_heart(run),
        ],
    )


def by_heart(run: Run) -> Iterator[Table]:
    """The questions that the untouched base completes from their first half, and its accuracy on them and others."""
    rows = [
        [
            pretty(benchmark),
            f"{found.n:,}",
            with_interval(percent(found.completed), percent_interval(found.completed_low, found.completed_high)),
            percent(found.words_met),
            percent(found.base),
            "–" if found.base_where_completed is None else percent(found.base_where_completed),
        ]
        for benchmark in (CONTEST, TRANSFER)
        if (found := run.contamination and run.contamination.of(benchmark)) and found.n
    ]
    if rows:
        yield Table(
            "What the untouched base model knows by heart",
            ["Benchmark", "n", "Second halves completed (95 %)", "Words met", "Base right", "Base right on completed"],
            rows,
            "The base model is given the first half of a question as plain text. Completed: it goes on with the second "
            "half, word for word. Words met: the share of the second half before the first other word. What is not "
            "completed may still have been in its training.",
        )


def seeds_against_questions(run: Run, pictures: Pictures) -> Claim:
    """Which of the two makes the result uncertain."""
    result = run.tables.parts["contest_unseen"]
    crossed = result.crossed
    least = crossed.seeds_share_at_least if crossed else None
    most = crossed.seeds_share_at_most if crossed else None
    if least is None or most is None:
        title = "Seeds and questions cannot be told apart in this run"
    elif most < 0.4:
        title = "The questions, more than the seeds, limit what can be claimed"
    elif least > 0.5:
        title = "The seeds, more than the questions, limit what can be claimed"
    else:
        title = "Whether seeds or questions limit more what can be claimed cannot be told"
    seeds = [
        [pretty(row.model), percent(row.accuracy), f"{row.gained} / {row.lost}", p_cell(row.p)] for row in result.seeds
    ]
    return Claim(
        anchor="seeds",
        topic="Seeds and questions",
        title=title,
        text=list(_uncertainty(result, crossed)),
        links=[Link("#questions?role=unseen&student=some", "Questions on which the seeds disagree")],
        pictures=chosen(pictures, "questions_by_seed"),
        tables=[
            Table(
                "Each seed against base, on questions held out",
                ["Seed", "Accuracy", "Student / base alone", "p"],
                seeds,
            )
        ],
    )


def _uncertainty(result: Comparison, crossed: Crossed | None) -> Iterator[str]:
    if crossed:
        yield crossed.sentence
    if crossed and crossed.flip_rate is not None:
        yield f"The verdict on {percent(crossed.flip_rate)} of the questions changes with the seed."
    spread = percent_interval(crossed.t_low, crossed.t_high) if crossed else ""
    if spread:
        yield (
            f"Other seeds on these same questions would average {spread} (t interval over seeds); what other questions "
            "would give, only the interval of the result says."
        )
    elif "student_std" in result.reasons:
        yield f"{result.reasons['student_std'].capitalize()}."


def year_by_year(run: Run, pictures: Pictures) -> Claim:
    """Every year's accuracy, and whether the student was trained on it."""
    rows = []
    for part in ("contest_unseen", "contest_seen"):
        table = accuracy(run, part, "year")
        for year in sorted(set(table["group"])):
            own = table[table["group"] == year].set_index("model")
            cells = [
                with_interval(
                    percent(own["accuracy"].loc[model]), percent_interval(own["low"].loc[model], own["high"].loc[model])
                )
                for model in ("base", "student")
            ]
            rows.append([f"{year}, {PARTS[part]}", f"{own['n'].loc['base']:,}", *cells])
    return Claim(
        anchor="years",
        topic="Year by year",
        title="Every year by itself, with intervals as wide as so few questions make them",
        text=["A single year has too few questions to support a claim; together they show whether one year drives it."],
        pictures=chosen(pictures, "year_by_year"),
        tables=[Table("Accuracy by year", ["Year", "n", "Base (95 %)", "Student (95 %)"], sorted(rows), folded=True)],
    )
