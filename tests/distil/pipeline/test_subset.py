"""A subset is the same everywhere, has the same share of every stratum, and lies in every larger one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil.pipeline.records import SECTIONS, Fold, Problem, Split
from distil.pipeline.results import Asked
from distil.pipeline.subset import Limit, stratified, subset


def problem(number: int, year: int, section: str) -> Problem:
    return Problem(
        id=f"{year}/{section}/{number:02d}", year=year, section=section, number=number, question="?", answer="1",
        source="tests",
    )  # fmt: skip


CONTEST = [
    problem(number, year, section)
    for year in (2021, 2022, 2023)
    for section, size in zip(SECTIONS, (40, 40, 16), strict=True)
    for number in range(size)
]
TRANSFER = [problem(number, 0, "algebra" if number % 3 else "geometry") for number in range(90)]
BY_YEAR = {year: [p.id for p in CONTEST if p.year == year] for year in (2021, 2022, 2023)}


def split(main: list[str], **folds: tuple[list[str], list[str]]) -> Split:
    """Folds by name: what each holds out and what it answers."""
    made = {
        name: Fold(train=[], valid=[], unseen=unseen, unused=[], answers=answers)
        for name, (unseen, answers) in folds.items()
    }
    return Split(
        protocol="held_out_years", main=main, transfer_fold=main[0], clusters={}, families={}, family_names=[],
        families_are="near-duplicates", folds=made,
    )  # fmt: skip


EVERY = [p.id for p in CONTEST]
HELD_OUT = split(["held_out"], held_out=(BY_YEAR[2023], EVERY), paper=(BY_YEAR[2021][:9], EVERY))
KFOLD = split(
    ["fold_1", "fold_2", "fold_3"],
    **{
        f"fold_{number}": (BY_YEAR[2020 + number], BY_YEAR[2020 + number] + BY_YEAR[2021 + number % 3])
        for number in (1, 2, 3)
    },
)


@given(st.integers(0, len(CONTEST)))
def test_every_stratum_gives_its_share(limit: int) -> None:
    chosen = Counter(tuple(name.split("/")[:2]) for name in stratified(CONTEST, limit))
    for stratum, size in Counter((str(p.year), p.section) for p in CONTEST).items():
        assert abs(chosen[stratum] - limit * size / len(CONTEST)) < 1.5
    assert sum(chosen.values()) == limit


@given(st.permutations(TRANSFER), st.integers(1, 40))
def test_order_does_not_matter_and_small_lies_in_large(shuffled: list[Problem], limit: int) -> None:
    chosen = stratified(shuffled, limit)
    assert chosen == stratified(TRANSFER, limit)
    assert set(chosen) < set(stratified(TRANSFER, limit + 7))


def test_these_are_the_questions() -> None:
    """Not other ones in another version: a committed result is over them."""
    assert stratified(TRANSFER, 4) == ["0/algebra/35", "0/geometry/12", "0/algebra/83", "0/algebra/22"]


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [
        ({"unseen": None, "seen": None, "transfer": None}, (96, 192, 90)),
        ({"unseen": 50, "seen": 10, "transfer": 30}, (50, 10, 30)),
        ({"unseen": 500, "seen": 0, "transfer": 500}, (96, 0, 90)),
    ],
)
def test_years_held_out(limit: dict[str, int], sizes: tuple[int, int, int]) -> None:
    found = subset(CONTEST, TRANSFER, HELD_OUT, Limit(**limit))
    assert (len(found.unseen), len(found.seen), len(found.transfer)) == sizes
    assert found.unseen <= set(BY_YEAR[2023]) and not found.seen & set(BY_YEAR[2023])
    summary = found.summary()
    assert summary.unseen == Asked(n=sizes[0], of=96) and (summary.drawn == "all") == (sum(sizes) == 378)


def test_who_is_asked_what() -> None:
    found = subset(CONTEST, TRANSFER, KFOLD, Limit(unseen=30, seen=12, transfer=5))
    assert len(found.unseen) == 30 and found.seen < found.unseen, "by folds, every question is unseen once"
    unseen, both = sorted(found.unseen - found.seen)[0], sorted(found.seen)[0]
    other = next(p.id for p in CONTEST if p.id not in found.unseen)
    for name, fold, role, expected in [
        (unseen, "fold_1", "unseen", True),
        (unseen, "fold_1", "train", False),
        (both, "fold_1", "unseen", True),
        (both, "fold_1", "valid", True),
        (unseen, None, "unseen", True),
        (unseen, "paper", "train", True),
        (other, None, "unseen", False),
        (other, "paper", "unseen", False),
    ]:
        assert found.asks("contest", name, fold, role, KFOLD.main) is expected
