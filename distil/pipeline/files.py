"""Read and write the files that stages exchange. Reading checks them; writing is atomic and gives the same bytes."""

import contextlib
import errno
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class InputError(Exception):
    """Something the user can mend; the message says what was found, where, and what to do."""


@contextlib.contextmanager
def replacing(path: str | Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file in the folder of `path`. It replaces `path` if the block succeeds, else it is removed.

    Text is UTF-8 with `\\n` line ends. Leftovers of killed runs are removed first.

    Raises InputError when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    try:
        _clear_leftovers(path)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.fchmod(handle, 0o644)
        text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
        try:
            with os.fdopen(handle, mode, **text) as file:  # type: ignore[call-overload]
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)  # noqa: PTH105 - the atomic rename is the point
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritten(path, error) from error


@contextlib.contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty temporary folder. It replaces `path` if the block succeeds, else it is removed.

    The old `path` stays until then. Leftovers of killed runs are removed first. Raises InputError when
    the disk is full or the folder cannot be written, or when it is the working folder or holds it.
    """
    path = Path(path)
    if Path.cwd().is_relative_to(path.resolve()):
        raise InputError(f"{path} is the folder you work in or holds it, and would be replaced: name another folder.")
    try:
        _clear_leftovers(path)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
        try:
            temporary.chmod(0o755)
            yield temporary
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise _unwritten(path, error) from error


def _clear_leftovers(path: Path) -> None:
    """Make the folder of `path`, and remove the temporary files for `path` that killed runs left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError) -> InputError:
    """The message for an output that could not be written; it also names another file where that one is at fault."""
    fault = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return InputError(f"{path} could not be written: {fault}. {'Free some space and run' if full else 'Run'} again.")


def write_texts(texts: Mapping[str, str]) -> None:
    """Write each text to its path: all of them or, where one cannot be written, none."""
    with contextlib.ExitStack() as files:
        for path, text in texts.items():
            file = files.enter_context(replacing(path))
            file.write(text)
            file.flush()


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    write_texts({str(path): text})


def as_json(value: Any) -> str:
    """`value` as indented JSON. Raises ValueError on NaN or infinity: a metric without a value is null."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, as_json(value))


def write_jsonl(path: str | Path, records: Iterable[BaseModel]) -> int:
    """Write one record per line and return how many."""
    count = 0
    with replacing(path) as file:
        for record in records:
            file.write(record.model_dump_json() + "\n")
            count += 1
    return count


def read_jsonl(path: str | Path, model: type[Model]) -> Iterator[Model]:
    """Yield the records of a JSON-lines file. Raises InputError naming file, line and field for anything malformed."""
    return records_of(numbered_lines(path), path, model)


def numbered_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that are not blank, each with its number. Raises InputError where it is not there."""
    path = Path(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(
            f"{path} could not be read: {error.strerror}. Run the stage that writes it (see `dvc dag`)."
        ) from error
    with file:
        yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())


def records_of(lines: Iterable[tuple[int, bytes]], path: str | Path, model: type[Model]) -> Iterator[Model]:
    """Yield the records that numbered lines of a file hold. Raises InputError as `read_jsonl` does."""
    for number, line in lines:
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "the line itself"
            raise InputError(
                f"{path}, line {number}, {field}: {first['msg']} (a {model.__name__} record was expected)."
            ) from error


def read_json(path: str | Path) -> Any:
    """Read one JSON document. Raises InputError when it is missing or malformed."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} could not be read: {error.strerror}. Run the stage that writes it (see `dvc dag`)."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.") from error


def read_record(path: str | Path, model: type[Model]) -> Model:
    """Read one JSON document as a `model`. Raises InputError naming file and field when it is missing or malformed."""
    content = read_json(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{path}, {field}: {first['msg']}. Run the stage that writes it (see `dvc dag`).") from error


class _Loader(yaml.SafeLoader):
    """A safe loader to which a key that comes twice is an error; to PyYAML's, the last one counts."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set[tuple[str, str]]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.MarkedYAMLError(None, None, f"the key {key.value!r} comes twice", key.start_mark)
                seen.add((key.tag, key.value))
        return node


def read_yaml(path: str | Path, expected: str = "") -> Any:
    """Read one YAML document. Raises InputError when it is missing or malformed; the message ends in `expected`."""
    path, hint = Path(path), f" {expected}" if expected else ""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.{hint}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not YAML in UTF-8: {error}.{hint}") from error


def read_yaml_as(path: str | Path, model: type[Model], expected: str) -> Model:
    """Read one YAML document as a `model`. Raises InputError naming the field that is wrong and what was `expected`."""
    content = read_yaml(path, expected)
    try:
        return model.model_validate({} if content is None else content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{path}, {field}: {first['msg']}. {expected}") from error
