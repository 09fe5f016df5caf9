"""Remotes for real, and a colleague who pulls from them."""

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
    while server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise AssertionError("sshd ended")


Remote = Callable[[Path], contextlib.AbstractContextManager[list[list[str]]]]


def share(toy: Toy, remote: Remote, tmp_path: Path) -> None:
    """Push a repository's run to a remote; a colleague's fresh clone pulls it and has nothing to run."""
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
