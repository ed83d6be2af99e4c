"""Opens folders that were made of GGUF files, by transformers.

python round-trip.py compare PUBLISHED WRITTEN
    prints JSON: how many tensors of the first are the same bits in the second, which are not and by how much, and how far logits (of encoders,
    the last states) lie apart
python round-trip.py logits FOLDER PREFIX
    writes PREFIX.tokens (int32) and PREFIX.logits (float32 [tokens, vocabulary]), computed in float32"""

import glob
import json
import os
import sys

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM


def tensors(folder):
    found = {}
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                found[name] = file.get_tensor(name)
    return found


def opened(folder):
    # Experts of MXFP4 come as bfloat16, whatever is asked for.
    encoder = AutoConfig.from_pretrained(folder).architectures[0].endswith("Model")
    return (AutoModel if encoder else AutoModelForCausalLM).from_pretrained(folder, dtype=torch.float32).float().eval()


def logits(model):
    ids = torch.arange(3, 3 + 32)[None] * 7 % model.config.vocab_size
    with torch.no_grad():
        return ids, model(ids)[0]


def compare(published, written):
    first, second = tensors(published), tensors(written)
    same = lambda name: first[name].dtype == second[name].dtype and torch.equal(first[name], second[name])
    away = lambda name: (first[name].float() - second[name].float()).abs().max().item()
    try:
        (_, one), (_, other) = logits(opened(published)), logits(opened(written))
        apart = ((one - other).norm() / (one - one.mean()).norm()).item()
    except ImportError:  # MXFP4 asks for libraries of its own.
        apart = None
    print(json.dumps({
        "tensors": len(first),
        "unpaired": sorted(set(first) ^ set(second)),
        "differing": {name: away(name) for name in first if name in second and not same(name)},
        "apart": apart,
    }))


def write_logits(folder, prefix):
    ids, found = logits(opened(folder))
    ids[0].to(torch.int32).numpy().tofile(f"{prefix}.tokens")
    found[0].numpy().tofile(f"{prefix}.logits")


{"compare": compare, "logits": write_logits}[sys.argv[1]](*sys.argv[2:])
