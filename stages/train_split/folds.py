"""The problems that an adapter trains on, those that it is validated on, and those that are held out from it.

A fold does not train on a problem if a near-duplicate of it is held out or is in the transfer benchmark. The study's
own protocol did not look at near-duplicates, and the fold `paper` follows it.
"""

import random
import sys
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

    `closed` are clusters that may never be trained on, because they have questions in another benchmark. Raises
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
    """The fold that holds out every problem of the `chosen` groups. `group_of` has each id's group (year or family).

    Names groups without a problem on standard error, as one may be misspelt. Raises InputError, naming the `parameter`
    to change, when no problem is in one of these groups.
    """
    wanted = {str(group) for group in chosen}
    names = {problem.id for problem in problems if group_of[problem.id] in wanted}
    if not names:
        known = ", ".join(sorted({group_of[problem.id] for problem in problems}))
        raise InputError(
            f"train_split.{parameter} is {', '.join(sorted(wanted)) or 'empty'}, and no problem of data/parsed is of "
            f"these. There are {known}."
        )
    if absent := sorted(wanted - set(group_of.values())):
        held_out = ", ".join(sorted(wanted - {*absent}))
        print(
            f"train_split.{parameter}: no problem of data/parsed is of {', '.join(absent)}; held out are those of "
            f"{held_out}.",
            file=sys.stderr,
        )
    return fold_of(names)


def kfold_groups(
    problems: Sequence[Problem], group_of: Mapping[str, str], folds: int, what: str, fold_of: Callable[[set[str]], Fold]
) -> dict[str, Fold]:
    """One fold for each of `folds` sets of groups (every `folds`-th year or family). `fold_of(names)` makes a fold.

    Each fold's adapter answers its own held-out problems and those of the next fold. So every problem is answered by an
    adapter that has not seen it, and by one that may have been trained on it. Raises InputError with fewer groups than
    folds. `what` names the groups in that message.
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
    """The study's protocol: rows at random, 85 % to train, 10 % to validate, 5 % to test. Years and twins are ignored.

    The rows are drawn from all problems `with_chain`. Rows to train and validate on that are not `trainable` are then
    left out, so that the test questions do not depend on them. The study evaluated on all questions, so the adapter
    answers all of them. Raises InputError when nothing is left to train or to validate on.
    """
    # shuffled before anything is left out, because `trainable` must not change which questions are tested
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
    """How many training and validation rows are of a problem that the result is judged on, or of a near-duplicate."""
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
    # whole clusters, because the validation loss must not be measured on near-copies of training rows
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
