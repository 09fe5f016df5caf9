r"""What a response says to its reader: without the model's thinking, special tokens and turns that are not its own.

>>> spoken("<think>70?</think>\nAnswer: 72<|im_end|>")
'\nAnswer: 72'
"""

import re
from typing import NamedTuple

LONGEST = 4000
"""Characters after a cue that are looked at: answers are short, and hostile texts must cost no more than plain ones."""

_SIGNS = ("<", "[THINK", "[/", "[INST", "[EOS", "◁")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,80}<\|message\|>")
_OPENING = re.compile(
    r"(?:\s|<s>|<bos>|\[/INST\]|<[|｜](?:begin_of_text|begin[▁_ ]of[▁_ ]sentence|startoftext|assistant)[|｜]>"
    r"|<\|(?:im_start|start)\|>\s*assistant\b|<start_of_turn>\s*model\b"
    r"|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>)+",
    re.IGNORECASE,
)
_END = re.compile(
    r"<[|｜][^<>|｜\n]{1,40}[|｜]>|</s>|<(?:eos|pad|unk|(?:start|end)_of_turn|end_of_utterance)>|\[EOS\]|\[INST\]",
    re.IGNORECASE,
)
_THOUGHT = r"(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|seed:think)"
_THOUGHT_BEGINS = re.compile(
    rf"<{_THOUGHT}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|channel>\s*thought", re.IGNORECASE
)
_THOUGHT_ENDS = re.compile(rf"</{_THOUGHT}>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<channel\|>", re.IGNORECASE)
_TURN = re.compile(
    r"^[ \t>#*]*(?:(?:human|user|student|instruction|input)[ *]*:|(?:question|problem|exercise|q)(?:\s+\d+)?[ *]*:"
    r"|(?<=#)\s*(?:question|problem|exercise)(?:\s+\d+)?[ *]*$|(?:问题|题目|用户)\s*[:：])",
    re.IGNORECASE | re.MULTILINE,
)


class Stated(NamedTuple):
    """What a cue states, where in the text it starts, and where the text after it starts."""

    said: str
    start: int
    end: int


def spoken(text: str) -> str | None:
    """The part for the reader: after the last thought and up to the first special token. None inside a thought."""
    if not any(map(text.__contains__, _SIGNS)):
        return text
    if channels := list(_CHANNEL.finditer(text)):
        final = next((channel for channel in channels if channel[1] == "final"), None)
        if final is None:
            return None
        text = text[final.end() :]
    if opening := _OPENING.match(text):
        text = text[opening.end() :]
    if thoughts := list(_THOUGHT_ENDS.finditer(text)):
        text = text[thoughts[-1].end() :].lstrip()
    if end := _END.search(text, 1):
        text = text[: end.start()]
    return None if _THOUGHT_BEGINS.search(text) else text


def next_turn(text: str, start: int) -> int:
    """Where a model that does not stop begins another problem or somebody else's turn; the text's end where it does."""
    turn = _TURN.search(text, start)
    return turn.start() if turn else len(text)
