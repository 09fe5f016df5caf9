"""Chains cut short, as a control for chains compressed: as long as a level's, with nothing put more briefly."""

import re

from distil.pipeline.records import Chain


def cut(chain: Chain, like: Chain) -> Chain:
    """`chain` with its last line (the answer) and as many words before it as make it as long as the chain `like`.

    Words are split at white space. The last line stays whole: a student that never sees an answer learns none.
    """
    body, _, last = chain.text.rstrip().rpartition("\n")
    words = list(re.finditer(r"\S+", body))
    room = max(0, len(like.text.split()) - len(last.split()))
    kept = body[: words[min(room, len(words)) - 1].end()] + "\n" if room and words else ""
    return chain.model_copy(update={"level": like.level, "text": kept + last})
