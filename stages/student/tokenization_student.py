"""The class that loads tokenizer.json as it stands.

Without this file's name in tokenizer_config.json, transformers 5 takes any tokenizer beside a Qwen2 model for Qwen's
own and rebuilds it: it would split numbers into digits and normalise the text.
"""

from transformers import PreTrainedTokenizerFast


class StudentTokenizer(PreTrainedTokenizerFast):
    """transformers' general tokenizer, with nothing added."""
