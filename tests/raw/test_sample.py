from pathlib import Path

import pytest

from distil import contest
from distil.pipeline.files import InputError
from stages.raw.paper import Exam, Question, typeset
from stages.raw.sample import exams, load_layout

LAYOUT = Path(__file__).resolve().parents[2] / "stages/raw/contest.yaml"


@pytest.fixture(scope="module")
def papers() -> list[Exam]:
    return list(exams(load_layout(LAYOUT), seed=2011))


def test_fifteen_years_of_three_sections(papers):
    assert [(paper.year, paper.section) for paper in papers] == [
        (year, section)
        for year in range(2011, 2026)
        for section in ("freshman_sophomore_test", "junior_senior_test", "two_person_speed_event")
    ]
    assert [len(paper.questions) for paper in papers[:3]] == [24, 24, 16]
    assert sum(len(paper.questions) for paper in papers) == 960


def test_questions_can_be_read_and_answered_but_for_those_with_a_figure(papers):
    questions = [question for paper in papers for question in paper.questions]
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


def test_repeats_are_few_and_of_both_kinds(papers):
    texts: dict[tuple, list[str]] = {}
    for paper in papers:
        for question in paper.questions:
            if known := contest.read(question.text):
                texts.setdefault((known.family, known.steps), []).append(question.text)
    repeated = [found for found in texts.values() if len(found) > 1]
    assert 20 < len(repeated) < 100
    assert any(len(set(found)) == 1 for found in repeated) and any(len(set(found)) > 1 for found in repeated)


def test_no_exam_asks_a_question_twice_in_one_section(papers):
    for paper in papers:
        drawn = [question.text for question in paper.questions if question.figure is None]
        assert len(set(drawn)) >= len(drawn) - 1, "at most a repeat from another exam that was repeated before"


def test_the_seed_decides_the_bytes(papers):
    again = list(exams(load_layout(LAYOUT), seed=2011))
    other = next(exams(load_layout(LAYOUT), seed=2012))
    assert again == papers
    assert typeset(again[1]) == typeset(papers[1])
    assert other != papers[0] and typeset(other) != typeset(papers[0])


def test_a_paper_needs_no_font_of_the_system(papers):
    content = typeset(papers[1])
    assert b"/BaseFont /Times-Roman" in content and b"/BaseFont /Symbol" in content
    assert b"FontFile" not in content and b"(D:2011" in content


def test_a_character_without_a_glyph_is_said():
    paper = Exam(2011, "s", "Contest", "Test", 1, 10, (Question("Find the limit as x → 0.", "1"),))
    with pytest.raises(InputError, match="'→' is not in Latin-1"):
        typeset(paper)


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
        ("{title", "{title: [", "raw.path is the sample contest's layout"),
    ],
)
def test_a_wrong_layout_is_said(tmp_path, old, new, message):
    path = tmp_path / "contest.yaml"
    path.write_text(LAYOUT.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        list(exams(load_layout(path), seed=0))
