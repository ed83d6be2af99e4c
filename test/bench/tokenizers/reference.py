"""Tokenizes the strings of a JSON file as transformers does: python reference.py FOLDER STRINGS.json OUT.json.

Per string: the ids without the tokens that are put around it, and whether the tokenizer's normalizer changes it."""

import json
import sys

from transformers import AutoTokenizer

folder, strings, out = sys.argv[1:4]
tokenizer = AutoTokenizer.from_pretrained(folder)
backend = getattr(tokenizer, "backend_tokenizer", None)
normalizer = backend.normalizer if backend is not None else None
plain = [token for token in [*tokenizer.encode("a", add_special_tokens=False)]]
around = tokenizer.encode("a")
texts = json.load(open(strings, encoding="utf-8"))
answer = {
    "class": type(tokenizer).__name__,
    "first": around[: len(around) - len(plain)] if around[-len(plain):] == plain else around[: around.index(plain[0])],
    "ids": [tokenizer.encode(text, add_special_tokens=False) for text in texts],
    "normalized": [normalizer.normalize_str(text) if normalizer is not None else text for text in texts],
}
json.dump(answer, open(out, "w", encoding="utf-8"))
