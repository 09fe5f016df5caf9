import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil import contest
from distil.contest import FAMILIES, LIMIT, bare_steps, draw, evaluate, pool, read, worded_steps
from distil.pipeline.records import SECTIONS

WORDINGS = [
    (family, wording) for family in FAMILIES.values() for wording in (*family.wordings, family.transfer_wording)
]


def numbers_in(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


@pytest.mark.parametrize(
    ("text", "equations", "answer"),
    [
        ("If 3x + 4 = 19, find the value of x.", ["19 - 4 = 15", "15 / 3 = 5"], 5),
        ("Find the value of 2^4 + 7.", ["2 * 2 = 4", "4 * 2 = 8", "8 * 2 = 16", "16 + 7 = 23"], 23),
        ("Find the value of sqrt(20 + 16) + 7.", ["20 + 16 = 36", "sqrt(36) = 6", "6 + 7 = 13"], 13),
        ("Find the greatest common divisor of 36 and 15.", ["36 mod 15 = 6", "15 mod 6 = 3", "6 mod 3 = 0"], 3),
        (
            "If x = 4, find the value of (x^2 + 9)/5 - 2.",
            ["4 * 4 = 16", "16 + 9 = 25", "25 / 5 = 5", "5 - 2 = 3"],
            3,
        ),
        (
            "If f(x) = 3x + 2 and g(x) = 2x - 5, find g(f(4)).",
            ["3 * 4 = 12", "12 + 2 = 14", "14 * 2 = 28", "28 - 5 = 23"],
            23,
        ),
    ],
)
def test_reads_a_question_and_works_it_out(text: str, equations: list[str], answer: int) -> None:
    question = read(text)
    assert question is not None
    assert [str(step) for step in question.steps] == equations
    assert question.answer == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Find the value of 2^4 + 7. Why?",
        "If 3x + 4 = 20, find the value of x.",  # no whole number
        "Find the value of 2^4 + 99.",  # beyond the student's numbers
        "Find the value of sqrt(20 + 17) + 7.",
    ],
)
def test_what_no_family_asks_is_not_read(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "If f( x ) = 3 x + 2 and g(x)=2x - 5,\nfind g(f(4)).",
        "  If f(x) = 3x + 2 and g(x) = 2x\r\n- 5, find g( f(4) ) .",
    ],
)
def test_reads_the_white_space_of_a_text_layer(text: str) -> None:
    question = read(text)
    assert question is not None and question.answer == 23


@given(st.sampled_from(sorted(FAMILIES)), st.sampled_from(["exam", "transfer"]), st.integers(0, 2**32), st.booleans())
def test_read_is_the_inverse_of_draw(family: str, wording: contest.Wording, seed: int, for_exam: bool) -> None:
    question = draw(Random(seed), family, wording, for_exam=for_exam)
    assert read(question.text) == question
    assert read(re.sub(r" ", "\n ", question.text)).answer == question.answer  # type: ignore[union-attr]
    lines = [*bare_steps(question), *worded_steps(question, Random(seed))]
    for line in [question.text, *lines]:
        assert all(0 <= number <= LIMIT for number in numbers_in(line))
    for step in question.steps:
        assert evaluate(step.a, step.op, step.b) == step.result


@given(st.sampled_from(sorted(FAMILIES)), st.integers(0, 2**32))
def test_exams_the_transfer_contest_and_pre_training_share_no_question(family: str, seed: int) -> None:
    chosen = FAMILIES[family]
    for wording, for_exam in (("exam", True), ("transfer", True), ("exam", False), ("transfer", False)):
        question = draw(Random(seed), family, wording, for_exam=for_exam)  # type: ignore[arg-type]
        numbers = next(found.groupdict() for _, p in chosen.patterns if (found := p.fullmatch(question.text)))
        kept_for = pool(family, {name: int(digits) for name, digits in numbers.items()})
        assert kept_for == (wording if for_exam else "corpus")


def test_the_held_out_rule_does_not_change() -> None:
    """The base checkpoint was trained under it: another rule would leak exam questions into its corpus."""
    kept = [n for n in range(2, 40) if pool("cost", {"n": n, "p": 5}) != "corpus"]
    assert kept == [3, 5, 6, 7, 8, 10, 11, 14, 21, 25, 27, 28, 31, 33, 34, 36, 38]


@pytest.mark.parametrize(("family", "wording"), WORDINGS, ids=lambda value: getattr(value, "name", None))
def test_each_wording_shows_every_number_and_belongs_to_one_family(family: contest.Family, wording: str) -> None:
    assert set(re.findall(r"\{(\w+)\}", wording)) == set(family.ranges)
    sample = wording.format(**{name: 2 + i for i, name in enumerate(family.ranges)})
    readers = [other.name for other in FAMILIES.values() for _, p in other.patterns if p.fullmatch(sample)]
    assert readers == [family.name]


def test_sections_have_the_lengths_the_sweep_needs() -> None:
    lengths: dict[str, set[int]] = {}
    for name, family in FAMILIES.items():
        lengths.setdefault(family.section, set()).update(len(draw(Random(s), name).steps) for s in range(60))
    assert lengths == {SECTIONS[0]: {1, 2}, SECTIONS[1]: {2, 3, 4}, SECTIONS[2]: {4}}


def test_transfer_questions_have_larger_numbers() -> None:
    for name in FAMILIES:
        question = draw(Random(3), name, "transfer")
        assert max(number for line in bare_steps(question) for number in numbers_in(line)) > contest.TRANSFER_ABOVE


def test_steps_in_words() -> None:
    question = read("Find the value of sqrt(20 + 16) + 7.")
    assert question is not None
    assert worded_steps(question, Random(0)) == [
        "To begin, we add: 20 + 16 = 36.",
        "After that, we take the root: sqrt(36) = 6.",
        "Next we add: 6 + 7 = 13.",
    ]
    assert bare_steps(question) == ["20 + 16 = 36;", "sqrt(36) = 6;", "6 + 7 = 13;"]
