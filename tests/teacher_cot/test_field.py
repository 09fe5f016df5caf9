"""What people have reported of servers: each reply, as it was reported, is read, or stops the run with its words."""

import gzip
import json
import re

import pytest

from distil.pipeline.files import InputError
from tests.teacher_cot.support import Server, Workspace, at, block, completion, problems

CHOSEN = [problem.model_copy(update={"answer": "2"}) for problem in problems(12)]


def solved(request, **choice):
    """What a healthy server says: a chain that verifies."""
    return completion(request, "1 + 1 = 2\n\nAnswer: 2", **choice)


def changed(request, **message):
    """The healthy reply with another message."""
    reply = json.loads(solved(request))
    reply["choices"][0]["message"] = {"role": "assistant"} | message
    return json.dumps(reply).encode()


def events(request):
    """The reply as the chunks of a stream that was not asked for."""
    head = {"id": "1", "object": "chat.completion.chunk", "model": request["model"]}
    deltas = [{"role": "assistant", "content": ""}, {"content": "1 + 1 = 2\n\n"}, {"content": "Answer: 2"}]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def parts(request):
    return changed(
        request,
        content=[
            {"type": "thinking", "thinking": [{"type": "text", "text": "1 + 1 is 2."}]},
            {"type": "text", "text": "1 + 1 = 2\n\nAnswer: 2"},
        ],
    )


READ = {
    "blank lines before JSON (DeepSeek-V3#599)": lambda request: b"\n\n \n" + solved(request),
    "comments before JSON (OpenRouter)": lambda request: b": OPENROUTER PROCESSING\n\n" * 3 + solved(request),
    "events that were not asked for (sglang#4550)": events,
    "a list as content (mistral client-python#252)": parts,
    "thinking in content (gpt-oss)": lambda request: changed(
        request,
        content="<|channel|>analysis<|message|>1 + 1 is 2.<|end|><|start|>assistant<|channel|>final<|message|>"
        "1 + 1 = 2\n\nAnswer: 2<|return|>",
    ),
    "thinking in brackets (Magistral)": lambda request: changed(
        request, content="[THINK]1 + 1 is 2.[/THINK]1 + 1 = 2\n\nAnswer: 2"
    ),
}


@pytest.mark.parametrize("reply", READ.values(), ids=READ)
def test_it_is_read(tmp_path, monkeypatch, reply):
    server = Server(reply=lambda request: (200, {}, reply(request)))
    with server.running() as url:
        workspace = Workspace(tmp_path, CHOSEN, **at(url))
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["verified"] == 12
    assert {row["text"] for row in workspace.rows("chains")} == {"1 + 1 = 2\n\nAnswer: 2"}
    assert len(server.requests) == len({str(request["body"]) for request in server.requests})


def error(status, message, **more):
    body = json.dumps({"error": {"message": message} | more}).encode()
    return lambda request: (status, {}, body)


def html(status):
    return lambda request: (status, {"Content-Type": "text/html"}, b"<!doctype html><html><title>Open WebUI</title>")


NO_MONEY = "the account has no money left; top it up"
STOPS = {
    "an address without /v1 (lmstudio#618)": (
        lambda request: (200, {}, b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}'),
        r"Unexpected endpoint or method.*Check teacher_cot\.endpoints\.test\.base_url, .* end in /v1",
    ),
    "a page (Open WebUI)": (html(200), r"a reply that is not JSON: <!doctype html>.*Check .*\.base_url"),
    "a page that forbids (Cloudflare)": (html(403), r"a web page answered, and no API; check .*\.base_url"),
    "tool calls": (
        lambda request: (200, {}, json.dumps({"model": request["model"], "choices": [
            {"message": {"content": None, "tool_calls": [{"id": "1"}]}, "finish_reason": "tool_calls"}
        ]}).encode()),
        r"an empty reply \(tool_calls\)",
    ),
    "reasoning without content": (
        lambda request: (200, {}, changed(request, content=None, reasoning_content="1 + 1 is 2. Answer: 2")),
        "reasoning without an answer",
    ),
    "402 inside a 200 (nodetool#5755)": (error(200, "Insufficient credits. Add more.", code=402), NO_MONEY),
    "insufficient_quota in a choice": (
        lambda request: (200, {}, b'{"choices":[{"error":{"code":429,"message":"insufficient_quota"}}]}'), NO_MONEY
    ),
    "Insufficient Balance (gns3-copilot#93)": (error(402, "Insufficient Balance"), NO_MONEY),
    "billing_not_active (litellm#2743)": (
        error(429, "Your account is not active, please check your billing details", code="billing_not_active"),
        NO_MONEY,
    ),
    "spending limit (xAI)": (
        error(429, "Your team has used all available credits or reached its monthly spending limit."), NO_MONEY
    ),
    "Arrearage (DashScope)": (error(400, "Access denied.", code="Arrearage"), NO_MONEY),
    "1113 (Zhipu)": (error(429, "Your account is in arrears", code="1113"), NO_MONEY),
    "AccountOverdueError (Volcengine)": (
        error(403, "The request failed because your account has an overdue balance.", code="AccountOverdueError"),
        NO_MONEY,
    ),
    "exceeded_current_quota_error (Moonshot)": (
        error(429, "suspended due to insufficient balance", type="exceeded_current_quota_error"), NO_MONEY
    ),
    "max_tokens above the context (vllm#20409)": (
        error(400, "This model's maximum context length is 4096 tokens. However, you requested 16640 tokens (256 in "
              "the messages, 16384 in the completion).", code=400),
        r"maximum context length is 4096.*Lower max_tokens \(512 now\) or give the server a longer context",
    ),
    "max_completion_tokens (gollm#33)": (
        error(400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
              "'max_completion_tokens' instead."),
        r"Set teacher_cot\.roles\.solver\.limit_field to max_completion_tokens",
    ),
    "no seed (Mistral)": (
        lambda request: (422, {}, b'{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body",'
                         b'"seed"],"msg":"Extra inputs are not permitted"}]}}'),
        r"extra_forbidden.*Set teacher_cot\.roles\.solver\.omit to \[seed\]",
    ),
    "no model is loaded (openhuman#4181)": (
        error(400, "No models loaded. Please load a model in the developer page."), "Load the model on the server",
    ),
    "an error without `error` (vllm#12886)": (
        lambda request: (400, {}, b'{"object":"error","message":"This model\'s maximum context length is 2048 tokens.",'
                         b'"type":"BadRequestError","param":null,"code":400}'),
        r"HTTP 400: This model's maximum context length is 2048 tokens\. Nothing was answered\. Lower max_tokens",
    ),
    "characters that a terminal obeys (CLIProxyAPI#1895)": (
        error(400, "\x1f\x8b\x08\x00\x1b[31mred"), "HTTP 400: \ufffd{4}\\[31mred",
    ),
    "no choices (litellm#40252)": (
        lambda request: (200, {}, b'{"choices":[],"usage":{"prompt_tokens":4241}}'), "a reply without a message",
    ),
    "a completion of text (llm-openrouter#5)": (
        lambda request: (200, {}, b'{"choices":[{"text":"7","finish_reason":"stop"}]}'), "a reply without a message",
    ),
    "no API under the address": (error(405, "Method Not Allowed"), r"\.base_url is wrong \(most end in /v1\)"),
    "a moved address": (
        lambda request: (301, {"Location": "https://elsewhere/v1"}, b""), "set .*base_url to where it answers"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "says"), STOPS.values(), ids=STOPS)
def test_it_stops_the_run_with_the_servers_words(tmp_path, monkeypatch, reply, says):
    server = Server(reply=reply)
    with server.running() as url:
        workspace = Workspace(tmp_path, CHOSEN, **at(url))
        with pytest.raises(InputError, match=says) as stopped:
            workspace.run_here(monkeypatch)
        assert "\n" not in str(stopped.value)
        assert len(server.requests) <= 5 and str(stopped.value).isprintable()
        assert workspace.outputs() == {}
        server.reply = lambda request: (200, {}, solved(request))  # whatever was wrong, nothing of it was kept
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["failed"] == 0


WAITS = {
    "429 inside a 200 (inspect_ai#1534)": (200, {}, b'{"choices":null,"error":{"code":429,"message":"busy"}}'),
    "too many at once (LibreChat agents#358)": (429, {}, b'{"error":{"message":"INSUFFICIENT QUOTA: concurrency"}}'),
    "an array (Gemini)": (429, {"Retry-After": "0.1"}, b'[{"error":{"code":429,"message":"Resource exhausted"}}]'),
    "a quota a minute (Gemini)": (
        429, {}, b'{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing '
        b'details. Please retry in 1s."}}',
    ),
    "a model that is being loaded (llama-swap#146)": (
        503, {}, b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}',
    ),
    "a reply that broke off (nodetool#5755)": (
        200, {}, b'{"choices":[{"finish_reason":"error","error":{"code":502,"message":"Provider returned error"},'
        b'"message":{"role":"assistant","content":"Let us call the number"}}]}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("reply", WAITS.values(), ids=WAITS)
def test_it_is_asked_again(tmp_path, monkeypatch, capsys, reply):
    """Twice as many faults as a role may meet alike, at the first request of all."""
    faults = iter([reply] * 8)
    with Server(reply=lambda request: next(faults, None) or (200, {}, solved(request))).running() as url:
        workspace = Workspace(tmp_path, CHOSEN, **at(url))
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["verified"] == 12
    assert "Let us" not in (tmp_path / "data/teacher_cot/chains.jsonl").read_text()
    assert len(re.findall(r"teacher_cot\.roles\.solver: HTTP .*asked again", capsys.readouterr().err)) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Access denied.", code="Arrearage"),
        error(400, "no such thing as we know of"),
        html(200),
        lambda request: (200, {}, solved(request | {"model": "alias-7"})),
    ],
)
def test_a_run_whose_server_or_money_ends_midway_is_no_finished_stage(tmp_path, refusal):
    answered = []

    def reply(request):
        if len(answered) >= 10 and reply.poor:
            return refusal(request)
        answered.append(request)
        return 200, {}, solved(request)

    reply.poor = True
    with Server(reply=reply).running() as url:
        workspace = Workspace(tmp_path, CHOSEN, **at(url, concurrency=2))
        done = workspace.command()
        assert done.returncode == 1 and "Everything answered so far is kept" in done.stderr
        assert workspace.outputs() == {}
        reply.poor = False
        assert workspace.command().returncode == 0
    assert workspace.metrics()["verified"] == 12
    assert len(answered) == 12 * 7


def test_a_role_that_is_refused_is_found_out_before_the_solver_is_paid_for_all(tmp_path, monkeypatch):
    """A distiller whose model takes no temperature (9router#560)."""

    def reply(request):
        if "distiller" in request["model"] and "temperature" in request:
            return error(400, "Unsupported value: 'temperature' does not support 0.0 with this model.")(request)
        return 200, {}, solved(request)

    server, roles = Server(reply=reply), block()["roles"]
    with server.running() as url:
        workspace = Workspace(tmp_path, problems(40), **at(url))
        with pytest.raises(InputError, match=r"Set teacher_cot\.roles\.distiller\.omit to \[temperature\]"):
            workspace.run_here(monkeypatch)
        assert sum("solver" in request["body"]["model"] for request in server.requests) <= 7
        roles["distiller"]["omit"] = ["temperature"]
        workspace.params(**at(url), roles=roles)
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["failed"] == 0


def test_a_deployments_name_is_taken_once_it_is_set(tmp_path, monkeypatch):
    """Azure answers as the model behind the deployment that was asked (openai-python#447)."""

    def reply(request):
        return 200, {}, json.dumps(json.loads(solved(request)) | {"model": "gpt-4o-mini-2024-07-18"}).encode()

    server, roles = Server(reply=reply), block()["roles"]
    with server.running() as url:
        workspace = Workspace(tmp_path, CHOSEN, **at(url))
        with pytest.raises(InputError, match=r"set teacher_cot\.roles\.solver\.answers_as to it"):
            workspace.run_here(monkeypatch)
        assert len(server.requests) == 5
        for role in roles.values():
            role["answers_as"] = "gpt-4o-mini"  # and its snapshots
        workspace.params(**at(url), roles=roles)
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["verified"] == 12


@pytest.mark.parametrize(
    ("finish", "says"),
    [("network_error", "network_error"), ("insufficient_system_resource", "insufficient_system_resource"),
     ("abort", "abort"), ({"finish_reason": "stop", "native_finish_reason": "network_error"}, "network_error")],
)  # fmt: skip
def test_half_a_reply_is_asked_again_however_it_says_so(tmp_path, monkeypatch, capsys, finish, says):
    """genkit#6259 and pi#8511: the half was an answer, kept in the store, and failed its problem for good."""
    end = finish if isinstance(finish, dict) else {"finish_reason": finish}
    halves = iter([end])

    def reply(request):
        return 200, {}, completion(request, "Let us call", **half) if (half := next(halves, None)) else solved(request)

    with Server(reply=reply).running() as url:
        workspace = Workspace(tmp_path, CHOSEN[:2], **at(url))
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["verified"] == 2
    assert f"broke off with an error: {says} (asked again" in capsys.readouterr().err
    assert b"Let us call" not in (tmp_path / "cache/teacher.sqlite").read_bytes()


def test_a_compressed_reply_is_read_and_one_that_only_says_so_stops_the_run(tmp_path, monkeypatch):
    """agent-vision-toolkit#36 and dify#9275."""
    pack = gzip.compress
    server = Server(reply=lambda request: (200, {"Content-Encoding": "gzip"}, pack(solved(request))))
    with server.running() as url:
        workspace = Workspace(tmp_path, CHOSEN[:2], **at(url))
        pack = bytes
        with pytest.raises(
            InputError, match=r"incorrect header.*Set teacher_cot\.endpoints\.test\.headers to \{Accept-En"
        ):
            workspace.run_here(monkeypatch)
        pack = gzip.compress
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["verified"] == 2


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("NO_PROXY", "127.0.0.1,::1/128", "the proxies that the environment names .* cannot be used: Invalid port"),
        ("HTTPS_PROXY", "http://user:se/cret@proxy:3128", r"cannot be used: Invalid port: \(not shown\)\. Correct"),
        ("ALL_PROXY", "socks://127.0.0.1:1", "cannot be used: Unknown scheme for proxy"),
        ("SSL_CERT_FILE", "nowhere.pem", r"the certificates in SSL_CERT_FILE=nowhere\.pem.* cannot be loaded"),
        ("HTTP_PROXY", "http://127.0.0.1:9", "through the environment's proxy .*Check HTTP_PROXY, .* in NO_PROXY"),
    ],
)
def test_a_network_that_is_set_up_wrongly_is_one_line(tmp_path, monkeypatch, variable, value, says):
    """Wegent#3556, httpx#1772 of projectdiscovery, hermes-agent#5834: proxies and certificates of the environment."""
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv(variable, value)
    workspace = Workspace(tmp_path, CHOSEN[:2], **at("http://0.0.0.0:9/v1"))
    with pytest.raises(InputError, match=says) as stopped:
        workspace.run_here(monkeypatch)
    assert "\n" not in str(stopped.value)


def test_a_long_wait_is_said(tmp_path, capsys, monkeypatch):
    """Tokens per day (Groq): the run says for how long it is asked to wait, and can be interrupted."""
    server = Server(reply=lambda request: (429, {"Retry-After": "25920"}, b'{"error":{"message":"tokens per day"}}'))
    with server.running() as url:
        workspace = Workspace(tmp_path, CHOSEN, **at(url))
        with workspace.start() as process:
            said = ""
            while "it asks to wait 25920 s" not in said:
                said += (line := process.stderr.readline())
                assert line, said
            process.terminate()
            errors = process.communicate()[1]
    assert "interrupted" in errors and process.returncode == 1
    assert len(server.requests) == 1
