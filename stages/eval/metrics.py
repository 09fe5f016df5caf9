"""The few, flat numbers of metrics/eval.json."""

from typing import TypeVar

from distil.pipeline.names import BASE
from distil.pipeline.records import projected
from distil.pipeline.results import BesideProtocol, ClaimedPartMetrics, EvalMetrics, EvalTables, Headline, PartMetrics
from distil.statistics.parts import STUDENT

Metrics = TypeVar("Metrics", bound=BesideProtocol)


def headline(tables: EvalTables) -> EvalMetrics:
    """metrics/eval.json from the detailed tables. Its `reasons` give the reason for each null."""
    teacher, teacher_unseen, transfer = tables.teacher, tables.teacher_unseen, tables.teacher_transfer
    inflation, protocol = tables.leakage.inflation, tables.leakage.paper_protocol
    unseen = tables.parts["contest_unseen"]
    crossed, power = unseen.crossed, unseen.power
    return EvalMetrics(
        contest_unseen=part(tables, "contest_unseen", ClaimedPartMetrics),
        contest_seen=part(tables, "contest_seen", PartMetrics),
        contest_all=part(tables, "contest_all", PartMetrics),
        transfer=part(tables, "transfer", ClaimedPartMetrics),
        paper_protocol=part(tables, "paper_protocol", PartMetrics),
        teacher=teacher.accuracy,
        teacher_low=teacher.low,
        teacher_high=teacher.high,
        teacher_n=teacher.n,
        teacher_unseen=teacher_unseen.accuracy,
        teacher_unseen_low=teacher_unseen.low,
        teacher_unseen_high=teacher_unseen.high,
        teacher_unseen_n=teacher_unseen.n,
        teacher_transfer=transfer.accuracy if transfer else None,
        teacher_transfer_low=transfer.low if transfer else None,
        teacher_transfer_high=transfer.high if transfer else None,
        teacher_transfer_n=transfer.n if transfer else None,
        leakage_inflation=inflation.points,
        leakage_inflation_low=inflation.low,
        leakage_inflation_high=inflation.high,
        paper_protocol_inflation=protocol.points,
        paper_protocol_inflation_low=protocol.low,
        paper_protocol_inflation_high=protocol.high,
        flip_rate=crossed.flip_rate if crossed else None,
        seeds_share_of_uncertainty=crossed.seeds_share_of_uncertainty if crossed else None,
        seeds_share_at_most=crossed.seeds_share_at_most if crossed else None,
        families_are=tables.families_are,
        detectable_difference=power.detectable if power else None,
        questions_needed=power.questions_needed if power else None,
        asked=tables.asked,
        reasons=reasons(tables),
    )


def part(tables: EvalTables, name: str, model: type[Metrics]) -> Metrics:
    """One part's numbers, with the shares of the base's and of all seeds' answers that the token cap cut off."""
    leak = tables.leakage.paired[name]
    cut_off = {row.model: row.truncated for row in tables.accuracy if row.part == name and row.by == "all"}
    return projected(
        tables.parts[name],
        model,
        leak_paired=leak.points,
        leak_paired_low=leak.low,
        leak_paired_high=leak.high,
        baselines={row.name: row.accuracy for row in tables.baselines if row.part == name},
        base_cut_off=cut_off.get(BASE),
        student_cut_off=cut_off.get(STUDENT),
    )


def reasons(tables: EvalTables) -> dict[str, str]:
    """The reason for each null in metrics/eval.json, by its place there."""
    found: dict[str, str] = {}
    for name, result in tables.parts.items():
        if leak := tables.leakage.paired[name].reason:
            found[f"{name}.leak_paired"] = leak
        found |= {f"{name}.{key}": reason for key, reason in result.reasons.items() if key in Headline.model_fields}
    for name, gap in (
        ("leakage_inflation", tables.leakage.inflation),
        ("paper_protocol_inflation", tables.leakage.paper_protocol),
    ):
        if gap.reason:
            found[name] = gap.reason
    return found
