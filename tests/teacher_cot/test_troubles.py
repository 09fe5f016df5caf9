"""What every request would meet is one clear message, the state is kept, and the key is written nowhere."""

import json
import sqlite3
import subprocess

import pytest

from distil.pipeline.files import InputError
from distil.teacher import Store
from tests.teacher_cot.support import Server, Workspace, at, block, completion, problems

KEY = "sk-f00d/c0ffee+0123456789abcdef"

TOKEN = "another-secret-0123456789"


def failing(status: int, message: str, code: str | None = None):
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}}).encode()
    return lambda request: (status, {}, body)


def echoing_key(status: int):
    """A server that repeats the key that it was sent, in headers and body."""
    return lambda request: (status, {"X-Key": KEY}, json.dumps({"error": {"message": f"no such key: {KEY}"}}).encode())


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (failing(401, "Incorrect API key"), "the endpoint does not accept the key in TEACHER_KEY (HTTP 401"),
        (failing(403, "Forbidden"), "the endpoint does not accept the key in TEACHER_KEY (HTTP 403"),
        (failing(404, "no such model", "model_not_found"), "the endpoint does not know the model embedded/solver"),
        (failing(402, "Insufficient Balance"), "the account has no money left; top it up (HTTP 402"),
        (failing(429, "You exceeded your quota", "insufficient_quota"), "the account has no money left"),
        (
            lambda request: (200, {}, b'{"choices": null, "base_resp": {"status_msg": "insufficient balance"}}'),
            "the account has no money left",
        ),
        (
            failing(400, "temperature is not supported"),
            "not supported. Nothing was answered. Set teacher_cot.roles.solver.omit to [temp",
        ),
    ],
)
def test_what_every_request_would_meet_stops_the_run(tmp_path, monkeypatch, reply, says):
    server = Server(reply=reply)
    monkeypatch.setenv("TEACHER_KEY", KEY)
    with server.running() as url:
        workspace = Workspace(tmp_path, **at(url, api_key_env="TEACHER_KEY"))
        with pytest.raises(InputError) as stopped:
            workspace.run_here(monkeypatch)
    assert says in str(stopped.value)
    assert "\n" not in str(stopped.value)
    assert len(server.requests) <= 3  # one problem is tried first, then two, then four
    assert workspace.outputs() == {}


def test_the_command_says_it_in_one_line_and_keeps_earlier_outputs(tmp_path, monkeypatch):
    with Server().running() as url:
        workspace = Workspace(tmp_path, problems(4), **at(url))
        workspace.run_here(monkeypatch)
    before = workspace.outputs()
    with Server(reply=echoing_key(401)).running() as url:
        roles = block()["roles"]
        roles["solver"]["temperature"] = 0.9
        workspace.params(**at(url, api_key_env="TEACHER_KEY"), roles=roles)
        monkeypatch.setenv("TEACHER_KEY", KEY)
        done = workspace.command()
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1 and "Traceback" not in done.stderr
    assert workspace.outputs() == before


def streamed(request):
    """A stream that brings the key in two parts."""
    parts = [f"your key is {KEY[:12]}", f"{KEY[12:]}\n\nAnswer: 7"]
    chunks = [{"choices": [{"delta": {"content": part}}]} for part in parts]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()


ESCAPED = KEY.replace("/", "\\/").replace("+", "\\u002B")


@pytest.mark.parametrize(
    "reply",
    [
        echoing_key(401),
        echoing_key(500),
        lambda request: (200, {"X-Key": KEY}, completion(request, f"your key is {KEY}\n\nAnswer: 7")),
        lambda request: (200, {}, completion(request, f"your token is {TOKEN}\n\nAnswer: 7")),
        lambda request: (200, {}, streamed(request)),
        lambda request: (400, {}, f'{{"error": "no such key: {ESCAPED}"}}'.encode()),
        lambda request: (200, {}, f'{{"error": "no such key: {ESCAPED}'.encode()),
        lambda request: (451, {}, json.dumps({"error": f'{{"raw": "{ESCAPED}"}}'}).encode()),
    ],
)
def test_the_key_is_written_nowhere(tmp_path, reply):
    """Whatever a failing run writes, by a server that repeats the key in its errors, or even in its answers."""
    header = f"Bearer {TOKEN}"
    with Server(reply=reply).running() as url:
        changes = at(url, api_key_env="TEACHER_KEY", headers={"X-Team": "$TEAM_SECRET"})
        workspace = Workspace(tmp_path, problems(4), tries=2, **changes)
        done = workspace.run(TEACHER_KEY=KEY, TEAM_SECRET=header, OPENAI_LOG="debug")
        workspace.run("--export", "exported.jsonl", TEACHER_KEY=KEY, TEAM_SECRET=header)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    written += "".join([done.stdout, done.stderr]).encode()
    for secret in (KEY, KEY[12:], TOKEN):
        assert secret.encode() not in written and secret[-9:].encode() not in written
    assert len(written) > 1000


def test_the_key_and_the_headers_are_sent(tmp_path, monkeypatch):
    monkeypatch.setenv("TEACHER_KEY", KEY)
    monkeypatch.setenv("TEAM", "seven")
    server = Server()
    with server.running() as url:
        changes = at(url, api_key_env="TEACHER_KEY", headers={"X-Team": "$TEAM", "X-Title": "contest"})
        Workspace(tmp_path, problems(2), **changes).run_here(monkeypatch)
    headers = server.requests[0]["headers"]
    assert (headers["authorization"], headers["x-team"], headers["x-title"]) == (f"bearer {KEY}", "seven", "contest")


def test_the_words_of_a_header_are_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("APP", "solution distillation study")
    text = "The solution of a distillation is 1 + 1 = 2\n\nAnswer: 2"
    with Server(reply=lambda request: (200, {}, completion(request, text))).running() as url:
        workspace = Workspace(tmp_path, problems(1), **at(url, headers={"X-Title": "$APP"}))
        workspace.run_here(monkeypatch)
    assert workspace.rows("chains")[0]["text"] == text


@pytest.mark.parametrize(("value", "says"), [("", "is not set"), ("sk-…", "no key has"), ("a\nb", "no key has")])
def test_a_variable_without_a_key_is_said_before_anything_is_asked(tmp_path, monkeypatch, value, says):
    monkeypatch.setenv("TEACHER_KEY", value)
    workspace = Workspace(tmp_path, **at("http://127.0.0.1:1/v1", api_key_env="TEACHER_KEY"))
    with pytest.raises(InputError, match=f"the environment variable TEACHER_KEY .*{says}"):
        workspace.run_here(monkeypatch)


def test_a_header_that_cannot_be_sent_is_named(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, **at("http://127.0.0.1:1/v1", headers={"X-Title": "Müller"}))
    with pytest.raises(InputError, match=r"teacher_cot\.endpoints\.test\.headers\.X-Title holds .*write it in ASCII"):
        workspace.run_here(monkeypatch)


def test_a_refused_connection(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, **at("http://127.0.0.1:1/v1"))
    with pytest.raises(InputError, match=r"no connection to http://127\.0\.0\.1:1/v1.*Nothing was answered\. Check"):
        workspace.run_here(monkeypatch)


@pytest.mark.parametrize("role", ["solver", "compressor"])
def test_an_endpoint_that_answers_under_another_name_is_one_message(tmp_path, monkeypatch, role):
    """Each of its replies is paid for, so it is not asked `tries` times for every problem."""

    def reply(request):
        said = json.loads(completion(request, f"1 + 1 = 2\n\nAnswer: {chosen[0].answer}"))
        return 200, {}, json.dumps(said | ({"model": "alias-7"} if request["model"].endswith(role) else {})).encode()

    chosen, server = [problem.model_copy(update={"answer": "2"}) for problem in problems(40)], Server(reply=reply)
    with server.running() as url:
        workspace = Workspace(tmp_path, chosen, **at(url, concurrency=4))
        with pytest.raises(InputError, match=rf"as alias-7; if .*, set .*\.{role}\.answers_as to it"):
            workspace.run_here(monkeypatch)
    renamed = [one for one in server.requests if one["body"]["model"].endswith(role)]
    assert 5 <= len(renamed) <= 5 + 3  # what was under way
    roles = block()["roles"] | {role: block()["roles"][role] | {"answers_as": "alias-7"}}
    server = Server(reply=reply)
    with server.running() as url:
        workspace.params(**at(url, concurrency=4), roles=roles)
        workspace.run_here(monkeypatch)
    assert workspace.metrics()["failed"] == 0


def test_refusals_are_listed_and_not_asked_again(tmp_path, monkeypatch):
    chosen = problems(3)

    def reply(request):
        text = request["messages"][-1]["content"]
        if text == chosen[0].question:
            return 200, {}, completion(request, "", finish_reason="content_filter")
        if text == chosen[1].question:
            return failing(400, "Content Exists Risk")(request)
        return 200, {}, completion(request, f"1 + 1 = 2\n\nAnswer: {chosen[2].answer}")

    server = Server(reply=reply)
    with server.running() as url:
        workspace = Workspace(tmp_path, chosen, **at(url))
        workspace.run_here(monkeypatch)
        first, asked = workspace.outputs(), len(server.requests)
        workspace.run_here(monkeypatch)
    assert [row["reason"] for row in workspace.rows("failed")] == [
        "solver: refused: the provider's content filter stopped the reply",
        "solver: refused: HTTP 400: Content Exists Risk",
    ]
    assert workspace.outputs() == first
    assert len(server.requests) == asked
    assert workspace.metrics()["failed"] == 2 and workspace.metrics()["verified"] == 1


def test_require_all_fails_the_stage_after_listing(tmp_path):
    with Server(spoil=lambda request: "marbles" in str(request)).running() as url:
        workspace = Workspace(tmp_path, problems(20), tries=1, require_all=True, **at(url))
        done = workspace.command()
    assert done.returncode == 1
    assert "1 of 20 problems failed: data/teacher_cot/failed.jsonl" in done.stderr


def test_nothing_is_asked_after_the_first_answer_that_cannot_be_stored(tmp_path, monkeypatch):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR  # as SQLite sets it
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    add, written = Store.add, []

    def add_two(store, rows, *verdicts, **imported):
        if rows and len(written) == 2:
            raise error
        written.extend(rows)
        return add(store, rows, *verdicts, **imported)

    monkeypatch.setattr(Store, "add", add_two)
    server = Server(latency=0.1)
    with server.running() as url:
        workspace = Workspace(tmp_path / "work", problems(4), **at(url, concurrency=1))
        with pytest.raises(InputError, match="The answers under way are lost, since"):
            workspace.run_here(monkeypatch)
    # the third reply is of the first of five levels, and while it is being stored the second is asked for
    assert len(server.requests) <= 4


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=14m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("needs leave to mount a small file system")
    try:
        server = Server(latency=0.02)
        roles = {name: role | {"max_tokens": 128} for name, role in block()["roles"].items()}
        with server.running() as url:
            changes = at(url) | {"store": str(small / "teacher.sqlite"), "roles": roles}
            workspace = Workspace(tmp_path / "work", problems(100), **changes)
            (small / "other").write_bytes(bytes(12_800_000))
            done = workspace.run()
            assert done.returncode == 1
            assert "is full. Every answer under way was stored" in done.stderr, done.stderr
            assert 0 < len(server.answered) < 600
            (small / "other").unlink()
            assert workspace.command().returncode == 0
        assert server.asked_again == 0
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)
