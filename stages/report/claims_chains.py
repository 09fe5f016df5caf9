"""The claims about the chains: their length, the teacher's, training on them, and the published numbers."""

from collections import Counter
from collections.abc import Iterable, Iterator

from distil.pipeline.metrics import AcceptedShare
from distil.pipeline.records import LEVELS
from distil.pipeline.results import BesidePublished
from distil.pipeline.sweep_results import ControlRow, LevelNumbers, LevelRow, SweepTables
from stages.report.drawing import Picture, chosen
from stages.report.inputs import CONTEST, Run
from stages.report.page_parts import Claim, Link, Table
from stages.report.wording import (
    NOT_KNOWN,
    count,
    iterations,
    p_cell,
    percent,
    percent_interval,
    points,
    points_interval,
    pretty,
    probability,
    sentence,
    side,
    with_interval,
)

Pictures = dict[str, Picture]


def chain_length(run: Run, pictures: Pictures) -> Claim:
    """The length sweep: accuracy, words, the change from first to last level, one section and the control."""
    levels, tables = run.answered_levels, run.level_tables
    if not levels or tables is None:
        nothing = ["No student was trained on shorter chains."]
        return Claim("length", "Chain length", "This run has no length sweep", nothing)
    tests = tables.tests
    changed = side(tests.change_low, tests.change_high)
    first, last = levels[0], levels[-1]
    falling = (tests.change or 0) < 0
    wrong = "above" if falling else "below"
    against = [pair for pair in tables.pairs if side(pair.low, pair.high) == wrong and (pair.holm_p or 0) < 0.05]
    if changed is None:
        title = "With these chain lengths, no change of accuracy can be tested"
    elif changed == "around":
        title = f"No change of accuracy from {first.level} to {last.level} can be claimed"
    else:
        direction = "falls" if falling else "rises"
        steps = ", though not at every step" if against else ""
        title = f"Accuracy {direction} from {first.level} to {last.level}{steps}"
    change = _change(tests.change, tests.change_low, tests.change_high)
    over = _change(last.over_base, last.over_base_low, last.over_base_high)
    return Claim(
        anchor="length",
        topic="Chain length",
        title=title,
        text=[
            sentence(
                f"{count(len(first.seeds), 'student')} for each length, all trained on chains for the same questions "
                "and asked the same questions held out.",
                f"From {first.level} to {last.level}, accuracy goes from {percent(first.accuracy)} to "
                f"{percent(last.accuracy)}, a change of {change}, and the mean response from "
                f"{first.words:.0f} to {last.words:.0f} words."
                if len(levels) > 1
                else None,
                *(
                    f"Against it, {pair.second} is {wrong} {pair.first} "
                    f"({points_interval(pair.low, pair.high)} points)."
                    for pair in against
                    if changed in ("above", "below")
                ),
                f"{last.level} is at {over} from the untouched base model.",
            ),
            _focus(tables, run.params.length_sweep.focus),
            _control(tables),
        ],
        pictures=chosen(pictures, "section_by_level"),
        tables=[levels_table(tables), *sections_table(tables), *pairs_table(tables)],
    )


def _change(value: float | None, low: float | None, high: float | None) -> str:
    """`−66.3 points (95 % interval −72.1 to −60.0)`, or that it is not known."""
    if value is None:
        return NOT_KNOWN
    return f"{points(value)} points" + (f" (95 % interval {points_interval(low, high)})" if low is not None else "")


def _focus(tables: SweepTables, section: str) -> str:
    tests, focus = tables.tests, pretty(section)
    extra, low, high = tests.focus_extra, tests.focus_extra_low, tests.focus_extra_high
    if extra is None or low is None or high is None:
        why = tables.reasons.get("focus_extra", NOT_KNOWN)
        return f"Whether {focus} is more sensitive is not known: {why}."
    where = side(low, high)
    if where == "around":
        found = f"Whether “{focus}” loses more or less with the chains’ length than the others cannot be told"
    else:
        own = {row.level: row.accuracy or 0.0 for row in tables.sections if row.section == section}
        change = own[tables.answered[-1].level] - own[tables.answered[0].level]
        if where == "above":
            loses = "loses more" if change < 0 else "gains less"
        else:
            loses = "gains more" if change > 0 else "loses less"
        if loses.startswith("gains"):
            extra, low, high = -extra, -high, -low
        found = f"“{focus}” {loses} from the first level to the last than other sections"
    return f"{found}: {points(extra)} points (95 % interval {points_interval(low, high)})."


def _control(tables: SweepTables) -> str:
    tests = tables.tests
    low, high = tests.compressed_over_truncated_low, tests.compressed_over_truncated_high
    where = side(low, high)
    if where is None:
        why = tables.reasons.get("compressed_over_truncated", NOT_KNOWN)
        return f"Whether compressing does better than cutting short is not known: {why}."
    levels = ", ".join(row.level for row in tables.truncated)
    more = "more" if where == "above" else "less"
    if where != "around":
        found = f"Compressed chains teach {more} than full chains cut to the same length"
    else:
        found = "Whether compressed chains teach more than full chains cut to the same length cannot be told"
    value = points(tests.compressed_over_truncated)
    return f"{found} ({levels}): {value} points (95 % interval {points_interval(low, high)})."


def levels_table(tables: SweepTables) -> Table:
    """The numbers of the base model, of every level and of the control. A level without answers says so."""
    rows = [_level_row("base", tables.base), *(_level_row(row.level, row) for row in tables.levels)]
    rows += [_level_row(f"full chains cut like {row.level}", row) for row in tables.truncated]
    return Table(
        "Accuracy and words by chain length",
        [
            "Trained on", "Accuracy (95 %)", "Each seed", "Over base (95 %)", "Words of responses",
            "Words of training chains", "Length kept", "No answer", "Cut off",
        ],
        rows,
        "Words: mean, with median and range. Length kept: responses within a quarter of the length of the teacher’s "
        "chain for the same question.",
    )  # fmt: skip


def _level_row(name: str, row: LevelNumbers) -> list[str]:
    taught = row if isinstance(row, LevelRow | ControlRow) else None
    chains = (
        _words(taught.chain_words, taught.chain_words_median, taught.chain_words_min, taught.chain_words_max)
        if taught
        else "–"
    )
    if row.accuracy is None:
        return [name, NOT_KNOWN, "–", "–", "–", chains, "–", "–", "–"]
    over = (
        with_interval(points(row.over_base), points_interval(row.over_base_low, row.over_base_high))
        if isinstance(row, LevelRow)
        else "–"
    )
    return [
        name,
        with_interval(percent(row.accuracy), percent_interval(row.low, row.high)),
        ", ".join(percent(seed) for seed in row.seeds) if len(row.seeds) > 1 else "–",
        over,
        _words(row.words, row.words_median, row.words_min, row.words_max),
        chains,
        percent(taught.length_kept) if taught and taught.length_kept is not None else "–",
        percent(row.no_answer),
        percent(row.truncated),
    ]


def _words(mean: float | None, middle: float | None, low: float | None, high: float | None) -> str:
    """`24.8 (26; 10 to 45)`, or a dash."""
    if mean is None:
        return "–"
    return with_interval(f"{mean:.1f}", f"{middle:.0f}; {low:.0f} to {high:.0f}")


def sections_table(tables: SweepTables) -> Iterator[Table]:
    """Accuracy of every section at every level."""
    cells = {(row.section, row.level): row for row in tables.sections}
    levels = [level for level in LEVELS if any(key[1] == level for key in cells)]
    rows = [
        [pretty(section), *(percent(cells[section, level].accuracy) for level in levels)]
        for section in sorted({key[0] for key in cells})
    ]
    if rows:
        yield Table("Accuracy by section and level", ["Section", *levels], rows)


def pairs_table(tables: SweepTables) -> Iterator[Table]:
    """Every pair of levels: the change with its interval, and the test of these adapters."""
    rows = [
        [
            f"{pair.first} to {pair.second}",
            with_interval(points(pair.points), points_interval(pair.low, pair.high)),
            p_cell(pair.p),
            p_cell(pair.holm_p),
        ]
        for pair in tables.pairs
    ]
    if rows:
        yield Table("Every pair of levels", ["Pair", "Points (95 %)", "p", "Holm p"], rows, folded=True)


def teacher_and_verifier(run: Run) -> Claim:
    """How good the student's chains were."""
    teacher, verified = run.tables.teacher, run.verified
    interval = percent_interval(teacher.low, teacher.high)
    asked = count(teacher.n, "question")
    judged = "of the contest" if teacher.n == len(run.problems[CONTEST]) else f"of the {asked} it has a chain for"
    same, compared = run.tables.teacher_unseen, run.tables.parts["contest_unseen"].n
    chains = "" if same.n == compared else f"{same.n:,} of "
    reasons = Counter((row.reason, row.verdict.rule) for row in run.chains if row.reason and row.chain.level == "R1")
    rejected = [[pretty(reason), pretty(rule), f"{n:,}"] for (reason, rule), n in reasons.most_common()]
    return Claim(
        anchor="teacher",
        topic="Teacher and verifier",
        title=f"The teacher solves {percent(teacher.accuracy)} {judged}, and only those chains are taught",
        text=[
            f"For {with_interval(percent(teacher.accuracy), interval)} of {asked} its "
            "chain ends in an answer equivalent to the key, which the teacher is not given. A symbolic verifier "
            "decides; questions without a chain are not counted.",
            *(
                [
                    f"On {chains}the {count(compared, 'question')} that base and student are compared on it is "
                    f"{with_interval(percent(same.accuracy), percent_interval(same.low, same.high))}."
                ]
                if same.accuracy is not None
                else []
            ),
            *_on_benchmark(run),
            *_judge(run),
        ],
        links=[Link("#questions?benchmark=contest&chain=rejected", "Questions whose chain was rejected")],
        tables=[
            *_accepted(verified.by_section.items() if verified else (), "Full chains accepted by section", "Section"),
            *_accepted(verified.by_level.items() if verified else (), "Chains accepted by length", "Level"),
            *([Table("Why full chains were rejected", ["Reason", "Rule", "Chains"], rejected)] if rejected else []),
        ],
    )


def _accepted(shares: Iterable[tuple[str, AcceptedShare]], caption: str, column: str) -> Iterator[Table]:
    rows = [
        [pretty(name), f"{row.n:,}", with_interval(percent(row.share), percent_interval(row.low, row.high))]
        for name, row in shares
    ]
    if rows:
        yield Table(caption, [column, "Chains", "Accepted (95 %)"], rows)


def _on_benchmark(run: Run) -> Iterator[str]:
    found = run.tables.teacher_transfer
    if found:
        share = with_interval(percent(found.accuracy), percent_interval(found.low, found.high))
        yield f"Of {count(found.n, 'question')} of the transfer benchmark its solver answers {share} rightly."


def _judge(run: Run) -> Iterator[str]:
    judge = run.verified.judge if run.verified else None
    if not judge:
        return
    kappa = judge.kappa
    yield sentence(
        f"A model judged {count(judge.n, 'chain')}, too, without a say: it agrees on {judge.agree:,}; it alone "
        f"accepts {judge.only_judge_accepts:,}, the verifier alone {judge.only_verifier_accepts:,}.",
        f"Cohen’s kappa is {kappa:.2f}." if kappa is not None else None,
    )


def training(run: Run, pictures: Pictures) -> Claim:
    """Where training stopped, and what the over-fitting probe says about it."""
    probe = run.overfit_probe
    knobs = run.params.lora_seed
    text = [
        f"Each seed trains for {iterations(knobs.iters)} of {count(knobs.batch_size, 'row')}; the adapter of the "
        "lowest validation loss is kept."
    ]
    title = "The adapter of the lowest validation loss is kept"
    if probe:
        low, high = probe.best_iteration_low, probe.best_iteration_high
        title = f"Validation loss is lowest between iterations {low:,} and {high:,} of {probe.last_iteration:,}"
        text.append(
            f"In one long run the minimum lies at iteration {probe.best_iteration:,} (95 % interval {low:,} to "
            f"{high:,} over {count(probe.valid_problems, 'validation problem')}); from there to the end the loss "
            f"changes by {probe.rise:+.3f} ({probe.rise_low:+.3f} to {probe.rise_high:+.3f}).".replace("-", "−")
        )
    return Claim("training", "Training", title, text, pictures=chosen(pictures, "loss_curves", "overfit_probe"))


def beside_the_study(run: Run) -> Claim:
    """This run's numbers and the published ones, and whether the two can be compared at all."""
    rows = [*run.tables.published, *(run.level_tables.published if run.level_tables else [])]
    compared = [row for row in rows if row.reason is None]
    equal = sum(bool(row.equivalent) for row in compared)
    if compared:
        within = " or ".join(dict.fromkeys(f"{row.margin:g}" for row in compared))
        title = f"{equal} of {len(compared)} comparisons with published numbers show agreement within {within} points"
        hopeless = sum(row.power == 0 for row in compared)
        text = "Two one-sided tests ask whether the difference from the published number lies within the margin."
        if hopeless:
            text += (
                f" For {count(hopeless, 'comparison')} no result of this run could show that: too few questions for "
                "such a margin."
            )
    else:
        title = "These numbers cannot be compared with the study’s"
        text = (
            f"The published numbers stand beside this run’s for orientation only: "
            f"{next((row.reason for row in rows), NOT_KNOWN)}."
        )
    return Claim(
        anchor="study",
        topic="Beside the study",
        title=title,
        text=[text],
        tables=[
            Table(
                "This run beside arXiv 2606.31048",
                ["Accuracy of", "Published (n)", "This run"]
                + (["Difference", "Equal within the margin"] if compared else []),
                [
                    [
                        row.of, f"{percent(row.published)} ({row.published_n:,})", percent(row.accuracy),
                        *(_compared(row) if compared else []),
                    ]
                    for row in rows
                ],
            )
        ],
    )  # fmt: skip


def _compared(row: BesidePublished) -> list[str]:
    """The difference, and whether equivalence was shown, or whether this run could not show it."""
    if row.reason is not None:
        return ["cannot be compared", "–"]
    if row.power == 0 and not row.equivalent:
        return [points(row.difference), "cannot be shown with so few questions"]
    return [points(row.difference), f"{'yes' if row.equivalent else 'not shown'}, {probability(row.tost_p)}"]
