"""Which problems an adapter trains on, is validated on, and which are held out from it.

A fold holds problems out. It does not train on a problem whose near-duplicate is held out or is in the transfer
benchmark. The study's own protocol looked at neither, and so does the fold `paper`.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from distil.pipeline.files import InputError
from distil.pipeline.records import Fold, Problem


def hold_out(
    problems: Sequence[Problem],
    trainable: set[str],
    cluster: dict[str, int],
    closed: set[int],
    held_out: AbstractSet[str],
    valid_share: float,
    seed: int,
) -> Fold:
    """Hold out the problems `held_out`; split the trainable rest into training and validation by whole clusters.

    `closed` are clusters that may not be trained on whatever is held out (they reach into another benchmark). Raises
    InputError when nothing is left to train on.
    """
    unseen = [problem.id for problem in problems if problem.id in held_out]
    # a near-duplicate of a held-out question would give its answer away
    forbidden = closed | {cluster[name] for name in unseen}
    usable = [problem.id for problem in problems if problem.id in trainable and cluster[problem.id] not in forbidden]
    train, valid = _split(usable, cluster, valid_share, seed)
    return _fold(problems, train, valid, unseen, answers=[problem.id for problem in problems])


def held_out_groups(
    problems: Sequence[Problem],
    group_of: Mapping[str, str],
    chosen: Iterable[object],
    parameter: str,
    fold_of: Callable[[set[str]], Fold],
) -> Fold:
    """The fold that holds out every problem whose group is one of `chosen`; `group_of` names it (year or family) by id.

    Raises InputError, naming the `parameter` to change, when no problem is in one of these groups.
    """
    wanted = {str(group) for group in chosen}
    names = {problem.id for problem in problems if group_of[problem.id] in wanted}
    if not names:
        known = ", ".join(sorted({group_of[problem.id] for problem in problems}))
        raise InputError(
            f"train_split.{parameter} is {', '.join(sorted(wanted)) or 'empty'}, and no problem of data/parsed is of "
            f"these. There are {known}."
        )
    return fold_of(names)


def kfold_groups(
    problems: Sequence[Problem], group_of: Mapping[str, str], folds: int, what: str, fold_of: Callable[[set[str]], Fold]
) -> dict[str, Fold]:
    """One fold for each of `folds` sets of groups (every `folds`-th year or family), made by `fold_of(names)`.

    Each fold's adapter answers its own held-out problems and the next fold's, so that every problem has one prediction
    by an adapter that it was held out from and one by an adapter that may have been trained on it. Raises InputError
    with fewer groups than folds; `what` names the groups.
    """
    groups = sorted({group_of[problem.id] for problem in problems})
    if not 2 <= folds <= len(groups):
        raise InputError(
            f"train_split.folds is {folds}, but must be from 2 to the {len(groups)} {what} of data/parsed."
        )
    # every `folds`-th group, so that each fold holds out early and late years alike
    made = []
    for start in range(folds):
        chosen = set(groups[start::folds])
        made.append(fold_of({problem.id for problem in problems if group_of[problem.id] in chosen}))
    return {
        f"fold_{number + 1}": fold.model_copy(
            update={"answers": sorted(fold.unseen + made[(number + 1) % folds].unseen)}
        )
        for number, fold in enumerate(made)
    }


def paper(problems: Sequence[Problem], with_chain: AbstractSet[str], trainable: AbstractSet[str], seed: int) -> Fold:
    """The study's protocol: rows at random, 85 % to train, 10 % to validate, 5 % to test, whatever their year or twins.

    The rows are drawn from all problems `with_chain`; those to train and validate on that are not `trainable` are then
    left out, so that the test questions do not depend on them. The study's evaluation was over all questions, so the
    adapter answers all of them. Raises InputError when nothing is left to train or to validate on.
    """
    # shuffled before anything is left out: `trainable` must not change which questions are tested
    rows = [problem.id for problem in problems if problem.id in with_chain]
    random.Random(seed).shuffle(rows)
    train_end, valid_end = round(0.85 * len(rows)), round(0.95 * len(rows))
    train, valid = ([row for row in part if row in trainable] for part in (rows[:train_end], rows[train_end:valid_end]))
    unseen = rows[valid_end:]
    if not train or not valid:
        raise InputError(
            f"train_split: {len(rows)} verified chains, {len(trainable)} of them to train on, are too few for the "
            "study's protocol to train and validate on."
        )
    return _fold(problems, train, valid, unseen, answers=[problem.id for problem in problems])


def leaked(fold: Fold, cluster: dict[str, int], judged: Iterable[str]) -> int:
    """How many training and validation rows are, or have a near-duplicate among, the problems a result is judged on."""
    clusters = {cluster[name] for name in judged}
    return sum(cluster[name] in clusters for name in fold.train + fold.valid)


def _split(names: list[str], cluster: dict[str, int], valid_share: float, seed: int) -> tuple[list[str], list[str]]:
    members = defaultdict(list)
    for name in names:
        members[cluster[name]].append(name)
    order = list(members)
    random.Random(seed).shuffle(order)
    valid: list[str] = []
    wanted = max(1, round(valid_share * len(names)))
    # whole clusters, or the validation loss would be measured on near-copies of training rows
    while order and len(valid) < wanted:
        valid += members[order.pop()]
    train = [name for number in order for name in members[number]]
    if not train:
        raise InputError(f"train_split: {len(names)} verified chains are too few to train and validate on.")
    return train, valid


def _fold(
    problems: Sequence[Problem], train: list[str], valid: list[str], unseen: list[str], answers: list[str]
) -> Fold:
    placed = {*train, *valid, *unseen}
    unused = [problem.id for problem in problems if problem.id not in placed]
    return Fold(
        train=sorted(train),
        valid=sorted(valid),
        unseen=sorted(unseen),
        unused=sorted(unused),
        answers=sorted(answers),
    )
