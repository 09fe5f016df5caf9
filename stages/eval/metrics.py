"""The few, flat numbers of metrics/eval.json."""

from typing import Any

from stages.eval.tables import STUDENT

EVERY = (
    "n", "base", "student_mean", "student_std", "difference", "difference_low", "difference_high",
    "difference_low_families", "difference_high_families", "families", "mcnemar_p",
)  # fmt: skip
"""The names under each part; data/eval/tables.json has the rest."""
CLAIMS = ("base_low", "base_high", "student_low", "student_high", "gained", "lost", "holm_p")
"""What the parts that a claim rests on, unseen questions and transfer, have in addition."""


def cut_off(rows: list[dict[str, Any]], part: str) -> dict[str, Any]:
    """The shares of answers that ended at the token cap, of the base model and over all seeds."""
    found = {row["model"]: row["truncated"] for row in rows if row["part"] == part and row["by"] == "all"}
    return {"base_cut_off": found.get("base"), "student_cut_off": found.get(STUDENT)}


def headline(tables: dict[str, Any]) -> dict[str, Any]:
    """metrics/eval.json from the detailed tables; `reasons` says why each null is one."""
    metrics: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, result in tables["parts"].items():
        names = (*EVERY, *CLAIMS) if "holm_p" in result else EVERY
        metrics[name] = {key: result[key] for key in names}
        leak = tables["leakage"]["paired"][name]
        metrics[name] |= {
            "leak_paired": leak["points"],
            "leak_paired_low": leak["low"],
            "leak_paired_high": leak["high"],
        }
        metrics[name]["baselines"] = {
            row["name"]: row["accuracy"] for row in tables["baselines"] if row["part"] == name
        }
        if "reason" in leak:
            reasons[f"{name}.leak_paired"] = leak["reason"]
        reasons |= {f"{name}.{key}": reason for key, reason in result["reasons"].items() if key in names}
        metrics[name] |= cut_off(tables["accuracy"], name)
    unseen, teacher = tables["parts"]["contest_unseen"], tables["teacher"]
    metrics["teacher"] = teacher["accuracy"]
    metrics |= {f"teacher_{key}": teacher[key] for key in ("low", "high", "n")}
    metrics["teacher_unseen"] = tables["teacher_unseen"]["accuracy"]
    metrics |= {f"teacher_unseen_{key}": tables["teacher_unseen"][key] for key in ("low", "high", "n")}
    for name, key in (("leakage_inflation", "inflation"), ("paper_protocol_inflation", "paper_protocol")):
        gap = tables["leakage"][key]
        metrics |= {name: gap["points"], f"{name}_low": gap["low"], f"{name}_high": gap["high"]}
        if "reason" in gap:
            reasons[name] = gap["reason"]
    crossed, power = unseen.get("crossed", {}), unseen.get("power", {})
    metrics["flip_rate"] = crossed.get("flip_rate")
    metrics["seeds_share_of_uncertainty"] = crossed.get("seeds_share_of_uncertainty")
    metrics["seeds_share_at_most"] = crossed.get("seeds_share_at_most")
    metrics["families_are"] = tables["families_are"]
    metrics["detectable_difference"] = power.get("detectable")
    metrics["questions_needed"] = power.get("questions_needed")
    return metrics | {"asked": tables["asked"], "reasons": reasons}
