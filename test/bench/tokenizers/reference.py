"""Tokenizes the strings of a JSON file: python reference.py FOLDER STRINGS.json OUT.json [REGEX].

Per string the ids, without tokens that are put around it: of transformers, which reads some files by the rules of a class and not by
what they say; of the file itself, tokenizer.json by the Rust library or tokenizer.model by SentencePiece; and
of the file with what llama.cpp does not do: without its normalizer, and with its words found by REGEX."""

import json
import os
import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer

folder, strings, out, *regex = sys.argv[1:]
texts = json.load(open(strings, encoding="utf-8"))
tokenizer = AutoTokenizer.from_pretrained(folder)
path = os.path.join(folder, "tokenizer.json")


def encoded(change=lambda _: None):
    raw = json.load(open(path, encoding="utf-8"))
    raw["truncation"] = raw["padding"] = None
    change(raw)
    made = Tokenizer.from_str(json.dumps(raw))
    return [made.encode(text, add_special_tokens=False).ids for text in texts]


def as_llama_cpp(raw):
    if raw["model"]["type"] == "BPE" and raw["model"].get("byte_fallback") is not True:
        raw["normalizer"] = None
    if regex:
        split = {"type": "Split", "pattern": {"Regex": regex[0]}, "behavior": "Isolated", "invert": False}
        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
        raw["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, level]}


if os.path.exists(path):
    own = encoded()
    altered = encoded(as_llama_cpp)
else:
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
    own = altered = [model.encode(text) for text in texts]
plain = tokenizer.encode("a", add_special_tokens=False)
around = tokenizer.encode("a")
answer = {
    "class": type(tokenizer).__name__,
    "begins": around[: around.index(plain[0])],
    "ids": [tokenizer.encode(text, add_special_tokens=False) for text in texts],
    "own": own,
    "altered": altered,
}
json.dump(answer, open(out, "w", encoding="utf-8"))
