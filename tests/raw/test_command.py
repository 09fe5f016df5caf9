"""`python -m stages.raw` from end to end."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from distil.pipeline.files import read_json, read_jsonl
from distil.pipeline.records import Manifest, Problem
from tests.workspace import inside, stage

ROOT = Path(__file__).resolve().parents[2]


STUDENT = str(ROOT / "models/tiny-student")


def raw(folder: Path, model: str = STUDENT, **params: object) -> subprocess.CompletedProcess:
    block = {
        "source": "sample",
        "path": "contest.yaml",
        "seed": 1,
        "columns": "plain",
        "groups": 4,
        "split": None,
        **params,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump({"raw": block, "lora_seed": {"model": model, "rank": 8}}))
    return inside(folder, "stages.raw")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workspace after a good run."""
    folder = tmp_path_factory.mktemp("raw")
    layout = yaml.safe_load((ROOT / "stages/raw/contest.yaml").read_text())
    (folder / "contest.yaml").write_text(yaml.safe_dump({**layout, "last_year": 2012}))
    done = raw(folder)
    assert done.returncode == 0, done.stderr
    (folder / "exams").mkdir()
    (folder / "exams/2019 JS.pdf").write_text("1. Find 1 + 1.")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_sample_is_typeset_and_described_and_twice_the_same(folder):
    manifest = Manifest.model_validate(read_json(folder / "data/raw/manifest.json"))
    assert manifest.source == "sample" and len(manifest.exams) == 6
    for entry in manifest.exams:
        content = (folder / "data/raw/exams" / entry.file).read_bytes()
        assert entry.sha256 == hashlib.sha256(content).hexdigest()
        assert entry.text_pages == entry.pages > 1
    truth = list(read_jsonl(folder / "data/raw/truth.jsonl", Problem))
    assert 120 < len(truth) <= 128 and truth[0].id.startswith("2011/freshman_sophomore_test/0")
    before = contents(folder / "data")
    assert stage(folder, "stages.raw").returncode == 0
    assert contents(folder / "data") == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"source": "web"}, "raw.source"),
        ({"sede": 1}, "raw.sede"),
        ({"path": "none.yaml"}, "none.yaml could not be read"),
        ({"source": "folder", "path": "data"}, "data holds no PDF"),
        ({"source": "folder", "path": "exams"}, "2019 JS.pdf is not a PDF"),
        ({"source": "study", "path": "data"}, "data has no pdf/*.pdf"),
        ({"split": "test"}, "columns and split are for source problems, and source is sample"),
        ({"source": "study", "path": "data", "columns": "gsm8k"}, "columns and split are for source problems"),
        ({"licence": "cc-by-4.0"}, "licence is for your own files or problems; source sample has its own"),
    ],
)
def test_wrong_input_is_one_message_and_leaves_earlier_outputs(folder, params, message):
    before = contents(folder / "data")
    done = raw(folder, **params)
    assert done.returncode == 1 and message in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert contents(folder / "data") == before
    assert json.loads((folder / "data/raw/manifest.json").read_text())["source"] == "sample"


@pytest.mark.parametrize(
    ("model", "command"),
    [
        ("models/own", "python -m tools.fetch_model SOURCE --output models/own`"),
        ("models/smollm2", "python -m tools.fetch_model smollm2 --output models/smollm2`"),
        ("owner/name", "python -m tools.fetch_model owner/name` and set lora_seed.model to `models/name`"),
    ],
)
def test_a_model_that_is_not_there_is_said_before_any_stage_works(folder, model, command):
    before = contents(folder / "data")
    done = raw(folder, model)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"lora_seed.model: {model} holds no model" in done.stderr and command in done.stderr
    assert contents(folder / "data") == before


def test_help_says_how_to_run_it():
    done = inside(ROOT, "stages.raw", "--help")
    assert done.returncode == 0 and "python -m stages.raw" in done.stdout and "raw.source" in done.stdout
