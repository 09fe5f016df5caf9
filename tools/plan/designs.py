"""Several designs of one study: the cost of each here, and the smallest difference that it would find."""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from distil.statistics.power import detectable
from distil.statistics.seeds import StandardErrors
from tools.plan.speed import Speed
from tools.plan.work import Block, Blocks, Work

HOUR = 3600
SHARES_APART = 0.5
"""Base and student differ on this share of the questions on which two unrelated models of the base's accuracy differ.

Greedy answers of a model and of its adapter resemble each other.
"""
CHANCE = 0.3
"""The share of one adapter's variance that other seeds would give otherwise: 0.32 in results/qwen-1.5b."""
LAST_REPLIES = 1 / 6
"""From a mean reply's length to the cap, so many steps a token: what R6 of results/qwen-1.5b took beside seed 2."""
SEEDS, ITERATIONS, CAPS, FOLDS = (1, 2, 3), (0.5, 1.0), (0.5, 1.0), (3, 5)


@dataclass(frozen=True)
class Design:
    """How many folds (1 holds out what one fold of the profile does), seeds, levels and iterations, which token cap."""

    folds: int
    seeds: int
    levels: int
    iters: int
    cap: int

    def unseen(self, held_out: int, contest: int, limit: int | None) -> int:
        """The number of questions that an adapter answers and that are held out from it."""
        return min(limit or contest, held_out if self.folds == 1 else contest)

    def hours(self, params: Blocks, work: Work, speed: Speed, reply: float) -> tuple[float, float]:
        """Training and answering, in hours of one processor.

        A student's reply has `reply` tokens, and one of a chain length's adapter is shorter as its chains are.
        """
        lora, sweep = params["lora_seed"], params["length_sweep"]
        rows = self.seeds * (self.folds * work.row + self.paper_too(params) * work.mean("paper")[0])
        rows += len(sweep["seeds"]) * sum(work.mean(name)[0] for name in self.swept(params))
        tokens = lora["batch_size"] * (self.iters * rows + params["overfit_probe"]["iters"] * work.row)
        groups = self.answers_by_group(params, work)
        answering = sum(group.seconds(params["answers"], speed, reply, self.cap) for group in groups)
        return tokens * speed.training / HOUR, answering / HOUR

    def paper_too(self, params: Blocks) -> bool:
        """Whether each seed has an adapter under the study's protocol, too: not where that is the only protocol."""
        split = params["train_split"]
        return split["paper_protocol"] and not (self.folds == 1 and split["protocol"] == "paper")

    def swept(self, params: Blocks) -> list[str]:
        """The rows of the sweep's adapters: of all lengths and controls, or of the longest and the shortest length.

        A profile without two lengths has only all of them to train on, which may be none.
        """
        rows: dict[str, str] = params["length_sweep"]["rows"]
        levels = params["length_sweep"]["levels"]
        if self.levels == len(levels) or len(levels) < 2:
            return list(rows.values())
        return [rows[levels[0]], rows[levels[-1]]]

    def answers(self, params: Blocks, work: Work) -> int:
        """The number of answers to write, within `answers.limit`."""
        return sum(group.models * group.asked for group in self.answers_by_group(params, work))

    def answers_by_group(self, params: Blocks, work: Work) -> list["Answerers"]:
        """Which models answer how many questions, within `answers.limit`.

        Of several folds each question is asked of the adapter that it is held out from and of another fold's. Both
        subsets of `answers.limit` are drawn from all questions then, and the base is asked the larger.
        """
        limit, samples = params["answers"]["limit"], params["answers"]["samples"]
        held_out, contest, transfer = work.held_out, len(work.prompts["contest"]), len(work.prompts["transfer"])
        unseen = self.unseen(held_out, contest, limit["unseen"])
        others = contest - held_out if self.folds == 1 else contest
        seen = others if limit["seen"] is None else min(limit["seen"], others)
        either = unseen + seen if self.folds == 1 else max(unseen, seen)
        second = transfer if limit["transfer"] is None else min(limit["transfer"], transfer)
        groups = [
            Answerers(1, either + second, work.prompt),
            Answerers(self.seeds, unseen + seen + second + self.paper_too(params) * either, work.prompt),
        ]
        for style in params["answers"].get("baselines", {}).values():
            groups.append(Answerers(1, unseen + second, work.prompt + (style or {}).get("shots", 0) * work.row))
        for name in self.swept(params):
            share = work.mean(name)[1] / work.reply
            asked = unseen // self.folds  # those of one fold
            groups.append(Answerers(len(params["length_sweep"]["seeds"]), asked, work.prompt, share))
        return [replace(group, asked=int(group.asked * samples)) for group in groups]


@dataclass(frozen=True)
class Answerers:
    """Models that answer `asked` prompts of `prompt` tokens; `share` is how long their replies are to a student's."""

    models: int
    asked: int
    prompt: float
    share: float = 1.0

    def seconds(self, answers: Block, speed: Speed, reply: float, cap: int) -> float:
        """How long they take, one after the other.

        PyTorch computes a full batch to the last reply, and some reply of a model reaches the cap. Most that do repeat
        themselves, which rows without a text foresee: hence LAST_REPLIES.
        """
        tokens = self.asked * min(reply * self.share, cap)
        if answers["backend"] == "torch" and not speed.whole:
            steps = LAST_REPLIES * (cap - min(reply * self.share, cap))
            tokens += min(answers["batch_size"], self.asked) * steps
        return self.models * (self.asked * self.prompt * speed.reading + tokens * speed.answering)


def designs(params: Blocks) -> Iterator[Design]:
    """The profile's own design first, then others. No design comes twice."""
    lora, cap = params["lora_seed"], params["answers"]["max_tokens"]
    iters = lora["iters"] if isinstance(lora["iters"], int) else params["overfit_probe"]["iters"] // 2
    split, levels = params["train_split"], len(params["length_sweep"]["levels"])
    folds = split["folds"] if split["protocol"] in ("kfold_years", "kfold_families") else 1
    own = Design(folds, len(lora["seeds"]), levels, iters, cap)
    larger = [
        Design(folds, seeds, some, iters, cap)
        for folds in (1, *FOLDS)
        for seeds in SEEDS
        for some in (levels, min(levels, 2))
    ]
    smaller = [
        replace(own, iters=max(1, round(share * iters)), cap=round(part * cap)) for share in ITERATIONS for part in CAPS
    ]
    yield from dict.fromkeys([own, *larger, *smaller])


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
        found = finds(apart, unseen, design.seeds)
        lines.append(
            f"{'this one' if number == 0 else '':<12}{design.folds:>5}{design.seeds:>6}{design.levels:>7}"
            f"{design.iters:>11}{design.cap:>6}{unseen:>8}{training:>12.1f}{answering:>13.1f}"
            f"{training + answering:>7.1f}"
            f"{'none' if found is None else f'{100 * found:.1f}':>15}"
        )
    return [
        *lines,
        f"found four times in five, where {100 * apart:.0f} % of the questions tell base and student apart and seeds "
        "differ by chance alone; with one seed, of that one adapter and not of others",
    ]


@functools.cache  # designs that differ in iterations or cap alone find the same
def finds(apart: float, questions: int, seeds: int) -> float | None:
    """The smallest true difference, a fraction, that a design finds four times in five.

    Each of its adapters gives another answer than the base to the share `apart` of the questions.
    """
    one = apart / questions
    interaction = CHANCE * one / seeds if seeds > 1 else 0.0
    both = one * (1 - CHANCE) + interaction if seeds > 1 else one
    return detectable(StandardErrors(math.sqrt(both), 0.0 if seeds > 1 else None, math.sqrt(interaction), seeds))
