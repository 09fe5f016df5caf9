"""Answers from servers that are not as the protocol says: they are read, or one message quotes them."""

import errno
import json
import os
from collections import Counter
from pathlib import Path

import pytest
import yaml

from distil.pipeline.files import InputError, read_jsonl
from distil.pipeline.records import Answer, Problem
from stages.answers.__main__ import main
from tests.teacher_cot.support import Server, completion
from tests.workspace import write_params, write_workspace


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Let a server with such replies answer for the base model; returns the answers and the requests."""
    folder = write_workspace(tmp_path)

    def run(reply, batch=8, **endpoint):
        server = Server(reply=reply)
        with server.running() as url:
            served = {"backend": "openai", "batch_size": batch, "endpoint": {"base_url": url, "model": "m"} | endpoint}
            write_params(folder, answers=served)
            monkeypatch.chdir(folder)
            monkeypatch.setattr("sys.argv", ["answers", "--model", "base"])
            main()
        return list(read_jsonl(folder / "data/answers/base/contest.jsonl", Answer)), server.requests

    return run


def without_usage(request):
    reply = json.loads(completion(request, "Answer: 2"))
    del reply["usage"]
    return 200, {}, json.dumps(reply).encode()


def parts(request):
    reply = json.loads(completion(request, ""))
    reply["choices"][0]["message"]["content"] = [{"type": "text", "text": "Answer: 2"}]
    return 200, {}, b": keep-alive\n\n" + json.dumps(reply).encode()


@pytest.mark.parametrize("reply", [without_usage, parts])
def test_a_reply_is_read(answers, reply):
    rows, _ = answers(reply)
    assert {row.text for row in rows} == {"Answer: 2"}
    assert {row.completion_tokens for row in rows} == ({None} if reply is without_usage else {0})


def test_a_students_words_are_kept_as_they_are(answers):
    texts = iter(["", "<think>1 + 1", "Answer: 2<|im_end|>"] * 99)
    rows, _ = answers(lambda request: (200, {}, completion(request, next(texts))))
    assert {row.text for row in rows} == {"", "<think>1 + 1", "Answer: 2<|im_end|>"}


def test_a_refusal_is_an_empty_answer(answers, capsys):
    body = json.dumps({"error": {"message": "blocked", "code": "content_filter"}}).encode()
    rows, _ = answers(lambda request: (400, {}, body))
    assert {(row.text, row.finish_reason) for row in rows} == {("", "stop")}
    assert "kept as an empty answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "sent"),
    [
        ({}, {"max_tokens", "temperature", "seed"}),
        ({"limit_field": "max_completion_tokens"}, {"max_completion_tokens", "temperature", "seed"}),
        ({"omit": ["temperature", "seed"]}, {"max_tokens"}),
        ({"extra_body": {"top_k": 1}}, {"max_tokens", "temperature", "seed", "top_k"}),
    ],
)
def test_a_request_is_worded_as_asked(answers, setting, sent):
    _, requests = answers(lambda request: (200, {}, completion(request, "Answer: 2")), **setting)
    assert {frozenset(request["body"]) - {"model", "messages"} for request in requests} == {frozenset(sent)}


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b'{"error":"Unexpected endpoint or method."}', r"Unexpected endpoint or method\..*end in /v1"),
        (400, b'{"error":{"message":"Use max_completion_tokens"}}', r"answers\.endpoint\.limit_field to max_compl"),
        (422, b'{"detail":[{"loc":["body","seed"],"msg":"extra"}]}', r'"seed".*answers\.endpoint\.omit to \[seed\]'),
        (429, b'{"error":{"code":"billing_not_active"}}', "no money left"),
        (200, b"<html></html>", "not JSON"),
    ],
)
def test_what_is_no_answer_is_one_message(answers, status, body, says):
    with pytest.raises(InputError, match=says):
        answers(lambda request: (status, {}, body))


def answered_or_down(request, text):
    """A server's reply with this text, or of a server out of order where there is none."""
    if text is None:
        return 400, {}, b'{"error":{"message":"maintenance"}}'
    return 200, {}, completion(request, text)


def test_answers_kept_outlive_a_lower_limit(tmp_path, monkeypatch):
    """A run that turns out too long goes on with fewer questions: what was answered is not asked again."""
    folder = write_workspace(tmp_path)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["answers", "--model", "base"])
    replies = iter([*["Answer: 2"] * 9, *[None] * 99])
    server = Server(reply=lambda request: answered_or_down(request, next(replies)))
    with server.running() as url:
        served = {"backend": "openai", "batch_size": 1, "endpoint": {"base_url": url, "model": "m"}}
        write_params(folder, answers=served)
        with pytest.raises(InputError, match="maintenance"):
            main()
        replies = iter(["Answer: 2"] * 81)
        answered = [question_of(request) for request in server.requests[:9]]
        write_params(folder, answers=served | {"limit": {"unseen": 3, "seen": 4, "transfer": 2}})
        before = len(server.requests)
        main()
    later = [question_of(request) for request in server.requests[before:]]
    every = [problem.question for path in folder.glob("data/*/problems.jsonl") for problem in read_jsonl(path, Problem)]
    assert later and not Counter(answered + later) - Counter(every), "a question was asked twice"
    assert sum(1 for path in folder.glob("data/answers/base/*.jsonl") for _ in read_jsonl(path, Answer)) == 9


def test_answers_kept_outlive_another_pace(tmp_path, monkeypatch):
    """How fast a server is asked, how long it may take and which key pays change no reply."""
    folder = write_workspace(tmp_path)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["answers", "--model", "base"])
    monkeypatch.setenv("OTHER_KEY", "k")
    replies = iter([*["Answer: 2"] * 9, *[None] * 99])
    server = Server(reply=lambda request: answered_or_down(request, next(replies)))
    with server.running() as url:
        endpoint = {"base_url": url, "model": "m"}
        write_params(folder, answers={"backend": "openai", "batch_size": 1, "endpoint": endpoint})
        with pytest.raises(InputError, match="maintenance"):
            main()
        answered, before = [question_of(request) for request in server.requests[:9]], len(server.requests)
        replies = iter(["Answer: 2"] * 999)
        slower = {"timeout": 9, "deadline": 99, "requests_per_minute": 1e6, "tokens_per_minute": 1e9}
        slower |= {"api_key_env": "OTHER_KEY", "concurrency": 3}
        write_params(folder, answers={"backend": "openai", "batch_size": 2, "endpoint": endpoint | slower})
        main()
    later = [question_of(request) for request in server.requests[before:]]
    every = [problem.question for path in folder.glob("data/*/problems.jsonl") for problem in read_jsonl(path, Problem)]
    assert Counter(answered + later) == Counter(every), "each question is asked once"


def test_nothing_is_asked_after_the_first_answer_that_cannot_be_kept(answers, monkeypatch):
    fsync, kept = os.fsync, []

    def full(handle):
        kept.append(handle)
        if len(kept) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr("os.fsync", full)
    asked = []
    with pytest.raises(InputError, match="could not be used: No space left on device"):
        answers(lambda request: asked.append(request) or (200, {}, completion(request, "Answer: 2")), batch=1)
    assert len(asked) <= 4  # one may be under way


def test_answers_of_other_weights_are_not_kept(tmp_path, monkeypatch):
    """The server was asked for the base, and half-way it is found that the folder held another model."""
    folder = write_workspace(tmp_path)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["answers", "--model", "base"])
    replies = iter([*["Answer: 2"] * 9, *[None] * 99])
    server = Server(reply=lambda request: answered_or_down(request, next(replies)))
    with server.running() as url:
        endpoint = {"base_url": url, "model": "m"}
        write_params(folder, answers={"backend": "openai", "batch_size": 1, "endpoint": endpoint})
        with pytest.raises(InputError, match="maintenance"):
            main()
        model = Path(yaml.safe_load(Path("params.yaml").read_text())["lora_seed"]["model"])
        model.mkdir(parents=True, exist_ok=True)
        (model / "other.safetensors").write_text("other weights")
        replies = iter(["Answer: 3"] * 99)
        main()
    texts = {row.text for path in folder.glob("data/answers/base/*.jsonl") for row in read_jsonl(path, Answer)}
    assert texts == {"Answer: 3"}


@pytest.fixture
def level(tmp_path, monkeypatch):
    """A workspace in which the two adapters of a chain length are asked."""
    folder = write_workspace(tmp_path)
    for seed in ("seed_3", "seed_4"):
        (folder / "data/lora_level/R3" / seed).mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["answers", "--model", "R3"])
    return folder


@pytest.mark.parametrize("name", ["m", "{model}", "{fold}"])
def test_adapters_that_the_server_could_not_tell_apart_are_refused(name, level):
    """Else all would be one model, and the result no difference."""
    served = {"base_url": "http://127.0.0.1:1/v1", "model": name, "timeout": 20}
    write_params(level, answers={"backend": "openai", "endpoint": served})
    with pytest.raises(InputError, match=r"cannot tell R3 \(seed_3, seed_4\) .* Put \{model\} and \{fold\} into it"):
        main()


def test_each_adapter_is_asked_by_its_name(level):
    server = Server(reply=lambda request: (200, {}, completion(request, "Answer: 2")))
    with server.running() as url:
        write_params(level, answers={"backend": "openai", "endpoint": {"base_url": url, "model": "{model}-{fold}"}})
        main()
    assert {request["body"]["model"] for request in server.requests} == {"R3-seed_3", "R3-seed_4"}


def question_of(request):
    """The last turn that a request sends."""
    return request["body"]["messages"][-1]["content"]
