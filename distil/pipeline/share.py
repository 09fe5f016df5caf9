"""What is many and independent, shared out among free workers of the Dask cluster that runs a stage, if one does."""

import functools
import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client, Future

ADDRESS = "DISTIL_SCHEDULER"
"""The variable by which a Dask worker tells the stage that it runs where its scheduler is. One of our own: the one that
Dask reads may be set for a user's other work."""
AT_ONCE = 64
"""How many items are handed out, and how many results held, at once."""
FEW = 8
"""Fewer items than this are done sooner than given away."""
PATIENCE = 10
"""Seconds to wait for the scheduler, for workers to take what all items need, or for a result that is there."""

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
            futures = _handed_out(client, function, some, common) if client and client.status == "running" else None
            yield from _taken_back(futures, function, some, common) if futures else _alone(function, some, common)
        left = iter(some)
    yield from _alone(function, left, common)


def _alone(function: Callable[..., Result], items: Iterable[Item], common: Mapping[str, Any]) -> Iterator[Result]:
    return (function(item, **common) for item in items)


@functools.cache
def _client(address: str) -> "Client | None":
    """This process's connection to the cluster, None where it does not answer."""
    from distributed import Client  # it takes a second, and only the pipeline's install has it

    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError):
        return None


def _handed_out(
    client: "Client", function: Callable[..., Any], items: Sequence[Any], common: Mapping[str, Any]
) -> "list[Future] | None":
    """What workers may make of the items. Where a scheduler or a worker does not answer, None, then and later."""
    name = uuid.uuid4().hex  # numbered within a name: Dask begins with the lowest, and with stages before any
    keys = [f"share-{name}-{number:03}" for number in range(len(items))]
    # the timeout of `scatter` itself is not for a worker that is there and does not answer
    send = functools.partial(client.scatter, [common], broadcast=True, hash=False, asynchronous=True)
    try:
        [sent] = client.sync(send, callback_timeout=PATIENCE)
        return client.map(_one, items, function=function, common=sent, expected=STARTED_WITH, key=keys, priority=-1)
    except Exception:
        with suppress(Exception):
            client.close(timeout=1)
        return None


def _taken_back(
    futures: "Sequence[Future]", function: Callable[..., Result], items: Sequence[Item], common: Mapping[str, Any]
) -> list[Result]:
    """The results, from the last item on: a worker's where it has it, else this process's own."""
    results: list[Result] = []
    for item, future in zip(reversed(items), reversed(futures), strict=True):
        with suppress(Exception):  # a worker or the scheduler lost since
            if future.status == "finished":
                results.append(future.result(timeout=PATIENCE))
                continue
            future.cancel()
        results.append(function(item, **common))
    return results[::-1]


def _one(item: Any, function: Callable[..., Any], common: Mapping[str, Any], expected: str) -> Any:
    """Do one item on a worker. Raises RuntimeError where its code is not that of the process that asks."""
    if expected != STARTED_WITH:
        raise RuntimeError("this worker runs other code than the stage: start it again")
    return function(item, **common)


def code() -> str:
    """A hash of the stages, the library and what runs stages elsewhere, as their files are now."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    folders = [root / name for name in ("distil", "stages", "tools/repro")]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


STARTED_WITH = code()
"""What this process runs. A worker loads this module when it starts (`make worker`): files may change after that."""
