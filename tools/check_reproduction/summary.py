"""The result of a check for a person at a terminal, for a pull request, and for another program."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from tools.check_reproduction.compare import StageOutcome

SHOWN = 20
"""Lines of differences shown of one kind; the JSON has them all."""


@dataclass(frozen=True)
class Result:
    """Everything a check found out.

    `environment` says how this machine differs from the committed run's, if known. `sections` hold what became of each
    stage, by what was compared with what.
    """

    revision: str
    environment: list[str]
    sections: dict[str, list[StageOutcome]]

    @property
    def reproduced(self) -> bool:
        """Whether every stage of every comparison kept its promise."""
        return all(outcome.reproduced for outcomes in self.sections.values() for outcome in outcomes)

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        found = asdict(self)
        sections = [{"title": title, "outcomes": outcomes} for title, outcomes in found["sections"].items()]
        return {"reproduced": self.reproduced} | found | {"sections": sections}

    def as_text(self) -> str:
        """The result as Markdown that reads well as plain text too."""
        parts = [f"## Reproduction of {self.revision[:12]}: {'yes' if self.reproduced else 'NO'}"]
        for title, outcomes in self.sections.items():
            table = pd.DataFrame(outcomes)
            counts = table["verdict"].value_counts(sort=False)
            told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
            table["why"] = table["reasons"].str.join("; ").str.replace("\n", " ").str[:200]
            parts.append(f"### {title}\n\n{len(table)} stages: {told}.")
            parts.append(table[["stage", "promise", "verdict", "why"]].to_markdown(index=False, disable_numparse=True))
            if first := next((outcome for outcome in outcomes if not outcome.reproduced), None):
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
