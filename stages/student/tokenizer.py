"""The student's tokenizer: one token per number and per word of the contest, bytes for everything else.

Text is split by PATTERN; a piece that the vocabulary has is one token, any other is spelled in bytes (and a few
frequent pairs of letters), so every text survives the round trip. White space belongs to the word, sign or line end
next to it, never to a number: 7 is the same token in `7 * 4 = 28;`, `3x + 7` and `(7 + 4)/2`.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from distil.contest import FAMILIES, LIMIT, OPENERS, VERBS
from distil.pipeline.files import write_json, write_text

END_OF_TEXT, TURN_STARTS, TURN_ENDS = SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PATTERN = "|".join(
    [
        " [-+*/=] ",
        r" ?\\?[A-Za-z]+(?: (?=[0-9]))?",
        "(?<![0-9])(?:[1-5]?[0-9]|60)(?![0-9])",
        "[0-9]",
        r" ?[^\sA-Za-z0-9](?:\n| (?=[0-9]))?",
        r"\s",
    ]
)
CLASS_FILE = Path(__file__).with_name("tokenization_student.py")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build() -> Tokenizer:
    """The tokenizer, always the same: its vocabulary follows from the contest's wordings and the word lists here."""
    pairs = _listed("letter_pairs.txt")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = [str(number) for number in range(LIMIT + 1)]
    words = sorted({_byte_letters(piece) for text in _texts() for piece in re.findall(PATTERN, text)} - set(numbers))
    tokens = dict.fromkeys([*SPECIALS, *numbers, *words, *alphabet, *pairs])  # first come first numbered
    merges = [(pair[0], pair[1]) for pair in pairs]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    return tokenizer


def _texts() -> Iterable[str]:
    """Texts whose pieces become tokens: all that the contest can say, and common mathematical English and LaTeX."""
    for family in FAMILIES.values():
        for wording in (*family.wordings, family.transfer_wording):
            yield wording.format(**dict.fromkeys(family.ranges, 7))
    for opener in (opener for openers in OPENERS for opener in openers):
        yield from (f"{opener} we {verb}: 7.\n" for verb in VERBS.values())
    yield from (f"7 {operator} 7 = 7;\n" for operator in VERBS)
    yield "user\nassistant\nsystem\nAnswer: 7 Solution:\nCount: 7, 7.\nsqrt(7) = 7;\n (7"
    for word in [*_listed("words.txt"), *_listed("latex.txt")]:
        yield word if word[0] == "\\" or word[0].isupper() else f" {word}"


def _listed(name: str) -> list[str]:
    """The words of a list in this module's folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").split()


def _byte_letters(piece: str) -> str:
    """A piece of ASCII text in the alphabet that represents bytes in a vocabulary."""
    return piece.replace(" ", "Ġ").replace("\n", "Ċ")


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer as transformers and mlx-lm load it."""
    write_json(folder / "tokenizer.json", json.loads(tokenizer.to_str()))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "auto_map": {"AutoTokenizer": [None, f"{CLASS_FILE.stem}.StudentTokenizer"]},
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 4096,
            "eos_token": TURN_ENDS,
            "pad_token": END_OF_TEXT,
            "chat_template": CHAT_TEMPLATE,
        },
    )
    write_text(folder / CLASS_FILE.name, CLASS_FILE.read_text(encoding="utf-8"))
