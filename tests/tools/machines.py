"""A Dask scheduler, and workers each in a clone of its own, started as a user starts them."""

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncssh
import psutil

from tests.tools.toy import ROOT, Toy

WORKER = [
    *(sys.executable, "-m", "dask", "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"),
    *("--preload", "distil.pipeline.share"),
]

ENVIRONMENT = {
    "PYTHONPATH": str(ROOT), "OPENBLAS_CORETYPE": "Haswell", "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"
}  # fmt: skip
"""The project's own tools, and the kernels with which the small repository was run."""


@contextmanager
def running(command: list[str], log: Path, **options) -> Iterator[subprocess.Popen[bytes]]:
    """A process that prints to a file, and is killed at the end."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[bytes], log: Path, pattern: str) -> str:
    """What the pattern's group matches in what a process prints, once it does."""
    while not (found := re.search(pattern, log.read_text("utf-8"))):
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.1)
    return found[1]


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler on loopback, whose log is in the folder."""
    command = [sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    log = folder / "scheduler.log"
    with running(command, log) as process:
        yield said(process, log, r"Scheduler at: +(tcp:\S+)\n")


@contextmanager
def workers(address: str, *clones: Toy, **variables: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A worker in each of the clones, connected to the scheduler, with its log beside its folder."""
    with ExitStack() as stack:
        logs = [clone.folder.with_suffix(".log") for clone in clones]
        started = [
            stack.enter_context(
                running([*WORKER, address], log, cwd=clone.folder, env=clone.env | ENVIRONMENT | variables)
            )
            for clone, log in zip(clones, logs, strict=True)
        ]
        for process, log in zip(started, logs, strict=True):
            said(process, log, r"Registered to: +(\S+)\n")
        yield started


@contextmanager
def machine(folder: Path) -> Iterator[Callable[[str], None]]:
    """A machine reached by SSH: a server of its own on loopback. Yields what starts a command there.

    What the commands print is in the folder; those that still run at the end are killed.
    """
    key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "authorized").write_bytes(key.export_public_key())
    started: list[psutil.Popen] = []

    async def shell(process: asyncssh.SSHServerProcess) -> None:
        with (folder / f"ssh-{len(started)}.log").open("wb") as log:
            started.append(
                psutil.Popen(["/bin/sh", "-c", process.command], stdout=log, stderr=log, env=Toy(folder).env)
            )
        process.exit(await asyncio.to_thread(started[-1].wait))

    async def connect() -> asyncssh.SSHClientConnection:
        keys = {"server_host_keys": [key], "authorized_client_keys": str(folder / "authorized")}
        server = await asyncssh.listen("127.0.0.1", 0, process_factory=shell, **keys)
        mine = {"client_keys": [key], "known_hosts": None, "agent_path": None, "config": None}
        return await asyncssh.connect("127.0.0.1", server.get_port(), **mine)

    async def start(connection: asyncssh.SSHClientConnection, command: str) -> None:
        await connection.create_process(command)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    async def close(connection: asyncssh.SSHClientConnection) -> None:
        connection.close()
        await connection.wait_closed()
        if waiting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(waiting, timeout=10)

    connection = wait(connect())
    try:
        yield lambda command: wait(start(connection, command))
    finally:
        for command in (command for command in started if command.poll() is None):
            for process in [*command.children(recursive=True), command]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        wait(close(connection))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def clone(toy: Toy, folder: Path) -> Toy:
    """A clone of a repository."""
    toy.run("git", "clone", "--quiet", str(toy.folder), str(folder))
    return Toy(folder)
