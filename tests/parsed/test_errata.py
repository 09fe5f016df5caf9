import pytest

from distil.pipeline.files import InputError
from distil.pipeline.records import Problem
from stages.parsed.errata import Erratum, apply_errata, corrected, read_errata


@pytest.mark.parametrize(
    ("text", "transcribed", "printed", "expected"),
    [
        ("a circle of area 4π. Find A.", "area 4π", "area Aπ", "a circle of area Aπ. Find A."),
        ("Divide x³ - 2x³ + x by 2.", "x^3 - 2x^3", "x^5 - 2x^3", "Divide x^5 - 2x^3 + x by 2."),
        ("points A(6,k) and B(1,w) on it", "B(1, w)", "B(11, w)", "points A(6,k) and B(11, w) on it"),
        ("(log₂ 625)(log₂₅ 20)(log₂ 25)", "log_2(25)", "log_5(25)", "(log₂ 625)(log₂₅ 20)(log_5(25))"),
        ("Let k = 1/a + 1/bc + 1/ac.", "1/a", "1/(ab)", "Let k = 1/(ab) + 1/bc + 1/ac."),
        ("he wins $64, else $640", "$64", "$108", "he wins $108, else $640"),
        ("{log₂(x) = log₇(y), 9y³ = 8}", "log_7(y) and 9y^3", "log_2(y) and 9y^2", "{log₂(x) = log_2(y), 9y^2 = 8}"),
        ("term two is 2/5 and term four 1/5.", "2/5 and 1/5", "2/3 and 1/3", "term two is 2/3 and term four 1/3."),
        ("with tan(A) = −3/5, find it", "tan = -3/5", "tan = -3/4", "with tan(A) = -3/4, find it"),
        ("Let x = ³√(33 + ...)", "nested cube roots", "nested square roots", None),
        ("log_b ⁴√135b", "fourth root", "cube root of 135b", None),
        ("|7 0 4; x 5 -2| = 158", "third row dropped", "3x3 determinant", None),
        ("2x = 3 and 2x = 4", "2x", "5x", None),
        ("44", "44", "11 (as printed; 44 is mathematically right)", None),
        ("26", "26", "2√194", "2√194"),
        ("a = 5/7", "b = 5/7", "b = 5/8", None),
    ],
)
def test_a_fragment_is_replaced_where_it_is_found_once(text, transcribed, printed, expected):
    assert corrected(text, transcribed, printed) == expected


def problem(number: int, question: str, answer: str) -> Problem:
    return Problem(
        id=f"2012/s/{number:02d}", year=2012, section="s", number=number, question=question, answer=answer, source="t"
    )


def erratum(number: int, field: str, transcribed: str, printed: str) -> Erratum:
    row = {"year": 2012, "section": "s", "question": number, "field": field, "found_by": "scan"}
    return Erratum.model_validate({**row, "transcribed": transcribed, "printed": printed})


def test_problems_keep_what_was_there_before_and_a_note():
    problems = [problem(1, "area 4π, side 2", "26"), problem(2, "a figure in words", "5")]
    errata = [
        erratum(1, "question", "area 4π", "area Aπ"),
        erratum(1, "question", "side 2", "side 3"),
        erratum(1, "answer", "26", "2√194"),
        erratum(2, "question", "third row dropped", "3x3 determinant"),
    ]
    (first, second), applied = apply_errata(problems, errata)
    assert applied == 3
    assert (first.question, first.question_uncorrected) == ("area Aπ, side 3", "area 4π, side 2")
    assert (first.answer, first.answer_uncorrected) == ("2√194", "26")
    assert len(first.errata) == 3 and "printed 'area Aπ', transcribed 'area 4π' (scan)" in first.errata[0]
    assert (second.question, second.question_uncorrected, len(second.errata)) == ("a figure in words", None, 1)


def test_an_erratum_of_no_problem_is_said():
    with pytest.raises(InputError, match="2012/s/03, which is not among the problems"):
        apply_errata([problem(1, "q", "a")], [erratum(3, "answer", "1", "2")])


def test_a_malformed_row_is_said(tmp_path):
    path = tmp_path / "errata.csv"
    path.write_text("year,section,question,field,printed,transcribed,found_by\n2012,s,one,answer,1,2,scan\n")
    with pytest.raises(InputError, match=r"errata.csv, line 2, question"):
        read_errata(path)
    assert read_errata(tmp_path / "none.csv") == []
