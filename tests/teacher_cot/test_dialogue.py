"""Requests have one name each, and replies are read whatever dialect of the protocol they come in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.teacher_cot.dialogue import PROMPTS, Failed, Reply, read_reply, request
from tests.teacher_cot.support import ROLE_NAMES, settings

SOLVER = settings().roles["solver"]


def payload(message, model="m", finish="stop", **more):
    return {"model": model, "choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish}]} | more


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "Answer: 3"}, "Answer: 3", ""),
        ({"content": "Answer: 3", "reasoning_content": "1 + 2"}, "Answer: 3", "1 + 2"),
        ({"content": "Answer: 3", "reasoning": "1 + 2"}, "Answer: 3", "1 + 2"),
        ({"content": "<think>\n1 + 2\n</think>\n\nAnswer: 3"}, "Answer: 3", "1 + 2"),
        ({"content": "1 + 2\n</think>\n\nAnswer: 3"}, "Answer: 3", "1 + 2"),
        ({"content": "<think>1 + 2 is", "role": "assistant"}, "", "1 + 2 is"),
        ({"content": "lone \ud800 surrogate"}, "lone ? surrogate", ""),
        ({"content": None, "reasoning_content": "Answer: 3"}, "", "Answer: 3"),
    ],
)
def test_reasoning_is_found_wherever_it_is(message, text, reasoning):
    reply = read_reply(payload(message), "m")
    assert (reply.text, reply.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "an empty reply"),
        (None, "an empty reply"),
        ([1], "no JSON object"),
        ({"error": {"message": "overloaded"}}, "overloaded"),
        ({"model": "m", "choices": []}, "without a message"),
        ({"model": "m", "choices": [{"message": "hello"}]}, "without a message"),
        (payload({"content": ""}), "an empty reply"),
        (payload({"content": " "}, usage={"prompt_tokens": 3}), "an empty reply"),
        (payload({"content": "3"}, model="another"), "another model"),
        (payload({"content": "3"}, model="m-mini"), "another model"),
    ],
)
def test_what_is_no_reply_is_said(wrong, says):
    with pytest.raises(ValueError, match=says):
        read_reply(wrong, "m")


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("gpt-4o", "gpt-4o-2024-08-06"), ("r1", "r1-0528"), ("a/r1", "a/r1:free"), ("models/x", "models/x"), ("m", None)],
)
def test_snapshots_of_the_model_asked_for_count_as_it(asked, answered):
    assert isinstance(read_reply(payload({"content": "3"}, model=answered), asked), Reply)


def test_refusals_are_answers_that_failed():
    for refused in (
        payload({"content": ""}, finish="content_filter", usage={"prompt_tokens": 4, "completion_tokens": 0}),
        payload({"content": None, "refusal": "I will not."}),
    ):
        reply = read_reply(refused, "m")
        assert isinstance(reply, Failed) and reply.lasting and reply.usage is not None


def test_a_truncated_reply_may_be_empty():
    reply = read_reply(payload({"content": ""}, finish="length"), "m")
    assert isinstance(reply, Reply) and reply.truncated


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "model", "error", "finish_reason", "refusal"]),
            inner,
            max_size=4,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_is_a_reply_or_a_value_error(wild):
    try:
        reply = read_reply(wild, "m")
    except ValueError:
        return
    assert isinstance(reply, Reply | Failed)


def test_a_request_is_named_by_all_that_decides_its_answer_and_by_nothing_else():
    def key(role=SOLVER, endpoint="e", attempt=1, question="What is 1 + 2?"):
        return request("solver", role, endpoint, attempt, question=question).key

    same = SOLVER.model_copy(update={"expected_tokens": 9, "max_tokens_if_truncated": 99})
    assert key() == key() == key(role=same)
    changed = [
        key(attempt=2), key(endpoint="f"), key(question="What is 1 + 3?"),
        *(key(SOLVER.model_copy(update=change)) for change in (
            {"model": "n"}, {"temperature": 0.5}, {"max_tokens": 9}, {"seed": None}, {"extra_body": {"top_p": 0.5}},
        )),
    ]  # fmt: skip
    assert len({key(), *changed}) == len(changed) + 1


def test_each_attempt_has_its_temperature_and_seed():
    role = SOLVER.model_copy(update={"temperature": [0.0, 0.7], "seed": 5})
    bodies = [request("solver", role, "e", attempt, question="?").body for attempt in (1, 2, 3)]
    assert [(body["temperature"], body["seed"]) for body in bodies] == [(0.0, 5), (0.7, 6), (0.7, 7)]
    plain = SOLVER.model_copy(update={"temperature": None, "seed": None, "limit_field": "max_completion_tokens"})
    assert set(request("solver", plain, "e", 1, question="?").body) == {"model", "messages", "max_completion_tokens"}


def test_braces_in_a_problem_are_not_slots():
    text = r"Let A = {reasoning} and B = \frac{1}{2}."
    assert text in request("solver", SOLVER, "e", 1, question=text).body["messages"][-1]["content"]


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_only_the_judges_prompt_has_a_place_for_the_key(role):
    assert ("{gold}" in (PROMPTS / f"{role}.md").read_text()) == (role == "judge")
