import json

import pytest

from distil.pipeline.files import InputError
from stages.parsed.errata import apply_errata, read_errata
from stages.parsed.transcription import read_transcriptions


def write(folder, content, name="2013.json"):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def question(text, answer="1"):
    return {"question": text, "answer": answer}


def test_placeholders_are_left_out_and_tie_breakers_numbered_on(tmp_path):
    questions = {
        "question_2": question("Find 1 + 1.", "2"),
        "question_1": question("Find question 3 (of 4)."),
        "question_11": question("Question 11 (content not visible in provided pages)", "37.5"),
        "question_T1": question("Break the tie."),
    }
    write(tmp_path, {"relay": questions})
    problems, left_out = read_transcriptions(tmp_path)
    assert [(problem.id, problem.question) for problem in problems] == [
        ("2013/relay/01", "Find question 3 (of 4)."),
        ("2013/relay/02", "Find 1 + 1."),
        ("2013/relay/12", "Break the tie."),
    ]
    assert [(entry.id, entry.reason) for entry in left_out] == [("2013/relay/11", "placeholder")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("2013.json", "{", "2013.json is not a transcription"),
        ("2013.json", {"relay": {"question_1": {"question": "Find 1."}}}, "relay question_1 answer: Field required"),
        ("2013.json", {"relay": {"question_1": question(5)}}, "relay question_1 question"),
        ("2013.json", {"relay": {"first": question("Find 1.")}}, "'first' is not a question's name"),
        ("2013.json", {"r": {"question_1": question("a"), "question_01": question("b")}}, "are one number"),
        ("2013.json", '{"r": {"question_1": {}, "question_1": {}}}', "'question_1' comes twice"),
        ("thirteen.json", {}, "is named for its year"),
        ("notes.txt", "", "holds no transcriptions"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, content, message):
    write(tmp_path, content, name)
    with pytest.raises(InputError, match=message):
        read_transcriptions(tmp_path)


def test_the_study_s_transcriptions(shared):
    problems, left_out = read_transcriptions(shared / "job/transcribed")
    assert len(problems) == 514 and len(left_out) == 20
    assert {problem.year for problem in problems} == {*range(2011, 2014), *range(2015, 2018), *range(2019, 2024), 2025}
    assert {entry.year for entry in left_out} == {2019} and {entry.reason for entry in left_out} == {"placeholder"}
    assert len({problem.id for problem in problems}) == 514
    assert [problem.number for problem in problems if problem.id.startswith("2013/two")] == list(range(1, 11))


def test_the_study_s_errata(shared):
    problems, _ = read_transcriptions(shared / "job/transcribed")
    corrected, applied = apply_errata(problems, read_errata(shared / "job/errata.csv"))
    by_id = {problem.id: problem for problem in corrected}
    assert applied == 12 and sum(bool(problem.errata) for problem in corrected) == 16
    assert [problem.id for problem in corrected] == [problem.id for problem in problems]
    assert by_id["2012/freshman_sophomore_test/08"].answer_uncorrected == "26"
    assert by_id["2012/freshman_sophomore_test/06"].answer_uncorrected is None
    noted = {problem.id for problem in corrected if problem.errata and problem == _without_change(problem)}
    assert noted == {
        "2012/freshman_sophomore_test/06",
        "2021/junior_senior_test/07",
        "2021/junior_senior_test/09",
        "2021/two_person_speed_event/01",
    }


def _without_change(problem):
    return problem.model_copy(update={"question_uncorrected": None, "answer_uncorrected": None})
