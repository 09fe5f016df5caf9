"""Killed at any moment: the same bytes in the end, and no more asked again than was under way."""

import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.teacher_cot.support import Server, Workspace, at, problems


def uninterrupted(folder: Path, chosen) -> tuple[Workspace, int]:
    """The same problems taught without a kill, and how many requests that takes."""
    server = Server()
    with server.running() as url:
        workspace = Workspace(folder, chosen, **at(url))
        with pytest.MonkeyPatch.context() as patch:
            workspace.run_here(patch)
    return workspace, len(server.answered)


def kill_at(server: Server, answered: int, process) -> bool:
    """Kill the stage once the server has answered that many requests; False when the stage ended before."""
    while len(server.answered) < answered:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    process.kill()
    process.wait()
    return True


def killed(folder: Path, chosen, kills: int, latency: float, total: int, seed: int) -> tuple[Workspace, Server]:
    """Teach with SIGKILLs at random moments, each run started as soon as the one before is dead."""
    moments = sorted(Random(seed).sample(range(1, total - 20), kills))
    server = Server(latency=latency)
    with server.running() as url:
        workspace = Workspace(folder, chosen, **at(url))
        for moment in moments:
            with workspace.start() as process:
                assert kill_at(server, moment, process), process.communicate()
        done = workspace.run()
        assert done.returncode == 0, done.stderr
    return workspace, server


def test_killed_twice(tmp_path):
    """What was under way is lost, at most `concurrency` answers; what was stored is not asked again."""
    chosen = problems(12)
    whole, total = uninterrupted(tmp_path / "whole", chosen)
    workspace, server = killed(tmp_path / "killed", chosen, 2, 0.05, total, seed=3)
    assert server.asked_again <= 2 * 16
    assert workspace.outputs() == whole.outputs()


def test_an_interrupt_waits_for_what_is_under_way(tmp_path):
    server = Server(latency=0.2)
    with server.running() as url:
        workspace = Workspace(tmp_path, problems(12), **at(url))
        with workspace.start() as process:
            while not server.answered:
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            errors = process.communicate()[1]
        assert process.returncode == 1
        assert "error: interrupted: run the same command again to go on." in errors and "Traceback" not in errors
        assert workspace.command().returncode == 0
    assert server.asked_again == 0
    assert len(server.requests) == len(server.answered)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_twenty_random_moments(tmp_path):
    chosen = problems(150)
    whole, total = uninterrupted(tmp_path / "whole", chosen)
    workspace, server = killed(tmp_path / "killed", chosen, 20, 0.25, total, seed=11)
    print(f"{total} requests, 20 kills, {len(server.requests) - total} sent again, {server.asked_again} answered twice")
    assert server.asked_again <= 20 * 16
    assert workspace.outputs() == whole.outputs()
