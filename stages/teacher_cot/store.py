"""The store of every request and its answer: one SQLite file that outlives runs, crashes and full disks.

An answer is committed (WAL, synchronous=FULL) before anything uses it. A request about to be sent is *claimed* first,
with the most it can cost, so that two processes never send the same one and never exceed a budget together; a claim
ends with its answer or with its process, whose life is a lock that the operating system drops (`Owner`).
"""

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from distil.pipeline.files import InputError
from stages.teacher_cot.dialogue import Failed, Reply, Request, read_reply

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, role TEXT NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, cost_usd REAL NOT NULL, refusal TEXT,
    imported INTEGER NOT NULL, tries INTEGER NOT NULL, seconds REAL NOT NULL, answered_at TEXT NOT NULL,
    request TEXT NOT NULL, response TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS totals ON answers (role, model, prompt_tokens, completion_tokens, cost_usd, refusal);
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, at_most_usd REAL NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY, role TEXT NOT NULL, model TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, correct INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spent (one INTEGER PRIMARY KEY CHECK (one = 1), usd REAL NOT NULL);
INSERT OR IGNORE INTO spent VALUES (1, 0);
"""
COLUMNS = (
    "key", "role", "model", "endpoint", "prompt_tokens", "completion_tokens", "cost_usd", "refusal",
    "imported", "tries", "seconds", "answered_at", "request", "response",
)  # fmt: skip
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
PATIENCE = 60
"""Seconds for which answers wait in memory for room on the disk, once the reserve is used up too."""

Claim = Literal["mine", "answered", "elsewhere", "too dear"]
Result = TypeVar("Result")


class Owner:
    """This process, alive for others as long as the lock on its file is held, which ends with the process at latest."""

    def __init__(self, store: Path):
        self.name = uuid.uuid4().hex
        self._path = _owner_path(store, self.name)
        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Stop being alive."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def _owner_path(store: Path, name: str) -> Path:
    return store.with_name(f"{store.name}-owner-{name}")


def _alive(store: Path, name: str) -> bool:
    try:
        file = os.open(_owner_path(store, name), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        _owner_path(store, name).unlink(missing_ok=True)
        return False
    finally:
        os.close(file)


@dataclass(frozen=True)
class Answered:
    """A reply on its way into the store; `payload` is the response as it came, None for a refusal by status code."""

    request: Request
    reply: Reply | Failed
    payload: Any
    cost_usd: float
    tries: int
    seconds: float


class Store:
    """The answers by request; every method is safe in any thread and beside other processes."""

    def __init__(self, path: str | Path):
        """Open or create. Raises InputError when the file is no store or cannot be written."""
        self.path = Path(os.path.expandvars(path)).expanduser()
        self.full = False
        self._reserve: Path | None = None
        self._lock, self._reading = threading.Lock(), threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _connect(self.path)
            self._reader = _connect(self.path)  # a commit's wait for the disk does not hold up a lookup
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{self.path} could not be opened as a teacher store: {error}. Free some space, or name another file "
                "in teacher_cot.store."
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._db.close()

    def get(self, request: Request) -> Reply | Failed | None:
        """The stored answer, read as it would be from the endpoint; None where there is none."""
        found = self._read("SELECT refusal, response FROM answers WHERE key = ?", request.key)
        if not found:
            return None
        refusal, response = found[0]
        payload = json.loads(response)
        if payload is None:
            return Failed(refusal, lasting=True)
        try:
            return read_reply(payload, request.model)
        except ValueError as error:
            raise InputError(
                f"{self.path}: the stored answer {request.key} cannot be read any more: {error}."
            ) from error

    def failure(self, request: Request) -> Failed | None:
        """Why a request has no answer, where a run has tried in vain."""
        found = self._read("SELECT reason FROM failures WHERE key = ?", request.key)
        return Failed(found[0][0]) if found else None

    def claim(self, request: Request, owner: Owner, at_most_usd: float, budget_usd: float | None) -> Claim:
        """Take a request for this process, unless it is answered, another has it, or it could exceed the budget.

        `at_most_usd` counts as spent until the answer says what it was. Within `transact`.
        """
        if self._one("SELECT 1 FROM answers WHERE key = ?", request.key):
            return "answered"
        taken = self._one("SELECT owner FROM claims WHERE key = ?", request.key)
        if taken and taken[0] != owner.name and _alive(self.path, taken[0]):
            return "elsewhere"
        if budget_usd is not None:
            (reserved,) = self._one("SELECT coalesce(sum(at_most_usd), 0) FROM claims WHERE key != ?", request.key)
            (spent,) = self._one("SELECT usd FROM spent")
            if spent + reserved + at_most_usd > budget_usd:
                return "too dear"
        self._db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", (request.key, owner.name, at_most_usd))
        return "mine"

    def under_way(self, owner: Owner) -> int:
        """How many requests are under way anywhere. Claims of dead processes are dropped, and count for the last time.

        Within `transact`.
        """
        (count,) = self._one("SELECT count(*) FROM claims")
        for (name,) in self._db.execute("SELECT DISTINCT owner FROM claims").fetchall():
            if name != owner.name and not _alive(self.path, name):
                self._db.execute("DELETE FROM claims WHERE owner = ?", (name,))
        return count

    def release(self, request: Request, failure: str | None = None) -> None:
        """Give a claim back without an answer, with the reason where the request is given up. Within `transact`."""
        self._db.execute("DELETE FROM claims WHERE key = ?", (request.key,))
        if failure is not None:
            row = (request.key, request.role, request.model, failure)
            self._db.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", row)

    def put(self, answered: Answered) -> None:
        """Record an answer, what it cost, and the end of its claim. Within `transact`."""
        request, reply, used = answered.request, answered.reply, answered.reply.usage
        self.add(
            key=request.key, role=request.role, model=request.model, endpoint=request.endpoint,
            prompt_tokens=used.prompt_tokens if used else None,
            completion_tokens=used.completion_tokens if used else None, cost_usd=answered.cost_usd,
            refusal=reply.reason if isinstance(reply, Failed) else None, imported=0, tries=answered.tries,
            seconds=answered.seconds, answered_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            request=request.canonical, response=json.dumps(answered.payload, separators=(",", ":")),
        )  # fmt: skip
        self.spend(answered.cost_usd)
        self.release(request)

    def add(self, **row: Any) -> bool:
        """Add one row of COLUMNS; False where its request is answered already. Within `transact`."""
        marks = ", ".join(f":{name}" for name in COLUMNS)
        new = self._db.execute(f"INSERT OR IGNORE INTO answers ({', '.join(COLUMNS)}) VALUES ({marks})", row).rowcount
        self._db.execute("DELETE FROM failures WHERE key = ?", (row["key"],))
        return new == 1

    def verdict(self, key: str) -> bool | None:
        """What the verifier said of a chain while a run asked, so that a hurried verdict does not differ afterwards."""
        found = self._read("SELECT correct FROM verdicts WHERE key = ?", key)
        return bool(found[0][0]) if found else None

    def put_verdict(self, key: str, correct: bool) -> None:
        """Keep a verdict. Within `transact`."""
        self._db.execute("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", (key, correct))

    def spend(self, usd: float) -> None:
        """Count money, for an answer or for a reply that was paid and is no answer. Within `transact`."""
        self._db.execute("UPDATE spent SET usd = usd + ?", (usd,))

    def transact(self, work: Iterable[Callable[[], Result]]) -> list[Result]:
        """Do all the work in one durable transaction.

        A full disk loses nothing: the reserve is given up for the room it takes (`full` then says to ask no more),
        and if that does not do, the transaction is tried again for a minute. Raises InputError when that was in vain.
        """
        work = list(work)
        gives_up = time.monotonic() + PATIENCE
        while True:
            try:
                with self._lock, self._transaction():
                    return [step() for step in work]
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in NO_ROOM:
                    raise
                self.full = True
                if self._reserve and self._reserve.exists():
                    self._reserve.unlink()
                elif time.monotonic() > gives_up:
                    raise InputError(f"{self.path}: {error}; answers that were under way are lost.") from error
                else:
                    time.sleep(0.5)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def reserving(self, size: int) -> Iterator[None]:
        """Hold `size` bytes of the disk, to be given up for answers under way when it is full.

        Raises InputError when the disk has no such room.
        """
        self._reserve = self.path.with_name(f"{self.path.name}-reserve-{os.getpid()}")
        try:
            try:
                self._reserve.write_bytes(bytes(size))
            except OSError as error:
                raise InputError(
                    f"{self.path.parent} has no room for the answers under way ({error.strerror}): free "
                    f"{(size >> 20) + 1} MB and run again."
                ) from error
            yield
        finally:
            self._reserve.unlink(missing_ok=True)

    def spent(self) -> float:
        """US dollars spent so far, imported answers not included."""
        return self._read("SELECT usd FROM spent")[0][0]

    def totals(self) -> list[dict[str, Any]]:
        """Answers, failures, tokens and money by role and model."""
        rows = self._read(
            """
            SELECT role, model, sum(answered), sum(refused), sum(failed), sum(prompt), sum(completion), sum(usd) FROM (
                SELECT role, model, 1 AS answered, refusal IS NOT NULL AS refused, 0 AS failed,
                       coalesce(prompt_tokens, 0) AS prompt, coalesce(completion_tokens, 0) AS completion,
                       cost_usd AS usd
                FROM answers
                UNION ALL SELECT role, model, 0, 0, 1, 0, 0, 0 FROM failures
            ) GROUP BY role, model ORDER BY role, model
            """
        )
        names = ("role", "model", "answered", "refused", "failed", "prompt_tokens", "completion_tokens", "cost_usd")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every row of COLUMNS, by key."""
        for (key,) in self._read("SELECT key FROM answers ORDER BY key"):
            (row,) = self._read(f"SELECT {', '.join(COLUMNS)} FROM answers WHERE key = ?", key)
            yield dict(zip(COLUMNS, row, strict=True))

    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

    def _one(self, sql: str, *values: Any) -> Any:
        return self._db.execute(sql, values).fetchone()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(SCHEMA)
    return db
