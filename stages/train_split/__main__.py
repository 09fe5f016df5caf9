"""Verified chains to training rows, in folds that hold out years and never split a pair of near-duplicates.

    python -m stages.train_split

Reads data/parsed, data/transfer and data/verified; writes data/train_split/<fold>/{train,valid}.jsonl in mlx-lm's chat
format, the same rows at every chain length under data/train_split/levels/<level>/, data/train_split/folds.json (what
each problem is to each fold) and metrics/train_split.json.
"""

import argparse
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from distil.pipeline import chat
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError, read_jsonl, replacing_folder, write_json, write_jsonl
from distil.pipeline.records import LEVELS, Chain, Example, Fold, Level, Message, Problem, Split, VerifiedChain
from stages.train_split.clusters import clusters, near_duplicates
from stages.train_split.folds import held_out_years, kfold_years, leaked, paper
from stages.train_split.overlap import overlapping


class ChatParams(Params):
    """The block `chat`."""

    system: str


class SweepParams(Params):
    """What this stage needs to know of the block `length_sweep`."""

    model_config = ConfigDict(extra="ignore")

    levels: list[Level] = Field(min_length=1)

    @field_validator("levels")
    @classmethod
    def _different(cls, levels: list[Level]) -> list[Level]:
        if len(set(levels)) < len(levels):
            raise ValueError("a level is listed twice")
        return levels


class SplitParams(Params):
    """The block `train_split`."""

    protocol: Literal["held_out_years", "kfold_years", "paper"]
    held_out_years: list[int]
    folds: int
    paper_protocol: bool
    valid_share: float = Field(gt=0, lt=1)
    near_duplicate: float = Field(gt=0, le=1)
    overlap_words: int = Field(ge=2)
    seed: int


def main() -> None:
    """Split, write the rows of every fold and level, and count what leaks."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params, system = load_params("train_split", SplitParams), load_params("chat", ChatParams).system
    problems = sorted(read_jsonl("data/parsed/problems.jsonl", Problem), key=lambda problem: problem.id)
    transfer = sorted(read_jsonl("data/transfer/problems.jsonl", Problem), key=lambda problem: problem.id)
    chains: dict[str, dict[str, Chain]] = {level: {} for level in LEVELS}
    for row in read_jsonl("data/verified/accepted.jsonl", VerifiedChain):
        chains[row.chain.level][row.chain.problem_id] = row.chain

    if without := ", ".join(level for level in load_params("length_sweep", SweepParams).levels if not chains[level]):
        raise InputError(
            f"no chain of {without} was accepted. If there were any, data/verified/rejected.jsonl says what is wrong "
            f"with them; to go on without, take {without} out of length_sweep.levels."
        )

    every = [*problems, *transfer]
    pairs = near_duplicates([problem.question for problem in every], params.near_duplicate)
    cluster = dict(zip((problem.id for problem in every), clusters(len(every), pairs), strict=True))
    folds = make_folds(params, problems, set(chains["R1"]), cluster, {cluster[problem.id] for problem in transfer})
    main_folds = [name for name in folds if name != "paper"] or ["paper"]
    levels = {level: found for level, found in chains.items() if found}
    sweep = same_rows(folds[main_folds[0]], levels)

    questions = {problem.id: problem.question for problem in every}
    split = Split(protocol=params.protocol, main=main_folds, transfer_fold=main_folds[0], clusters=cluster, folds=folds)
    contest = {problem.id for problem in problems}
    sizes = Counter(number for name, number in cluster.items() if name in contest)
    counts: dict[str, Any] = {
        "problems": len(problems),
        "with_chain": len(chains["R1"]),
        "near_duplicate_pairs": sum(second < len(problems) for _, second in pairs),
        "near_duplicate_pairs_with_transfer": sum(first < len(problems) <= second for first, second in pairs),
        "clusters_of_several": sum(size > 1 for size in sizes.values()),
        "level_rows": {"train": len(sweep.train), "valid": len(sweep.valid)},
        "folds": {
            name: audit(name, fold, cluster, questions, [problem.id for problem in transfer], params.overlap_words)
            for name, fold in folds.items()
        },
    }

    with replacing_folder("data/train_split") as out:
        for name, fold in folds.items():
            write_rows(out / name, fold, chains["R1"], questions, system)
        for level, found in levels.items():
            write_rows(out / "levels" / level, sweep, found, questions, system)
        write_json(out / "folds.json", split.model_dump())
        write_json("metrics/train_split.json", counts)


def make_folds(
    params: SplitParams, problems: list[Problem], trainable: set[str], cluster: dict[str, int], closed: set[int]
) -> dict[str, Fold]:
    """The folds of the chosen protocol by name, and the study's own beside them as `paper`."""
    hold_out = partial(
        held_out_years, problems, trainable, cluster, closed, valid_share=params.valid_share, seed=params.seed
    )
    folds: dict[str, Fold] = {}
    if params.protocol == "held_out_years":
        folds["held_out"] = hold_out(set(params.held_out_years))
    elif params.protocol == "kfold_years":
        folds = kfold_years(problems, params.folds, hold_out)
    if params.paper_protocol or params.protocol == "paper":
        folds["paper"] = paper(problems, trainable, params.seed)
    return folds


def same_rows(fold: Fold, levels: dict[str, dict[str, Chain]]) -> Fold:
    """The fold with only the rows that have an accepted chain at every level.

    Raises InputError when none is left to train on or to validate on.
    """

    def everywhere(names: list[str]) -> list[str]:
        return [name for name in names if all(name in found for found in levels.values())]

    same = fold.model_copy(update={"train": everywhere(fold.train), "valid": everywhere(fold.valid)})
    if not (same.train and same.valid):
        counts = ", ".join(f"{level} {len(found)}" for level, found in levels.items())
        raise InputError(
            f"{len(same.train)} rows to train on and {len(same.valid)} to validate on have an accepted chain at every "
            f"level ({counts}), and the length sweep needs both."
        )
    return same


def write_rows(folder: Path, fold: Fold, chains: dict[str, Chain], questions: dict[str, str], system: str) -> None:
    """Write a fold's training and validation rows as mlx-lm chat JSON lines."""
    for part, names in (("train", fold.train), ("valid", fold.valid)):
        write_jsonl(
            folder / f"{part}.jsonl",
            (
                Example(
                    messages=[
                        *chat.prompt(questions[name], system),
                        Message(role="assistant", content=chains[name].text),
                    ],
                    problem_id=name,
                    level=chains[name].level,
                )
                for name in names
            ),
        )


def audit(
    name: str, fold: Fold, cluster: dict[str, int], questions: dict[str, str], transfer: list[str], words: int
) -> dict[str, int]:
    """Counts of a fold: its rows, how many leak, and how many benchmark questions share a word n-gram with them.

    A main fold is judged on its unseen problems, the study's protocol on every problem it answers; both on transfer.
    """
    judged = fold.answers if name == "paper" else fold.unseen
    rows = [questions[row] for row in fold.train + fold.valid]
    return {
        "train": len(fold.train),
        "valid": len(fold.valid),
        "unseen": len(fold.unseen),
        "unused": len(fold.unused),
        "leaked_rows": leaked(fold, cluster, judged + transfer),
        f"unseen_sharing_{words}_words": overlapping((questions[row] for row in fold.unseen), rows, words),
        f"transfer_sharing_{words}_words": overlapping((questions[row] for row in transfer), rows, words),
    }


if __name__ == "__main__":
    run(main)
