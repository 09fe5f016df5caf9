"""The requests to the roles of the teacher, made from the prompts in prompts/."""

import difflib
import functools
import re
from collections.abc import Mapping
from pathlib import Path

from distil.endpoint import request_body
from distil.pipeline.files import InputError
from distil.teacher import Request, Role, RoleName

PROMPTS = Path(__file__).parent / "prompts"
SLOT = re.compile(r"\{([A-Za-z_]\w*)\}")


Slots = Mapping[str, str | int]
"""The texts for the slots of a prompt, by name."""


def request(
    name: RoleName, role: Role, endpoint: str, attempt: int, values: Slots, max_tokens: int | None = None
) -> Request:
    """The request to a role, with `values` in its prompt's slots. `max_tokens` replaces the role's own cap."""
    body = request_body(
        role,
        role.model,
        _messages(name, values),
        max_tokens or role.max_tokens,
        role.temperature_of(attempt),
        None if role.seed is None else role.seed + attempt - 1,
    )
    return Request(name, endpoint, attempt, body, max_tokens or role.max_tokens)


def _messages(name: RoleName, values: Slots) -> list[dict[str, str]]:
    """The prompt with its slots filled; other braces stay, as in LaTeX.

    Raises InputError where a slot is misspelt, or the prompt has none.
    """
    turns = prompt(name)
    named = {slot for _, text in turns for slot in SLOT.findall(text)}
    for unknown in sorted(named - values.keys()):
        if meant := difflib.get_close_matches(unknown, values.keys() - named, n=1):
            raise InputError(
                f"{PROMPTS / name}.md has {{{unknown}}}, which is no slot, and lacks {{{meant[0]}}}. Correct the "
                "slot's name, or put in what it lacks."
            )
    if not named & values.keys():  # one text for all problems
        raise InputError(f"{PROMPTS / name}.md has none of its slots: {', '.join(f'{{{slot}}}' for slot in values)}.")
    # in one pass, so that braces in a problem are never taken for slots
    return [
        {"role": speaker, "content": SLOT.sub(lambda slot: str(values.get(slot[1], slot[0])), text)}
        for speaker, text in turns
    ]


@functools.cache
def prompt(name: RoleName) -> tuple[tuple[str, str], ...]:
    """The turns of a role's prompt file, as (speaker, text with `{slots}`). Raises InputError without a User turn."""
    path = PROMPTS / f"{name}.md"
    try:
        parts = re.split(r"^## (System|User)\s*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror}.") from error
    turns = tuple((speaker.lower(), text.strip()) for speaker, text in zip(parts[1::2], parts[2::2], strict=True))
    if not turns or turns[-1][0] != "user":
        raise InputError(f"{path} needs a '## User' section at its end.")
    return turns
