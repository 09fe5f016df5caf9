"""The store of every request and its answer: one SQLite file that outlives runs, kills and full disks.

An answer is committed (WAL, synchronous=FULL) before anything uses it. One process at a time asks for a store
(`alone`). An answer that is paid and cannot be stored goes to a spool in the system's temporary folder at once, and the
next run reads it back.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import filelock
from pydantic import BaseModel, ConfigDict, ValidationError

from distil.endpoint import TOO_LONG, Body, Failed, Reply, ServerAnswer, read_reply
from distil.pipeline.files import InputError
from distil.teacher.request import Request

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, role TEXT NOT NULL, model TEXT NOT NULL, endpoint TEXT NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, cost_usd REAL NOT NULL, refusal TEXT,
    imported INTEGER NOT NULL, tries INTEGER NOT NULL, seconds REAL NOT NULL, answered_at TEXT NOT NULL,
    request TEXT NOT NULL, response TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS totals ON answers (role, model, prompt_tokens, completion_tokens, cost_usd, refusal);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY, role TEXT NOT NULL, model TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, correct INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spent (one INTEGER PRIMARY KEY CHECK (one = 1), usd REAL NOT NULL);
INSERT OR IGNORE INTO spent VALUES (1, 0);
"""


class StoredAnswer(BaseModel):
    """One answered request, as a line of an exported store and of the spool."""

    model_config = ConfigDict(extra="forbid")

    key: str
    role: str
    model: str
    endpoint: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float
    refusal: str | None
    tries: int
    seconds: float
    answered_at: str
    request: Body
    response: Any

    @classmethod
    def of(cls, request: Request, answer: ServerAnswer, cost_usd: float) -> Self:
        """The row of an answer that has just come."""
        reply, used = answer.reply, answer.reply.usage
        return cls(
            key=request.key, role=request.role, model=request.model, endpoint=request.endpoint,
            prompt_tokens=used.prompt_tokens if used else None,
            completion_tokens=used.completion_tokens if used else None, cost_usd=cost_usd,
            refusal=reply.reason if isinstance(reply, Failed) else None, tries=answer.tries, seconds=answer.seconds,
            answered_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            request=json.loads(request.canonical), response=answer.payload,
        )  # fmt: skip

    @property
    def canonical(self) -> str:
        """The request as JSON with sorted keys, which the key is the hash of."""
        return _json(self.request, sort_keys=True)

    def line(self) -> str:
        """The row as a JSON line. Lone surrogates, which UTF-8 cannot carry, are replaced, as in the reply read."""
        return json.dumps(self.model_dump(), ensure_ascii=False).encode("utf-8", "replace").decode() + "\n"


COLUMNS = ("imported", *StoredAnswer.model_fields)


class Total(NamedTuple):
    """Answers, refusals, failures, tokens and US dollars of one role and model."""

    role: str
    model: str
    answered: int = 0
    refused: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0


def read_answer(payload: Any, refusal: str | None) -> Reply | Failed:
    """The answer of a row. Raises ValueError for one that is no answer."""
    if payload is not None:
        return read_reply(payload)
    # earlier versions stored refusals that came from the server's settings: such a request is asked again
    if refusal is None or TOO_LONG.search(refusal):
        raise ValueError("neither a response nor a refusal of the content")
    return Failed(refusal, lasting=True)


class Store:
    """The answers by request. Its methods are safe in any thread."""

    def __init__(self, path: str | Path):
        """Open or create. Raises InputError when the file is no store or cannot be written."""
        self.path = Path(os.path.expandvars(path)).expanduser()
        self.spool = Spool(self.path)
        self.trouble: str | None = None
        """Why the store could not be written, and where the answers under way are then."""
        self._writing, self._reading = threading.Lock(), threading.Lock()
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

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Be the one process that asks for this store; wait for another that does. The lock ends with its process."""
        lock = filelock.FileLock(self.path.with_name(f"{self.path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            print(f"teacher: another run is asking for {self.path}; waiting for it.", file=sys.stderr)
            lock.acquire()
        try:
            self.take_spool_back()
            yield
        finally:
            lock.release()

    def take_spool_back(self) -> None:
        """Store what a run whose disk was full has left in the spool. Raises InputError where that fails still."""
        rows, damaged = self.spool.rows()
        if rows:
            try:
                new = self.add(rows, imported=False)
            except sqlite3.Error as error:
                raise InputError(
                    f"{self.path} cannot be written ({error}), and {len(rows)} answers wait in {self.spool.path}. Free "
                    "some space and run again."
                ) from error
            print(f"teacher: {new} answers read back from {self.spool.path}.", file=sys.stderr)
        if damaged:
            print(
                f"teacher: {damaged} lines of {self.spool.path} cannot be read, so that it is kept. Mend them for the "
                "next run, or remove the file.",
                file=sys.stderr,
            )
        elif rows:
            # only now: a kill before this line reads the spool once more, and `add` skips what is stored
            self.spool.path.unlink()

    def get(self, request: Request) -> Reply | Failed | None:
        """The stored answer, read as it would be from the endpoint; None where there is none that is an answer."""
        for refusal, response in self._read("SELECT refusal, response FROM answers WHERE key = ?", request.key):
            with contextlib.suppress(ValueError):
                return read_answer(json.loads(response), refusal)
        return None

    def put(self, rows: Sequence[StoredAnswer], verdicts: Mapping[str, bool] = MappingProxyType({})) -> None:
        """Store answers, what they cost, and verdicts. Where that fails, spool the answers and raise InputError."""
        try:
            self.add(rows, verdicts, imported=False)
        except sqlite3.Error as error:
            try:
                if rows:
                    self.spool.append(rows)
                kept = self._kept()
            except OSError as worse:
                kept = f"The answers under way are lost, since {self.spool.path} failed, too ({worse.strerror})"
            raise self._troubled(error, kept) from error

    def _kept(self) -> str:
        spooled = f" in {self.spool.path}, which the next run reads back" if self.spool.path.exists() else ""
        return f"Every answer under way was stored{spooled}"

    def _troubled(self, error: sqlite3.Error, kept: str) -> InputError:
        """The error of a store that cannot be written; the last one of several says where the answers are."""
        full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
        wrong = f"the disk of {self.path} is full" if full else f"{self.path} cannot be written ({error})"
        self.trouble = f"{wrong}. {kept}"
        return InputError(self.trouble)

    def add(
        self, rows: Iterable[StoredAnswer], verdicts: Mapping[str, bool] = MappingProxyType({}), *, imported: bool
    ) -> int:
        """Add the rows that are new and count what they cost, unless they are `imported`. Returns how many are new."""
        new = 0
        marks = ", ".join(f":{name}" for name in COLUMNS)
        with self._transaction() as db:
            db.executemany("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", verdicts.items())
            for row in rows:
                # an unreadable row gives way to the new answer; a readable one stays, so that results do not change
                known = db.execute("SELECT refusal, response FROM answers WHERE key = ?", (row.key,)).fetchone()
                with contextlib.suppress(ValueError):
                    if known and read_answer(json.loads(known[1]), known[0]):
                        continue
                texts = {"request": row.canonical, "response": _json(row.response), "imported": int(imported)}
                db.execute(
                    f"INSERT OR REPLACE INTO answers ({', '.join(COLUMNS)}) VALUES ({marks})", row.model_dump() | texts
                )
                db.execute("DELETE FROM failures WHERE key = ?", (row.key,))
                db.execute("UPDATE spent SET usd = usd + ?", (0 if imported else row.cost_usd,))
                new += 1
        return new

    def failure(self, request: Request) -> Failed | None:
        """Why a request has no answer, where a run has tried in vain."""
        found = self._read("SELECT reason FROM failures WHERE key = ?", request.key)
        return Failed(found[0][0]) if found else None

    def fail(self, request: Request, reason: str) -> None:
        """Note why a request was given up."""
        row = (request.key, request.role, request.model, reason)
        self._write("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", *row)

    def verdict(self, key: str) -> bool | None:
        """Cached verdict, so that a timeout on a busy machine cannot change it later."""
        found = self._read("SELECT correct FROM verdicts WHERE key = ?", key)
        return bool(found[0][0]) if found else None

    def spent(self) -> float:
        """US dollars spent so far, imported answers not included."""
        return self._read("SELECT usd FROM spent")[0][0]

    def spend(self, usd: float) -> None:
        """Count money for a reply that was paid and is no answer."""
        self._write("UPDATE spent SET usd = usd + ?", usd)

    def totals(self) -> list[Total]:
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
        return [Total(*row) for row in rows]

    def rows(self) -> Iterator[StoredAnswer]:
        """Every answered request, by key."""
        names = tuple(StoredAnswer.model_fields)
        for (key,) in self._read("SELECT key FROM answers ORDER BY key"):
            (found,) = self._read(f"SELECT {', '.join(names)} FROM answers WHERE key = ?", key)
            row = dict(zip(names, found, strict=True))
            yield StoredAnswer(**row | {"request": json.loads(row["request"]), "response": json.loads(row["response"])})

    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: Any) -> None:
        try:
            with self._transaction() as db:
                db.execute(sql, values)
        except sqlite3.Error as error:
            raise self._troubled(error, self._kept()) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


class Spool:
    """Answers that are paid and could not be stored, as lines in the system's temporary folder."""

    def __init__(self, store: Path):
        name = hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:16]
        self.path = Path(tempfile.gettempdir(), f"teacher-answers-{os.getuid()}-{name}.jsonl")

    def append(self, rows: Sequence[StoredAnswer]) -> None:
        """Keep answers, on the disk before it returns. Raises OSError when that fails, too."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8", newline="\n") as file:
            file.write("".join(row.line() for row in rows))
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> tuple[list[StoredAnswer], int]:
        """The answers kept, and how many other lines there are. A file of another user is not read.

        A last line that a kill cut short counts as neither.
        """
        if not self.path.is_file() or self.path.stat().st_uid != os.getuid():
            return [], 0
        rows, damaged = [], 0
        # no `splitlines`, which would cut an answer at U+2028 and its like
        lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines, 1):
            try:
                rows.append(StoredAnswer.model_validate_json(line))
            except ValidationError:
                damaged += number < len(lines)
        return rows, damaged


def _json(value: Any, **how: Any) -> str:
    return json.dumps(value, separators=(",", ":"), **how)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(SCHEMA)
    return db
