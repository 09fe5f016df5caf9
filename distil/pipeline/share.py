"""What is many and independent, shared out among free workers of the Dask cluster that runs a stage, if one does."""

import functools
import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""The variable in which Dask's clients look for their scheduler. `make repro` sets it for the stages that Dask runs."""
AT_ONCE = 64
"""How many items are handed out, and how many results held, at once."""
FEW = 8
"""Fewer items than this are done sooner than given away."""
PATIENCE = 10
"""Seconds to wait for the scheduler or for a result that is there."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(function: Callable[..., Result], items: Iterable[Item], **common: Any) -> Iterator[Result]:
    """Yield `function(item, **common)` for each item, in order.

    Without Dask the items are taken and done one by one. Where Dask runs this stage, its free workers begin with the
    first items and this process with the last; it waits for no worker, so that one which is busy, lost or of another
    version only leaves it more to do. An item may then be done twice: the function depends on its arguments alone, and
    all of them can be pickled.
    """
    left = iter(items)
    if ADDRESS in os.environ:
        while len(some := list(islice(left, AT_ONCE))) >= FEW:
            client = _client(os.environ[ADDRESS])
            yield from _shared(client, function, some, common) if client else (function(one, **common) for one in some)
        left = iter(some)
    for item in left:
        yield function(item, **common)


@functools.cache
def _client(address: str) -> "Client | None":
    """This process's connection to the cluster, None where it does not answer."""
    from distributed import Client  # it takes a second, and only the pipeline's install has it

    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError):
        return None


def _shared(
    client: "Client", function: Callable[..., Result], items: Sequence[Item], common: Mapping[str, Any]
) -> list[Result]:
    name = uuid.uuid4().hex  # numbered within a name: Dask begins with the lowest, and with stages before any
    keys = [f"share-{name}-{number:03}" for number in range(len(items))]
    try:
        [sent] = client.scatter([common], broadcast=True, hash=False, timeout=PATIENCE)
        futures = client.map(_one, items, function=function, common=sent, expected=code(), key=keys, priority=-1)
    except (OSError, TimeoutError):
        return [function(item, **common) for item in items]
    results: list[Result] = []
    for item, future in zip(reversed(items), reversed(futures), strict=True):
        try:
            if future.status == "finished":
                results.append(future.result(timeout=PATIENCE))
                continue
        except Exception:  # lost since
            pass
        future.cancel()
        results.append(function(item, **common))
    return results[::-1]


def _one(item: Any, function: Callable[..., Any], common: Mapping[str, Any], expected: str) -> Any:
    """Do one item on a worker. Raises RuntimeError where its code is not that of the process that asks."""
    if code() != expected:
        raise RuntimeError("this worker runs other code than the stage: start it again")
    return function(item, **common)


@functools.cache
def code() -> str:
    """A hash of the stages and the library as they were when this process first asked: a worker may be older."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(path for folder in ("distil", "stages") for path in (root / folder).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
