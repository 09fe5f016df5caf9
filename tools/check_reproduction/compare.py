"""Compare a run of the pipeline with what was committed, stage by stage, and find the first stage that diverges."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tools.check_reproduction.differences import changed_names, describe, distance, flatten
from tools.check_reproduction.isolated import covers
from tools.check_reproduction.pipeline import Entry, Stage
from tools.check_reproduction.revision import Revision
from tools.check_reproduction.run import Run
from tools.check_reproduction.tolerance import Reproduction, judge, losses_apart, nearest_sibling, read_metrics

UNDECLARED = (
    "the same command, dependencies and parameters give other outputs than the committed ones: it is not deterministic "
    "(TWICE=1 shows that), or it reads what it does not declare, or its outputs were edited"
)
Word = Literal["identical", "within tolerance", "different", "follows", "failed", "not run"]


@dataclass
class Outcome:
    """What became of one stage: the verdict, why, and what differs in its outputs."""

    stage: str
    promise: str
    verdict: Word
    reasons: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        """Whether the stage kept its promise."""
        return self.verdict in ("identical", "within tolerance")


@dataclass(frozen=True)
class Comparison:
    """What it takes to judge the stages of one run against those of another.

    `rules` are the tolerances, None where every stage promises the same bits.
    """

    revision: Revision
    committed: Run
    fresh: Run
    rules: Reproduction | None

    def outcomes(self) -> list[Outcome]:
        """One outcome per stage, dependencies first."""
        found: dict[str, Outcome] = {}
        for stage in self.revision.stages:
            found[stage.name] = self._outcome(stage, found)
        return list(found.values())

    def _outcome(self, stage: Stage, earlier: dict[str, Outcome]) -> Outcome:
        promise = "statistics" if self.rules and stage.group in self.rules.trained else "bits"
        outcome = Outcome(stage.name, promise, "identical")
        before, after = self.committed.lock.get(stage.name), self.fresh.lock.get(stage.name)
        if before is None:
            outcome.verdict = "different"
            outcome.reasons.append(f"{self.committed.name} has no entry for it: run `dvc repro` and commit dvc.lock")
        if stage.name in self.fresh.problems:
            outcome.verdict = "failed"
            outcome.reasons.append(self.fresh.problems[stage.name])
        elif after is None:
            outcome.verdict = "not run"
            outcome.reasons.append("a stage before it failed")
        if before and after:
            self._compare(stage, before, after, outcome, earlier)
        return outcome

    def _compare(
        self, stage: Stage, before: Entry, after: Entry, outcome: Outcome, earlier: dict[str, Outcome]
    ) -> None:
        """Fill in the outcome of a stage that both runs have."""
        makers = {dep: self._makers(dep, stage) for dep in changed_names(before.deps, after.deps)}
        sources = [dep for dep, made_by in makers.items() if not made_by]
        others = sorted({name for made_by in makers.values() for name in made_by})
        inherited = [name for name in others if earlier[name].verdict != "identical"]
        changed = changed_names(before.outs, after.outs)
        causes = _recipe_differences(before, after) + self.revision.source_changes(sources)
        for out in sorted(stage.kept.difference(changed)):
            if lines := describe(out, self.committed.output(out), self.fresh.output(out)):
                causes += [f"{out} was edited after the run: git does not hold what dvc.lock records", *lines]
        outcome.reasons += causes
        for out in changed:
            outcome.differences += describe(out, self.committed.output(out), self.fresh.output(out))
        if outcome.verdict == "failed":
            return
        if causes:
            outcome.verdict = "different"
        elif not changed and inherited:
            outcome.reasons.append(f"its inputs from {', '.join(inherited)} differ, its outputs do not")
        elif not changed:
            return
        elif any(not earlier[name].reproduced for name in inherited):
            outcome.verdict = "follows"
            outcome.reasons.append(f"its inputs differ: see {', '.join(inherited)}")
        elif self.rules and (inherited or outcome.promise == "statistics"):
            self._judge(stage, outcome, self.rules)
        else:
            outcome.verdict = "different"
            outcome.reasons.append(UNDECLARED)

    def _makers(self, dep: str, stage: Stage) -> list[str]:
        """The stages before this one whose outputs a dependency is, is part of, or contains."""
        before = [other for other in self.revision.stages if other.name in stage.upstream]
        return [other.name for other in before if any(covers([out], dep) or covers([dep], out) for out in other.outs)]

    def _judge(self, stage: Stage, outcome: Outcome, rules: Reproduction) -> None:
        """By statistics: do metrics move no further than with other seeds, and do weights stay their own seed's?"""
        every = _metrics(self.committed, (out for other in self.revision.stages for out in other.kept))
        before, after = (_metrics(run, stage.outs) for run in (self.committed, self.fresh))
        outside, inside = judge(before, after, every, rules)
        for number, out in enumerate(stage.outs if stage.group in rules.siblings else ()):
            own, here = self.committed.output(out), self.fresh.output(out)
            siblings = [other for other in self.revision.stages if other.group == stage.group and other != stage]
            nearest = nearest_sibling(
                own, {other.name: self.committed.output(other.outs[number]) for other in siblings}
            )
            gap = distance(own, here) if own and here else None
            if gap is not None and nearest:
                name, bound = nearest
                (outside if gap > bound else inside).append(
                    f"{out}: {gap:.3g} from the committed one, where the nearest other one ({name}) is {bound:.3g} away"
                )
        if rules.first_losses and stage.group in rules.first_losses.stages:
            for out in (out for out in stage.kept if out.endswith(".csv")):
                own, here = self.committed.output(out), self.fresh.output(out)
                if own and here:
                    said, apart = losses_apart(own, here, rules.first_losses)
                    (outside if apart else inside).append(f"{out}: {said}")
        outcome.verdict = "different" if outside else "within tolerance"
        outcome.reasons += outside or ["other bits, the same statistics"]
        outcome.differences += inside


def first_divergence(outcomes: list[Outcome]) -> Outcome | None:
    """The first stage, in the order data flows, that did not keep its promise."""
    return next((outcome for outcome in outcomes if not outcome.reproduced), None)


def _metrics(run: Run, outs: Iterable[str]) -> dict[str, Any]:
    """Every number in the JSON files among some outputs of a run, by file and place."""
    paths = {out: run.output(out) for out in outs if out.endswith(".json")}
    return read_metrics({out: path for out, path in paths.items() if path and path.exists()})


def _recipe_differences(before: Entry, after: Entry) -> list[str]:
    """How the command, the parameters, and the list of dependencies differ from the committed run's."""
    old, new = _recipe(before), _recipe(after)
    return [f"{name}: {old.get(name, 'none')} -> {new.get(name, 'none')}" for name in changed_names(old, new)]


def _recipe(entry: Entry) -> dict[str, Any]:
    parameters = {f"parameter {name}": value for name, value in flatten(entry.params).items()}
    return {"command": entry.cmd} | parameters | {f"dependency {name}": "declared" for name in entry.deps}
