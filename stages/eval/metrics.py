"""The few, flat numbers of metrics/eval.json."""

from typing import Any

HEADLINE = (
    "n", "base", "base_low", "base_high", "student_mean", "student_low", "student_high", "student_std", "difference",
    "difference_low", "difference_high", "gained", "lost", "mcnemar_p",
)  # fmt: skip
"""The names under each part; data/eval/tables.json has the rest."""


def headline(tables: dict[str, Any]) -> dict[str, Any]:
    """metrics/eval.json from the detailed tables; `reasons` says why each null is one."""
    metrics: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, result in tables["parts"].items():
        metrics[name] = {key: result[key] for key in HEADLINE}
        if "holm_p" in result:
            metrics[name]["holm_p"] = result["holm_p"]
        reasons |= {f"{name}.{key}": reason for key, reason in result["reasons"].items()}
    unseen, teacher = tables["parts"]["contest_unseen"], tables["teacher"]
    metrics["teacher"] = teacher["accuracy"]
    metrics |= {f"teacher_{key}": teacher[key] for key in ("low", "high", "n")}
    for name, key in (("leakage_inflation", "inflation"), ("paper_protocol_inflation", "paper_protocol")):
        gap = tables["leakage"][key]
        metrics |= {name: gap["points"], f"{name}_low": gap["low"], f"{name}_high": gap["high"]}
        if "reason" in gap:
            reasons[name] = gap["reason"]
    crossed, power = unseen.get("crossed", {}), unseen.get("power", {})
    metrics["flip_rate"] = crossed.get("flip_rate")
    metrics["seeds_share_of_uncertainty"] = crossed.get("seeds_share_of_uncertainty")
    metrics["detectable_difference"] = power.get("detectable")
    metrics["questions_needed"] = power.get("questions_needed")
    return metrics | {"reasons": reasons}
