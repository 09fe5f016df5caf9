"""A model's chat template writes the prompts to answer and the rows to train on. This module checks that they agree.

A model has to be asked in the form that it was trained on, and it has to learn to stop. Three public templates silently
break this: one opens a thought in the prompt that no training row has, one ends turns with a token that does not end
generation, one never writes an end.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from mlx_lm.tokenizer_utils import TokenizerWrapper

from distil.pipeline.files import InputError
from distil.pipeline.records import Message

ONE_DAY = "{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}"
"""The date given to templates that print one, so that rows do not change with the day: Llama 3.2's default."""
PROBE = [
    Message(role="user", content="What is 3 + 4?"),
    Message(role="assistant", content="We add 4 to 3.\nAnswer: 7"),
]


def prompt_tokens(tokenizer: TokenizerWrapper, turns: Sequence[Message]) -> list[int]:
    """What the model is given to reply to. Raises InputError when the template refuses the turns."""
    return _apply(tokenizer, turns, add_generation_prompt=True)


def row_tokens(tokenizer: TokenizerWrapper, turns: Sequence[Message]) -> tuple[list[int], int]:
    """A whole chat as tokens, and how many of them are the prompt. Raises InputError when the template refuses it."""
    return _apply(tokenizer, turns), len(prompt_tokens(tokenizer, turns[:-1]))


def check(tokenizer: TokenizerWrapper, path: str | Path) -> None:
    """Raise InputError when a model's template and end tokens would train a model that cannot answer.

    The prompt must be how the row begins, both must hold what was said, and the row must end in a token that ends
    generation.
    """
    if not tokenizer.chat_template:
        raise InputError(f"lora_seed.model: the tokenizer in {path} has no chat template, which training rows need.")
    row, prompt = _apply(tokenizer, PROBE), prompt_tokens(tokenizer, PROBE[:-1])
    if row[: len(prompt)] != prompt:
        same = next(place for place, pair in enumerate(zip(prompt, row, strict=False)) if pair[0] != pair[1])
        asked, trained = (tokenizer.decode(tokens[same : same + 12]) for tokens in (prompt, row))
        raise InputError(
            f"lora_seed.model: the chat template in {path} asks with {asked!r} where a training row has {trained!r}: "
            "the model would be asked what it was not trained on. Change chat_template there (chat_template.jinja or "
            "tokenizer_config.json) to write for add_generation_prompt what it writes before an assistant's turn."
        )
    for turn, tokens in zip(PROBE, (prompt, row[len(prompt) :]), strict=True):
        written = tokenizer.decode(tokens)
        if "".join(turn.content.split()) not in "".join(written.split()):
            raise InputError(
                f"lora_seed.model: the chat template in {path} writes {written!r} for the {turn.role}'s turn "
                f"{turn.content!r}, so the text would be lost. Templates for pictures want content in parts: change "
                "it to write message.content, or take the text model's."
            )
    end = _last(tokenizer, row[len(prompt) :])
    if end in tokenizer.eos_token_ids:
        return
    ends = ", ".join(repr(tokenizer.decode([token])) for token in sorted(tokenizer.eos_token_ids)) or "none"
    said = f"lora_seed.model: the chat template in {path} ends a reply with"
    if end in tokenizer.added_tokens_decoder:
        raise InputError(
            f"{said} {tokenizer.decode([end])!r}, which does not end generation (these do: {ends}), so every answer "
            f"would run on. Add {end} to eos_token_id in {Path(path) / 'generation_config.json'}."
        )
    raise InputError(
        f"{said} {tokenizer.decode(row[-3:])!r} and no token that ends generation (these do: {ends}), so the model "
        "would never learn to stop. Write {{ eos_token }} after an assistant's turn in chat_template "
        "(chat_template.jinja or tokenizer_config.json there)."
    )


def _last(tokenizer: TokenizerWrapper, tokens: Sequence[int]) -> int:
    """The last token that is more than white space."""
    return next((token for token in reversed(tokens) if tokenizer.decode([token]).strip()), tokens[-1])


def _apply(tokenizer: TokenizerWrapper, turns: Sequence[Message], **options: Any) -> list[int]:
    """The template's tokens, with thinking turned off where the template can do that, and always with the same date."""
    template = str(tokenizer.chat_template)
    if "enable_thinking" in template:
        options["enable_thinking"] = False
    if "strftime_now" in template:
        options["chat_template"] = ONE_DAY + template
    try:
        return list(tokenizer.apply_chat_template([turn.model_dump() for turn in turns], return_dict=False, **options))
    except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        system = turns[0].role == "system"
        raise InputError(
            f"lora_seed.model: its chat template refuses the turns {', '.join(turn.role for turn in turns)}: "
            f"{str(error).rstrip('.')}. "
            + ("Set chat.system to '' for this model." if system else "Take another chat template.")
        ) from error
