"""Several designs of one study: the cost of each here, and the smallest difference that it would find."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from distil.statistics.power import detectable
from distil.statistics.seeds import StandardErrors
from tools.plan.speed import Speed
from tools.plan.work import Blocks, Work

HOUR = 3600
SHARES_APART = 0.5
"""Base and student differ on this share of the questions on which two unrelated models of the base's accuracy differ.

Greedy answers of a model and of its adapter resemble each other.
"""
SEEDS, ITERATIONS, CAPS, FOLDS = (1, 2, 3), (0.5, 1.0), (0.5, 1.0), (3, 5)


@dataclass(frozen=True)
class Design:
    """How many folds by year (1 holds the profile's years out), seeds, levels and iterations, and which token cap."""

    folds: int
    seeds: int
    levels: int
    iters: int
    cap: int

    def unseen(self, held_out: int, contest: int, limit: int | None) -> int:
        """The number of questions that an adapter answers and that are held out from it."""
        return min(limit or contest, held_out if self.folds == 1 else contest)

    def hours(self, params: Blocks, work: Work, speed: Speed, reply: float) -> tuple[float, float]:
        """Training and answering, in hours."""
        lora = params["lora_seed"]
        adapters = self.seeds * (self.folds + params["train_split"]["paper_protocol"]) + self.swept(params)
        tokens = sum(work.rows) / len(work.rows) * lora["batch_size"]
        training = (adapters * self.iters + params["overfit_probe"]["iters"]) * tokens * speed.training
        answering = self.answers(params, work) * min(reply, self.cap) * speed.answering
        return training / HOUR, answering / HOUR

    def swept(self, params: Blocks) -> int:
        """The number of the sweep's adapters: one per seed for each level and, with all levels, for each control."""
        sweep = params["length_sweep"]
        return len(sweep["seeds"]) * (len(sweep["rows"]) if self.levels == len(sweep["levels"]) else self.levels)

    def answers(self, params: Blocks, work: Work) -> int:
        """The number of answers to write, within `answers.limit`."""
        limit, paper = params["answers"]["limit"], params["train_split"]["paper_protocol"]
        held_out, contest, transfer = work.held_out, len(work.prompts["contest"]), len(work.prompts["transfer"])
        unseen = self.unseen(held_out, contest, limit["unseen"])
        seen = contest - held_out if limit["seen"] is None else min(limit["seen"], contest - held_out)
        second = transfer if limit["transfer"] is None else min(limit["transfer"], transfer)
        base = unseen + seen + second + len(params["answers"].get("baselines", {})) * (unseen + second)
        a_model = unseen + seen + second + paper * (unseen + seen)
        asked = base + self.seeds * a_model + self.swept(params) * min(unseen, held_out)
        return int(asked * params["answers"]["samples"])


def designs(params: Blocks) -> Iterator[Design]:
    """The profile's own design first, then others."""
    lora, cap = params["lora_seed"], params["answers"]["max_tokens"]
    iters = lora["iters"] if isinstance(lora["iters"], int) else params["overfit_probe"]["iters"] // 2
    split, levels = params["train_split"], len(params["length_sweep"]["levels"])
    own = Design(split["folds"] if split["protocol"] == "kfold_years" else 1, len(lora["seeds"]), levels, iters, cap)
    yield own
    for folds in (1, *FOLDS):
        for seeds in SEEDS:
            for some in (levels, 2):
                if (other := Design(folds, seeds, some, iters, cap)) != own:
                    yield other
    for share in ITERATIONS:
        for part in CAPS:
            other = Design(own.folds, own.seeds, levels, round(share * iters), round(part * cap))
            if other != own:
                yield other


def table(params: Blocks, work: Work, speed: Speed, base: float, reply: float) -> list[str]:
    """One line for each design. Replies have `reply` tokens.

    `base` is the base's accuracy. The share of questions that tell base and student apart follows from it.
    """
    apart = SHARES_APART * 2 * base * (1 - base)
    head = "designs     folds seeds levels iterations   cap  unseen  training h  answering h  all h  finds, points"
    lines = [head]
    for number, design in enumerate(designs(params)):
        training, answering = design.hours(params, work, speed, reply)
        unseen = design.unseen(work.held_out, len(work.prompts["contest"]), params["answers"]["limit"]["unseen"])
        found = detectable(StandardErrors(questions=math.sqrt(apart / unseen), seeds=None))
        lines.append(
            f"{'this one' if number == 0 else '':<12}{design.folds:>5}{design.seeds:>6}{design.levels:>7}"
            f"{design.iters:>11}{design.cap:>6}{unseen:>8}{training:>12.1f}{answering:>13.1f}"
            f"{training + answering:>7.1f}"
            f"{'none' if found is None else f'{100 * found:.1f}':>15}"
        )
    return [*lines, f"found four times in five, where {100 * apart:.0f} % of the questions tell base and student apart"]
