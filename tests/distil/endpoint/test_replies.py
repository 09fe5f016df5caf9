"""Replies are read whatever dialect of the protocol they come in, and what is no reply is said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil.endpoint import Failed, Reply, read_reply
from distil.endpoint.connection import same_model
from distil.endpoint.replies import decode, read_usage, said_in


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
        ({"content": "lone \ud800 surrogate"}, "lone ? surrogate", ""),
        ({"content": "<thinking>1 + 2</thinking>Answer: 3"}, "Answer: 3", "1 + 2"),
        ({"content": "[THINK]1 + 2[/THINK]Answer: 3"}, "Answer: 3", "1 + 2"),
        ({"content": "◁think▷1 + 2◁/think▷Answer: 3"}, "Answer: 3", "1 + 2"),
        (
            {
                "content": "<|channel|>analysis<|message|>1 + 2<|end|><|start|>assistant<|channel|>final<|message|>"
                "Answer: 3<|return|>"
            },
            "Answer: 3",
            "1 + 2",
        ),
        ({"content": "Answer: 3<|im_end|>\n"}, "Answer: 3", ""),
        ({"content": "If x < 3 then <x> is </s>mall. Answer: 3"}, "If x < 3 then <x> is </s>mall. Answer: 3", ""),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "1 + 2"}]},
                    {"type": "text", "text": "Answer: 3"},
                ]
            },
            "Answer: 3",
            "1 + 2",
        ),
        ({"content": [{"type": "thinking", "thinking": "1 + 2"}, {"text": "Answer: 3"}]}, "Answer: 3", "1 + 2"),
    ],
)
def test_reasoning_is_found_wherever_it_is(message, text, reasoning):
    reply = read_reply(payload(message))
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
        (payload({"content": None, "reasoning_content": "Answer: 3"}), "reasoning without an answer"),
        (payload({"content": "<think>1 + 2 is"}), "reasoning without an answer"),
        (payload({"content": None, "tool_calls": [{"id": "1"}]}, finish="tool_calls"), "an empty reply .tool_calls."),
        (payload({"content": "Let x be"}, finish="error"), "broke off with an error"),
        (payload({"content": "Let x be"}, finish="insufficient_system_resource"), "broke off .* insufficient_system"),
    ],
)
def test_what_is_no_reply_is_said(wrong, says):
    with pytest.raises(ValueError, match=says):
        read_reply(wrong)


@pytest.mark.parametrize(
    ("counted", "prompt", "completion"),
    [
        ({"prompt_tokens": 21, "completion_tokens": 60, "total_tokens": 81}, 21, 60),
        ({"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 81}, 21, 60),  # CLIProxyAPI#5733
        ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1016}, 20, 996),  # clarifai-python#978
        ({"prompt_tokens": "10", "completion_tokens": 5.0}, 10, 5),  # litellm#39618
        ({"prompt_tokens": None, "completion_tokens": -1, "total_tokens": 9}, None, None),
    ],
)
def test_thinking_counts_among_the_tokens_of_a_reply(counted, prompt, completion):
    usage = read_usage({"usage": counted})
    assert (usage.prompt_tokens, usage.completion_tokens) == (prompt, completion)


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("r1", "r1-0528", True),
        ("a/r1", "a/r1:free", True),
        ("models/x", "models/x", True),
        ("m", "another", False),
        ("m", "m-mini", False),
    ],
)
def test_snapshots_of_the_model_asked_for_count_as_it(asked, answered, same):
    assert same_model(asked, answered) == same


def test_refusals_are_answers_that_failed():
    for refused in (
        payload({"content": ""}, finish="content_filter", usage={"prompt_tokens": 4, "completion_tokens": 0}),
        payload({"content": None, "refusal": "I will not."}),
        payload({"content": "Let x"}, finish="sensitive"),
    ):
        reply = read_reply(refused)
        assert isinstance(reply, Failed) and reply.lasting and reply.usage is not None


@pytest.mark.parametrize(
    "finish", ["length", "max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded"]
)
def test_a_truncated_reply_may_be_empty(finish):
    reply = read_reply(payload({"content": ""}, finish=finish))
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
        reply = read_reply(wild)
    except ValueError:
        return
    assert isinstance(reply, Reply | Failed)


def test_what_a_student_wrote_is_kept_as_it_is():
    for written in ("", "<think>1 + 2 is", "Answer: 3<|im_end|>"):
        assert read_reply(payload({"content": written}), verbatim=True).text == written


CHUNK = {"id": "1", "object": "chat.completion.chunk", "model": "m"}


def stream(*deltas, **last):
    chunks = [CHUNK | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(CHUNK | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]} | last)
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


GOOD = json.dumps(payload({"content": "Answer: 3", "reasoning_content": "1 + 2"}))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\n\n \n" + GOOD,
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n" + GOOD,
        "\ufeff" + GOOD,
        f"data: {GOOD}\n\ndata: [DONE]\n\n",
        ": ping\n\n" + stream({"role": "assistant", "content": ""}, {"reasoning_content": "1 +"},
                              {"reasoning_content": " 2"}, {"content": "Answer"}, {"content": ": 3"}),
        stream({"reasoning": "1 + 2"}, {"content": "Answer: 3"}, usage={"prompt_tokens": 4, "completion_tokens": 2}),
    ],
)  # fmt: skip
def test_responses_are_read_however_they_are_framed(text):
    reply = read_reply(decode(text))
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("Answer: 3", "1 + 2", "stop")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085"])
def test_a_text_may_hold_any_separator_of_lines(separator):
    chunk = json.dumps(CHUNK | {"choices": [{"delta": {"content": f"1{separator}2"}}]}, ensure_ascii=False)
    whole = json.dumps(payload({"content": f"1{separator}2"}), ensure_ascii=False)
    for text in (whole, f"data: {chunk}\r\n\r\ndata: [DONE]\r\n\r\n"):
        assert read_reply(decode(text)).text == f"1{separator}2"


def test_a_stream_says_what_it_used_and_what_broke_it():
    assert read_reply(decode(stream({"content": "3"}, usage={"prompt_tokens": 4}))).usage.prompt_tokens == 4
    broken = stream({"content": "3"}).replace("data: [DONE]", 'data: {"error": {"message": "overloaded"}}')
    with pytest.raises(ValueError, match="overloaded"):
        read_reply(decode(broken))


def test_an_errors_words_are_found_wherever_they_are():
    for said in (
        {"error": {"message": "no such model"}}, {"error": "no such model"}, {"detail": "no such model"},
        [{"error": {"code": 404, "message": "no such model"}}], {"message": "no such model", "code": 1},
    ):  # fmt: skip
        assert said_in(said) == "no such model"
