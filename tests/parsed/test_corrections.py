"""A person's corrections: applied while the question is the same, reported when it is another."""

import pytest

from distil.exams.left_out import LeftOut
from distil.pipeline.files import InputError
from distil.pipeline.records import Problem
from stages.parsed.corrections import Correction, apply_corrections, read_corrections, same_question


def problem(number: int, question: str = "Find 1 + 1.", answer: str = "2") -> Problem:
    return Problem(
        id=f"2019/s/{number:02d}",
        year=2019,
        section="s",
        number=number,
        question=question,
        answer=answer,
        source="a.pdf",
    )


LEFT_OUT = LeftOut.of(problem(2, "Find the sum of 3 and 4.", "7"), "holds a bar that is not read")


def applied(**corrections: Correction):
    named = {f"2019/s/{name[1:]}": correction for name, correction in corrections.items()}
    return apply_corrections([problem(1), problem(3)], [LEFT_OUT], named)


def test_a_correction_changes_drops_or_brings_back():
    kept, without, reports = applied(
        q01=Correction(read="Find 1 + 1.", question="Find 1 + 1 in binary.", answer="10"),
        q02=Correction(read="Find the sum of 3 and 4."),
        q03=Correction(read="Find 1 + 1.", drop=True),
    )
    assert [(one.number, one.question, one.answer) for one in kept] == [
        (1, "Find 1 + 1 in binary.", "10"),
        (2, "Find the sum of 3 and 4.", "7"),
    ]
    assert kept[0].question_uncorrected == "Find 1 + 1." and kept[0].answer_uncorrected == "2"
    assert kept[0].errata == ["question: corrected by a person", "answer: corrected by a person"]
    assert [(one.number, one.reason) for one in without] == [(3, "dropped by a person")] and not reports


def test_a_correction_of_another_question_is_reported_and_not_applied():
    kept, without, reports = applied(
        q01=Correction(read="Find 1 + 2.", answer="3"),
        q02=Correction(read="Subtract 3 from 4.", answer="1"),
        q09=Correction(read="Find 9.", answer="9"),
    )
    assert kept == [problem(1), problem(3)] and without == [LEFT_OUT]
    assert [report.split(":")[0] for report in reports] == ["2019/s/01", "2019/s/02", "2019/s/09"]
    no_key = LEFT_OUT.model_copy(update={"answer": ""})
    _, without, reports = apply_corrections([], [no_key], {no_key.id: Correction(read=no_key.question)})
    assert without == [no_key] and "gives no answer" in reports[0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Find x^2 + 3x when x = 5/2.", r"Find $x^2+3x$ when $x=\frac{5}{2}$.", True),
        ("Find sqrt(49).", r"Find $\sqrt{49}$.", True),
        ("How many integers are there between 17 and 42?", "How many integers are thore between 17 and 42?", True),
        ("Find x if 2x = 6.", "Find x if 2x = 8.", False),
        ("Find the sum of 3 and 4.", "Find the product of 3 and 4.", False),
    ],
)
def test_readers_and_notations_do_not_make_another_question(one, other, same):
    assert same_question(one, other) is same


def test_the_file_is_checked(tmp_path):
    path = tmp_path / "corrections.yaml"
    assert read_corrections(path) == {}
    path.write_text('# exported\n"2019/s/01": {"read": "Find \\"x\\".", "answer": "2"}\n')
    assert read_corrections(path) == {"2019/s/01": Correction(read='Find "x".', answer="2")}
    for content in (
        "- 1",
        '"2019/s/01": {"answer": "2"}',
        '"2019/s/01": {"read": "x", "anser": "2"}',
        '"2019/s/01": {"read": "x", "answer": " "}',
        '"2019/s/01": {"read": "x", "question": ""}',
        '"2019/s/01": {"read": "x", "answer": "2"}\n"2019/s/01": {"read": "x", "answer": "3"}',
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=r"(?s)corrections.yaml.*make review"):
            read_corrections(path)
