"""Nothing that was answered is lost or asked twice: across processes, deaths and full disks."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distil.pipeline.files import InputError
from stages.teacher_cot import sharing
from stages.teacher_cot import store as store_module
from stages.teacher_cot.dialogue import Failed, Request, read_reply
from stages.teacher_cot.store import Answered, Owner, Store
from tests.teacher_cot.support import ROOT


def ask(number: int) -> Request:
    turns = [{"role": "user", "content": f"What is {number}?"}]
    return Request("solver", "e", 1, {"model": "m", "messages": turns, "max_tokens": 9})


def answer(number: int, usd: float = 0.0, text: str = "Answer: 1") -> Answered:
    asked = ask(number)
    payload = {"model": asked.model, "choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    return Answered(asked, read_reply(payload, asked.model), payload, usd, 1, 0.5)


def put(store: Store, *answers: Answered) -> None:
    store.transact([lambda one=one: store.put(one) for one in answers])


def claim(store: Store, number: int, owner: Owner, usd: float = 0.0, budget: float | None = None) -> str:
    return store.transact([lambda: store.claim(ask(number), owner, usd, budget)])[0]


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "cache/teacher.sqlite")
    yield opened
    opened.close()


def test_an_answer_is_read_as_it_came(store):
    put(store, answer(1, text="<think>1</think>Answer: 1"))
    assert store.get(ask(1)).text == "Answer: 1"
    assert store.get(ask(2)) is None


def test_a_refusal_by_status_code_is_an_answer(store):
    put(store, Answered(ask(1), Failed("refused: HTTP 400", lasting=True), None, 0.0, 1, 0.1))
    assert store.get(ask(1)) == Failed("refused: HTTP 400", lasting=True)


def test_claims(store):
    mine, other = Owner(store.path), Owner(store.path)
    assert claim(store, 1, mine) == "mine"
    assert claim(store, 1, mine) == "mine"
    assert claim(store, 1, other) == "elsewhere"
    mine.close()
    assert claim(store, 1, other) == "mine"  # the dead hold nothing
    put(store, answer(1))
    assert claim(store, 1, other) == "answered"


def test_claims_reserve_the_budget_until_the_answer_says_what_it_cost(store):
    owner, other = Owner(store.path), Owner(store.path)
    assert claim(store, 1, owner, 0.6, budget=1.0) == "mine"
    assert claim(store, 2, other, 0.6, budget=1.0) == "too dear"
    put(store, answer(1, usd=0.1))
    assert claim(store, 2, other, 0.6, budget=1.0) == "mine"
    assert store.spent() == pytest.approx(0.1)


CLAIM_AND_SLEEP = """
import json, sys, time
from stages.teacher_cot.store import Owner, Request, Store
request = Request(**json.loads(sys.argv[2]))
store = Store(sys.argv[1])
owner = Owner(store.path)
print(store.transact([lambda: store.claim(request, owner, 0, None)])[0], flush=True)
time.sleep(99)
"""


def test_what_the_dead_had_reserved_is_free_again(store):
    dead, owner = Owner(store.path), Owner(store.path)
    assert claim(store, 1, dead, 0.6, budget=1.0) == "mine"
    dead.close()
    assert claim(store, 2, owner, 0.6, budget=1.0) == "too dear"
    assert store.transact([lambda: store.under_way(owner)]) == [1]  # so that the request is tried once more
    assert claim(store, 2, owner, 0.6, budget=1.0) == "mine"
    assert store.transact([lambda: store.under_way(owner)]) == [1]


def test_a_claim_ends_with_its_process(store):
    """The lock of a process that is killed is dropped by the operating system."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM_AND_SLEEP, str(store.path), ask(1).canonical],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "mine\n"
        mine = Owner(store.path)
        assert claim(store, 1, mine) == "elsewhere"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert claim(store, 1, mine) == "mine"
    mine.close()
    assert list(store.path.parent.glob("*-owner-*")) == []


def test_two_processes_open_a_new_store_at_once(tmp_path):
    code = "import sys; from stages.teacher_cot.store import Store; Store(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "teacher.sqlite")]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


def test_every_answer_is_on_the_disk_when_put_returns(store):
    """Another connection, as after a crash of this one, sees it."""
    for number in range(5):
        put(store, answer(number))
        assert sqlite3.connect(store.path).execute("SELECT count(*) FROM answers").fetchone() == (number + 1,)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("needs leave to mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_loses_no_answer(small_disk, monkeypatch):
    monkeypatch.setattr(store_module, "PATIENCE", 2)
    store = Store(small_disk / "teacher.sqlite")
    with store.reserving(30 * (5_000 + 32_768)):  # as the stage reserves for 30 replies of 5 kB under way
        (small_disk / "other").write_bytes(bytes(_free(small_disk) - 20_000))
        for number in range(30):
            put(store, answer(number, text="long " * 1000))
        assert store.full
        assert all(store.get(ask(number)) for number in range(30))
    store.close()


def test_a_disk_without_room_for_the_reserve_is_said_before_anything_is_asked(small_disk):
    store = Store(small_disk / "teacher.sqlite")
    with pytest.raises(InputError, match=r"no room for the answers under way.*free 6 MB"), store.reserving(6_000_000):
        pytest.fail("there is no such room")
    assert not list(small_disk.glob("*-reserve-*"))
    store.close()


def _free(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def test_a_file_that_is_no_store_is_one_message(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no database of any kind\n" * 9)
    with pytest.raises(InputError, match=r"notes\.txt could not be opened as a teacher store"):
        Store(path)
    assert path.read_text().startswith("these are my notes")


def test_a_store_goes_from_one_person_to_another(store, tmp_path):
    put(store, *(answer(number, usd=0.25) for number in range(4)))
    put(store, Answered(ask(9), Failed("refused: no", lasting=True), None, 0.0, 1, 0.1))
    exported = tmp_path / "answers.jsonl"
    assert sharing.export(store, exported) == 5
    other = Store(tmp_path / "other.sqlite")
    put(other, answer(2, text="Answer: my own"))
    assert sharing.read_export(exported, other) == (4, 1)
    assert sharing.read_export(exported, other) == (0, 5)
    assert other.get(ask(1)) == store.get(ask(1))
    assert other.get(ask(9)) == Failed("refused: no", lasting=True)
    assert other.get(ask(2)).text == "Answer: my own"
    assert other.spent() == 0  # somebody else paid


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("What is 1?", "What is 8?"), "line 1, key: it is not that of the request"),
        (('"response":', '"reply":'), "line 1, response: Field required"),
        (('"choices"', '"chances"'), "line 1, response: a reply without a message"),
        (('"key"', '"key'), "line 1, the line itself: Invalid JSON"),
    ],
)
def test_a_changed_export_is_one_message(store, tmp_path, change, says):
    put(store, answer(1))
    exported = tmp_path / "answers.jsonl"
    sharing.export(store, exported)
    exported.write_text(exported.read_text().replace(*change))
    with pytest.raises(InputError, match=says):
        sharing.read_export(exported, Store(tmp_path / "other.sqlite"))


def test_totals_are_by_role_and_model(store):
    put(store, answer(1, usd=0.5), answer(2, usd=0.25))
    store.transact([lambda: store.release(ask(3), "HTTP 500 (30 tries)")])
    (row,) = store.totals()
    assert (row["role"], row["answered"], row["failed"], row["cost_usd"]) == ("solver", 2, 1, 0.75)
    put(store, answer(3))
    assert store.totals()[0]["failed"] == 0
    assert store.failure(ask(3)) is None


def test_time_is_kept_with_an_answer(store):
    put(store, answer(1))
    (row,) = store.rows()
    assert row["seconds"] == 0.5 and row["answered_at"][:4] == time.strftime("%Y", time.gmtime())
