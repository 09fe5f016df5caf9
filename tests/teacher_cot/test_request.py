"""Requests have one name each, and show what they may."""

import pytest

from distil.pipeline.files import InputError
from stages.teacher_cot.request import PROMPTS, prompt, request
from tests.teacher_cot.support import ROLE_NAMES, settings

SOLVER = settings().roles["solver"]


def test_a_request_is_named_by_all_that_decides_its_answer_and_by_nothing_else():
    def key(role=SOLVER, endpoint="e", attempt=1, question="What is 1 + 2?"):
        return request("solver", role, endpoint, attempt, {"question": question}).key

    same = SOLVER.model_copy(update={"expected_tokens": 9, "max_tokens_if_truncated": 99, "answers_as": "gpt-4o"})
    assert key() == key() == key(role=same)
    changed = [
        key(attempt=2), key(endpoint="f"), key(question="What is 1 + 3?"),
        *(key(SOLVER.model_copy(update=change)) for change in (
            {"model": "n"}, {"temperature": 0.5}, {"max_tokens": 9}, {"seed": None}, {"extra_body": {"top_p": 0.5}},
            {"omit": ["temperature"]},
        )),
    ]  # fmt: skip
    assert len({key(), *changed}) == len(changed) + 1


def test_each_attempt_has_its_temperature_and_seed():
    role = SOLVER.model_copy(update={"temperature": [0.0, 0.7], "seed": 5})
    bodies = [request("solver", role, "e", attempt, {"question": "?"}).body for attempt in (1, 2, 3)]
    assert [(body["temperature"], body["seed"]) for body in bodies] == [(0.0, 5), (0.7, 6), (0.7, 7)]
    plain = SOLVER.model_copy(update={"temperature": None, "seed": None, "limit_field": "max_completion_tokens"})
    assert set(request("solver", plain, "e", 1, {"question": "?"}).body) == {
        "model",
        "messages",
        "max_completion_tokens",
    }


def test_braces_in_a_problem_are_not_slots():
    text = r"Let A = {reasoning} and B = \frac{1}{2}."
    assert text in request("solver", SOLVER, "e", 1, {"question": text}).body["messages"][-1]["content"]


@pytest.fixture
def prompts(tmp_path, monkeypatch):
    """A folder for prompts of the test's own."""
    monkeypatch.setattr("stages.teacher_cot.request.PROMPTS", tmp_path)
    prompt.cache_clear()
    yield tmp_path
    prompt.cache_clear()


@pytest.mark.parametrize("left_out", [{}, {"percent": 75}])
@pytest.mark.parametrize(
    "text", [r"End with \boxed{answer}.", r"Write \frac{1}{2}, not 1/2.", r"Write \frac{a}{b} for a/b."]
)
def test_braces_in_a_prompt_that_are_no_slots_stay(prompts, text, left_out):
    """Also in a prompt that leaves out a slot."""
    (prompts / "solver.md").write_text(f"## System\n{text}\n## User\n{{question}}\n")
    system, user = request("solver", SOLVER, "e", 1, {"question": "?"} | left_out).body["messages"]
    assert (system["content"], user["content"]) == (text, "?")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{qestion}", r"solver\.md has \{qestion\}, which is no slot, and lacks \{question\}"),
        ("{problem}", r"solver\.md has none of its slots: \{question\}"),
        ("Solve it.", r"solver\.md has none of its slots: \{question\}"),
    ],
)
def test_a_misspelt_slot_is_one_message(prompts, text, message):
    (prompts / "solver.md").write_text(f"## User\n{text}\n")
    with pytest.raises(InputError, match=message):
        request("solver", SOLVER, "e", 1, {"question": "?"})


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_only_the_judges_prompt_has_a_place_for_the_key(role):
    assert ("{gold}" in (PROMPTS / f"{role}.md").read_text()) == (role == "judge")
