"""Compare a run of the pipeline with what was committed, stage by stage, and find the first stage that diverges."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tools.check_reproduction.differences import Leaves, changed_names, changes, describe, distance
from tools.check_reproduction.isolated import covers
from tools.check_reproduction.pipeline import Entry, Stage
from tools.check_reproduction.revision import Revision
from tools.check_reproduction.run import PipelineRun
from tools.check_reproduction.tolerance import Reproduction, judge, losses_apart, nearest_sibling, read_metrics

UNDECLARED = (
    "the same command, dependencies and parameters give other outputs than the committed ones: it is not deterministic "
    "(TWICE=1 shows that), or it reads what it does not declare, or its outputs were edited"
)


@dataclass
class StageOutcome:
    """What became of one stage: the verdict, why, and what differs in its outputs."""

    stage: str
    promise: Literal["bits", "statistics"]
    verdict: Literal["identical", "within tolerance", "different", "follows", "failed", "not run"] = "identical"
    reasons: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        """Whether the stage kept its promise."""
        return self.verdict in ("identical", "within tolerance")


def first_divergence(outcomes: list[StageOutcome]) -> StageOutcome | None:
    """The first stage, in the order data flows, that did not keep its promise."""
    return next((outcome for outcome in outcomes if not outcome.reproduced), None)


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
            trained = self.rules and stage.group in self.rules.trained
            found[stage.name] = outcome = StageOutcome(stage.name, "statistics" if trained else "bits")
            before, after = self.committed.lock.get(stage.name), self.fresh.lock.get(stage.name)
            if stage.name in self.fresh.problems:
                outcome.verdict = "failed"
                outcome.reasons.append(self.fresh.problems[stage.name])
            elif not before:
                outcome.verdict = "different"
                outcome.reasons.append(f"{self.committed.name} has no entry for it: run `dvc repro`, commit dvc.lock")
            elif not after:
                outcome.verdict = "not run"
                outcome.reasons.append("a stage before it failed")
            else:
                self._compare(stage, before, after, outcome, found)
        return list(found.values())

    def _compare(
        self, stage: Stage, before: Entry, after: Entry, outcome: StageOutcome, earlier: dict[str, StageOutcome]
    ) -> None:
        """Fill in the outcome of a stage that both runs have."""
        makers = {dep: self._makers(dep, stage) for dep in changed_names(before.deps, after.deps)}
        sources = [dep for dep, made_by in makers.items() if not made_by]
        others = sorted({name for made_by in makers.values() for name in made_by})
        inherited = [name for name in others if earlier[name].verdict != "identical"]
        changed = changed_names(before.outs, after.outs)
        causes = changes(before.recipe, after.recipe) + self.revision.source_changes(sources)
        for out in sorted(stage.kept.difference(changed)):
            if lines := self._differences(out):
                causes += [f"{out} was edited after the run: git does not hold what dvc.lock records", *lines]
        outcome.reasons += causes
        outcome.differences += [line for out in changed for line in self._differences(out)]
        if causes:
            outcome.verdict = "different"
        elif not changed and inherited:
            outcome.reasons.append(f"its inputs from {', '.join(inherited)} differ, its outputs do not")
        elif changed and any(not earlier[name].reproduced for name in inherited):
            outcome.verdict = "follows"
            outcome.reasons.append(f"its inputs differ: see {', '.join(inherited)}")
        elif changed and self.rules and (inherited or outcome.promise == "statistics"):
            outside, inside = self._judge(stage, self.rules)
            outcome.verdict = "different" if outside else "within tolerance"
            outcome.reasons += outside or ["other bits, the same statistics"]
            outcome.differences += inside
        elif changed:
            outcome.verdict = "different"
            outcome.reasons.append(UNDECLARED)

    def _makers(self, dep: str, stage: Stage) -> list[str]:
        """The stages before this one whose outputs a dependency is, is part of, or contains."""
        before = [other for other in self.revision.stages if other.name in stage.upstream]
        return [other.name for other in before if any(covers([out], dep) or covers([dep], out) for out in other.outs)]

    def _differences(self, out: str) -> list[str]:
        return describe(out, self.committed.output(out), self.fresh.output(out))

    def _judge(self, stage: Stage, rules: Reproduction) -> tuple[list[str], list[str]]:
        """What is out of tolerance and what is within: metrics, first losses, and distances to other seeds' outputs."""
        every = _metrics(self.committed, (out for other in self.revision.stages for out in other.kept))
        before, after = (_metrics(run, stage.outs) for run in (self.committed, self.fresh))
        outside, inside = judge(before, after, every, rules)
        siblings = [other for other in self.revision.stages if other.group == stage.group and other != stage]
        for number, out in enumerate(stage.outs):
            own, here = self.committed.output(out), self.fresh.output(out)
            if not own or not here:
                continue
            if stage.group in rules.siblings:
                nearest = nearest_sibling(own, {one.name: self.committed.output(one.outs[number]) for one in siblings})
                gap = distance(own, here)
                if gap is not None and nearest:
                    name, bound = nearest
                    said = f"{gap:.3g} from the committed one, where the nearest other one ({name}) is {bound:.3g} away"
                    (outside if gap > bound else inside).append(f"{out}: {said}")
            if rules.first_losses and stage.group in rules.first_losses.stages and out.endswith(".csv"):
                said, apart = losses_apart(own, here, rules.first_losses)
                (outside if apart else inside).append(f"{out}: {said}")
        return outside, inside


def _metrics(run: PipelineRun, outs: Iterable[str]) -> Leaves:
    """Every number in the JSON files among some outputs of a run, by file and place."""
    paths = {out: run.output(out) for out in outs if out.endswith(".json")}
    return read_metrics({out: path for out, path in paths.items() if path and path.exists()})
