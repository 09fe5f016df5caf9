"""Against a server that goes wrong: each problem is answered once or listed, with the same bytes as without."""

import json
import re

import pytest

from distil.pipeline.files import InputError
from tests.teacher_cot.support import FAULTS, Server, Workspace, at, completion, problems


@pytest.fixture(scope="module")
def faultless(tmp_path_factory):
    """What 12 problems give without a fault."""
    with Server().running() as url, pytest.MonkeyPatch.context() as patch:
        workspace = Workspace(tmp_path_factory.mktemp("faultless"), problems(12), **at(url))
        workspace.run_here(patch)
    return workspace.outputs()


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_ten_percent(fault, faultless, tmp_path, monkeypatch):
    server = Server({fault: 0.1})
    with server.running() as url:
        workspace = Workspace(tmp_path, problems(12), **at(url, timeout=0.6))
        workspace.run_here(monkeypatch)
    assert server.injected[fault] >= 3
    assert server.asked_again == 0
    assert workspace.outputs() == faultless


def test_given_up_after_as_many_tries_as_allowed(tmp_path, monkeypatch):
    """A problem that is never answered is listed with the reason, and asked for again by the next run."""
    chosen = problems(6)
    stubborn = chosen[2].question
    server = Server(spoil=lambda request: stubborn in str(request["messages"]))
    with server.running() as url:
        workspace = Workspace(tmp_path, chosen, tries=3, **at(url))
        workspace.run_here(monkeypatch)
        assert workspace.rows("failed") == [
            {"problem_id": chosen[2].id, "level": None, "reason": "solver: HTTP 500: Something went wrong (3 tries)"}
        ]
        assert workspace.metrics()["answered"] == 5
        server.spoil = None
        workspace.run_here(monkeypatch)
    assert workspace.rows("failed") == []
    assert server.asked_again == 0


THOUGHTS = (200, {}, lambda request: completion(request, "", thinking="1 + 1 is"))
BROKEN_OFF = (200, {}, lambda request: json.dumps(
    json.loads(completion(request, "Each overdue book")) | {"error": {"code": 502, "message": "broken off"}}
).encode())  # fmt: skip
BUSY = (200, {}, lambda request: b'{"error": "the upstream model said nothing"}')
TOO_LONG = (400, {}, lambda request: b'{"message": "maximum context length is 4096 tokens, but you sent 9000"}')
TOO_LARGE = (413, {}, lambda request: b"<html><title>413 Request Entity Too Large</title></html>")
REJECTED = (400, {}, lambda request: b'{"error": "no such thing as we know of"}')
ECHO = (422, {}, lambda request: json.dumps({"detail": [
    {"msg": "too odd", "input": "Each overdue book costs 2, and no credits are left. It is not moderation."}
]}).encode())  # fmt: skip
SAID = (422, {}, lambda request: b'{"message": "cannot parse: each overdue book"}')


@pytest.mark.parametrize(
    ("bad", "where", "reason"),
    [
        (THOUGHTS, [4], "reasoning without an answer (5 tries)"),
        (THOUGHTS, [10, 11], "reasoning without an answer (5 tries)"),
        (BROKEN_OFF, [4], "HTTP 502: broken off (25 tries)"),
        (BUSY, [10, 11], "an error instead of a reply: the upstream model said nothing (25 tries)"),
        (TOO_LONG, [4, 5, 6, 7], "HTTP 400: maximum context length is 4096 tokens, but you sent 9000"),
        (TOO_LARGE, [4, 5, 6, 7], "HTTP 413: <html><title>413 Request Entity Too Large</title></html>"),
        (ECHO, [4], 'HTTP 422: [{"msg": "too odd", "input": "Each overdue book costs 2, and no credits are left. '
         'It is not moderation."}]'),
        (SAID, [4], "HTTP 422: cannot parse: each overdue book"),
        (REJECTED, [2, 6, 11], "HTTP 400: no such thing as we know of"),
    ],
)  # fmt: skip
def test_problems_that_fail_for_good_end_no_run(tmp_path, monkeypatch, bad, where, reason):
    """They are listed, again by a second run, which asks for nothing else, and answered once the server is mended."""
    chosen = [problem.model_copy(update={"answer": "2"}) for problem in problems(12)]
    hopeless = [chosen[place].question for place in where]
    times = int(tries[1]) if (tries := re.search(r"\((\d+) tries", reason)) else 1
    status, headers, body = bad

    def reply(request):
        if any(question in str(request["messages"]) for question in hopeless):
            return status, headers, body(request)
        return 200, {}, completion(request, "1 + 1 = 2\n\nAnswer: 2")

    server = Server(reply=reply)
    with server.running() as url:
        workspace = Workspace(tmp_path, chosen, **at(url, concurrency=1), tries=25, backoff_seconds=[0.001, 0.002])
        workspace.run_here(monkeypatch)
        listed = [{"problem_id": chosen[place].id, "level": None, "reason": f"solver: {reason}"} for place in where]
        assert workspace.rows("failed") == listed
        asked = len(server.requests)
        workspace.run_here(monkeypatch)
        assert workspace.rows("failed") == listed
        assert len(server.requests) - asked == len(where) * times
        hopeless.clear()
        workspace.run_here(monkeypatch)
    assert workspace.rows("failed") == []


def test_a_problem_that_fails_for_good_may_join_a_finished_run(tmp_path, monkeypatch):
    """It is the one problem asked for, so that only the store shows that the role is set up rightly."""
    server = Server()
    with server.running() as url:
        changes = at(url) | {"tries": 12, "backoff_seconds": [0.001, 0.002]}
        Workspace(tmp_path, problems(3), **changes).run_here(monkeypatch)
        server.reply = lambda request: (200, {}, completion(request, "", thinking="1 + 1 is"))
        workspace = Workspace(tmp_path, problems(4), **changes)
        workspace.run_here(monkeypatch)
    assert [row["reason"] for row in workspace.rows("failed")] == ["solver: reasoning without an answer (5 tries)"]


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("thinking", ["", "1 + 1 is"])
def test_replies_that_are_paid_and_useless_stop_a_run(tmp_path, monkeypatch, stored, thinking):
    """Also of a role that was answered, in this run or in an earlier one."""
    chosen = [problem.model_copy(update={"answer": "2"}) for problem in problems(60)]
    good = {problem.question for problem in chosen[:8]}

    def reply(request):
        if any(question in str(request["messages"]) for question in good):
            return 200, {}, completion(request, "1 + 1 = 2\n\nAnswer: 2")
        return 200, {}, completion(request, "", thinking=thinking)

    server = Server(reply=reply)
    with server.running() as url:
        changes = at(url, concurrency=8) | {"backoff_seconds": [0.001, 0.002]}
        if stored:
            Workspace(tmp_path, chosen[:8], **changes).run_here(monkeypatch)
        workspace = Workspace(tmp_path, chosen, **changes)
        with pytest.raises(InputError, match=r"roles\.solver, 45 times in a row: .*Everything answered so far is kept"):
            workspace.run_here(monkeypatch)
    asked = [one for one in server.requests if not any(question in str(one["body"]) for question in good)]
    assert 45 <= len(asked) < 45 + 8


@pytest.mark.slow
def test_all_faults_together_at_sixty_percent(tmp_path):
    chosen = problems(100)
    with Server().running() as url:
        without = Workspace(tmp_path / "without", chosen, **at(url))
        assert without.run().returncode == 0
    server = Server(dict.fromkeys(FAULTS, 0.6 / len(FAULTS)))
    with server.running() as url:
        workspace = Workspace(tmp_path / "with", chosen, **at(url, timeout=0.6))
        done = workspace.run()
    assert done.returncode == 0, done.stderr
    print(f"{len(server.answered)} requests, {sum(server.injected.values())} faults: {dict(server.injected)}")
    assert sum(server.injected.values()) > len(server.answered)
    assert server.asked_again == 0
    assert workspace.rows("failed") == []
    assert workspace.outputs() == without.outputs()
