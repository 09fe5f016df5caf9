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
        for title, outcomes in ((section.title, section.outcomes) for section in self.sections):
            counts = Counter(outcome.verdict for outcome in outcomes)
            told = ", ".join(f"{count} {word}" for word, count in counts.items())
            rows = [(o.stage, o.promise, o.verdict, "; ".join(o.reasons).replace("\n", " ")[:200]) for o in outcomes]
            header = ("stage", "promise", "verdict", "why")
            parts.append(f"### {title}\n\n{len(outcomes)} stages: {told}.")
            parts.append(tabulate(rows, header, tablefmt="github", disable_numparse=True))
            if first := first_divergence(outcomes):
                parts.append(f"**First stage that diverges: `{first.stage}` ({first.verdict})**")
                parts.append(_bullets([*first.reasons, *first.differences]))
            near = [outcome for outcome in outcomes if outcome.verdict == "within tolerance"]
            if within := [f"`{outcome.stage}`: {line}" for outcome in near for line in outcome.differences]:
                parts += ["What differs within tolerance:", _bullets(within)]
        if self.environment:
            parts += ["### This machine is not the one that committed the outputs", _bullets(self.environment)]
        return "\n\n".join(parts) + "\n"


def _bullets(lines: list[str]) -> str:
    shown = lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN} more lines"]
    return "\n".join("- " + line.replace("\n", "\n  ") for line in shown)
