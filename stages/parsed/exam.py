"""Turn one exam into problems: join the questions with the answer key, leave out questions that need a figure."""

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from distil.exams.files import problem_id
from distil.exams.left_out import Doubt, LeftOut, Reason, reason_against
from distil.exams.problem_sets import final_answer
from distil.pipeline.files import InputError
from distil.pipeline.records import Problem
from stages.parsed.document import FORMATS, read_document
from stages.parsed.items import Item
from stages.parsed.layout import read_items
from stages.parsed.page import read_pages


def read_exam(path: Path, year: int, section: str, key_path: Path | None = None) -> tuple[list[Problem], list[LeftOut]]:
    """Read one exam. `key_path` is the file of its key, if that is a separate file of the same kind.

    Raises InputError when it cannot be read, or its questions and its key do not match.
    """
    if path.suffix.lower() in FORMATS:
        questions, key = read_document(path, key_path)
    else:
        questions, key = read_items(read_pages(path), read_pages(key_path) if key_path else None)
    if not questions:
        raise InputError(
            f"{path}: no numbered questions found. Each begins with its number and a full stop or bracket ('1.' or "
            "'1)') at the left edge of the page or column."
        )
    if not key and key_path:
        raise InputError(f"{key_path}: no numbered answers found. They have the numbers of the questions in {path}.")
    if not key:
        raise InputError(
            f"{path}: no answer key found. It follows the questions, under a line like 'Answer Key' or 'Answers', with "
            "the same numbers. Or it is a file of its own in the same folder, with the exam's name and 'key' behind it."
        )
    answers = _by_number(f"{path} with {key_path}" if key_path else path, key, "answer")
    problems, left_out = [], []
    for number, item in sorted(_by_number(path, questions, "question").items()):
        if (answer := answers.pop(number, None)) is None:
            raise InputError(f"{_place(path, item)}: question {number} has no answer in {key_path or 'the key'}.")
        problem = Problem(
            id=problem_id(year, section, number),
            year=year,
            section=section,
            number=number,
            question=item.text,
            answer=answer.text,
            source=path.name,
            page=item.page,
        )
        if reason := _reason_against(item, answer):
            left_out.append(LeftOut.of(problem, reason))
        elif (final := final_answer(answer.text)) is None:
            left_out.append(LeftOut.of(problem, "key without a final answer"))
        else:
            problems.append(problem.model_copy(update={"answer": final}))
    for number, answer in answers.items():
        where, missing = _place(key_path or path, answer), f"in {path}" if key_path else "on the pages before"
        raise InputError(f"{where}: the key answers question {number}, which is not {missing}.")
    return problems, left_out


def _reason_against(item: Item, answer: Item) -> Reason | None:
    """The reason why a question cannot be asked, or may not have been read as the page shows it."""
    if item.drawn:
        return "has a drawing"
    if reason := reason_against(item.text):
        return reason
    if item.doubts:
        return next(doubt for doubt in get_args(Doubt) if doubt in item.doubts)
    return "its key is not read" if answer.drawn or answer.doubts else None


def _place(path: Path | str, item: Item) -> str:
    return f"{path}, page {item.page}" if item.page else str(path)


def _by_number(path: Path | str, items: Iterable[Item], what: str) -> dict[int, Item]:
    """The items by their numbers. Raises InputError for a number that comes twice or has no text after it."""
    found: dict[int, Item] = {}
    for item in items:
        if item.number in found:
            raise InputError(
                f"{path}: {what} {item.number} comes twice"
                + (f", on page {found[item.number].page} and on page {item.page}." if item.page else ".")
            )
        if not item.text and not item.drawn:
            raise InputError(f"{_place(path, item)}: {what} {item.number} is empty.")
        found[item.number] = item
    return found
