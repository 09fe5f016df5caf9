"""Compare a run of the pipeline with what was committed, stage by stage, and find the first stage that diverges."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tools.check_reproduction import trees
from tools.check_reproduction.differences import changed_names, describe, distance, flatten
from tools.check_reproduction.isolated import covers
from tools.check_reproduction.pipeline import Entry, Stage
from tools.check_reproduction.tolerance import Reproduction, judge, nearest_sibling, read_metrics

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
class Run:
    """One run of the pipeline, or the committed one: its dvc.lock, its outputs, and a name for messages."""

    name: str
    lock: dict[str, Entry]
    output: Callable[[str], Path | None]
    """Gives a local path for an output, None where its content cannot be had."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why a stage failed, or what else is wrong with it, by stage."""


@dataclass(frozen=True)
class Comparison:
    """What it takes to judge stages of one run against those of another."""

    stages: list[Stage]
    committed: Run
    fresh: Run
    rules: Reproduction | None
    same_numerics: bool
    """Whether trained stages promise the same bits here: same platform, BLAS core type and numerical libraries."""
    source_changes: Callable[[list[str]], list[str]]
    """Says what changed in source files since the committed dvc.lock was written."""

    def outcomes(self) -> list[Outcome]:
        """One outcome per stage, dependencies first."""
        found: dict[str, Outcome] = {}
        for stage in self.stages:
            found[stage.name] = self._outcome(stage, found)
        return list(found.values())

    def _outcome(self, stage: Stage, earlier: dict[str, Outcome]) -> Outcome:
        trained = self.rules is not None and stage.group in self.rules.trained
        outcome = Outcome(stage.name, "statistics" if trained and not self.same_numerics else "bits", "identical")
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
        inherited = sorted(
            {name for made_by in makers.values() for name in made_by if earlier[name].verdict != "identical"}
        )
        changed = changed_names(before.outs, after.outs)
        causes = _recipe_differences(before, after) + self.source_changes(sources) + self._edited(stage, changed)
        outcome.reasons += causes
        for out in changed:
            outcome.differences += describe(out, self.committed.output(out), self.fresh.output(out))
        if outcome.verdict == "failed":
            return
        if causes:
            outcome.verdict = "different"
        elif not changed:
            outcome.reasons += (
                [f"its inputs from {', '.join(inherited)} differ, its outputs do not"] if inherited else []
            )
        elif any(not earlier[name].reproduced for name in inherited):
            outcome.verdict = "follows"
            outcome.reasons.append(f"its inputs differ: see {', '.join(inherited)}")
        elif inherited or outcome.promise == "statistics":
            self._judge(stage, outcome)
        else:
            outcome.verdict = "different"
            outcome.reasons.append(UNDECLARED)

    def _makers(self, dep: str, stage: Stage) -> list[str]:
        """The stages before this one whose outputs a dependency is, is part of, or contains."""
        before = [other for other in self.stages if other.name in stage.upstream]
        return [other.name for other in before if any(covers([out], dep) or covers([dep], out) for out in other.outs)]

    def _edited(self, stage: Stage, changed: list[str]) -> list[str]:
        """Outputs kept in git whose committed content is not what the committed dvc.lock says it is."""
        found = []
        for out in sorted(stage.kept - set(changed)):
            committed, fresh = self.committed.output(out), self.fresh.output(out)
            if committed is None or fresh is None:
                found.append(f"{out} is in dvc.lock but not in git")
            elif not trees.equal(committed, fresh):
                found.append(f"{out} was edited after the run: git holds other content than dvc.lock records")
                found += describe(out, committed, fresh)
        return found

    def _judge(self, stage: Stage, outcome: Outcome) -> None:
        """By statistics: do metrics move no further than with other seeds, and do weights stay their own seed's?"""
        outside, inside = self._metrics(stage)
        if self.rules and stage.group in self.rules.siblings:
            for number, out in enumerate(stage.outs):
                far, near = self._siblings(stage, number, out)
                outside, inside = outside + far, inside + near
        outcome.verdict = "different" if outside else "within tolerance"
        outcome.reasons += outside or ["other bits, the same statistics"]
        outcome.differences += inside

    def _metrics(self, stage: Stage) -> tuple[list[str], list[str]]:
        """Sentences on the metrics of a stage that differ: out of tolerance, and others."""
        kept = [out for out in stage.outs if out in stage.kept and out.endswith(".json")]
        before, after = self._values(self.committed, kept), self._values(self.fresh, kept)
        every = self._values(
            self.committed, [out for other in self.stages for out in other.kept if out.endswith(".json")]
        )
        return judge(before, after, every, self.rules) if self.rules else ([], [])

    def _values(self, run: Run, outs: list[str]) -> dict[str, Any]:
        paths = {out: run.output(out) for out in outs}
        return read_metrics({out: path for out, path in paths.items() if path is not None and path.exists()})

    def _siblings(self, stage: Stage, number: int, out: str) -> tuple[list[str], list[str]]:
        """A sentence on whether an output is nearer to its committed self than any other seed's is."""
        own, here = self.committed.output(out), self.fresh.output(out)
        if own is None or here is None:
            return [], []
        others = {
            other.name: self.committed.output(other.outs[number]) for other in self.stages if other.group == stage.group
        }
        gap, nearest = distance(own, here), nearest_sibling(own, {k: v for k, v in others.items() if k != stage.name})
        if gap is None or nearest is None:
            return [], []
        name, bound = nearest
        sentence = f"{out}: {gap:.3g} from the committed one, where the nearest other one ({name}) is {bound:.3g} away"
        return ([sentence], []) if gap > bound else ([], [sentence])


def first_divergence(outcomes: list[Outcome]) -> Outcome | None:
    """The first stage, in the order data flows, that did not keep its promise."""
    return next((outcome for outcome in outcomes if not outcome.reproduced), None)


def _recipe_differences(before: Entry, after: Entry) -> list[str]:
    """How the command, the parameters, and the list of dependencies differ from the committed run's."""
    old, new = flatten(before.params), flatten(after.params)
    found = [] if before.cmd == after.cmd else [f"command: {before.cmd} -> {after.cmd}"]
    found += [
        f"parameter {name}: {old.get(name, 'none')!r} -> {new.get(name, 'none')!r}" for name in changed_names(old, new)
    ]
    found += [f"dependency {name}: only in the committed run" for name in before.deps.keys() - after.deps.keys()]
    return found + [f"dependency {name}: only in this run" for name in after.deps.keys() - before.deps.keys()]
