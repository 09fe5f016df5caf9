"""The store keeps what was put into it: across processes, deaths and full disks."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distil.endpoint import Failed, Reply, ServerAnswer, Usage, read_reply
from distil.pipeline.files import InputError
from distil.teacher import Request, Store, StoredAnswer
from stages.teacher_cot import sharing
from tests.teacher_cot.support import ROOT


def ask(number: int) -> Request:
    turns = [{"role": "user", "content": f"What is {number}?"}]
    return Request("solver", "e", 1, {"model": "m", "messages": turns, "max_tokens": 9}, 9)


def answer(number: int, usd: float = 0.0, text: str = "Answer: 1", finish: str = "stop") -> StoredAnswer:
    payload = {"model": "m", "choices": [{"message": {"content": text}, "finish_reason": finish}]}
    reply = read_reply(payload) if finish != "error" else Reply(text, "", finish, Usage())
    return StoredAnswer.of(ask(number), ServerAnswer(reply, payload, 0.5), usd)


def refused(number: int, reason: str) -> StoredAnswer:
    return StoredAnswer.of(ask(number), ServerAnswer(Failed(f"refused: {reason}", lasting=True), None, 0.1), 0.0)


@pytest.fixture(autouse=True)
def spools(tmp_path, monkeypatch):
    """The system's temporary folder."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "cache/teacher.sqlite")
    yield opened
    opened.close()


def test_an_answer_is_read_as_it_came(store):
    store.put([answer(1, text="<think>1</think>Answer: 1")])
    assert store.get(ask(1)).text == "Answer: 1"
    assert store.get(ask(2)) is None


def test_a_refusal_by_status_code_is_an_answer(store):
    store.put([refused(1, "HTTP 400: Content Exists Risk")])
    assert store.get(ask(1)) == Failed("refused: HTTP 400: Content Exists Risk", lasting=True)


@pytest.mark.parametrize(
    "row",
    [
        answer(1, text="Let x", finish="error"),
        refused(1, "HTTP 400: This model's maximum context length is 4096 tokens. However, you requested 16640"),
        refused(1, "HTTP 413: <html><title>413 Request Entity Too Large</title></html>"),
    ],
)
def test_what_is_no_answer_is_asked_again_though_an_earlier_version_stored_it(store, row):
    store.put([row])
    assert store.get(ask(1)) is None
    store.put([answer(1)])
    assert store.get(ask(1)).text == "Answer: 1"


ALONE = """
import sys, time
from distil.teacher import Store
with Store(sys.argv[1]).alone():
    print("mine", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_one_process_asks_at_a_time_and_the_dead_hold_nothing(tmp_path):
    def start(seconds):
        command = [sys.executable, "-c", ALONE, str(tmp_path / "teacher.sqlite"), str(seconds)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)

    with start(99) as first:
        assert first.stdout.readline() == "mine\n"
        with start(0) as second:
            assert "another run is asking for" in second.stderr.readline()
            first.send_signal(signal.SIGKILL)
            assert second.communicate()[0] == "mine\n"


def test_two_processes_open_a_new_store_at_once(tmp_path):
    code = "import sys; from distil.teacher import Store; Store(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "teacher.sqlite")]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


def test_every_answer_is_on_the_disk_when_put_returns(store):
    """Another connection, as after a crash of this one, sees it."""
    for number in range(5):
        store.put([answer(number)])
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


def test_a_full_disk_loses_no_answer(small_disk, spools):
    store = Store(small_disk / "teacher.sqlite")
    (small_disk / "other").write_bytes(bytes(_free(small_disk) - 20_000))
    wrong = []
    for number in range(30):
        try:
            store.put([answer(number, usd=0.1, text="long " * 1000)])
        except InputError as error:
            wrong.append(str(error))
    (spool,) = spools.iterdir()
    said = f"the disk of {store.path} is full. Every answer under way was stored in {spool}, which the next run"
    assert wrong[0].startswith(said) and store.trouble.startswith(said)
    assert spool.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match=rf"{len(wrong)} answers wait in {spool}\. Free some space"):
        store.take_spool_back()
    (small_disk / "other").unlink()
    with spool.open("a") as file:
        file.write('{"key": "cut short by a k')
    with store.alone():
        assert all(store.get(ask(number)) for number in range(30))
    assert store.spent() == pytest.approx(3)
    assert not spool.exists()
    store.close()


def test_the_spool_is_removed_only_when_all_of_it_is_stored(store, spools, capsys):
    """Texts may hold characters that end lines elsewhere."""
    rows = [answer(1, text="one\u2028two\u2029three\u0085four"), answer(2)]
    store.spool.append(rows)
    with store.alone():
        assert store.get(ask(1)).text == "one\u2028two\u2029three\u0085four"
    assert not list(spools.iterdir())
    store.spool.append([answer(3)])
    store.spool.path.write_text("damaged\n" + store.spool.path.read_text())
    with store.alone():
        assert store.get(ask(3)).text == "Answer: 1"
    assert "damaged" in store.spool.path.read_text()
    assert f"1 lines of {store.spool.path} cannot be read, so that it is kept" in capsys.readouterr().err


def test_a_full_temporary_folder_is_said(small_disk, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    store = Store(small_disk / "teacher.sqlite")
    (small_disk / "other").write_bytes(bytes(_free(small_disk) - 20_000))
    with pytest.raises(InputError, match=r"is full\. The answers under way are lost, since .* failed, too \(No space"):
        for number in range(30):
            store.put([answer(number, text="long " * 1000)])
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
    store.put([answer(number, usd=0.25, text="lone \ud800 surrogate") for number in range(4)])
    store.put([refused(9, "no")])
    exported = tmp_path / "answers.jsonl"
    assert sharing.export(store, exported) == 5
    other = Store(tmp_path / "other.sqlite")
    other.put([answer(2, text="Answer: my own")])
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
    store.put([answer(1)])
    exported = tmp_path / "answers.jsonl"
    sharing.export(store, exported)
    exported.write_text(exported.read_text().replace(*change))
    with pytest.raises(InputError, match=says):
        sharing.read_export(exported, Store(tmp_path / "other.sqlite"))


def test_totals_are_by_role_and_model(store):
    store.put([answer(1, usd=0.5), answer(2, usd=0.25)])
    store.fail(ask(3), "HTTP 500 (30 tries)")
    (row,) = store.totals()
    assert (row.role, row.answered, row.failed, row.cost_usd) == ("solver", 2, 1, 0.75)
    store.put([answer(3)])
    assert store.totals()[0].failed == 0
    assert store.failure(ask(3)) is None


def test_time_is_kept_with_an_answer(store):
    store.put([answer(1)])
    (row,) = store.rows()
    assert row.seconds == 0.5 and row.answered_at[:4] == time.strftime("%Y", time.gmtime())
