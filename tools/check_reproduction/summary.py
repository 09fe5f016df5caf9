"""The result of a check for a person at a terminal, for a pull request, and for another program."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from tabulate import tabulate

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
            if divergent := first_divergence(section.outcomes):
                parts.append(_detail(divergent))
            near = [o for o in section.outcomes if o.verdict == "within tolerance"]
            if within := [f"`{o.stage}`: {line}" for o in near for line in o.differences]:
                parts.append("What differs within tolerance:\n\n" + _bullets(_first(within)))
        if self.environment:
            parts.append("### This machine is not the one that committed the outputs\n\n" + _bullets(self.environment))
        return "\n\n".join(parts) + "\n"


def _verdict(outcomes: list[Outcome]) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    return f"{len(outcomes)} stages: " + ", ".join(f"{count} {word}" for word, count in counts.items()) + "."


def _table(outcomes: list[Outcome]) -> str:
    """One row per stage."""
    rows = [(o.stage, o.promise, o.verdict, "; ".join(o.reasons).replace("\n", " ")[:200]) for o in outcomes]
    return tabulate(rows, ("stage", "promise", "verdict", "why"), tablefmt="github", disable_numparse=True)


def _detail(outcome: Outcome) -> str:
    said = _first([*outcome.reasons, *outcome.differences])
    return f"**First stage that diverges: `{outcome.stage}` ({outcome.verdict})**\n\n" + _bullets(said)


def _first(lines: list[str]) -> list[str]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN} more lines"]


def _bullets(lines: list[str]) -> str:
    return "\n".join("- " + line.replace("\n", "\n  ") for line in lines)
