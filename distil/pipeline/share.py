"""What is many and independent, shared out among free workers of the Dask cluster that runs a stage, if one does."""

import asyncio
import functools
import gc
import hashlib
import os
import pickle
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client, Future

ADDRESS = "DISTIL_SCHEDULER"
"""The variable by which a Dask worker tells the stage that it runs where its scheduler is. One of our own: the one that
Dask reads may be set for a user's other work."""
AT_ONCE = 64
"""How many items, or results that are not taken yet, are held at once."""
FETCHED = 16
"""How many results workers have ready before they are fetched, all at once."""
FEW = 8
"""Fewer items than this are done sooner than given away."""
PATIENCE = 10
"""Seconds that the scheduler and workers have to connect, to take what all items need, and to give results."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(function: Callable[..., Result], items: Iterable[Item], **common: Any) -> Iterator[Result]:
    """Yield `function(item, **common)` for each item, in order.

    Without Dask the items are taken and done one by one. Where Dask runs this stage, its free workers do the oldest
    items at hand and this process the newest. It does not wait for a worker to do an item, so that one which is busy,
    lost or of another version only leaves it more to do. An item may then be done twice: the function depends on its
    arguments alone and does not change them, and all of them can be pickled.
    """
    left = iter(items)
    gc.freeze()  # what all items need stays as it is: Python's collector would search it again and again
    if ADDRESS not in os.environ:
        return _alone(function, left, common)
    first = list(islice(left, FEW))
    if len(first) == FEW and (client := _client(os.environ[ADDRESS])) and client.status == "running":
        return _Shared(client, function, common).results(chain(first, left))
    return _alone(function, chain(first, left), common)


def _alone(function: Callable[..., Result], items: Iterable[Item], common: Mapping[str, Any]) -> Iterator[Result]:
    return (function(item, **common) for item in items)


@functools.cache
def _client(address: str) -> "Client | None":
    """This process's connection to the cluster, None where it does not answer."""
    from distributed import Client  # it takes a second, and only the pipeline's install has it

    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (ImportError, OSError, ValueError):  # the first where its packages have other versions
        return None


@dataclass(eq=False)
class _Held:
    """An item at hand, what a worker may make of it, and its result once that is here."""

    item: Any
    future: "Future | None" = None
    result: Any = None
    here: bool = False


class _Shared:
    """Items of one call of `each` among workers. Where a worker or the scheduler does not answer, the connection is
    closed, and all items are left to this process, then and later."""

    def __init__(self, client: "Client", function: Callable[..., Any], common: Mapping[str, Any]):
        """Begin to send the workers what all items need; this process does items meanwhile."""
        self.client, self.function, self.common = client, function, common
        sending = client.scatter([common], broadcast=True, hash=False, asynchronous=True)
        # the timeout of `scatter` itself is not for a worker that is there and does not answer
        in_time, loop = asyncio.wait_for(sending, PATIENCE), client.loop.asyncio_loop  # type: ignore[union-attr]
        self.sent = asyncio.run_coroutine_threadsafe(in_time, loop)
        self.call = uuid.uuid4().hex

    def results(self, items: Iterator[Any]) -> Iterator[Any]:
        """The results, in the items' order."""
        held = deque[_Held]()
        while True:
            held += map(_Held, islice(items, AT_ONCE - len(held)))
            if not held:
                return
            waiting = [one for one in held if not one.here]
            self._give([one for one in waiting if not one.future])
            ready = [one for one in waiting if one.future and one.future.status == "finished"]
            if len(ready) >= min(FETCHED, len(waiting)):
                self._fetch(ready)
            else:
                self._do(next(one for one in reversed(waiting) if one not in ready))
            while held and held[0].here:
                yield held.popleft().result

    def _give(self, items: Iterable[_Held]) -> None:
        """Hand out items, if the cluster is there and the workers have what all items need."""
        if self.client.status != "running" or not self.sent.done() or self.sent.exception():
            return
        for one in items:
            # bytes cost the scheduler little, which unpickles each task and pickles it again
            work = pickle.dumps(one.item), self.function, self.sent.result()[0], STARTED_WITH, self.call
            # a key of its own, or Dask would take another item's result for it; stages come before any item
            how: dict[str, Any] = {"key": f"share-{uuid.uuid4().hex}", "priority": -1}
            with suppress(Exception):  # a connection that is closed just now
                one.future = self.client.submit(_one, *work, **how)

    def _fetch(self, ready: Sequence[_Held]) -> None:
        """Fetch results that workers have. If they do not come, this process does these items and all others.

        It waits for them. Fetched beside items of its own they came so late that it did 51 of 80 items, not 44.
        """
        gathering = functools.partial(self.client.gather, [one.future for one in ready], asynchronous=True)
        found: list[Any] | None = None
        try:
            found = self.client.sync(gathering, callback_timeout=PATIENCE)
        except Exception:
            with suppress(Exception):
                self.client.close(timeout=1)
        for one, result in zip(ready, found or [None] * len(ready), strict=True):
            one.future, one.result, one.here = None, result, found is not None

    def _do(self, mine: _Held) -> None:
        """Do an item here. No worker begins with it once its future is gone; one that has begun goes on in vain."""
        mine.future = None
        mine.result, mine.here = self.function(mine.item, **self.common), True


def _one(item: bytes, function: Callable[..., Any], common: Mapping[str, Any], expected: str, call: str) -> Any:
    """Do one pickled item on a worker. Raises RuntimeError where its code is not that of the process that asks."""
    if not STARTED_WITH == expected == _code_at(call):
        raise RuntimeError("this worker runs other code than the stage: start it again")
    return function(pickle.loads(item), **common)


def code() -> str:
    """A hash of the stages, the library and what runs stages elsewhere, as their files are now."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    folders = [root / name for name in ("distil", "stages", "tools/repro")]
    # an editor's lock file is a link to nowhere with a name such as .#ask.py
    for path in sorted(path for folder in folders for path in folder.rglob("[!.]*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def _code_at(call: str) -> str:
    """That hash, taken once for each call of `each`: it takes 6 ms, and a worker may load modules as late as then."""
    gc.freeze()  # as `each` does
    return code()


STARTED_WITH = code()
"""What this process runs. A worker loads this module when it starts (`make worker`): files may change after that."""
