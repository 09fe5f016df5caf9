"""The result of a check for a person at a terminal, for a pull request, and for another program."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tools.check_reproduction.compare import Outcome, first_divergence

SHOWN = 20
"""Lines of differences shown of one kind; the JSON has them all."""


@dataclass(frozen=True)
class Section:
    """One comparison: what was compared with what, and what became of each stage."""

    title: str
    outcomes: list[Outcome]


@dataclass(frozen=True)
class Result:
    """Everything a check found out."""

    revision: str
    environment: list[str]
    """How this machine differs from the one that committed the outputs; empty when it does not, or nothing is known."""
    sections: list[Section]
    notes: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        """Whether every stage of every comparison kept its promise."""
        return all(first_divergence(section.outcomes) is None for section in self.sections)

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {"reproduced": self.reproduced} | asdict(self)

    def as_text(self) -> str:
        """The result as Markdown that reads well as plain text too."""
        parts = [f"## Reproduction of {self.revision[:12]}: {'yes' if self.reproduced else 'NO'}"]
        for section in self.sections:
            parts.append(f"### {section.title}\n\n{_verdict(section.outcomes)}")
            parts.append(_table(section.outcomes))
            divergent = first_divergence(section.outcomes)
            if divergent:
                parts.append(_detail(divergent))
            within = [
                f"`{o.stage}`: {line}"
                for o in section.outcomes
                if o.verdict == "within tolerance"
                for line in o.differences
            ]
            if within:
                parts.append("What differs within tolerance:\n\n" + _bullets(_first(within)))
        if self.environment:
            parts.append("### This machine is not the one that committed the outputs\n\n" + _bullets(self.environment))
        return "\n\n".join([*parts, *self.notes]) + "\n"


def _verdict(outcomes: list[Outcome]) -> str:
    counts = [
        (word, sum(outcome.verdict == word for outcome in outcomes))
        for word in dict.fromkeys(o.verdict for o in outcomes)
    ]
    return f"{len(outcomes)} stages: " + ", ".join(f"{count} {word}" for word, count in counts) + "."


def _table(outcomes: list[Outcome]) -> str:
    """One row per stage, the columns aligned so that it reads without a renderer too."""
    rows = [("stage", "promise", "verdict", "why")]
    for outcome in outcomes:
        rows.append(
            (outcome.stage, outcome.promise, outcome.verdict, "; ".join(outcome.reasons).replace("\n", " ")[:200])
        )
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        " | ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    rule = "|".join(["-" * (width + 2) for width in widths] + ["-----"])
    return "\n".join([f"| {lines[0]} |", f"|{rule}|", *(f"| {line} |" for line in lines[1:])])


def _detail(outcome: Outcome) -> str:
    said = _first([*outcome.reasons, *outcome.differences])
    return f"**First stage that diverges: `{outcome.stage}` ({outcome.verdict})**\n\n" + _bullets(said)


def _first(lines: list[str]) -> list[str]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN} more lines"]


def _bullets(lines: list[str]) -> str:
    return "\n".join("- " + line.replace("\n", "\n  ") for line in lines)
