"""Answers that are paid are paid once: no check and no other machine buys those again that a store here has."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from distil.pipeline.files import write_jsonl
from tests.teacher_cot.support import Server, at, block, problems
from tests.tools.checked import check
from tests.tools.machines import clone, scheduler, workers
from tests.tools.toy import ROOT, Toy
from tests.workspace import inside
from tools.paid import paid_store

STAGE = """
  teacher_cot:
    cmd: python -m stages.teacher_cot
    deps: [stages/teacher_cot, distil, data/parsed]
    params: [teacher_cot, answers.limit]
    outs:
      - data/teacher_cot: {persist: true}
      - metrics/teacher_cot.json: {cache: false, persist: true}
"""
LIMIT = {"limit": {"unseen": None, "seen": None, "transfer": None}}


@dataclass
class Paid:
    """A repository whose teacher is a server with a key, and the server."""

    toy: Toy
    server: Server

    @property
    def store(self) -> Path:
        return self.toy.folder / "cache/teacher.sqlite"


@pytest.fixture
def paid(toy: Toy) -> Iterator[Paid]:
    """One whose answers are bought and committed."""
    for name in ("distil", "stages/teacher_cot"):
        shutil.copytree(ROOT / name, toy.folder / name, dirs_exist_ok=True)
    write_jsonl(toy.folder / "data/parsed/problems.jsonl", problems(2))
    toy.replace(".gitignore", "/data\n", "/data/*\n!/data/parsed\n/cache\n")
    toy.write("dvc.yaml", (toy.folder / "dvc.yaml").read_text() + STAGE)
    server = Server()
    with server.running() as url:
        teacher = block(**at(url, api_key_env="TEACHER_KEY"))
        params = yaml.safe_load((toy.folder / "params.yaml").read_text())
        toy.write("params.yaml", yaml.safe_dump(params | {"teacher_cot": teacher, "answers": LIMIT}))
        toy.env["TEACHER_KEY"] = "a key with money"
        toy.repro("teacher_cot")
        toy.commit("what the teacher said")
        yield Paid(toy, server)


@pytest.mark.parametrize(
    ("stage", "params", "store"),
    [
        ("teacher_cot", {"teacher_cot": {"teacher": "openai", "store": "cache/a.sqlite"}}, Path("cache/a.sqlite")),
        ("teacher_cot", {"teacher_cot": {"teacher": "embedded", "store": "cache/a.sqlite"}}, None),
        ("parsed", {"teacher_cot": {"store": "~/a.sqlite"}, "parsed": {"reader": "vision"}}, Path.home() / "a.sqlite"),
        ("parsed", {"teacher_cot": {"store": "~/a.sqlite"}, "parsed": {"reader": "ocr"}}, None),
        ("report", {"teacher_cot": {"teacher": "openai", "store": "a"}, "parsed": {"reader": "vision"}}, None),
        ("raw", {}, None),
    ],
)
def test_the_stages_that_pay_are_known_by_name_and_parameters(stage: str, params: dict, store: Path | None) -> None:
    assert paid_store(stage, params) == store


@pytest.mark.slow
def test_a_check_of_a_paid_stage_asks_nobody(paid: Paid) -> None:
    bought = len(paid.server.requests)
    whole = check(paid.toy, "--stages", "teacher_cot")
    assert (whole.status, whole.stage("teacher_cot")["verdict"]) == (0, "identical"), whole.text
    with closing(sqlite3.connect(paid.store)) as db:
        db.execute("DELETE FROM answers WHERE role = 'compressor'")
        db.commit()
    lacking = check(paid.toy, "--stages", "teacher_cot")
    assert lacking.first == "teacher_cot"
    reason = lacking.stage("teacher_cot")["reasons"][0]
    assert "its store lacks answers, such as those of requests that failed. A check buys none" in reason
    assert "`dvc repro --force teacher_cot`" in reason
    assert len(paid.server.requests) == bought > 0


@pytest.mark.parametrize(("content", "said"), [(None, "is not there"), ("no database" * 99, "could not be copied")])
def test_a_check_without_the_store_is_one_message(content: str | None, said: str, paid: Paid) -> None:
    paid.store.unlink()
    if content:
        paid.store.write_text(content)
    done = inside(paid.toy.folder, "tools.check_reproduction", "--no-install", "--stages", "teacher_cot")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"{paid.store}" in done.stderr and said in done.stderr


def test_another_machine_takes_no_stage_that_would_pay_into_a_store_of_its_own(paid: Paid, tmp_path: Path) -> None:
    toy, bought = paid.toy, len(paid.server.requests)
    toy.run("dvc", "remote", "add", "shared", "../store")
    toy.run("git", "rm", "--quiet", "dvc.lock")
    toy.commit("before the first run")
    one = clone(toy, tmp_path / "one")
    with scheduler(tmp_path) as address, workers(address, one, TEACHER_KEY="another with money"):
        arguments = ("--scheduler", address, "--remote", "shared", "teacher_cot")
        alone = inside(toy.folder, "tools.repro", *arguments)
        assert len(paid.server.requests) == bought
        paid.store.parent.rename(tmp_path / "cache")
        shutil.rmtree(one.folder / "cache", ignore_errors=True)
        (one.folder / "cache").symlink_to(tmp_path / "cache")
        shared = inside(toy.folder, "tools.repro", *arguments)
    assert alone.returncode == 1 and "will not pay for answers of stage teacher_cot" in alone.stderr
    assert (shared.returncode, len(paid.server.requests)) == (0, bought), shared.stderr
