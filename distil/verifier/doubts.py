"""Whether a text takes an answer back, refuses a number, or breaks off."""

import re

from distil.verifier.response import Stated
from distil.verifier.words import NUMBERS

_ADVERB = r"(?:\s+(?:also|clearly|actually|obviously|definitely|simply|just))?"
_IT = r"\b(?:that|this|it|answer|above|boxed)"
_FALSE = (
    r"(?:wrong|incorrect|mistaken|a mistake|an error|impossible(?!\s+(?:to|for|that)\b)|invalid"
    r"|not\s+(?:quite\s+)?(?:right|correct|possible|valid|true|it|allowed|what|consistent|the\s+(?:answer|right|correct))"
    r"|too\s+(?:large|small|big|high|low|many|few))"
)
_DOUBT = re.compile(
    r"(?:\A|[.!?,;:—–-]\s*|\n\s*|\bbut\s+|\boh,?\s+)\W*(?:wait|hold on|hmm+|oops|scratch that|on second thought|sorry"
    r"|actually|correction|nope|no\s*[,.:;!—–-])(?!\w)"
    rf"|{_IT}(?:['’]s|\s+(?:is|was|seems|looks|must be|would be)){_ADVERB}\s+{_FALSE}\b"
    rf"|{_IT}\s+(?:isn['’]t|wasn['’]t|cannot\s+be|can['’]?t\s+be|doesn['’]t|does\s+not){_ADVERB}\s+"
    r"(?:right|correct|possible|valid|true|it|work|fit|match|satisfy|make)\b"
    r"|\bbut\s+the\s+(?:correct|right|actual|true|real)\s+(?:answer|value|result)\s+(?:is|was|should\s+be)"
    rf"(?:\s+(?:actually|really|indeed|just|equal\s+to))*[\s:*$({{]*(?:\\[(\[]\s*)?(?:[a-z]\s*=\s*)?(?P<named>[-−]?\.?\d[\w.,/^]*|[-−]?\\[a-z]+[^\s.]*"
    rf"|[A-H]\b|(?:{'|'.join(NUMBERS)})\b)"
    rf"|{_IT}\s+double[- ]?counts|\A[\s$*)\]\\]*(?:is|was)\s+{_FALSE}\b|\A[\s$*)\]\\]*\?"
    r"|\brecomput|\brecalculat|\blet me re|\b(?:i|we)\s+(?:(?:have\s+)?made\s+an?\s+(?:\w+\s+)?(?:mistake|error|slip)"
    r"|forgot|overlooked|mis(?:read|counted|calculated|took|interpreted))\b|\b(?:it|that|this|answer)\s+should(?:\s+instead)?\s+(?:be|have\s+been)\b"
    r"|\b(?:disregard|ignore)\s+(?:that|the above|my)\b|\btake\s+(?:that|it)\s+back\b",
    re.IGNORECASE,
)
_CONFIRMED = re.compile(
    r"\b(?:is|was|are|still|seems|looks)\s+(?:indeed\s+|all\s+)?(?:correct|right|fine|ok|valid|consistent)\b"
    r"|\bchecks? out\b|\bconfirm(?:s|ed)\b|\banswer stands\b|\byes\b[,.!]|✓|✅",
    re.IGNORECASE,
)
_NOT_BEFORE = re.compile(r"\b(?:not|isn['’]t|cannot\s+be|can['’]?t\s+be|never)\s*[$(\\\[*\s]*$", re.IGNORECASE)
_REFUSED = re.compile(
    r"(?:is|are|was)\s+(?:not\s+(?:a\s+|the\s+)?(?:valid|possible|solution|answer|correct|allowed|in\s+the\s+(?:domain|interval|range))"
    r"|impossible|extraneous|invalid"
    r"|rejected|wrong|incorrect)"
    r"\W*$",
    re.IGNORECASE,
)
_HANGING = re.compile(
    r"\b(?:of|the|an|and|or|to|is|are|plus|minus|times|for|with|by|that|which|so|we|than|from|equals)\s*$"
)


def taken_back(text: str, stated: Stated) -> bool:
    """Whether what follows doubts what was stated, and does not confirm it after all."""
    if _NOT_BEFORE.search(text, max(0, stated.start - 30), stated.start):
        return True
    rest = text[stated.end :]
    doubts = [doubt for doubt in _DOUBT.finditer(rest) if not _names(doubt, stated.said)]
    return bool(doubts) and not _CONFIRMED.search(rest, doubts[-1].start())


def doubted_within(said: str, start: int = 0) -> bool:
    """Whether a stated answer doubts itself after `start` (`7, wait, no`); the first word there may be "no"."""
    first = re.compile(r"\W*\w+").match(said, start)
    return any(not _names(doubt, said) for doubt in _DOUBT.finditer(said, first.end() if first else start))


def _names(doubt: re.Match[str], said: str) -> bool:
    """Whether what looks like a doubt names the stated answer: `7 (one might say 8, but the right value is 7)`."""
    named, own = (re.sub(r"[\s*$_(){}\\]", "", text or "").lower().rstrip(".,") for text in (doubt["named"], said))
    return bool(named) and bool(re.match(re.escape(named) + r"(?![\w/^]|[.,]\d)", own))


def refuses(sentence: str) -> bool:
    """Whether a sentence ends on words that refuse the number before them: `12 is not a solution.`"""
    return bool(_REFUSED.search(sentence))


def hangs(text: str) -> bool:
    """Whether a text ends on a word that something must follow: `45 plus the number of`."""
    return bool(_HANGING.search(text))


def is_finished(text: str) -> bool:
    """Whether a response ends properly: its delimiters are closed, and a full stop or a result comes last."""
    if not text or text.count("\\(") != text.count("\\)") or text.count("\\[") != text.count("\\]"):
        return False
    if text.count("$$") % 2 or text[-1] in ",+-−/^(=<>≈" or re.search(r"(?<!\*)\*$", text):
        return False
    if text[-1] in ".!?)]}$°%*✓":
        return True
    ending = re.search(r"[=≈:⇒→]\s*([^=≈:\n]{1,40})$", text)
    return ending is not None and len(re.findall(r"[^\W\d_]{2,}", ending[1])) < 2
