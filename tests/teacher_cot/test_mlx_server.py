"""A real server that is not ours: `mlx_lm.server` with the tiny student as teacher."""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from distil.pipeline.files import InputError
from tests.teacher_cot.support import ROOT, Workspace, at, block, problems


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(ROOT / "models/tiny-student")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path_factory.mktemp("mlx") / "log").open("w") as log:
        offline = os.environ | {"HF_HUB_OFFLINE": "1"}
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=offline)
    address = f"http://127.0.0.1:{port}/v1"
    try:
        answered = False
        while not answered:
            assert server.poll() is None, "mlx_lm.server ended"
            try:
                answered = httpx.get(f"{address}/models", timeout=None).status_code == 200
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


def roles(**changes):
    return {
        name: role | {"model": "default_model", "max_tokens": 24} | changes for name, role in block()["roles"].items()
    }


def test_the_tiny_student_plays_every_role(url, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, problems(4), roles=roles(), **at(url, concurrency=4))
    workspace.run_here(monkeypatch)
    metrics = workspace.metrics()
    assert metrics["answered"] + metrics["failed"] == 4 and metrics["answered"] >= 1
    for row in workspace.rows("requests"):
        assert row["prompt_tokens"] > 20 and 0 < row["completion_tokens"] <= 24
        assert row["finish_reason"] in ("stop", "length")
    first = workspace.outputs()
    workspace.run_here(monkeypatch)
    assert workspace.outputs() == first


def test_a_model_that_the_server_does_not_have(url, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, problems(2), roles=roles(model="no/such-model"), **at(url))
    with pytest.raises(InputError, match="the endpoint does not know the model no/such-model"):
        workspace.run_here(monkeypatch)
