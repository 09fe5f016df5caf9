"""docs/teacher.md: its example of one's own server works, and its example of settings is whole."""

import itertools
import re
import shlex

import yaml

from distil.endpoint import Endpoint
from distil.teacher import Role
from tests.teacher_cot.support import ROOT, Server, Workspace, completion, problems
from tools.params import compose

PAGE = (ROOT / "docs/teacher.md").read_text("utf-8")


def test_the_example_of_ones_own_server_works(tmp_path):
    command = re.search(r"^    (dvc exp run teacher_cot -S profile=own-teacher .*(?:\n +-S .*)*)", PAGE, re.M)[1]
    words = shlex.split(command.replace("\\\n", " "))
    overrides = [setting for flag, setting in itertools.pairwise(words) if flag == "-S"]
    model = dict(setting.split("=") for setting in overrides)["teacher_cot.roles.solver.model"]
    chosen = [problem.model_copy(update={"answer": "2"}) for problem in problems(3)]
    server = Server(reply=lambda request: (200, {}, completion(request, "1 + 1 = 2\n\nAnswer: 2")))
    with server.running() as url:
        workspace = Workspace(tmp_path, chosen)
        compose(tmp_path / "params.yaml", [re.sub(r"http://[^/]*/v1", url, setting) for setting in overrides])
        done = workspace.command()
    assert done.returncode == 0, done.stderr
    assert {request["body"]["model"] for request in server.requests} == {model}
    assert workspace.metrics()["verified"] == 3
    assert "after the first 1 of 3 problems, about 14 requests and $0.00 to go" in done.stderr


def test_it_shows_every_setting_of_an_endpoint_and_of_a_role():
    block = re.search(r"^ {6}teacher_cot:\n(?: {8}.*\n)+", PAGE, re.M)[0]
    shown = yaml.safe_load(block)["teacher_cot"]
    assert Endpoint.model_validate(shown["endpoints"]["deepseek"])
    assert Role.model_validate(shown["roles"]["solver"])
    assert set(shown["roles"]["solver"]) == set(Role.model_fields)
    assert set(shown["endpoints"]["deepseek"]) == set(Endpoint.model_fields)
