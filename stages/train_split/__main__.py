"""Turn verified chains into training rows, in folds that hold out years or families. No fold splits near-duplicates.

    python -m stages.train_split

Reads data/parsed, data/transfer and data/verified. Writes to data/train_split:

- <fold>/{train,valid}.jsonl in mlx-lm's chat format; a problem with several chains to train on has several rows
- levels/<level>/: the same problems at every chain length
- truncated/<level>/: full chains cut to a level's length
- folds.json: the role of each problem in each fold, and which questions are alike

Writes metrics/train_split.json, too.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from distil.pipeline import chat
from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError, read_jsonl, replacing_folder, write_json, write_jsonl
from distil.pipeline.levels import LevelParams
from distil.pipeline.metrics import FoldCounts, LevelRows, TrainSplitMetrics
from distil.pipeline.numbers import rounded
from distil.pipeline.records import LEVELS, Chain, Example, Fold, Message, Problem, Split, VerifiedChain
from stages.train_split.attempts import others, read_attempts, within_pass_rate
from stages.train_split.clusters import clusters, near_duplicates, template
from stages.train_split.families import Families, families
from stages.train_split.folds import held_out_groups, hold_out, kfold_groups, leaked, paper
from stages.train_split.overlap import overlapping, without_overlap
from stages.train_split.planted import recalls
from stages.train_split.truncated import cut

Share = Annotated[float, Field(ge=0, le=1)]


class SplitParams(Params):
    """The block `train_split`."""

    protocol: Literal["held_out_years", "held_out_families", "kfold_years", "kfold_families", "paper"]
    held_out_years: list[int]
    held_out_families: list[str]
    folds: int
    paper_protocol: bool
    valid_share: float = Field(gt=0, lt=1)
    near_duplicate: float = Field(gt=0, le=1)
    overlap_words: int = Field(ge=2)
    remove_overlapping: list[Literal["transfer", "unseen"]] = Field(default_factory=list)
    pass_rate: tuple[Share, Share] = (0, 1)
    seed: int

    @model_validator(mode="after")
    def _pass_rates_in_order(self) -> "SplitParams":
        if self.pass_rate[0] > self.pass_rate[1]:
            raise ValueError(f"pass_rate is {list(self.pass_rate)}; the lower share comes first")
        return self


def main() -> None:
    """Split, write the rows of every fold and level, and count what leaks."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    params, system = load_params("train_split", SplitParams), load_params("chat", chat.ChatParams).system
    problems = sorted(read_jsonl("data/parsed/problems.jsonl", Problem), key=lambda problem: problem.id)
    transfer = sorted(read_jsonl("data/transfer/problems.jsonl", Problem), key=lambda problem: problem.id)
    refuse_common_ids(problems, transfer)
    chains: dict[str, dict[str, Chain]] = {level: {} for level in LEVELS}
    for row in read_jsonl("data/verified/accepted.jsonl", VerifiedChain):
        chains[row.chain.level][row.chain.problem_id] = row.chain

    if not any(chains.values()):
        raise InputError(
            "nothing to train on: no chain of the teacher was accepted. data/verified/rejected.jsonl has each chain and"
            " why, data/teacher_cot/failed.jsonl each problem that has none; docs/teacher.md says what to change."
        )
    sweep_params = load_params("length_sweep", LevelParams)
    if without := ", ".join(level for level in sweep_params.levels if not chains[level]):
        raise InputError(
            f"no chain of {without} was accepted. If there were any, data/verified/rejected.jsonl says what is wrong "
            f"with them; to go on without, take {without} out of length_sweep.levels."
        )

    # one list of both benchmarks, because a contest question may have its near-duplicate in the transfer benchmark
    every = [*problems, *transfer]
    attempts = read_attempts()
    trainable = set(within_pass_rate(chains["R1"], attempts, *params.pass_rate))
    extra = others(chains["R1"], attempts)
    pairs = near_duplicates(
        [problem.question for problem in every], [problem.answer for problem in every], params.near_duplicate
    )
    cluster = dict(zip((problem.id for problem in every), clusters(len(every), pairs), strict=True))
    kinds = families(problems, transfer, cluster)
    folds = make_folds(
        params, problems, set(chains["R1"]), trainable, cluster, kinds, {cluster[one.id] for one in transfer}
    )
    # the fold of the study's protocol is for comparison only, unless it is the protocol of this run
    main_folds = [name for name in folds if name != "paper"] or ["paper"]
    questions, asked = {problem.id: problem.question for problem in every}, [problem.id for problem in transfer]
    removed = dict[str, int]()
    for name in main_folds if params.remove_overlapping else []:
        fold, parts = folds[name], {"transfer": asked, "unseen": folds[name].unseen}
        judged = [question for part in params.remove_overlapping for question in parts[part]]
        folds[name] = without_overlap(fold, questions, judged, params.overlap_words)
        removed[name] = len(folds[name].unused) - len(fold.unused)
    if attempts:
        for name, fold in folds.items():
            rows = sum(1 + len(extra[problem]) for problem in fold.train)
            folds[name] = fold.model_copy(update={"train_rows": rows})
    levels = {level: found for level, found in chains.items() if found}
    # the same set of rows for every length, so that levels differ in nothing else
    sweep = same_rows(folds[main_folds[0]], levels)
    if sweep_params.levels and not (sweep.train and sweep.valid):
        counts = ", ".join(f"{level} {len(found)}" for level, found in levels.items())
        raise InputError(
            f"{len(sweep.train)} rows to train on and {len(sweep.valid)} to validate on have an accepted chain at "
            f"every level ({counts}), and the length sweep needs both. length_sweep.levels=[] goes on without a sweep."
        )

    split = Split(
        protocol=params.protocol,
        main=main_folds,
        transfer_fold=main_folds[0],
        clusters=cluster,
        families=kinds.numbers,
        family_names=kinds.names,
        families_are=kinds.kind,
        folds=folds,
    )
    # `every` begins with the contest's problems, and the second place of a pair is the higher one
    own_pairs = [pair for pair in pairs if pair[1] < len(problems)]
    sizes = Counter(cluster[problem.id] for problem in problems)
    metrics = TrainSplitMetrics(
        problems=len(problems),
        with_chain=len(chains["R1"]),
        near_duplicate_pairs=len(own_pairs),
        near_duplicate_pairs_with_transfer=sum(first < len(problems) <= second for first, second in pairs),
        clusters_of_several=sum(size > 1 for size in sizes.values()),
        **dict(recalls(problems, own_pairs)),
        families=len({kinds.of[problem.id] for problem in problems}),
        families_are=kinds.kind,
        level_rows=LevelRows(train=len(sweep.train), valid=len(sweep.valid)),
        folds={
            name: audit(
                name,
                fold,
                cluster,
                questions,
                asked,
                params.overlap_words,
                ({"removed_overlapping": removed[name]} if name in removed else {})
                | ({} if fold.train_rows is None else {"train_rows": fold.train_rows}),
            )
            for name, fold in folds.items()
        },
    )

    with replacing_folder("data/train_split") as out:
        for name, fold in folds.items():
            write_rows(out / name, fold, chains["R1"], questions, system, extra)
        for level, found in levels.items():
            write_rows(out / "levels" / level, sweep, found, questions, system)
        for level in sweep_params.controls:
            short = {name: cut(chains["R1"][name], chains[level][name]) for name in [*sweep.train, *sweep.valid]}
            write_rows(out / "truncated" / level, sweep, short, questions, system)
        write_json(out / "folds.json", split.model_dump())
        write_json("metrics/train_split.json", rounded(metrics.model_dump()))


def refuse_common_ids(problems: list[Problem], transfer: list[Problem]) -> None:
    """Raise InputError where a contest problem and a transfer problem have one id: folds tell problems apart by it."""
    of_transfer = {problem.id: problem for problem in transfer}
    for problem in problems:
        if other := of_transfer.get(problem.id):
            raise InputError(
                f"data/parsed/problems.jsonl and data/transfer/problems.jsonl both have the id {problem.id!r} (of "
                f"{problem.source} and of {other.source}). Rename the file that raw.path or transfer.path names, or "
                "give its problems other ids in a column 'id'."
            )


def make_folds(
    params: SplitParams,
    problems: list[Problem],
    with_chain: set[str],
    trainable: set[str],
    cluster: dict[str, int],
    kinds: Families,
    closed: set[int],
) -> dict[str, Fold]:
    """The folds of the chosen protocol by name, and the fold of the study's own protocol as `paper`."""

    def fold_of(held_out: set[str]) -> Fold:
        return hold_out(problems, trainable, cluster, closed, held_out, params.valid_share, params.seed)

    years = {problem.id: str(problem.year) for problem in problems}
    folds: dict[str, Fold] = {}
    match params.protocol:
        case "held_out_years":
            folds["held_out"] = held_out_groups(problems, years, params.held_out_years, "held_out_years", fold_of)
        case "held_out_families":
            folds["held_out"] = held_out_groups(
                problems, kinds.of, params.held_out_families, "held_out_families", fold_of
            )
        case "kfold_years":
            folds = kfold_groups(problems, years, params.folds, "years", fold_of)
        case "kfold_families":
            folds = kfold_groups(problems, kinds.of, params.folds, kinds.kind, fold_of)
    if params.paper_protocol or params.protocol == "paper":
        folds["paper"] = paper(problems, with_chain, trainable, params.seed)
    return folds


def same_rows(fold: Fold, levels: dict[str, dict[str, Chain]]) -> Fold:
    """The fold with only the rows that have an accepted chain at every level."""

    def everywhere(names: list[str]) -> list[str]:
        return [name for name in names if all(name in found for found in levels.values())]

    return fold.model_copy(update={"train": everywhere(fold.train), "valid": everywhere(fold.valid)})


def write_rows(
    folder: Path,
    fold: Fold,
    chains: Mapping[str, Chain],
    questions: dict[str, str],
    system: str,
    extra: Mapping[str, list[Chain]] | None = None,
) -> None:
    """Write a fold's rows as mlx-lm chat JSON lines. The training rows include the `extra` chains."""
    more = extra or {}
    for part, names, further in (("train", fold.train, more), ("valid", fold.valid, {})):
        write_jsonl(
            folder / f"{part}.jsonl",
            (
                Example(
                    messages=[
                        *chat.prompt(questions[name], system),
                        Message(role="assistant", content=chain.text),
                    ],
                    problem_id=name,
                    level=chain.level,
                )
                for name in names
                for chain in [chains[name], *further.get(name, [])]
            ),
        )


def audit(
    name: str,
    fold: Fold,
    cluster: dict[str, int],
    questions: dict[str, str],
    transfer: list[str],
    words: int,
    counted: dict[str, int],
) -> FoldCounts:
    """The counts of a fold: those `counted` already, and the word n-grams (`words` long) shared with its rows.

    A main fold is judged on its unseen problems, the study's protocol on every problem it answers. Both are judged on
    the transfer benchmark.
    """
    judged = fold.answers if name == "paper" else fold.unseen
    rows = [questions[row] for row in fold.train + fold.valid]
    # these counts use neither keys nor similarity, so they see overlap that the rule for near-duplicates does not
    templates = {template(row) for row in rows}
    shared = {
        f"{part}_sharing_{words}_words": sum(overlapping((questions[row] for row in names), rows, words))
        for part, names in (("unseen", fold.unseen), ("transfer", transfer))
    }
    return FoldCounts.model_validate(
        {
            "train": len(fold.train),
            "valid": len(fold.valid),
            "unseen": len(fold.unseen),
            "unused": len(fold.unused),
            "leaked_rows": leaked(fold, cluster, judged + transfer),
            "unseen_sharing_template": sum(template(questions[row]) in templates for row in fold.unseen),
            **shared,
            **counted,
        }
    )


if __name__ == "__main__":
    run(main)
