"""Any OpenAI client can talk to the embedded teacher: here OpenAI's own."""

import json
import socket
import threading
from random import Random

import httpx
import openai
import pytest
import uvicorn

from distil import contest
from distil.pipeline.files import InputError
from distil.verifier import verify
from stages.teacher_cot import embedded
from stages.teacher_cot.request import request
from stages.teacher_cot.server import application, serve
from stages.teacher_cot.settings import Embedded
from tests.teacher_cot.support import Workspace, problems, settings

TEACHER = Embedded(seed=7, slip_share=0.08)
QUESTION = "If 3x + 4 = 19, find the value of x."


@pytest.fixture(scope="module")
def url():
    server = uvicorn.Server(uvicorn.Config(application(TEACHER), log_level="error"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def client(url):
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def ask(client, text=QUESTION, **more):
    turns = [{"role": "user", "content": text}]
    return client.chat.completions.create(**{"model": "embedded/solver", "messages": turns} | more)


def test_a_completion(client):
    reply = ask(client)
    choice = reply.choices[0]
    assert choice.message.content.endswith("Answer: 5")
    assert "19 - 4 = 15" in choice.message.reasoning_content
    assert (choice.finish_reason, reply.model, reply.object) == ("stop", "embedded/solver", "chat.completion")
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 20
    assert ask(client).choices == reply.choices


def test_a_stream_says_the_same(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    said = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in said) == whole.choices[0].message.content
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in said)
    assert thought == whole.choices[0].message.reasoning_content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_cap_cuts_the_reply(client, limit):
    reply = ask(client, **{limit: 8})
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 8


def test_models(client):
    assert {model.id for model in client.models.list()} == set(embedded.MODELS.values())
    assert client.models.retrieve("embedded/judge").id == "embedded/judge"
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.models.retrieve("gpt-4o")


def test_errors_are_openais(client, url):
    with pytest.raises(openai.NotFoundError) as unknown:
        ask(client, model="gpt-4o")
    assert unknown.value.code == "model_not_found"
    for wrong in ({"messages": []}, {"max_tokens": 0}, {"n": 3}, {"messages": [{"role": "user"}]}):
        with pytest.raises(openai.BadRequestError) as bad:
            ask(client, **wrong)
        assert bad.value.type == "invalid_request_error"
    assert httpx.post(f"{url}/chat/completions", content=b"{").json()["error"]["type"] == "invalid_request_error"
    assert httpx.get(f"{url}/nothing").json()["error"]["message"] == "GET /v1/nothing: HTTP 404"
    assert httpx.get(f"{url}/chat/completions").status_code == 405


def test_what_it_cannot_read_it_says_it_cannot_solve(client):
    said = ask(client, "Prove that there are infinitely many primes.").choices[0].message.content
    assert said.startswith("I cannot solve")
    assert verify("5", said).verdict == "NO_ANSWER"


def teach(question: str, seed: int = 0):
    """The solver's, the distiller's and the compressor's replies to one question."""
    roles = settings().roles

    def reply(role, **values):
        turns = request(role, roles[role], "e", 1, values).body["messages"]
        return embedded.answer(f"embedded/{role}", turns, seed, TEACHER)

    solved = reply("solver", question=question)
    answer = solved.text.split("Answer: ")[1]
    distilled = reply("distiller", question=question, reasoning=f"{solved.thinking}\n\n{solved.text}", answer=answer)
    levels = {
        level: reply(
            "compressor", question=question, solution=distilled.text, level=level, words=9, percent=9, solution_words=9
        ).text
        for level in ("R2", "R3", "R4", "R5", "R6")
    }
    return answer, distilled.text, levels


@pytest.mark.parametrize("family", contest.FAMILIES)
def test_every_family_is_taught_at_every_level(family):
    question = contest.draw(Random(3), family)
    seed = next(
        seed for seed in range(9) if f"Answer: {question.answer}" in embedded.solve(question.text, seed, TEACHER).text
    )
    answer, chain, levels = teach(question.text, seed)
    steps = chain.splitlines()
    assert steps[-1] == f"Answer: {answer}"
    assert len(steps) == len(question.steps) + 1
    assert all(f"{step}." in line for step, line in zip(question.steps, steps[:-1], strict=True))
    kept = {"R2": len(question.steps), "R3": 3, "R4": 2, "R5": 1, "R6": 0}
    for level, text in levels.items():
        equations = contest.bare_steps(question)[: kept[level]]
        assert text.splitlines() == [*equations, f"Answer: {answer}"]


def test_slips_come_at_their_rate_are_carried_on_and_depend_on_the_attempt():
    chosen = problems(600)
    wrong = [problem for problem in chosen if teach(problem.question)[0] != problem.answer]
    assert 0.05 < len(wrong) / len(chosen) < 0.11
    answer, chain, levels = teach(wrong[0].question)
    assert chain.endswith(f"Answer: {answer}") and levels["R6"] == f"Answer: {answer}"
    again = [problem for problem in wrong if teach(problem.question, seed=1)[0] == problem.answer]
    assert len(again) > len(wrong) / 2


def test_the_fingerprint_changes_with_the_settings():
    other = Embedded(seed=8, slip_share=0.08)
    assert embedded.fingerprint(TEACHER) == embedded.fingerprint(TEACHER) != embedded.fingerprint(other)


def test_served_by_its_command(tmp_path):
    workspace = Workspace(tmp_path)
    with workspace.start("--serve", "--latency", "0.5", "--log", "log.jsonl") as process:
        address = process.stdout.readline().strip()
        with openai.OpenAI(base_url=address, api_key="none", max_retries=0) as client:
            assert ask(client).choices[0].message.content.endswith("5")
            with pytest.raises(openai.APITimeoutError):  # asked to answer sooner than it may
                ask(client, timeout=0.3)
        taken = workspace.run("--serve", "--port", address.split(":")[2].split("/")[0])
        assert taken.returncode == 1 and "Choose another with --port" in taken.stderr
        process.terminate()
    events = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(event)["event"] for event in events[:2]] == ["received", "answered"]


def test_a_port_that_cannot_be_listened_on_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port, says in ((taken.getsockname()[1], "in use"), (70000, "0-65535")):
            with pytest.raises(InputError, match=rf"port {port} cannot be listened on: .*{says}.* with --port"):
                serve(TEACHER, port, 0, None)
