from collections import Counter
from pathlib import Path

import pytest

from distil import contest
from distil.pipeline.files import InputError
from stages.raw.exam_pdf import Exam, PrintedQuestion, typeset
from stages.raw.sample import exams, load_layout

LAYOUT = Path(__file__).resolve().parents[2] / "stages/raw/contest.yaml"


@pytest.fixture(scope="module")
def contest_exams() -> list[Exam]:
    return list(exams(load_layout(LAYOUT), seed=2011))


def test_fifteen_years_of_three_sections(contest_exams):
    assert [(exam.year, exam.section) for exam in contest_exams] == [
        (year, section)
        for year in range(2011, 2026)
        for section in ("freshman_sophomore_test", "junior_senior_test", "two_person_speed_event")
    ]
    assert [len(exam.questions) for exam in contest_exams[:3]] == [24, 24, 16]
    assert sum(len(exam.questions) for exam in contest_exams) == 960


def test_questions_can_be_read_and_answered_but_for_those_with_a_figure(contest_exams):
    questions = [question for exam in contest_exams for question in exam.questions]
    families = set()
    for question in questions:
        known = contest.read(question.text)
        assert (known is None) == (question.figure is not None)
        if known:
            assert str(known.answer) == question.answer
            families.add(known.family)
    assert families == set(contest.FAMILIES)
    assert 0.01 < sum(question.figure is not None for question in questions) / len(questions) < 0.05
    for construct in ("^", "/", "sqrt("):
        assert sum(construct in question.text for question in questions) > 20


def test_repeats_are_few_and_of_both_kinds(contest_exams):
    texts: dict[tuple, list[str]] = {}
    for exam in contest_exams:
        for question in exam.questions:
            if known := contest.read(question.text):
                texts.setdefault((known.family, known.steps), []).append(question.text)
    repeated = [found for found in texts.values() if len(found) > 1]
    assert 20 < len(repeated) < 100
    assert any(len(set(found)) == 1 for found in repeated) and any(len(set(found)) > 1 for found in repeated)


def test_no_exam_asks_a_question_twice_in_one_section(contest_exams):
    for exam in contest_exams:
        drawn = [question.text for question in exam.questions if question.figure is None]
        assert len(set(drawn)) >= len(drawn) - 1, "at most a repeat from another exam that was repeated before"


def test_the_seed_decides_the_bytes(contest_exams):
    again = list(exams(load_layout(LAYOUT), seed=2011))
    other = next(exams(load_layout(LAYOUT), seed=2012))
    assert again == contest_exams
    assert typeset(again[1]) == typeset(contest_exams[1])
    assert other != contest_exams[0] and typeset(other) != typeset(contest_exams[0])


def test_a_paper_needs_no_font_of_the_system(contest_exams):
    content = typeset(contest_exams[1])
    assert b"/BaseFont /Times-Roman" in content and b"/BaseFont /Symbol" in content
    assert b"FontFile" not in content and b"(D:2011" in content


def test_a_character_without_a_glyph_is_said():
    exam = Exam(2011, "s", "Contest", "Test", 1, 10, (PrintedQuestion("Find the limit as x → 0.", "1"),))
    with pytest.raises(InputError, match="'→' is not in Latin-1"):
        typeset(exam)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("questions: 24", "questions: none", "questions"),
        ("figures: 0.03", "figures: 3", "figures"),
        ("contest:", "title:", "contest"),
        ("two_person_speed_event", "relay", "no questions for a section 'relay'"),
        pytest.param(
            *("Freshman-Sophomore Test, questions: 24", "Test, questions: 2400", "run out of questions"),
            marks=pytest.mark.slow,
        ),
        ("first_year: 2011", "first_year: 2026", "first_year is 2026, but last_year is 2025"),
        ("sections:\n", "sections: {}\nrest:\n", "sections"),
        ("{title", "{title: [", "raw.path is the sample contest's layout"),
    ],
)
def test_a_wrong_layout_is_said(tmp_path, old, new, message):
    path = tmp_path / "contest.yaml"
    path.write_text(LAYOUT.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        list(exams(load_layout(path), seed=0))


def problem_of(text: str) -> tuple[str, frozenset[tuple[str, int]]] | None:
    """The family and numbers of a question, whatever its wording; None where it needs a figure."""
    for name, family in contest.FAMILIES.items():
        for _, pattern in family.patterns:
            if found := pattern.fullmatch(text.strip()):
                return name, frozenset((slot, int(digits)) for slot, digits in found.groupdict().items())
    return None


def test_how_many_questions_of_the_contest_stood_in_the_one_before_it():
    """README.md says so: the contest of seed 2011 was in sight while the student and its training were chosen."""
    asked = {
        seed: [
            (exam.year, problem)
            for exam in exams(load_layout(LAYOUT), seed)
            for question in exam.questions
            if (problem := problem_of(question.text))
        ]
        for seed in (2011, 2026)
    }
    (old, new), held_out = ({problem for _, problem in asked[seed]} for seed in (2011, 2026)), range(2022, 2026)
    old_out, new_out = ({problem for year, problem in asked[seed] if year in held_out} for seed in (2011, 2026))
    readme = " ".join((LAYOUT.parents[2] / "README.md").read_text("utf-8").split())
    both = Counter(family for family, _ in old & new)
    print(len(new), len(old & new), len(new_out), len(new_out & old), len(new_out & old_out), both)
    assert (
        f"of its {len(new)} different questions, by kind and numbers, {len(old & new)} stood in the old one" in readme
    )
    assert (
        f"of the {len(new_out)} held out {len(new_out & old)}, {len(new_out & old_out)} of them held out there"
        in readme
    )
    rare = sum(both[kind] for kind in ("cost", "gcd", "power", "rectangle", "remainder", "square"))
    assert f"{rare} of the {len(old & new)} are of six kinds" in readme
