"""docs/data-versions.md, carried out: remotes that share what a run made, and branches that both changed dvc.lock."""

import contextlib
import functools
import getpass
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tools.toy import Toy

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if Path("/usr/sbin/sshd").is_file() else None)


@contextlib.contextmanager
def local_folder(store: Path) -> Iterator[list[list[str]]]:
    """A remote in a folder: a disk that several people mount."""
    yield [["dvc", "remote", "add", "--default", "shared", str(store)]]


@contextlib.contextmanager
def ssh(store: Path) -> Iterator[list[list[str]]]:
    """A remote on a machine reached by SSH: a server of its own on loopback, with keys made for it."""
    if SSHD is None:
        pytest.skip("needs sshd (Debian's openssh-server)")
    home = store.parent / "sshd"
    home.mkdir()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / key], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (home / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nAuthorizedKeysFile {home}/user.pub\n"
        "StrictModes no\n"
        f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM no\nPidFile {home}/pid\n"
        "Subsystem sftp internal-sftp\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with (home / "log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", home / "config"], stdout=log, stderr=log)
        try:
            _wait_for(port, server)
            url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{store}"
            yield [
                ["dvc", "remote", "add", "--default", "shared", url],
                ["dvc", "remote", "modify", "--local", "shared", "keyfile", str(home / "user")],
            ]
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def http_read_only(store: Path) -> Iterator[list[list[str]]]:
    """A folder served by a web server, from which anyone may pull and nobody push."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(store))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield [["dvc", "remote", "add", "--default", "shared", f"http://127.0.0.1:{server.server_port}"]]
        server.shutdown()


def _wait_for(port: int, server: subprocess.Popen) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert server.poll() is None, "sshd ended"
        time.sleep(0.1)
    raise AssertionError("sshd did not start")


Remote = Callable[[Path], contextlib.AbstractContextManager[list[list[str]]]]


SLOW = [pytest.param(remote, marks=pytest.mark.slow) for remote in (local_folder, http_read_only)]


@pytest.mark.parametrize("remote", [ssh, *SLOW])
def test_a_colleague_pulls_and_has_nothing_to_run(remote: Remote, toy: Toy, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    with remote(store) as configure:
        for command in configure:
            toy.run(*command)
        if remote is http_read_only:  # its owner pushes to the folder, others pull from the server
            toy.run("dvc", "remote", "add", "writable", str(store))
        toy.commit("say where the data is")
        assert "Not in remote" in toy.run("dvc", "data", "status", "--not-in-remote").stdout
        toy.run("dvc", "push", *(["--remote", "writable"] if remote is http_read_only else []))
        assert "Not in remote" not in toy.run("dvc", "data", "status", "--not-in-remote").stdout

        colleague = Toy(tmp_path / "colleague")
        toy.run("git", "clone", "--quiet", str(toy.folder), str(colleague.folder))
        for command in configure[1:]:  # what --local settings hold, such as a key, is everyone's own
            colleague.run(*command)
        colleague.run("dvc", "pull")
        assert "up to date" in colleague.run("dvc", "repro").stdout
        assert colleague.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.slow
def test_branches_that_both_changed_dvc_lock(toy: Toy) -> None:
    """The documented way: merge what people wrote, take either side of what the pipeline wrote, and run it again."""
    toy.run("git", "checkout", "--quiet", "-b", "more-unseen")
    toy.replace("params.yaml", "every: 4", "every: 5")
    toy.repro()
    toy.commit("hold out fewer problems")
    toy.run("git", "checkout", "--quiet", "main")
    toy.run("dvc", "checkout", "--quiet")
    toy.replace("exam.txt", "What is 5 plus 8?=13", "What is 5 plus 8?=14")
    toy.repro()
    toy.commit("correct a key")

    merged = toy.run("git", "merge", "more-unseen", check=False)
    conflicts = toy.run("git", "diff", "--name-only", "--diff-filter=U").stdout.split()
    assert merged.returncode == 1 and "dvc.lock" in conflicts
    assert not {"params.yaml", "exam.txt"} & set(conflicts)

    toy.run("git", "checkout", "--ours", "--", "dvc.lock", "metrics")
    toy.run("dvc", "checkout", "--force", "--quiet", check=False)
    toy.repro()
    toy.commit("merge")
    assert "up to date" in toy.run("dvc", "repro").stdout
    lock = (toy.folder / "dvc.lock").read_text("utf-8")
    assert "every: 5" in lock and "<<<<" not in lock
    rows = (toy.folder / "data/split/train.jsonl").read_text("utf-8")
    assert '"key": 14' not in rows and len(rows.splitlines()) == 32  # problem 5 is held out now, with its new key
    assert '"key": 14' in (toy.folder / "data/split/unseen.jsonl").read_text("utf-8")


@pytest.mark.slow
def test_an_artifact_is_fetched_by_name(toy: Toy, tmp_path: Path) -> None:
    text = (toy.folder / "dvc.yaml").read_text("utf-8")
    toy.write("dvc.yaml", text + "artifacts:\n  adapter-seed-0: {path: data/train/0, type: model}\n")
    toy.commit("name an artifact")
    toy.run("git", "tag", "--annotate", "adapter-seed-0@v1.0.0", "--message", "first release")
    colleague = Toy(tmp_path)
    colleague.run("dvc", "artifacts", "get", str(toy.folder), "adapter-seed-0", "--rev", "v1.0.0", "--out", "adapter")
    fetched = (tmp_path / "adapter/adapters.safetensors").read_bytes()
    assert fetched == (toy.folder / "data/train/0/adapters.safetensors").read_bytes()
