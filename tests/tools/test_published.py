"""A run that its owner packs and others pull over HTTP, without an account and without training."""

import functools
import hashlib
import http.server
import json
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from distil.pipeline.files import InputError
from tests.tools.toy import ROOT, Toy
from tools.published import pages


def published(toy: Toy, *command: str, check: bool = True):
    return toy.run(sys.executable, "-m", "tools.published", *command, check=check, PYTHONPATH=str(ROOT))


@pytest.fixture
def owned(toy: Toy) -> Toy:
    """A run whose questions and chains are the project's own."""
    manifest = {"source": "sample", "origin": "here", "licence": "the project's own (Apache-2.0)", "exams": []}
    toy.write("data/raw/manifest.json", json.dumps(manifest))
    toy.write("data/verified/accepted.jsonl", "")
    toy.write("params.yaml", (toy.folder / "params.yaml").read_text() + "transfer: {source: sample}\n")
    return toy


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that serves tmp_path/site."""
    (tmp_path / "site").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_stranger_pulls_the_run_and_has_nothing_to_train(owned: Toy, tmp_path: Path, served: str) -> None:
    owned.write("reports/index.html", "the report")
    published(owned, "pack")
    first = hashlib.sha256((owned.folder / "site.tar.gz").read_bytes()).hexdigest()
    published(owned, "pack")
    assert hashlib.sha256((owned.folder / "site.tar.gz").read_bytes()).hexdigest() == first, "the same bytes again"
    assert "packed" not in owned.run("dvc", "remote", "list").stdout
    with tarfile.open(owned.folder / "site.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert (tmp_path / "site/index.html").read_text() == "the report"

    stranger = Toy(tmp_path / "stranger")
    owned.run("git", "clone", "--quiet", str(owned.folder), str(stranger.folder))
    refused = published(stranger, "pull", check=False)
    assert refused.returncode == 1 and "make pull URL=" in refused.stderr
    nothing = published(stranger, "pull", "--url", f"{served}/elsewhere", check=False)
    assert nothing.returncode == 1 and nothing.stderr.count("\n") == 1, "one line, and not DVC's list of hashes"
    assert "was not published" in nothing.stderr and "make repro" in nothing.stderr
    assert stranger.run("dvc", "remote", "list").stdout == ""
    published(stranger, "pull", "--url", f"{served}/dvc")
    ours, theirs = (
        (folder / "data/train/0/adapters.safetensors").read_bytes() for folder in (owned.folder, stranger.folder)
    )
    assert ours == theirs
    assert "up to date" in stranger.run("dvc", "repro").stdout
    assert stranger.run("git", "status", "--porcelain").stdout == ""
    published(stranger, "pull")  # the address is kept, and so `dvc pull` works, too

    for path in (tmp_path / "site/dvc").rglob("*"):
        if path.is_file():
            path.unlink()
    for folder in (".dvc/cache", "data"):
        stranger.run("rm", "-rf", folder)
    lacking = published(stranger, "pull", check=False)
    assert lacking.returncode == 1 and "not everything was pulled from the default remote" in lacking.stderr


@pytest.mark.slow
def test_an_address_is_kept_only_if_the_run_came_from_it(owned: Toy, tmp_path: Path) -> None:
    published(owned, "pack")
    packed, empty = owned.folder / "site/dvc", tmp_path / "empty"
    empty.mkdir()
    stranger = Toy(tmp_path / "stranger")
    owned.run("git", "clone", "--quiet", str(owned.folder), str(stranger.folder))

    def remotes() -> list[str]:
        files = [stranger.folder / ".dvc" / name for name in ("config", "config.local")]
        lines = [line.strip() for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]
        return sorted(line for line in lines if line.startswith(("remote = ", "['remote ")))

    misspelt = published(stranger, "pull", "--url", str(tmp_path / "typo"), check=False)
    assert misspelt.returncode == 1 and "there is no such folder" in misspelt.stderr
    assert remotes() == []
    stranger.run("dvc", "remote", "add", "--default", "mine", str(packed))
    failed = published(stranger, "pull", "--url", str(empty), check=False)
    assert failed.returncode == 1 and "not everything was pulled" in failed.stderr
    mine = ["['remote \"mine\"']", "remote = mine"]
    assert remotes() == mine
    published(stranger, "pull", "--url", str(packed))
    assert remotes() == sorted([*mine, "['remote \"published\"']"])

    stranger.write("data/problems.jsonl", "my own")
    stopped = published(stranger, "pull", check=False)
    assert stopped.returncode == 1 and "files that you changed" in stopped.stderr
    assert (stranger.folder / "data/problems.jsonl").read_text() == "my own"


@pytest.mark.parametrize("name", ["site", "site/index.html", "site/mine.html"])
def test_a_site_of_the_users_own_is_not_replaced(name: str, owned: Toy) -> None:
    owned.write(name, "by hand")
    refused = published(owned, "pack", check=False)
    assert refused.returncode == 1 and "site/ holds files that this command does not write" in refused.stderr
    assert (owned.folder / name).read_text() == "by hand"


def test_nothing_is_packed_of_a_run_that_is_not_whole(owned: Toy) -> None:
    owned.run("rm", "-rf", ".dvc/cache", "data/train")
    done = published(owned, "pack", check=False)
    assert done.returncode == 1 and "make repro" in done.stderr
    assert not (owned.folder / "site.tar.gz").exists()


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("data/raw/manifest.json", '"sample"', '"study"', "so no question may be passed on"),
        ("data/raw/manifest.json", '"sample"', '"folder"', "state it in raw.licence"),
        ("params.yaml", "source: sample", "source: math500", "questions of transfer.source math500, whose licence is"),
    ],
)
def test_nothing_is_packed_that_may_not_be_passed_on(owned: Toy, path: str, old: str, new: str, said: str) -> None:
    owned.replace(path, old, new)
    done = published(owned, "pack", check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and said in done.stderr
    assert "A remote of your group's own" in done.stderr
    assert not (owned.folder / "site").exists() and not (owned.folder / "site.tar.gz").exists()


@pytest.mark.parametrize(
    "origin", ["git@github.com:Me/my.run.git", "https://github.com/Me/my.run", "https://github.com/Me/my.run/"]
)
def test_pages_follow_from_the_origin(origin: str) -> None:
    assert pages(origin) == "https://me.github.io/my.run/dvc"


def test_another_host_must_be_named() -> None:
    with pytest.raises(InputError, match=r"and https://example\.org/me/run\.git is no .*make pull URL="):
        pages("https://me:s3cret@example.org/me/run.git")


def test_a_password_in_an_address_is_not_shown(toy: Toy) -> None:
    for url in ("http://me:s3cret@127.0.0.1:9/run", "webdav://me:s3cret@127.0.0.1:9/run", "no://me:s3cret@here/run"):
        done = published(toy, "pull", "--url", url, check=False)
        said = done.stderr.splitlines()[-1]
        assert done.returncode == 1 and said.startswith("error: ") and "s3cret" not in said, done.stderr
