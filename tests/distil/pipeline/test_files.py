import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distil.pipeline.files import (
    InputError,
    read_json,
    read_jsonl,
    read_record,
    read_yaml,
    replacing,
    replacing_folder,
    write_json,
    write_jsonl,
    write_text,
    write_texts,
)
from distil.pipeline.records import Message, Split

ROOT = Path(__file__).resolve().parents[3]


@given(texts=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_records_come_back_as_they_went(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    records = [Message(role="user", content=text) for text in texts]
    assert write_jsonl(path, records) == len(records)
    assert list(read_jsonl(path, Message)) == records


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"role": "user"}', "content"),
        ('{"role": "nobody", "content": ""}', "role"),
        ('{"role": "user", "content": "", "extra": 1}', "extra"),
        ('{"role": "user", "cont', "the line itself"),
        ("[]", "the line itself"),
        ("\xff", "the line itself"),
    ],
)
def test_a_bad_line_is_named_with_file_line_and_field(tmp_path, line, field):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"role": "user", "content": "fine"}\n\n' + line.encode("latin-1") + b"\n")
    rows = read_jsonl(path, Message)
    next(rows)
    with pytest.raises(InputError, match=rf"rows\.jsonl, line 3, {field}: "):
        next(rows)


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="Run the stage that writes it"):
        list(read_jsonl(tmp_path / "none.jsonl", Message))


@pytest.mark.parametrize("content", ["", "{", "nonsense"])
def test_json_that_is_not_is_named(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.json is not JSON"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("content", [b"a: [1", b"name: Sch\xf6n", b"a: b: c", b"b: {a: 1, a: 2}"])
def test_yaml_that_is_not_is_named_with_what_was_expected(tmp_path, content):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"(?s)a\.yaml is not YAML in UTF-8: .* It is a list\."):
        read_yaml(tmp_path / "a.yaml", "It is a list.")


def test_yaml_keys_may_be_overridden_but_not_repeated(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text('a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}\n1: c\n"1": d\n')
    assert read_yaml(path) == {"a": {"x": 1, "y": 1}, "b": {"x": 2, "y": 1}, 1: "c", "1": "d"}
    path.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(InputError, match=r"(?s)the key 'a' comes twice.*line 3"):
        read_yaml(path)


def test_what_a_killed_run_left_is_gone_after_the_next(tmp_path):
    (tmp_path / ".a.txt.x1.part").write_text("half")
    (tmp_path / ".out.x1.part").mkdir()
    (tmp_path / ".out.x1.part/b").write_text("half")
    (tmp_path / ".other.txt.x1.part").write_text("another process writes this one")
    write_text(tmp_path / "a.txt", "whole")
    with replacing_folder(tmp_path / "out"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.txt.x1.part", "a.txt", "out"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_is_a_number_or_null(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "m.json", {"a": value})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_texts_are_written_all_or_none(tmp_path):
    write_texts({f"{tmp_path}/a": "before", f"{tmp_path}/b": "before"})
    with pytest.raises(InputError, match="b/c could not be written"):
        write_texts({f"{tmp_path}/a": "after", f"{tmp_path}/b/c": "after"})
    assert [(tmp_path / name).read_text() for name in "ab"] == ["before", "before"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_failed_folder_leaves_the_former_folder_and_nothing_else(tmp_path):
    with replacing_folder(tmp_path / "out") as out:
        (out / "a").write_text("before")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o755
    with pytest.raises(RuntimeError), replacing_folder(tmp_path / "out") as out:
        (out / "b").write_text("half")
        raise RuntimeError
    with replacing_folder(tmp_path / "other") as out:
        (out / "c").write_text("new")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "c", "other", "out"]


@pytest.mark.parametrize("path", [".", "..", "../here", "/"])
def test_the_working_folder_is_not_replaced(tmp_path, monkeypatch, path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/work").touch()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="is the folder you work in or holds it"), replacing_folder(path):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["here", "work"]


def test_a_full_disk_is_one_message_and_the_former_file_stays(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which this system does not have")
    program = """
import os, tempfile
from distil.pipeline import files
real = tempfile.mkstemp
def on_full_disk(**place):
    handle, name = real(**place)
    os.dup2(os.open("/dev/full", os.O_WRONLY), handle)  # the kernel's own ENOSPC
    return handle, name
tempfile.mkstemp = on_full_disk
from distil.pipeline.command import run
run(lambda: files.write_text("a.txt", "after" * 10000))
"""
    (tmp_path / "a.txt").write_text("before")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "error: a.txt could not be written: No space left on device. Free some space and run again.\n"
    assert (tmp_path / "a.txt").read_text() == "before" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "could not be read: No such file or directory. Run the stage that writes it"),
        ("{", "is not JSON"),
        ("[]", "the document: Input should be a valid dictionary"),
        ('{"main": []}', "protocol: Field required"),
        (
            '{"protocol": "paper", "main": [], "transfer_fold": "a", "clusters": {}, "folds": {}}',
            "main: List should have",
        ),
        (
            '{"protocol": "paper", "main": ["a"], "transfer_fold": "a", "clusters": {"x": "y"}, "folds": {}}',
            "clusters.x: Input should be a valid integer",
        ),
    ],
)
def test_a_document_is_read_as_its_model_or_is_one_message(tmp_path, text, said):
    path = tmp_path / "folds.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_record(path, Split)
    assert str(caught.value).startswith(str(path)) and said in str(caught.value)
