"""Against a server that goes wrong: each problem is answered once or listed, with the same bytes as without."""

import pytest

from tests.teacher_cot.support import FAULTS, Server, Workspace, at, problems


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
