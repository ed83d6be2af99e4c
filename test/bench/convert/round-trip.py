"""Holds two folders against each other: python round-trip.py PUBLISHED WRITTEN. Prints JSON: how many tensors of the first are the same bits in the
second, which are not and by how much, and how far the logits of transformers lie apart."""

import glob
import json
import os
import sys

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM


def tensors(folder):
    found = {}
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                found[name] = file.get_tensor(name)
    return found


published, written = sys.argv[1:3]
first, second = tensors(published), tensors(written)
differing = {
    name: (first[name].float() - second[name].float()).abs().max().item()
    for name in first
    if name in second and not (first[name].dtype == second[name].dtype and torch.equal(first[name], second[name]))
}
models = [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval() for folder in (published, written)]
ids = torch.arange(3, 3 + 32)[None] % models[0].config.vocab_size
with torch.no_grad():
    logits = [model(ids).logits for model in models]
print(json.dumps({
    "tensors": len(first),
    "missing": sorted(set(first) - set(second)),
    "more": sorted(set(second) - set(first)),
    "differing": differing,
    "apart": (logits[0] - logits[1]).abs().max().item(),
    "largest": logits[0].abs().max().item(),
}))
