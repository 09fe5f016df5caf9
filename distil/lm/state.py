"""Save a training run's state in files. A killed run resumes from the last one and ends with the same bits."""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import safetensors
import safetensors.numpy

from distil.lm.cpu import blas
from distil.pipeline.files import InputError, replacing, write_json
from distil.pipeline.records import AdapterConfig

CHECKPOINTS = Path("cache/checkpoints")
STATE, ADAPTER, CONFIG = "state.safetensors", "adapters.safetensors", "adapter_config.json"

Arrays = dict[str, np.ndarray]
"""Named arrays, as a safetensors file holds them."""
Inputs = dict[str, Any]
"""What a result depends on, by name: any values that JSON has, for `fingerprint` to hash."""


@dataclass
class History:
    """Every validation so far: the iterations done, the training loss since the one before, each row's reply loss.

    `train_losses[0]` is None: nothing was trained before the first validation. `valid_losses` holds sums over a row's
    reply tokens, one float32 array (rows,) per validation.
    """

    iterations: list[int] = field(default_factory=list)
    train_losses: list[float | None] = field(default_factory=list)
    valid_losses: list[np.ndarray] = field(default_factory=list)
    finished: bool = False

    def best(self) -> int:
        """Index of the validation with the lowest loss; the first of equals."""
        return int(np.argmin([losses.astype(np.float64).sum() for losses in self.valid_losses]))


def computing() -> Inputs:
    """The libraries that the last bits of a result depend on, with BLAS."""
    versions = {name: importlib.metadata.version(name) for name in ("mlx", "mlx-lm", "scipy")}
    return {"versions": versions, "blas": blas.route().model_dump()}


def fingerprint(**inputs: Any) -> str:
    """Sixteen hexadecimal digits: a hash of everything that a run depends on."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:16]


def folder_digest(folder: Path) -> str:
    """The sha256 over the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def save_adapter(folder: Path, adapter: Arrays, config: AdapterConfig) -> None:
    """Write the trainable weights and their configuration as mlx-lm's own commands read them."""
    write_json(folder / CONFIG, config.model_dump())
    write_tensors(folder / ADAPTER, adapter)


def save_state(folder: Path, arrays: Arrays, history: History) -> None:
    """Write a backend's state (weights, optimiser, random generator) and the history: all of it or nothing."""
    losses = [np.nan if loss is None else loss for loss in history.train_losses]
    arrays = arrays | {
        "history.iterations": np.array(history.iterations, np.int32),
        "history.train_losses": np.array(losses, np.float32),
        "history.valid_losses": np.stack(history.valid_losses),
    }
    write_tensors(folder / STATE, arrays, {"run": json.dumps({"sha256": digest(arrays), "finished": history.finished})})


def load_state(folder: Path, restore: Callable[[Arrays], None]) -> History | None:
    """Give a saved run's arrays to `restore` and return its history; None when nothing was saved.

    Of several workers the first one's file counts, which only it has written. Raises InputError when the file is
    damaged. The run's progress is then lost; the best adapter in the same folder is not.
    """
    path = folder / STATE
    content = from_first_worker(path.read_bytes() if path.exists() else b"")
    if not content:
        return None
    try:
        arrays = safetensors.numpy.load(content)
        run = json.loads(metadata(content)["run"])
        if digest(arrays) != run["sha256"]:
            raise ValueError("its contents do not match its checksum")
        restore(arrays)
        return History(
            arrays["history.iterations"].tolist(),
            [None, *arrays["history.train_losses"].tolist()[1:]],
            list(arrays["history.valid_losses"]),
            run["finished"],
        )
    except (RuntimeError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise InputError(
            f"{path} is damaged ({error}). The best adapter so far is kept in {folder}. "
            f"Delete {path} and run again to train from the start."
        ) from error


def metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: names and texts."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]


def from_first_worker(content: bytes) -> bytes:
    """Send the first worker's `content` to all workers. A process without others is the first worker."""
    world = mx.distributed.init()
    if world.size() == 1:
        return content
    mine = np.frombuffer(content, np.uint8) * (world.rank() == 0)
    length: Any = mx.distributed.all_sum(mx.array(len(mine) * (world.rank() == 0))).item()
    padded = np.zeros(length, np.uint8)
    padded[: len(mine)] = mine[:length]
    return np.array(mx.distributed.all_sum(mx.array(padded))).tobytes() if length else b""


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a run's folder for this process. Wait for a process of a killed run that still trains there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{folder}: another process trains this adapter; waiting for it to end.", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(arrays: Arrays) -> str:
    """The sha256 over the names and bytes of arrays, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(name.encode() + arrays[name].tobytes())
    return total.hexdigest()


def write_tensors(path: Path, arrays: Arrays, words: dict[str, str] | None = None) -> None:
    """Write a safetensors file atomically; unlike MLX's own writer this one puts arrays in an order of their names.

    Raises InputError when there is no room for it.
    """
    content = safetensors.numpy.save(arrays, words)
    with replacing(path, "wb") as file:
        file.write(content)
