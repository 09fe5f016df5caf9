"""The class that loads tokenizer.json unchanged.

Without this file's name in tokenizer_config.json, transformers 5 takes any tokenizer in a Qwen2 model's folder for
Qwen's own and rebuilds it: it would split numbers into digits and normalise the text.
"""

from transformers import PreTrainedTokenizerFast


class StudentTokenizer(PreTrainedTokenizerFast):
    """transformers' general tokenizer, with nothing added."""
