"""Compare two runs of a pipeline, stage by stage, and say which stage diverges first, and how."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from tools.check_reproduction.differences import changed_names, changes, describe, distance
from tools.check_reproduction.isolated import covers
from tools.check_reproduction.revision import Revision, Stage
from tools.check_reproduction.run import PipelineRun
from tools.check_reproduction.tolerance import Reproduction, judge, losses_apart, nearest_sibling, read_metrics

Promise = Literal["bits", "statistics"]
Verdict = Literal["identical", "within tolerance", "different", "follows", "failed", "not run"]
SHOWN = 20
"""Most lines of differences shown in a list. The JSON has all of them."""
UNDECLARED = (
    "the same command, dependencies and parameters give other outputs than the committed ones: it is not deterministic "
    "(TWICE=1 shows that), or it reads what it does not declare, or its outputs were edited"
)


@dataclass(frozen=True)
class StageOutcome:
    """The outcome of one stage: the verdict, the reasons, and the differences in its outputs."""

    stage: str
    promise: Promise
    verdict: Verdict
    reasons: list[str]
    differences: list[str]

    @property
    def reproduced(self) -> bool:
        """Whether the stage kept its promise."""
        return self.verdict in ("identical", "within tolerance")


@dataclass(frozen=True)
class RunComparison:
    """The stages of a revision in two runs. `rules` are the tolerances, None where all stages promise the same bits."""

    revision: Revision
    committed: PipelineRun
    fresh: PipelineRun
    rules: Reproduction | None

    def outcomes(self) -> list[StageOutcome]:
        """One outcome per stage, dependencies first."""
        found: dict[str, StageOutcome] = {}
        for stage in self.revision.stages:
            promise: Promise = "statistics" if self.rules and stage.group in self.rules.trained else "bits"
            found[stage.name] = StageOutcome(stage.name, promise, *self._compare(stage, promise, found))
        return list(found.values())

    def _compare(
        self, stage: Stage, promise: Promise, earlier: dict[str, StageOutcome]
    ) -> tuple[Verdict, list[str], list[str]]:
        """The verdict on a stage, the reasons, and the differences in its outputs."""
        before, after = self.committed.lock.get(stage.name), self.fresh.lock.get(stage.name)
        if stage.name in self.fresh.problems:
            return "failed", [self.fresh.problems[stage.name]], []
        if not before:
            return "different", ["dvc.lock has no entry for it: run `dvc repro`, commit dvc.lock"], []
        if not after:
            return "not run", ["a stage before it failed"], []
        makers = {dep: self._makers(dep, earlier) for dep in changed_names(before.deps, after.deps)}
        others = {name for made_by in makers.values() for name in made_by}
        inherited = sorted(name for name in others if earlier[name].verdict != "identical")
        changed = changed_names(before.outs, after.outs)
        causes = changes(before.recipe, after.recipe)
        causes += self.revision.source_changes([dep for dep, made_by in makers.items() if not made_by])
        for out in sorted(stage.kept.difference(changed)):
            if lines := self._differences(out):
                causes += [f"{out} was edited after the run: git does not hold what dvc.lock records", *lines]
        differences = [line for out in changed for line in self._differences(out)]
        if causes:
            return "different", causes, differences
        if not changed:
            same = f"its inputs from {', '.join(inherited)} differ, its outputs do not"
            return "identical", [same] if inherited else [], []
        if any(not earlier[name].reproduced for name in inherited):
            return "follows", [f"its inputs differ: see {', '.join(inherited)}"], differences
        if self.rules and (inherited or promise == "statistics"):
            outside, inside = self._judge(stage, self.rules)
            reasons = outside or ["other bits, the same statistics"]
            return "different" if outside else "within tolerance", reasons, differences + inside
        return "different", [UNDECLARED], differences

    def _makers(self, dep: str, earlier: dict[str, StageOutcome]) -> list[str]:
        """The earlier stages with an output that is the dependency, contains it, or lies inside it."""
        before = [stage for stage in self.revision.stages if stage.name in earlier]
        return [stage.name for stage in before if covers(stage.outs, dep) or any(covers([dep], o) for o in stage.outs)]

    def _differences(self, out: str) -> list[str]:
        return describe(out, self.committed.output(out), self.fresh.output(out))

    def _judge(self, stage: Stage, rules: Reproduction) -> tuple[list[str], list[str]]:
        """Differences out of tolerance, and those within: metrics, first losses, distances to other seeds' outputs."""
        every = read_metrics((out for other in self.revision.stages for out in other.kept), self.committed.output)
        before, after = (read_metrics(stage.outs, run.output) for run in (self.committed, self.fresh))
        outside, inside = judge(before, after, every, rules)
        siblings = [one for one in self.revision.stages if one.group == stage.group in rules.siblings and one != stage]
        for number, out in enumerate(stage.outs):
            own, here = self.committed.output(out), self.fresh.output(out)
            if not own or not here:
                continue
            nearest = nearest_sibling(own, {one.name: self.committed.output(one.outs[number]) for one in siblings})
            if nearest and (gap := distance(own, here)) is not None:
                name, bound = nearest
                said = f"{gap:.3g} from the committed one, where the nearest other one ({name}) is {bound:.3g} away"
                (inside if gap < bound else outside).append(f"{out}: {said}")
            if rules.first_losses and stage.group in rules.first_losses.stages and out.endswith(".csv"):
                said, apart = losses_apart(own, here, rules.first_losses)
                (outside if apart else inside).append(f"{out}: {said}")
        return outside, inside


@dataclass(frozen=True)
class Result:
    """The result of a check.

    `environment` says how this machine differs from that of the committed run, if known. `sections` has for each
    comparison of two runs the outcomes of the stages.
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
        sections = [{"title": title, "outcomes": outcomes} for title, outcomes in asdict(self)["sections"].items()]
        return {"reproduced": self.reproduced} | asdict(self) | {"sections": sections}

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
