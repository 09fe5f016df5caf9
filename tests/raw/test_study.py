import subprocess

import pytest

from distil.pipeline.files import InputError
from stages.raw.exam_pdf import Exam, PrintedQuestion, typeset
from stages.raw.study import copy_study

PDF = typeset(Exam(2012, "s", "Contest", "Test", 1, 10, (PrintedQuestion("Find 1 + 1.", "2"),)))
REPOSITORY = {
    "README.md": b"",
    "Raw PDF Files/2012 JS.pdf": PDF,
    "Raw PDF Files/2019 Exams and Solutions.pdf": PDF,
    "datafile/2012.json": b"{}",
    "data/train.jsonl": b"{}\n",
    "data/valid.jsonl": b"{}\n",
    "data/test.jsonl": b"{}\n",
    "reasoning_chain.csv": b"year\n",
}


@pytest.fixture
def repository(tmp_path):
    """A git repository laid out like the study's, and its commit."""
    folder = tmp_path / "study"
    for name, content in REPOSITORY.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "the study's files")
    return folder, git("rev-parse", "HEAD")


def pin(tmp_path, repository, revision):
    path = tmp_path / "pin.yaml"
    path.write_text(f"repository: {repository}\nrevision: {revision}\n")
    return path


def test_the_repository_at_its_commit_is_fetched(tmp_path, repository):
    folder, revision = repository
    (folder / "datafile/2012.json").write_text("changed since, and not committed")
    origin, described = copy_study(pin(tmp_path, folder.as_uri(), revision), tmp_path / "raw")
    assert origin == f"{folder.as_uri()} at {revision}"
    assert {str(path.relative_to(tmp_path / "raw")) for path in (tmp_path / "raw").rglob("*.*")} == {
        "exams/2012 JS.pdf",
        "exams/2019 Exams and Solutions.pdf",
        "recorded/transcribed/2012.json",
        "recorded/chains/reasoning_chain.csv",
        "recorded/chains/distilled_train.jsonl",
        "recorded/chains/distilled_valid.jsonl",
        "recorded/chains/distilled_test.jsonl",
    }
    assert (tmp_path / "raw/recorded/transcribed/2012.json").read_text() == "{}"
    assert [(entry.year, entry.section) for entry in described] == [(2012, "junior_senior_test"), (2019, None)]


def test_a_commit_that_is_not_there_is_said(tmp_path, repository):
    folder, _ = repository
    with pytest.raises(InputError, match=r"could not be fetched.*7f0a5cfd.*own-exams"):
        copy_study(pin(tmp_path, folder.as_uri(), "7f0a5cfd3608c72376500355c261ee399219bd35"), tmp_path / "raw")


def test_a_repository_without_the_files_is_said(tmp_path, repository):
    folder, _ = repository
    subprocess.run(["git", "rm", "-rq", "datafile"], cwd=folder, check=True)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, "commit", "-qm", "without"], cwd=folder, check=True)
    with pytest.raises(InputError, match=r"has no datafile/\*.json"):
        copy_study(pin(tmp_path, folder.as_uri(), "HEAD"), tmp_path / "raw")


def test_a_repository_out_of_reach_is_said(tmp_path):
    nowhere = pin(tmp_path, (tmp_path / "nowhere").as_uri(), "main")
    with pytest.raises(InputError, match=r"could not be fetched.*set raw\.path"):
        copy_study(nowhere, tmp_path / "raw")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("repository: [", "raw.path is a folder of the study's files, or a YAML file with"),
        ("repository: x\n", "revision"),
        (None, "could not be read"),
    ],
)
def test_a_wrong_pin_is_said(tmp_path, content, message):
    path = tmp_path / "pin.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        copy_study(path, tmp_path / "raw")


def test_a_folder_of_something_else_is_said(tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match=r"has no pdf/\*.pdf"):
        copy_study(tmp_path / "other", tmp_path / "raw")


def test_the_study_s_own_files(tmp_path, shared):
    origin, described = copy_study(shared / "job", tmp_path / "raw")
    assert "folder" in origin
    assert len(described) == 23 and sum(entry.pages for entry in described) == 154
    assert {entry.year for entry in described} == {2011, 2012, 2013, 2015, 2016, 2017, *range(2019, 2024), 2025}
    assert sum(entry.section is None for entry in described) == 6, "six years are one file for all sections"
    assert sum(entry.text_pages > 0 for entry in described) == 1, "all but one are scans from end to end"
    assert len(list((tmp_path / "raw/recorded/transcribed").glob("*.json"))) == 12
    assert (tmp_path / "raw/recorded/errata.csv").exists()
    assert {path.name for path in (tmp_path / "raw/recorded/chains").iterdir()} >= {"reasoning_chain.csv"}
