"""The control for compressed chains: full chains cut to the same length, without saying anything more briefly."""

import re

from distil.pipeline.records import Chain


def cut(chain: Chain, like: Chain) -> Chain:
    """The beginning of `chain` and its last line (the answer). Together they have as many words as the chain `like`.

    Words are split at white space. The last line stays whole, because a student that never sees an answer learns none.
    """
    body, _, last = chain.text.rstrip().rpartition("\n")
    words = list(re.finditer(r"\S+", body))
    room = max(0, len(like.text.split()) - len(last.split()))
    kept = body[: words[min(room, len(words)) - 1].end()] + "\n" if room and words else ""
    return chain.model_copy(update={"level": like.level, "text": kept + last})
