"""A run that its owner packs and others pull over HTTP, without an account and without training."""

import functools
import hashlib
import http.server
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
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that serves tmp_path/site."""
    (tmp_path / "site").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_stranger_pulls_the_run_and_has_nothing_to_train(toy: Toy, tmp_path: Path, served: str) -> None:
    toy.write("reports/index.html", "the report")
    published(toy, "pack")
    first = hashlib.sha256((toy.folder / "site.tar.gz").read_bytes()).hexdigest()
    published(toy, "pack")
    assert hashlib.sha256((toy.folder / "site.tar.gz").read_bytes()).hexdigest() == first, "the same bytes again"
    assert "packed" not in toy.run("dvc", "remote", "list").stdout
    with tarfile.open(toy.folder / "site.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert (tmp_path / "site/index.html").read_text() == "the report"

    stranger = Toy(tmp_path / "stranger")
    toy.run("git", "clone", "--quiet", str(toy.folder), str(stranger.folder))
    refused = published(stranger, "pull", check=False)
    assert refused.returncode == 1 and "make pull URL=" in refused.stderr
    nothing = published(stranger, "pull", "--url", f"{served}/elsewhere", check=False)
    assert nothing.returncode == 1 and nothing.stderr.count("\n") == 1, "one line, and not DVC's list of hashes"
    assert "was not published" in nothing.stderr and "make repro" in nothing.stderr
    assert stranger.run("dvc", "remote", "list").stdout == ""
    published(stranger, "pull", "--url", f"{served}/dvc")
    ours, theirs = (
        (folder / "data/train/0/adapters.safetensors").read_bytes() for folder in (toy.folder, stranger.folder)
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
    assert lacking.returncode == 1 and "lacks what dvc.lock names" in lacking.stderr


def test_nothing_is_packed_of_a_run_that_is_not_whole(toy: Toy) -> None:
    toy.run("rm", "-rf", ".dvc/cache", "data/train")
    done = published(toy, "pack", check=False)
    assert done.returncode == 1 and "make repro" in done.stderr
    assert not (toy.folder / "site.tar.gz").exists()


@pytest.mark.parametrize(
    "origin", ["git@github.com:Me/my.run.git", "https://github.com/Me/my.run", "https://github.com/Me/my.run/"]
)
def test_pages_follow_from_the_origin(origin: str) -> None:
    assert pages(origin) == "https://me.github.io/my.run/dvc"


def test_another_host_must_be_named() -> None:
    with pytest.raises(InputError, match="make pull URL="):
        pages("https://example.org/me/run.git")
