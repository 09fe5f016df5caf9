"""The claims about the chains: their length, the teacher's, training on them, and the published numbers."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from distil.pipeline.records import LEVELS
from stages.report.drawing import Picture, chosen
from stages.report.inputs import Run
from stages.report.page_parts import Claim, Link, Table
from stages.report.wording import (
    NOT_KNOWN,
    count,
    iterations,
    p_cell,
    percent,
    percent_interval,
    points,
    pretty,
    probability,
    sentence,
    signed,
    with_interval,
)

Pictures = dict[str, Picture]


def chain_length(run: Run, pictures: Pictures) -> Claim:
    """The length sweep: accuracy, words, trend, and whether one section suffers more."""
    levels = run.answered_levels
    if not levels:
        nothing = ["No student was trained on shorter chains."]
        return Claim("length", "Chain length", "This run has no length sweep", nothing)
    tests, reasons = run.level_tables["tests"], run.level_tables["reasons"]
    trend = tests["trend_p"]
    falling = (tests["trend_z"] or 0) < 0
    against = [
        pair
        for pair in run.level_tables["pairs"]
        if pair["holm_p"] < 0.05 and (pair["gained"] > pair["lost"]) == falling
    ]
    if trend is None:
        title = "With these levels, no trend over chain length can be tested"
    elif trend < 0.05:
        direction = "falls" if falling else "rises"
        title = f"Accuracy {direction} as the chains get shorter{', though not at every step' if against else ''}"
    else:
        title = "No trend over chain length can be claimed"
    first, last = levels[0], levels[-1]
    return Claim(
        anchor="length",
        topic="Chain length",
        title=title,
        text=[
            sentence(
                "One student for each length, all trained on the same questions with chains compressed step by step "
                "from one set, and asked the same unseen questions.",
                f"From {first['level']} to {last['level']}, accuracy goes from {percent(first['accuracy'])} to "
                f"{percent(last['accuracy'])} and the mean response from {first['words']:.0f} to {last['words']:.0f} "
                "words."
                if len(levels) > 1
                else None,
                f"Page’s trend test over the same questions: {probability(trend)}."
                if trend is not None
                else f"No trend: {reasons.get('trend_p', NOT_KNOWN)}.",
                *(
                    f"Against it, {pair['second']} is {'above' if falling else 'below'} {pair['first']} "
                    f"(Holm {probability(pair['holm_p'])})."
                    for pair in against
                    if trend is not None
                ),
            ),
            _focus(run),
        ],
        pictures=chosen(pictures, "section_by_level"),
        tables=[levels_table(run), *sections_table(run), *pairs_table(run)],
    )


def _focus(run: Run) -> str:
    extra, low, high = (run.level_tables["tests"][f"focus_extra{end}"] for end in ("", "_low", "_high"))
    focus = pretty(run.params["length_sweep"]["focus"])
    if extra is None:
        return f"Whether {focus} is more sensitive is not known: {run.level_tables['reasons'].get('slope', NOT_KNOWN)}."
    if low > 0 or high < 0:
        found = f"“{focus}” is {'more' if low > 0 else 'less'} sensitive to the chains’ length than the other sections"
    else:
        found = f"Whether “{focus}” is more or less sensitive to the chains’ length than the others cannot be told"
    return (
        f"{found}: per unit of log words, its log odds of a right answer change by {abs(extra):.2f} "
        f"{'more' if extra > 0 else 'less'} than theirs (95 % interval {signed(low, 2)} to {signed(high, 2)})."
    )


def levels_table(run: Run) -> Table:
    """Every level's numbers; a level without answers says so."""
    rows = []
    for entry in run.level_tables["levels"]:
        known = entry["accuracy"] is not None
        rows.append(
            [
                entry["level"],
                with_interval(percent(entry["accuracy"]), percent_interval(entry["low"], entry["high"])),
                f"{entry['words']:.1f}" if known else "–",
                f"{entry['chain_words']:.1f}" if entry["chain_words"] is not None else "–",
                percent(entry["no_answer"]) if known else "–",
                percent(entry["truncated"]) if known else "–",
            ]
        )
    return Table(
        "Accuracy and words by chain length",
        ["Level", "Accuracy (95 %)", "Words of responses", "Words of training chains", "No answer", "Cut off"],
        rows,
    )


def sections_table(run: Run) -> Iterator[Table]:
    """Accuracy of every section at every level."""
    cells = {(row["section"], row["level"]): row for row in run.level_tables.get("sections", [])}
    levels = [level for level in LEVELS if any(key[1] == level for key in cells)]
    rows = [
        [pretty(section), *(percent(cells[section, level]["accuracy"]) for level in levels)]
        for section in sorted({key[0] for key in cells})
    ]
    if rows:
        yield Table("Accuracy by section and level", ["Section", *levels], rows)


def pairs_table(run: Run) -> Iterator[Table]:
    """McNemar's test of every pair of levels."""
    rows = [
        [
            f"{pair['first']} to {pair['second']}",
            f"{pair['gained']} / {pair['lost']}",
            p_cell(pair["p"]),
            p_cell(pair["holm_p"]),
        ]
        for pair in run.level_tables["pairs"]
    ]
    if rows:
        yield Table("Every pair of levels", ["Pair", "Gained / lost", "p", "Holm p"], rows, folded=True)


def teacher_and_verifier(run: Run) -> Claim:
    """How good the chains were that the student learnt from."""
    teacher, verified = run.tables["teacher"], run.metrics["verified"]
    interval = percent_interval(teacher["low"], teacher["high"])
    reasons = Counter((row.reason, row.verdict.rule) for row in run.chains if row.reason and row.chain.level == "R1")
    rejected = [[pretty(reason), pretty(rule), f"{n:,}"] for (reason, rule), n in reasons.most_common()]
    return Claim(
        anchor="teacher",
        topic="Teacher and verifier",
        title=f"The teacher solves {percent(teacher['accuracy'])} of the contest, and only those chains are taught",
        text=[
            f"For {with_interval(percent(teacher['accuracy']), interval)} of {count(teacher['n'], 'question')} its "
            "chain ends in an answer equivalent to the key, which the teacher never sees. A symbolic verifier decides; "
            "a question without a chain counts as not solved.",
            *_judge(run),
        ],
        links=[Link("#questions?benchmark=contest&chain=rejected", "Questions whose chain was rejected")],
        tables=[
            *_accepted(verified, "by_section", "Full chains accepted by section", "Section"),
            *_accepted(verified, "by_level", "Chains accepted by length", "Level"),
            *([Table("Why full chains were rejected", ["Reason", "Rule", "Chains"], rejected)] if rejected else []),
        ],
    )


def _accepted(verified: dict[str, Any], key: str, caption: str, column: str) -> Iterator[Table]:
    rows = [
        [pretty(name), f"{row['n']:,}", with_interval(percent(row["share"]), percent_interval(row["low"], row["high"]))]
        for name, row in verified.get(key, {}).items()
    ]
    if rows:
        yield Table(caption, [column, "Chains", "Accepted (95 %)"], rows)


def _judge(run: Run) -> Iterator[str]:
    judge = run.metrics["verified"].get("judge")
    if not judge:
        return
    kappa = judge["kappa"]
    yield sentence(
        f"A model judged {count(judge['n'], 'chain')}, too, without a say: it agrees on {judge['agree']:,}; it alone "
        f"accepts {judge['only_judge_accepts']:,}, the verifier alone {judge['only_verifier_accepts']:,}.",
        f"Cohen’s kappa is {kappa:.2f}." if kappa is not None else None,
    )


def training(run: Run, pictures: Pictures) -> Claim:
    """Where training stopped, and what the over-fitting probe says about it."""
    probe = run.metrics["overfit_probe"]
    knobs = run.params["lora_seed"]
    text = [
        f"Each seed trains for {iterations(knobs['iters'])} of {count(knobs['batch_size'], 'row')}; the adapter of the "
        "lowest validation loss is kept."
    ]
    title = "The adapter of the lowest validation loss is kept"
    if probe:
        low, high = probe["best_iteration_low"], probe["best_iteration_high"]
        title = f"Validation loss is lowest near iteration {probe['best_iteration']:,} of {probe['last_iteration']:,}"
        text.append(
            f"In one long run the minimum lies at iteration {probe['best_iteration']:,} (95 % interval {low:,} to "
            f"{high:,} over {count(probe['valid_problems'], 'validation problem')}); from there to the end the loss "
            f"changes by {probe['rise']:+.3f} ({probe['rise_low']:+.3f} to {probe['rise_high']:+.3f}).".replace(
                "-", "−"
            )
        )
    return Claim("training", "Training", title, text, pictures=chosen(pictures, "loss_curves", "overfit_probe"))


def beside_the_study(run: Run) -> Claim:
    """This run's numbers beside the published ones, and whether they may be compared at all."""
    rows = [*run.tables["published"], *run.level_tables.get("published", [])]
    compared = [row for row in rows if row["reason"] is None]
    equal = sum(bool(row["equivalent"]) for row in compared)
    if compared:
        title = f"{equal} of {len(compared)} published numbers are reproduced within {compared[0]['margin']:.0f} points"
        text = "Two one-sided tests ask whether the difference from the published number lies within the margin."
    else:
        title = "These numbers cannot be compared with the study’s"
        text = (
            f"The published numbers stand beside this run’s for orientation only: "
            f"{next((row['reason'] for row in rows), NOT_KNOWN)}."
        )
    return Claim(
        anchor="study",
        topic="Beside the study",
        title=title,
        text=[text],
        tables=[
            Table(
                "This run beside arXiv 2606.31048",
                ["Accuracy of", "Published (n)", "This run", "Difference", "Equal within the margin"],
                [
                    [
                        row["of"],
                        f"{percent(row['published'])} ({row['published_n']:,})",
                        percent(row["accuracy"]),
                        points(row["difference"]) if row["reason"] is None else "cannot be compared",
                        "–" if row["reason"] is not None
                        else f"{'yes' if row['equivalent'] else 'not shown'}, {probability(row['tost_p'])}",
                    ]
                    for row in rows
                ],
            )
        ],
    )  # fmt: skip
